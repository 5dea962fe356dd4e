"""Judge metrics by rules. Pure.

A threshold is never the only condition: the metric's test must also say that chance does not explain it, after control
over all subjects of the window and all looks of a month.
"""

import fnmatch
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import REGISTRY, Metric
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.finding import figure
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.multiplicity import adjust, min_p
from mpm_elk.timespan import in_words

_MONTH = timedelta(days=30)
_Q_MAX = 0.01
_SUSTAINING = 0.05
"""An open alert asks about one subject only: no control over others or over looks is due."""

Key = TypeVar("Key", bound=Hashable)


class Severity(StrEnum):
    """How bad a window is. The order is that of `rank`."""

    INSUFFICIENT = "insufficient_data"
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Order severities: insufficient data tells least."""
        return list(Severity).index(self)

    @property
    def alarming(self) -> bool:
        """Tell whether this is worth an alert."""
        return self in (Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True)
class Evaluation:
    """What one rule says of one subject in one window, and on what numbers.

    `sustains` says that an alert which is open stays open: the threshold is crossed, or `recover_at` where the rule has
    it, and the evidence is what one needs who asks about this subject alone.
    """

    rule: str
    metric: str
    severity: Severity
    reason: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    p_adjusted: float | None = None
    sustains: bool = False

    def to_document(self) -> dict[str, Any]:
        """Write the evaluation as JSON."""
        return {name: value for name, value in vars(self).items() if value is not None and value is not False}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Evaluation":
        """Read an evaluation from JSON."""
        return cls(**{**document, "severity": Severity(document["severity"])})


def chance_per_look(false_alarms_per_month: float, window: timedelta) -> float:
    """Give the chance of any false alarm that one look may have, so that a month of looks keeps the wanted number.

    Without drift, Benjamini–Hochberg at level q alarms in at most a share q of the looks; a month has 30 days ÷ window
    of them, and windows do not overlap.
    """
    return min(_Q_MAX, false_alarms_per_month * (window / _MONTH))


def adjust_over_subjects(measured: Mapping[Key, Measured]) -> dict[Key, float]:
    """Adjust each subject's smallest p (times its number of tests) over all subjects of a window (Benjamini–Hochberg).

    A subject without any p is left out.
    """
    smallest = {key: float(min_p(np.array(list(m.p.values())))) for key, m in measured.items() if m.p}
    adjusted = adjust(np.array(list(smallest.values()))) if smallest else np.array([])
    return dict(zip(smallest, adjusted.tolist(), strict=True))


def subjects_of(rule: Rule, subjects: Sequence[str]) -> list[str]:
    """Choose the subjects that a rule looks at."""
    patterns = rule.on.subject or REGISTRY[rule.metric].subjects
    return [name for name in subjects if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def evaluate(rule: Rule, measured: Measured, p_adjusted: float | None, level: float) -> Evaluation:
    """Judge one subject's metrics by one rule; `level` is the chance of a false alarm that this look may have."""
    metric = REGISTRY[rule.metric]
    value = measured.values.get(rule.metric)
    evidence = _evidence(metric, measured, p_adjusted)
    if lack := _lack(rule, metric, measured, value, evidence):
        return Evaluation(rule.id, rule.metric, Severity.INSUFFICIENT, lack)
    assert value is not None  # noqa: S101 — `_lack` has looked
    limits = measured.values.get(f"{rule.metric}_lower"), measured.values.get(f"{rule.metric}_upper")
    severity, threshold = _crossed(rule, metric, value)
    text = f"{rule.metric} is {figure(value)}" if rule.absent is None else f"no event for {in_words(value)}"
    sustains = False
    if severity is Severity.OK:
        reason, sustains = text, _holds(rule, metric, measured, value)
        if sustains:
            reason = f"{text}, not yet {_back(rule, metric)} {rule.recover_at:g}, where an alert ends"
    elif rule.evidence == "required" and (evidence is None or evidence > level):
        doubt = f"which may be chance (adjusted p {evidence:.2g}; an alert needs {level:.2g})"
        severity, reason = Severity.OK, f"{text}, {doubt}"
        sustains = _own_p(metric, measured) <= _SUSTAINING
    else:
        sustains = True
        sure = f" (adjusted p {evidence:.2g})" if evidence is not None else ""
        limit = f"{threshold:g}" if rule.absent is None or threshold is None else in_words(threshold)
        reason = f"{text}, {_side(rule, metric)} the {severity} threshold of {limit}{sure}"
    return Evaluation(rule.id, rule.metric, severity, reason, value, *limits, threshold, evidence, sustains)


def out_of_hours(rule: Rule) -> Evaluation:
    """Say nothing of a window outside the hours in which a rule is active."""
    return Evaluation(rule.id, rule.metric, Severity.INSUFFICIENT, f"out of the rule's hours ({rule.active})")


def _holds(rule: Rule, metric: Metric, measured: Measured, value: float) -> bool:
    """Tell whether a metric within its threshold is still past the one that an alert ends at, beyond chance."""
    if rule.recover_at is None or not _past(value, rule.recover_at, rule.when or metric.bad):
        return False
    return rule.evidence == "none" or _own_p(metric, measured) <= _SUSTAINING


def _own_p(metric: Metric, measured: Measured) -> float:
    """Give the p of the metric's own test, which is known, adjusted over the subject's tests."""
    return min(1.0, measured.p[metric.test] * len(measured.p))


def _evidence(metric: Metric, measured: Measured, p_adjusted: float | None) -> float | None:
    """Adjust the metric's own p over the subject's tests, and over the subjects of the window."""
    if metric.test not in measured.p or p_adjusted is None:
        return None
    return max(p_adjusted, _own_p(metric, measured))


def _lack(rule: Rule, metric: Metric, measured: Measured, value: float | None, evidence: float | None) -> str | None:
    """Say what is lacking for a judgement, or None."""
    if measured.window < rule.min_samples and metric.of_events:
        return f"the window has {measured.window} events, fewer than {rule.min_samples}"
    needs_reference = metric.compares or rule.evidence == "required"
    if needs_reference and measured.reference < rule.min_samples:
        return f"the reference has {measured.reference} events, fewer than {rule.min_samples}"
    if value is None:
        return f"{rule.metric} cannot be computed"
    if rule.evidence == "required" and evidence is None:
        if metric.test in measured.learning:
            return f"learning how much past windows vary: {measured.learning[metric.test]} of {MIN_WINDOWS} windows"
        return "no p-value can be computed"
    return None


def _side(rule: Rule, metric: Metric) -> str:
    return {"below": "at or below", "away": "at or beyond", "apart": "at or beyond"}.get(
        rule.when or metric.bad, "at or above"
    )


def _back(rule: Rule, metric: Metric) -> str:
    return {"below": "above", "away": "nearer to 0 than", "apart": "nearer to 1 than"}.get(
        rule.when or metric.bad, "below"
    )


def _crossed(rule: Rule, metric: Metric, value: float) -> tuple[Severity, float | None]:
    bad = rule.when or metric.bad
    for severity, threshold in ((Severity.CRITICAL, rule.critical), (Severity.WARNING, rule.warning)):
        if threshold is None:
            continue
        if _past(value, threshold, bad):
            return severity, threshold
    return Severity.OK, None


def _past(value: float, threshold: float, bad: str) -> bool:
    size = _size(value, bad)
    return size <= threshold if bad == "below" else size >= threshold


def _size(value: float, bad: str) -> float:
    """Give what a threshold is compared with: either side of zero, or either side of one as a factor, is alike."""
    if bad == "away":
        return abs(value)
    if bad == "apart":
        return max(value, 1 / value if value > 0 else math.inf)
    return value


def strength(rule: Rule, value: float) -> float:
    """Give how far a number is to the side that is bad by the rule: the larger, the worse."""
    bad = rule.when or REGISTRY[rule.metric].bad
    return -value if bad == "below" else _size(value, bad)


def worst(severities: Sequence[Severity]) -> Severity:
    """Give the worst severity; insufficient data only where there is nothing else."""
    return max(severities, key=lambda severity: severity.rank, default=Severity.INSUFFICIENT)
