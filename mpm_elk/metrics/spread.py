"""How much wider or narrower the numbers have become."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.metrics.moments import Moments


@dataclass(frozen=True)
class Ratio:
    """A ratio, and its confidence limits."""

    value: Floats
    lower: Floats
    upper: Floats


def kurtosis(counts: npt.ArrayLike, edges: npt.ArrayLike, moments: Moments) -> Floats:
    """Estimate the kurtosis μ₄/σ⁴ of one window's rows (K+1,) from fine cells; the variance is exact.

    Rows of a cell stand at its middle, those beyond a fence at the fence. What the exact variance has more than these
    positions give is put on the rows beyond the fences, evenly: so a few wild values raise the kurtosis as they should.
    For a normal law and 128 cells about 3.3 instead of 3, because the middle of the outermost cell lies further out
    than most of its rows: limits made from it are too wide rather than too narrow. nan where the variance is 0.
    """
    b, e = np.asarray(counts, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        places = np.concatenate([e[:1], e[:-1] / 2 + e[1:] / 2, e[-1:]])
        sd = np.where(moments.variance > 0, moments.sd, np.nan)
        # From their own mean: whole numbers stand at the lower end of their cells, not at the middle.
        centre = (b * places).sum() / b.sum()
        squares = b * np.square((places - centre) / sd)
        outside = b[0] + b[-1]
        spare = np.maximum(0.0, moments.count - 1 - squares.sum())
        wild = np.where(outside > 0, np.square(squares[0] + squares[-1] + spare) / outside, 0.0)
        fourth = (np.square(squares[1:-1]) / np.where(b[1:-1] > 0, b[1:-1], 1.0)).sum() + wild
        return np.asarray(np.maximum(1.0, moments.count * fourth / np.maximum(squares.sum(), moments.count - 1) ** 2))


def sd_ratio(
    window: Moments,
    reference: Moments,
    kurtosis: tuple[npt.ArrayLike, npt.ArrayLike],
    phi: npt.ArrayLike = 1.0,
    *,
    level: float = 0.95,
) -> Ratio:
    """Compare standard deviations: σ₁/σ₀, with limits from the normal law of ln σ.

    ln(σ₁²/σ₀²) has the variance (κ₁−1)/n + (κ₀−1)/m, whatever the law of the rows (delta method; Layard 1973, "Robust
    large-sample tests for homogeneity of variances"), here times φ. `kurtosis` are those of window and reference. With
    those of fine cells the 95 % limits held in 97 to 100 % of simulated windows (normal, exponential, lognormal with σ
    up to 1, t with 4 and 6 degrees of freedom; n = 1,000 and 10,000 against m = 50,000). nan where the reference is
    constant; limits are nan where the window is (that is another finding: "became constant").
    """
    half = float(special.ndtri((1 + level) / 2))
    k1, k0 = (np.asarray(value, dtype=np.float64) for value in kurtosis)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.sqrt(window.variance / np.where(reference.variance > 0, reference.variance, np.nan))
        error = np.sqrt(((k1 - 1) / window.count + (k0 - 1) / reference.count) * np.asarray(phi)) / 2
        factor = np.exp(half * error)
        return Ratio(*(np.asarray(v, dtype=np.float64) for v in (value, value / factor, value * factor)))
