"""How many categories occur, against how many one would expect of so many rows."""

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Floats


def occurring(counts: npt.ArrayLike) -> Floats:
    """Count the categories (..., B) that hold a row."""
    return np.asarray((np.asarray(counts) > 0).sum(axis=-1), dtype=np.float64)


def expected(rows: npt.ArrayLike, reference: npt.ArrayLike) -> Floats:
    """Give how many of the reference's categories (..., B) occur on average among so many rows: Σ 1 − (1 − p)ⁿ.

    Of few rows fewer categories show. (Rarefaction: Hurlbert 1971, "The nonconcept of species diversity", here with
    rows drawn with replacement.) nan where the reference is empty.
    """
    a, n = np.asarray(reference, dtype=np.float64), np.asarray(rows, dtype=np.float64)[..., np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = a / a.sum(axis=-1, keepdims=True)
        return np.asarray(-np.expm1(n * np.log1p(-p)).sum(axis=-1), dtype=np.float64)
