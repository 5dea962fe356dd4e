"""What an entry of the registry says of a metric, and the names of the tests that are evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import CategoricalCells, NumericCells

TRAFFIC_SUBJECT = "model"
JOINT_SUBJECT, JOINT = "features", "joint"
"""The subject that stands for several features together, and its kind."""
NUMERIC, CATEGORICAL = NumericCells.kind, CategoricalCells.kind

DISTRIBUTION, MISSING, TYPE, UNSEEN, RANGE = "distribution", "missing", "type_violation", "unseen", "out_of_range"
CORRELATION, RECONSTRUCTION, MEANS = "correlation", "reconstruction", "means"
CLASSIFIER = "classifier"
VOLUME, FAILURE, LATENCY = "volume", "failure", "latency"

EVIDENCE = {
    DISTRIBUTION: "χ² of the cells; for numbers also the KS distance and Welch's t: the smallest p times their number",
    MISSING: "two shares: pooled z, or Fisher's exact test where a count is below 5",
    TYPE: "two shares, as for missing values",
    UNSEEN: "two shares, as for missing values",
    RANGE: "two shares, as for missing values",
    CORRELATION: "Fisher's z of each pair's rank correlations: the pair's p times the number of pairs",
    RECONSTRUCTION: "difference of the errors in standard errors of normal rows",
    MEANS: "Hotelling's T² with the reference's covariance, χ² of as many degrees of freedom as directions vary",
    VOLUME: "t prediction interval of the logarithm of the count",
    FAILURE: "two shares, as for missing values",
    LATENCY: "t prediction interval of the logarithm of the mean duration, from windows that hang together",
}
"""Each test in words. All allow for how much past windows varied."""

BY_HAND_EVIDENCE = {
    CLASSIFIER: "t prediction interval of Φ⁻¹(AUC) from past windows, each told apart in the same way; between "
    "versions the normal law of Mann and Whitney's U",
}
"""The tests of metrics that are asked for by hand."""

Direction = Literal["above", "below", "away", "apart"]
Number = float | np.float64 | Floats
Numbers = Number | Mapping[str, Number]
"""One number, or several by the ending of their name: "" is the metric itself, `lower` its lower limit."""

Context = TypeVar("Context")


@dataclass(frozen=True)
class Metric(Generic[Context]):
    """One metric: what it means, how it is computed, and how a rule judges it.

    `compute` gives the number for the measured window, and those `beside` it, by the ending of their names:
    `drift.ks` has `drift.ks_upper`. nan is what cannot be computed.

    `test` names the p-value that is its evidence; a number without one can only be judged by a rule that asks for none.
    `bad` is
    `above`, `below`, `away` (from zero, either side) or `apart` (from one as a factor: 1.25 is also 0.8). `gate` is
    the size from which it is worth a look, where the literature or our measurements give one. `subjects` are those
    that rules look at where they name none. `kind` is the kind of cells that it needs; without one it fits any cells.
    `compares` tells whether the number itself needs a reference, `of_events` whether it needs events to speak of.
    """

    name: str
    meaning: str
    compute: Callable[[Context], Numbers]
    test: str = ""
    bad: Direction = "above"
    subjects: tuple[str, ...] = ("features.*", "prediction.*")
    kind: str | None = None
    compares: bool = True
    of_events: bool = True
    gate: float | None = None
    beside: tuple[str, ...] = ()

    def fits(self, kind: str | None) -> bool:
        """Tell whether subjects of this kind have the metric; traffic has no kind."""
        return self.kind == kind or (self.kind is None and kind != JOINT)

    def numbers(self, context: Context) -> dict[str, float]:
        """Compute the metric: finite numbers by their whole names."""
        found = self.compute(context)
        parts = found if isinstance(found, Mapping) else {"": found}
        named = {f"{self.name}_{ending}" if ending else self.name: float(value) for ending, value in parts.items()}
        return {name: value for name, value in named.items() if np.isfinite(value)}
