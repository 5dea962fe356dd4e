"""Shares of rows (missing, out of range, a class): how far one has moved, and whether by chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.metrics.fisher import fisher

_SMALLEST_COUNT = 5


@dataclass(frozen=True)
class Interval:
    """A lower and an upper confidence limit."""

    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Difference:
    """The difference of two shares (window − reference), its confidence limits, and its test."""

    effect: Floats
    lower: Floats
    upper: Floats
    z: Floats
    p: Floats
    ratio: Floats


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Give the score interval of a share k/n (Wilson 1927). nan for n = 0."""
    z = float(special.ndtri((1 + level) / 2))
    k, n = np.asarray(k, dtype=np.float64), _or_nan(n)
    share = k / n
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(n * share * (1 - share) + z * z / 4)
    # At k = 0 and k = n a limit is 0 or 1 exactly; rounding must not put the share outside its interval.
    return Interval(
        lower=np.asarray(np.clip(np.minimum(centre - half, share), 0.0, 1.0), dtype=np.float64),
        upper=np.asarray(np.clip(np.maximum(centre + half, share), 0.0, 1.0), dtype=np.float64),
    )


def pooled_z(k: npt.ArrayLike, n: npt.ArrayLike, k0: npt.ArrayLike, n0: npt.ArrayLike) -> Floats:
    """Compute z = (k/n − k₀/n₀)/√(p̄(1−p̄)(1/n + 1/n₀)), p̄ pooled, without continuity correction.

    z² is the χ² of the 2×2 table. 0 where no row, or every row, has the property on both sides.
    """
    k, k0 = np.asarray(k, dtype=np.float64), np.asarray(k0, dtype=np.float64)
    n, n0 = _or_nan(n), _or_nan(n0)
    pooled = (k + k0) / (n + n0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(error == 0, 0.0, (k / n - k0 / n0) / error), dtype=np.float64)


def newcombe(
    k: npt.ArrayLike, n: npt.ArrayLike, k0: npt.ArrayLike, n0: npt.ArrayLike, *, level: float = 0.95
) -> Interval:
    """Give limits of the difference k/n − k₀/n₀: hybrids of the two Wilson intervals (Newcombe 1998, method 10).

    ("Interval estimation for the difference between independent proportions".) They never leave [−1, 1], and are not of
    zero width at k = 0.
    """
    own, other = wilson(k, n, level=level), wilson(k0, n0, level=level)
    share, share0 = np.asarray(k) / _or_nan(n), np.asarray(k0) / _or_nan(n0)
    effect = share - share0
    return Interval(
        lower=np.asarray(effect - np.hypot(share - own.lower, other.upper - share0), dtype=np.float64),
        upper=np.asarray(effect + np.hypot(own.upper - share, share0 - other.lower), dtype=np.float64),
    )


def difference(
    k: npt.ArrayLike, n: npt.ArrayLike, k0: npt.ArrayLike, n0: npt.ArrayLike, *, level: float = 0.95
) -> Difference:
    """Compare the shares k/n (window) and k₀/n₀ (reference).

    The limits are those of `newcombe`. p is two-sided: Fisher's exact test where one of the four counts is below 5,
    else the pooled z. Fisher is computed one element at a time: for a long history take `pooled_z`. ratio = z², df 1.
    nan where a side has no rows.
    """
    k, n, k0, n0 = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (k, n, k0, n0)))
    share, share0 = k / _or_nan(n), k0 / _or_nan(n0)
    limits = newcombe(k, n, k0, n0, level=level)
    z = pooled_z(k, n, k0, n0)
    p = np.asarray(2 * special.ndtr(-np.abs(z)), dtype=np.float64)
    few = (np.minimum(np.minimum(k, n - k), np.minimum(k0, n0 - k0)) < _SMALLEST_COUNT) & ~np.isnan(z)
    p[few] = [fisher(*map(int, row)) for row in zip(k[few], n[few], k0[few], n0[few], strict=True)]
    values = (share - share0, limits.lower, limits.upper, z, p, np.square(z))
    return Difference(*(np.asarray(value, dtype=np.float64) for value in values))


def _or_nan(n: npt.ArrayLike) -> Floats:
    n = np.asarray(n, dtype=np.float64)
    return np.asarray(np.where(n > 0, n, np.nan), dtype=np.float64)
