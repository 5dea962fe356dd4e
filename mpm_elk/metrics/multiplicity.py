"""Many tests at once: one p for several tests of one feature, and false discoveries among many features."""

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Floats


def adjust(p: npt.ArrayLike, axis: int = -1) -> Floats:
    """Adjust p-values by Benjamini and Hochberg (1995): rejecting all ≤ q keeps the false discovery rate at q.

    nan (not tested) stays nan and does not count among the tests.
    """
    values = np.moveaxis(np.array(p, dtype=np.float64, ndmin=1), axis, -1)
    known = ~np.isnan(values)
    adjusted = np.full_like(values, np.nan)
    for row in np.ndindex(values.shape[:-1]):
        tested = known[row]
        if tested.any():
            adjusted[row][tested] = _step_up(values[row][tested])
    return np.moveaxis(adjusted, -1, axis)


def _step_up(p: Floats) -> Floats:
    """Give for each p the smallest of p₍ⱼ₎·k/j over the p-values from it upwards, in order of size."""
    order = np.argsort(p)
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def min_p(ps: npt.ArrayLike, axis: int = -1) -> Floats:
    """Combine k p-values into one, min(1, k · min p) (Bonferroni): valid however the tests depend on each other.

    nan (not tested) is left out of the minimum and of k; all nan gives nan.
    """
    values = np.asarray(ps, dtype=np.float64)
    known = ~np.isnan(values)
    tested = known.sum(axis=axis)
    smallest = np.where(known, values, np.inf).min(axis=axis)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(tested > 0, np.minimum(1.0, tested * smallest), np.nan), dtype=np.float64)
