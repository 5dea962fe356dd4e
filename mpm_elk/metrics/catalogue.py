"""The metrics that a rule can name: what each means, which test is its evidence, and in which direction it is bad."""

from dataclasses import dataclass

from mpm_elk.metrics.measure import DISTRIBUTION, FAILURE, MISSING, RANGE, TYPE, UNSEEN, VOLUME

TRAFFIC_SUBJECT = "model"


@dataclass(frozen=True)
class Metric:
    """One metric: what it means, and how a rule judges it.

    `test` names the p-value that is its evidence. `bad` is `above`, `below`, or `away` (from zero, either side).
    `subjects` are the subjects that rules look at where they name none.
    """

    name: str
    meaning: str
    test: str
    bad: str = "above"
    subjects: tuple[str, ...] = ("features.*", "prediction.*")


_ALL = (
    Metric("drift.psi", "population stability index, +½ a cell", DISTRIBUTION),
    Metric("drift.psi_adjusted", "PSI less what noise alone would make of it", DISTRIBUTION),
    Metric("drift.js", "Jensen–Shannon distance, base 2", DISTRIBUTION),
    Metric("drift.js_adjusted", "Jensen–Shannon distance less what noise alone would make of it", DISTRIBUTION),
    Metric("drift.total_variation", "share of events that would have to move", DISTRIBUTION),
    Metric("drift.ks", "Kolmogorov–Smirnov distance at the cells' edges", DISTRIBUTION),
    Metric("drift.mean_shift", "shift of the mean in standard deviations of the reference", DISTRIBUTION, bad="away"),
    Metric("quality.missing_rate", "share of events without the value", MISSING),
    Metric("quality.missing_increase", "how much more often the value is missing", MISSING),
    Metric("quality.type_violation_rate", "share of events whose value has the wrong type", TYPE),
    Metric("quality.type_violation_increase", "how much more often the type is wrong", TYPE),
    Metric("quality.unseen_rate", "share of values that no training data had", UNSEEN),
    Metric("quality.unseen_increase", "how much more often a category is unseen", UNSEEN),
    Metric("quality.out_of_range_rate", "share of values outside the range that cells were cut from", RANGE),
    Metric("quality.out_of_range_increase", "how much more often values are out of range", RANGE),
    Metric("traffic.count", "predictions", VOLUME, bad="below", subjects=(TRAFFIC_SUBJECT,)),
    Metric("traffic.count_ratio", "predictions against those of the reference", VOLUME, "below", (TRAFFIC_SUBJECT,)),
    Metric("traffic.failure_rate", "share of failed inferences", FAILURE, subjects=(TRAFFIC_SUBJECT,)),
    Metric("traffic.failure_increase", "how much more often inference fails", FAILURE, subjects=(TRAFFIC_SUBJECT,)),
)

METRICS = {metric.name: metric for metric in _ALL}
