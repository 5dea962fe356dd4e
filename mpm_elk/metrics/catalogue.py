"""The registry: every number of a metrics document, and which of them a rule can name."""

from typing import Any, TypeAlias

from mpm_elk.metrics.families import (
    cardinality,
    classifier,
    constant,
    curves,
    divergences,
    homogeneity,
    moments,
    shares,
    smallest,
    together,
    traffic,
)
from mpm_elk.metrics.metric import JOINT_SUBJECT, TRAFFIC_SUBJECT
from mpm_elk.metrics.metric import Metric as Entry
from mpm_elk.metrics.subject import Subject
from mpm_elk.metrics.together import Together
from mpm_elk.metrics.told_apart import ToldApart
from mpm_elk.metrics.traffic import Traffic

Metric: TypeAlias = Entry[Any]

SUBJECT_METRICS: tuple[Entry[Subject], ...] = (
    *divergences.METRICS,
    *curves.METRICS,
    *moments.METRICS,
    *smallest.METRICS,
    *homogeneity.METRICS,
    *shares.METRICS,
    *constant.METRICS,
    *cardinality.METRICS,
)
JOINT_METRICS: tuple[Entry[Together], ...] = together.METRICS
TRAFFIC_METRICS: tuple[Entry[Traffic], ...] = traffic.METRICS

_ALL: tuple[Metric, ...] = (*SUBJECT_METRICS, *JOINT_METRICS, *TRAFFIC_METRICS)
REGISTRY: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""All metrics by name."""

METRICS: dict[str, Metric] = {name: metric for name, metric in REGISTRY.items() if metric.test}
"""The metrics that a rule can name: those with evidence."""

BY_HAND_METRICS: tuple[Entry[ToldApart], ...] = classifier.METRICS
BY_HAND: dict[str, Metric] = {metric.name: metric for metric in BY_HAND_METRICS}
"""Metrics that read rows: a command computes them when it is asked to, the job does not, and no rule can name them."""

__all__ = [
    "BY_HAND",
    "BY_HAND_METRICS",
    "JOINT_METRICS",
    "JOINT_SUBJECT",
    "METRICS",
    "REGISTRY",
    "SUBJECT_METRICS",
    "TRAFFIC_METRICS",
    "TRAFFIC_SUBJECT",
    "Metric",
]
