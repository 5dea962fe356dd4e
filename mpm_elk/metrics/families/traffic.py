"""The model's traffic: how many predictions, how many failures, how long they take, how long ago the last was."""

import numpy as np

from mpm_elk.metrics.families.shares import share_metrics
from mpm_elk.metrics.metric import FAILURE, LATENCY, TRAFFIC_SUBJECT, VOLUME, Metric, Numbers
from mpm_elk.metrics.subject import Share
from mpm_elk.metrics.traffic import Traffic

_MODEL = (TRAFFIC_SUBJECT,)


def _count(traffic: Traffic) -> Numbers:
    return {"": float(traffic.count), "expected": traffic.volume.expected, "p": traffic.volume.p}


def _count_ratio(traffic: Traffic) -> Numbers:
    found = traffic.volume
    return {"": found.ratio, "lower": found.lower, "upper": found.upper}


def _failures(traffic: Traffic) -> Numbers:
    return float(traffic.windows.failures[-1])


def _failure_share(traffic: Traffic) -> Share:
    return traffic.failures


def _duration_mean(traffic: Traffic) -> Numbers:
    window, reference = traffic.durations
    return {"": window[-1], "reference": reference[-1]}


def _duration_ratio(traffic: Traffic) -> Numbers:
    found = traffic.latency
    return {"": found.ratio, "lower": found.lower, "upper": found.upper, "p": found.p}


def _freshness(traffic: Traffic) -> Numbers:
    past = traffic.silence[:-1]
    past = past[np.isfinite(past)]
    return {"": traffic.silence[-1], "usual": np.median(past) if len(past) else np.nan}


METRICS = (
    Metric("traffic.count", "predictions", _count, VOLUME, "below", _MODEL, compares=False,
           of_events=False, beside=("expected", "p")),
    Metric("traffic.count_ratio", "predictions against those of the reference", _count_ratio, VOLUME, "below", _MODEL,
           of_events=False, beside=("lower", "upper")),
    Metric("traffic.failures", "failed inferences", _failures, subjects=_MODEL, compares=False),
    *share_metrics("traffic.failure", FAILURE, _failure_share,
                   ("share of failed inferences", "how much more often inference fails"), subjects=_MODEL),
    Metric("traffic.duration_mean", "mean duration of an inference in ns", _duration_mean, subjects=_MODEL,
           compares=False, beside=("reference",)),
    Metric("traffic.duration_ratio", "mean duration against the reference's; the limits are for what past windows' "
           "variation does not explain", _duration_ratio, LATENCY, subjects=_MODEL, gate=1.5,
           beside=("lower", "upper", "p")),
    Metric("traffic.freshness", "seconds from the last event, of any version, to the window's end; `_usual` is the "
           "median of past windows", _freshness, subjects=_MODEL, compares=False, of_events=False, beside=("usual",)),
)  # fmt: skip
