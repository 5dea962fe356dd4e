"""Many tests at once: one p for several tests of one feature, and false discoveries among many features."""

import numpy as np
import numpy.typing as npt
from scipy import stats

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
            adjusted[row][tested] = stats.false_discovery_control(values[row][tested], method="bh")
    return np.moveaxis(adjusted, -1, axis)


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
