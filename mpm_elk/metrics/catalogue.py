"""The metrics that a rule can name: what each means, which test is its evidence, and in which direction it is bad."""

from dataclasses import dataclass

from mpm_elk.metrics.measure import DISTRIBUTION, FAILURE, MISSING, RANGE, TYPE, UNSEEN, VOLUME
from mpm_elk.profiles.cells import CategoricalCells, NumericCells

TRAFFIC_SUBJECT = "model"
_NUMERIC, _CATEGORICAL = NumericCells.kind, CategoricalCells.kind


@dataclass(frozen=True)
class Metric:
    """One metric: what it means, and how a rule judges it.

    `test` names the p-value that is its evidence. `bad` is `above`, `below`, or `away` (from zero, either side).
    `subjects` are the subjects that rules look at where they name none. `kind` is the kind of cells that it needs;
    without one it fits any. `compares` tells whether the number itself needs a reference.
    """

    name: str
    meaning: str
    test: str
    bad: str = "above"
    subjects: tuple[str, ...] = ("features.*", "prediction.*")
    kind: str | None = None
    compares: bool = True

    def fits(self, kind: str | None) -> bool:
        """Tell whether subjects with cells of this kind have the metric; traffic has no cells."""
        return self.kind is None or self.kind == kind


_ALL = (
    Metric("drift.psi", "population stability index, +½ a cell", DISTRIBUTION),
    Metric("drift.psi_adjusted", "PSI less what noise alone would make of it", DISTRIBUTION),
    Metric("drift.js", "Jensen–Shannon distance, base 2", DISTRIBUTION),
    Metric("drift.js_adjusted", "Jensen–Shannon distance less what noise alone would make of it", DISTRIBUTION),
    Metric("drift.total_variation", "share of events that would have to move", DISTRIBUTION),
    Metric("drift.ks", "Kolmogorov–Smirnov distance at the cells' edges", DISTRIBUTION, kind=_NUMERIC),
    Metric("drift.mean_shift", "shift of the mean in the reference's sd", DISTRIBUTION, "away", kind=_NUMERIC),
    Metric("quality.missing_rate", "share of events without the value", MISSING, compares=False),
    Metric("quality.missing_increase", "how much more often the value is missing", MISSING),
    Metric("quality.type_violation_rate", "share of events whose value has the wrong type", TYPE, compares=False),
    Metric("quality.type_violation_increase", "how much more often the type is wrong", TYPE),
    Metric(
        "quality.unseen_rate", "share of categories that the cells do not know", UNSEEN,
        kind=_CATEGORICAL, compares=False,
    ),
    Metric("quality.unseen_increase", "how much more often a category is unseen", UNSEEN, kind=_CATEGORICAL),
    Metric(
        "quality.out_of_range_rate", "share of values outside the range that the cells were cut from", RANGE,
        kind=_NUMERIC, compares=False,
    ),
    Metric("quality.out_of_range_increase", "how much more often values are out of range", RANGE, kind=_NUMERIC),
    Metric("traffic.count", "predictions", VOLUME, "below", (TRAFFIC_SUBJECT,), compares=False),
    Metric("traffic.count_ratio", "predictions against those of the reference", VOLUME, "below", (TRAFFIC_SUBJECT,)),
    Metric("traffic.failure_rate", "share of failed inferences", FAILURE, subjects=(TRAFFIC_SUBJECT,), compares=False),
    Metric("traffic.failure_increase", "how much more often inference fails", FAILURE, subjects=(TRAFFIC_SUBJECT,)),
)  # fmt: skip

METRICS = {metric.name: metric for metric in _ALL}
