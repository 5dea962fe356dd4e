"""Categories that occur: do fewer of them than before. Exact for the categories that have a cell of their own."""

import numpy as np

from mpm_elk.metrics import cardinality
from mpm_elk.metrics.metric import CATEGORICAL, DISTRIBUTION, Metric, Numbers
from mpm_elk.metrics.subject import Subject
from mpm_elk.profiles.cells import CategoricalCells, Ints


def _named(subject: Subject) -> tuple[Ints, Ints]:
    """Give both sides' counts of the categories with a cell of their own, and of `other` as one; not of `unseen`."""
    assert isinstance(subject.cells, CategoricalCells)  # noqa: S101 — asked for categories only
    window, reference = subject.sides
    return window[: subject.cells.unseen], reference[: subject.cells.unseen]


def _expected(subject: Subject) -> float:
    window, reference = _named(subject)
    expected = float(cardinality.expected(window.sum(), reference))
    return expected if expected > 0 else np.nan


def _cardinality(subject: Subject) -> Numbers:
    return {"": cardinality.occurring(_named(subject)[0]), "expected": _expected(subject)}


def _ratio(subject: Subject) -> Numbers:
    return cardinality.occurring(_named(subject)[0]) / _expected(subject)


METRICS = (
    Metric("quality.cardinality", "known categories that occur, rare ones together as one; `_expected` of so many "
           "events by the reference's shares", _cardinality, bad="below", kind=CATEGORICAL,
           compares=False, beside=("expected",)),
    Metric("quality.cardinality_ratio", "known categories that occur against those expected: below 1, some are gone",
           _ratio, DISTRIBUTION, "below", kind=CATEGORICAL, gate=0.8),
)  # fmt: skip
