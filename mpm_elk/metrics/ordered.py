"""Distances of numbers from fine cells: how far values moved, and how much the two curves differ.

Notation as in `divergence.py`; `edges` e₀ … e₋₁ are those of `NumericCells`, so there is one cell more than there are
edges. d = F − G is the difference of the two distribution functions (window − reference). At an edge it is exact.
Within a cell nothing is known but that d stays between d_left − p and d_left + q: the reference's rows may all come
first, or the window's. That gives bounds which hold whatever the rows are, and which some rows attain.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats

_TERMS = 12
_TINY = 0.003
"""Below this the law of Cramér and von Mises is 0 in double precision."""


@dataclass(frozen=True)
class Bounded:
    """A number, and how far that of the raw rows can be from it."""

    value: Floats
    bound: Floats


@dataclass(frozen=True)
class _Cells:
    """Both sides' shares q and p, and d at each cell's left and right end; (..., K+1) each."""

    q: Floats
    p: Floats
    left: Floats
    right: Floats

    @property
    def lowest(self) -> Floats:
        """The least |d| that a cell must reach somewhere."""
        return np.maximum(0.0, np.maximum(self.left - self.p, -self.left - self.q))

    @property
    def highest(self) -> Floats:
        """The greatest |d| that a cell can hold."""
        return np.maximum(self.left + self.q, self.p - self.left)


def wasserstein(window: npt.ArrayLike, reference: npt.ArrayLike, edges: npt.ArrayLike) -> Bounded:
    """Compute the Wasserstein-1 distance ∫|F − G| dx of values clipped at the fences, in their own unit.

    It is the mean way that a row has to go to turn one side into the other (Vallender 1974, "Calculation of the
    Wasserstein distance between probability distributions on the line"). Rows of a cell stand at its middle: the same
    as `scipy.stats.wasserstein_distance` of middles weighted by counts. The tails are closed: what lies beyond the
    fences (all that the cells were cut from) stands at the fence. So one wild value cannot move it; how many there are
    is another metric. `bound` limits the difference from the distance of the clipped rows; it is at most ½Σ w(q + p),
    with the cells' widths w, and usually far more than the true error.
    """
    cells = _compare(window, reference)
    with np.errstate(over="ignore", invalid="ignore"):  # edges near ±1.8e308
        width = np.diff(np.asarray(edges, dtype=np.float64))
        ends = np.abs(cells.left) + np.abs(cells.right)
        value, least, most = (
            (part[..., 1:-1] * width).sum(axis=-1) for part in (ends / 2, cells.lowest, cells.highest)
        )
        return Bounded(value, np.maximum(most - value, value - least))


def cramer_von_mises(
    window: npt.ArrayLike, reference: npt.ArrayLike, *, single: npt.ArrayLike | None = None
) -> Bounded:
    """Compute the two-sample Cramér–von Mises T = nm/(n+m)² Σ (F − G)² over all rows of both sides.

    (Anderson 1962, "On the distribution of the two-sample Cramér–von Mises criterion".) Within a cell d is taken as a
    straight line; in cells of one value (`single`) it is that of the cell's end. Where no two rows are alike the raw
    rows' T is `scipy.stats.cramervonmises_2samp`; `bound` limits the difference from it. T grows with the rows: its
    mean without drift is 1/6, and it is a test's statistic rather than a size. (scipy ranks ties by their middle. With
    as many ties as cells make, and n unlike m, that adds far more than 1/6; this does not.)
    """
    cells = _compare(window, reference)
    b, a = np.asarray(window, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    n, m = b.sum(axis=-1), a.sum(axis=-1)
    square = (cells.left**2 + cells.left * cells.right + cells.right**2) / 3
    least, most = cells.lowest**2, cells.highest**2
    if single is not None:
        square, least, most = (np.where(single, cells.right**2, part) for part in (square, least, most))
    with np.errstate(divide="ignore", invalid="ignore"):
        value, least, most = (n * m / (n + m) ** 2 * ((a + b) * part).sum(axis=-1) for part in (square, least, most))
    return Bounded(value, np.maximum(most - value, value - least))


def cramer_von_mises_p(
    statistic: npt.ArrayLike, n: npt.ArrayLike, m: npt.ArrayLike, phi: npt.ArrayLike = 1.0
) -> Floats:
    """Give the p-value of T/φ by its limiting law, with Anderson's (1962) mean and variance of finite samples.

    As `scipy.stats.cramervonmises_2samp(method="asymptotic")`. The law is a series (Csörgő and Faraway 1996, "The exact
    and asymptotic distributions of Cramér–von Mises statistics", formula 1.2); 1 less the sum, so p below 1e-14 is 0.
    """
    statistic, n, m = (np.asarray(value, dtype=np.float64) for value in (statistic, n, m))
    rows = n + m
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (1 + 1 / rows) / 6
        variance = (rows + 1) * (4 * n * m * rows - 3 * (n**2 + m**2) - 2 * n * m) / (180 * rows**2 * n * m)
        scaled = 1 / 6 + (statistic / np.asarray(phi) - mean) / np.sqrt(45 * variance)
    x = np.where(np.isnan(scaled), np.nan, np.maximum(scaled, _TINY))[..., np.newaxis]
    k = np.arange(_TERMS)
    y, weight = 4 * k + 1, np.exp(special.gammaln(k + 0.5) - special.gammaln(k + 1))
    power = y**2 / (16 * x)
    # kve is kv without its factor exp(−power).
    terms = weight * np.sqrt(y) * np.exp(-2 * power) * special.kve(0.25, power) / (np.pi**1.5 * np.sqrt(x))
    return np.asarray(np.clip(1 - terms.sum(axis=-1), 0.0, 1.0), dtype=np.float64)


def _compare(window: npt.ArrayLike, reference: npt.ArrayLike) -> _Cells:
    b, a = np.asarray(window, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        q, p = b / b.sum(axis=-1, keepdims=True), a / a.sum(axis=-1, keepdims=True)
        # From counts, so that equal sides differ by exactly 0.
        right = np.cumsum(b, axis=-1) / b.sum(axis=-1, keepdims=True) - np.cumsum(a, axis=-1) / a.sum(
            axis=-1, keepdims=True
        )
    left = np.concatenate([np.zeros_like(right[..., :1]), right[..., :-1]], axis=-1)
    return _Cells(q, p, left, right)
