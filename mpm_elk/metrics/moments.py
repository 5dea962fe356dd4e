"""Means and variances from count, sum and sum of squares, and how far a mean has moved."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Flags, Floats

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Moments:
    """Count, mean and sample variance (n − 1), and the variance's absolute error bound from rounding."""

    count: Floats
    mean: Floats
    variance: Floats
    variance_error: Floats

    @property
    def sd(self) -> Floats:
        """The standard deviation."""
        return np.asarray(np.sqrt(self.variance), dtype=np.float64)


@dataclass(frozen=True)
class MeanShift:
    """The shift of a mean in standard deviations of the reference, its confidence limits, and its test."""

    effect: Floats
    lower: Floats
    upper: Floats
    z: Floats
    p: Floats
    ratio: Floats


def moments(count: npt.ArrayLike, total: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> Moments:
    """Compute mean and variance from additive sums.

    The mean is exact to rounding. The variance is (Σx² − (Σx)²/n)/(n−1), which cancels when the mean is large
    against the sd: its error is at most 8ε·Σx²/(n−1), with ε = 2.2e-16, that is 8ε·(1 + (mean/sd)²) relative
    (1e-9 at mean/sd = 700). That holds for correctly rounded sums, and for sums merged from some thousand
    profiles. A variance below its own error is 0: nothing shows that the values differ. n = 0: mean nan;
    n < 2: variance nan.
    """
    n, x, xx = (np.asarray(value, dtype=np.float64) for value in (count, total, sum_of_squares))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = np.where(n > 0, x / n, np.nan)
        freedom = np.where(n > 1, n - 1, np.nan)
        variance = (xx - x * mean) / freedom
        error = 8 * _EPSILON * xx / freedom
        variance = np.where(variance <= error, 0.0 * variance, variance)
    return Moments(
        count=n,
        mean=np.asarray(mean, dtype=np.float64),
        variance=np.asarray(variance, dtype=np.float64),
        variance_error=np.asarray(error, dtype=np.float64),
    )


def last(side: Moments) -> Moments:
    """Take the last of many windows."""
    return Moments(side.count[-1], side.mean[-1], side.variance[-1], side.variance_error[-1])


def mean_shift(window: Moments, reference: Moments, *, level: float = 0.95) -> MeanShift:
    """Compare two means: (x̄₁−x̄₀)/σ₀ with normal limits, and Welch's (1947) unequal-variance t test.

    z = (x̄₁−x̄₀)/√(σ₁²/n + σ₀²/m). p is two-sided, from t with Welch–Satterthwaite degrees of freedom, as in
    `scipy.stats.ttest_ind_from_stats(equal_var=False)`. ratio = z² is for `dispersion.estimate(…, df=1)`; with
    a dispersion, use `dispersion.widen(p, ratio, 1, …)`. The limits do not include the dispersion: multiply
    their distance from the effect by √φ for that. nan for n < 2 or where both variances are 0 ("became
    constant" is another finding); effect and limits are nan where the reference's variance is 0.
    A mean says little under heavy tails (decide on the reference: kurtosis above 50).
    """
    half = float(special.ndtri((1 + level) / 2))
    window_part, reference_part = window.variance / window.count, reference.variance / reference.count
    squared_error = window_part + reference_part
    difference = window.mean - reference.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(squared_error > 0, np.sqrt(squared_error), np.nan)
        z = difference / error
        df = squared_error**2 / (window_part**2 / (window.count - 1) + reference_part**2 / (reference.count - 1))
        sd = np.where(reference.variance > 0, reference.sd, np.nan)
        effect, margin = difference / sd, half * error / sd
    p = 2 * special.stdtr(df, -np.abs(z))
    return MeanShift(
        *(np.asarray(v, dtype=np.float64) for v in (effect, effect - margin, effect + margin, z, p, np.square(z)))
    )


def became_constant(window: Moments, reference: Moments) -> Flags:
    """Tell where all rows of the window have one value, and those of the reference do not."""
    return np.asarray((window.variance == 0) & (reference.variance > 0), dtype=np.bool_)


def stopped_being_constant(window: Moments, reference: Moments) -> Flags:
    """Tell where all rows of the reference have one value, and the window has another (or several)."""
    moved = (window.variance > 0) | (np.abs(window.mean - reference.mean) > 8 * _EPSILON * np.abs(reference.mean))
    return np.asarray((reference.variance == 0) & moved, dtype=np.bool_)
