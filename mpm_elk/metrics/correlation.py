"""Correlations of pairs of features, from sums of products, and how far they have moved."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats

_R_MAX = 0.9999
"""Two features that are one have z without end; beyond this, a correlation is taken for this one."""

_RANK_NOISE = 1.06
"""The variance of z of ranks, times n − 3 (Fieller, Hartley and Pearson 1957)."""


@dataclass(frozen=True)
class Moments:
    """Means, variances (with n) and covariances of pairs over the rows that have both, and how many rows that is.

    Each is (…, d, d): `mean[i, j]` and `variance[i, j]` are those of feature i where j is there too. `size` is the
    number of rows of equal weight. nan where there are no rows.
    """

    size: Floats
    mean: Floats
    variance: Floats
    covariance: Floats

    @property
    def correlation(self) -> Floats:
        """Pearson's correlation of the scores: over the rows with both, as in pandas' `corr`; nan for constants."""
        spread = self.variance * np.swapaxes(self.variance, -1, -2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.covariance / np.sqrt(np.where(spread > 0, spread, np.nan)), dtype=np.float64)


def moments(
    count: npt.ArrayLike,
    count_squares: npt.ArrayLike,
    total: npt.ArrayLike,
    squares: npt.ArrayLike,
    products: npt.ArrayLike,
) -> Moments:
    """Compute the moments of pairs from sums, (…, d, d) each (see `JointWindows`).

    `size` is Kish's effective sample size (Σw)²/Σw². Scores are small whole numbers, so nothing cancels.
    """
    n, nn, x, xx, xy = (
        np.asarray(values, dtype=np.float64) for values in (count, count_squares, total, squares, products)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(nn > 0, n**2 / nn, 0.0)
        mean = np.where(n > 0, x / n, np.nan)
        variance = np.maximum(xx / n - mean**2, 0.0)
        covariance = xy / n - mean * np.swapaxes(mean, -1, -2)
    return Moments(size, *(np.asarray(part, dtype=np.float64) for part in (mean, variance, covariance)))


@dataclass(frozen=True)
class Shift:
    """How far correlations have moved: Fisher's z of both and its standard error without overdispersion.

    `z` is the difference in standard errors; ratio = z² is for `dispersion.estimate(…, df=1)`. nan where a side has
    fewer than four rows, or is constant.
    """

    window: Floats
    reference: Floats
    error: Floats

    @property
    def z(self) -> Floats:
        """The difference in standard errors."""
        return np.asarray((np.arctanh(_clip(self.window)) - np.arctanh(_clip(self.reference))) / self.error)

    @property
    def ratio(self) -> Floats:
        """The squared difference in standard errors: about χ²(1) by chance alone."""
        return np.square(self.z)

    @property
    def value(self) -> Floats:
        """The difference of the correlations."""
        return self.window - self.reference

    def limits(self, half: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Give limits of the difference: `half` standard errors of z to either side, as correlations."""
        now, before = np.arctanh(_clip(self.window)), _clip(self.reference)
        wide = np.asarray(half, dtype=np.float64) * self.error
        return np.tanh(now - wide) - before, np.tanh(now + wide) - before

    def at(self, place: int) -> "Shift":
        """Choose one pair."""
        return Shift(self.window[..., place], self.reference[..., place], self.error[..., place])


def shift(window: Floats, reference: Floats, n: Floats, m: Floats) -> Shift:
    """Compare correlations of `n` and `m` rows: (atanh r₁ − atanh r₀) / √(1.06/(n−3) + 1.06/(m−3)).

    Scores are ranks, so r is a rank correlation (Spearman's, with a cell's values tied): for normal values of
    correlation 0.6 it is 0.58.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = _RANK_NOISE * (1 / np.where(n > 3, n - 3, np.nan) + 1 / np.where(m > 3, m - 3, np.nan))
    return Shift(window, reference, np.asarray(np.sqrt(variance), dtype=np.float64))


def normal_p(z: Floats) -> Floats:
    """Give the two-sided p of a normal z."""
    return np.asarray(2 * special.ndtr(-np.abs(z)), dtype=np.float64)


def _clip(r: Floats) -> Floats:
    return np.clip(r, -_R_MAX, _R_MAX)
