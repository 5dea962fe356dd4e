"""Features that stop varying, or begin to: 1 where that happened, 0 where not."""

import numpy as np

from mpm_elk.metrics.metric import DISTRIBUTION, Metric, Numbers
from mpm_elk.metrics.moments import became_constant, stopped_being_constant
from mpm_elk.metrics.subject import Subject
from mpm_elk.profiles.cells import CategoricalCells


def _one_value(subject: Subject) -> tuple[int | None, int | None]:
    """Give the one cell that holds all of the window, and all of the reference; None where there are several.

    The cells `other` and `unseen` may hold several values, so they never count as one.
    """
    assert isinstance(subject.cells, CategoricalCells)  # noqa: S101 — numbers are judged by their variance
    held = [np.flatnonzero(side) for side in subject.sides]
    window, reference = (int(at[0]) if len(at) == 1 and at[0] < subject.cells.other else None for at in held)
    return window, reference


def _comparable(subject: Subject) -> bool:
    """Tell whether both sides have two events: one alone is always constant."""
    return min(subject.sizes) > 1


def _became_constant(subject: Subject) -> Numbers:
    if not _comparable(subject):
        return np.nan
    if not isinstance(subject.cells, CategoricalCells):
        return float(became_constant(*subject.last_moments))
    window, reference = _one_value(subject)
    return float(window is not None and reference is None)


def _stopped_being_constant(subject: Subject) -> Numbers:
    if not _comparable(subject):
        return np.nan
    if not isinstance(subject.cells, CategoricalCells):
        return float(stopped_being_constant(*subject.last_moments))
    window, reference = _one_value(subject)
    return float(reference is not None and window != reference)


METRICS = (
    Metric("quality.became_constant", "1 where all values of the window are one, and those of the reference are not",
           _became_constant, DISTRIBUTION, gate=1.0),
    Metric("quality.stopped_being_constant", "1 where all values of the reference are one, and the window has others",
           _stopped_being_constant, DISTRIBUTION, gate=1.0),
)  # fmt: skip
