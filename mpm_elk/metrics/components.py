"""Principal components of a reference, and how well they describe a window; the distance of means.

Both are computed from means and covariances. For complete rows they equal what the rows give.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats

KEPT = 0.65
"""The share of the variance that components keep: what NannyML keeps by default."""

_FLAT = 1e-6
"""Directions with less than this share of the largest variance are no directions."""


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared errors (…) of window and reference, in variances of one feature, and the test of their difference.

    `ratio` is the squared difference in standard errors of normal rows: about χ²(1) by chance alone.
    """

    window: Floats
    reference: Floats
    ratio: Floats


def reconstruction(
    correlation: Floats, covariance: Floats, difference: Floats, n: npt.ArrayLike, m: npt.ArrayLike
) -> Reconstruction:
    """Compare how well the reference's components describe both sides.

    `correlation` (…, d, d) is the reference's; `covariance` and `difference` (…, d) of means are the window's, in the
    reference's standard deviations. The components are the fewest that keep `KEPT` of the variance, as in
    `sklearn.decomposition.PCA(KEPT)` on standardised rows. With their projection P the mean squared error is
    tr((I−P)Σ) + ‖(I−P)Δ‖²; that of normal rows has the variance 2·Σλ²/n over the eigenvalues λ left out.
    """
    values, vectors = np.linalg.eigh(correlation)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.cumsum(values[..., ::-1], axis=-1) / values.sum(axis=-1, keepdims=True)
    # eigh gives rising values: the last ones are kept, up to the first share that is large enough.
    kept = np.concatenate([np.ones_like(share[..., :1]), (share[..., :-1] < KEPT).astype(np.float64)], axis=-1)
    left = 1.0 - kept[..., ::-1]
    along = np.einsum("...ik,...ij,...jk->...k", vectors, covariance, vectors)
    moved = np.square(np.einsum("...ik,...i->...k", vectors, difference))
    window = (left * (along + moved)).sum(axis=-1)
    reference = (left * values).sum(axis=-1)
    n, m = (np.asarray(side, dtype=np.float64) for side in (n, m))
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = 2 * (left * np.square(values)).sum(axis=-1) * (1 / n + 1 / m)
        ratio = np.square(window - reference) / np.where(noise > 0, noise, np.nan)
    return Reconstruction(window, reference, np.asarray(ratio, dtype=np.float64))


def hotelling(noise: Floats, difference: Floats) -> tuple[Floats, Floats]:
    """Give T² = Δ'V⁺Δ of the difference Δ of means (…, d), with its covariance V (…, d, d), and its df.

    Without missing values V is (1/n + 1/m)·Σ, and T² Hotelling's (1931) with the reference's Σ: about χ²(d).
    Directions in which nothing varies are left out.
    """
    return _quadratic(noise, difference)


def mahalanobis(covariance: Floats, difference: Floats) -> Floats:
    """Give the squared distance Δ'Σ⁺Δ of means; directions in which nothing varies are left out."""
    return _quadratic(covariance, difference)[0]


def chi2_p(statistic: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """Give P(χ²(df) ≥ statistic)."""
    df, statistic = (np.asarray(value, dtype=np.float64) for value in (df, statistic))
    return np.asarray(special.chdtrc(df, statistic), dtype=np.float64)


def _quadratic(matrix: Floats, vector: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(matrix)
    used = values > _FLAT * values[..., -1:]
    along = np.square(np.einsum("...ik,...i->...k", vectors, vector))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(used, along / values, 0.0)
    return parts.sum(axis=-1), used.sum(axis=-1).astype(np.float64)
