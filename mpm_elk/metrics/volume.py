"""The number of rows in a window: is it unusual."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats

MIN_WINDOWS = 7


@dataclass(frozen=True)
class Volume:
    """The count expected, the ratio to it with limits, and a two-sided p-value."""

    expected: Floats
    ratio: Floats
    lower: Floats
    upper: Floats
    p: Floats


def unusual(count: npt.ArrayLike, reference_counts: npt.ArrayLike, *, level: float = 0.95) -> Volume:
    """Compare a window's count `(...)` with those of like reference windows `(..., W)`, W ≥ 7; nan is ignored.

    Counts of traffic vary more than Poisson counts and are skewed, so the reference is matched by a lognormal
    law with mean μ = their mean and variance max(their variance, μ). ln(count + ½) is judged by a t prediction
    interval with W − 1 degrees of freedom and the factor √(1 + 1/W); p is two-sided. ratio = count/μ, with
    limits for its part beyond the windows' usual variation: they exclude 1 where p < 1 − level.

    False alarms at p < 0.01, W = 7 / 14, simulated: Poisson counts of 100,000 0.0 / 0.2 %; gamma–Poisson counts
    with 22 % variation 1.1 / 1.2 %, with 32 % 1.2 / 1.4 %, with 58 % (skewer than lognormal downwards) 1.9 / 2.5 %.

    Empty windows are allowed on both sides. Fewer than 7: all nan but `expected`. Where every reference window is
    empty, ratio and limits are nan, and p takes ½ row in all W windows together for their mean.
    """
    current = np.asarray(count, dtype=np.float64)
    past = np.asarray(reference_counts, dtype=np.float64)
    known = ~np.isnan(past)
    windows = known.sum(axis=-1)
    past = np.where(known, past, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = past.sum(axis=-1) / np.where(windows > 0, windows, np.nan)
        squares = np.where(known, np.square(past - expected[..., np.newaxis]), 0.0).sum(axis=-1)
        df = np.where(windows >= MIN_WINDOWS, windows - 1.0, np.nan)
        mean = np.maximum(expected, 0.5 / windows)
        spread = np.log1p(np.maximum(squares / df, mean) / mean**2)
        error = np.sqrt(spread * (1 + 1 / windows))
        t = (np.log(current + 0.5) - np.log(mean) + spread / 2) / error
        ratio = np.where(expected > 0, current / expected, np.nan)
    reach = special.stdtrit(df, (1 + level) / 2) * error
    p = 2 * special.stdtr(df, -np.abs(t))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(expected > 0, (current + 0.5) / expected, np.nan) * np.exp(spread / 2)
    # The ½ can lift the lower limit above the ratio of a nearly empty window.
    lower = np.minimum(centre * np.exp(-reach), ratio)
    values = (expected, np.where(np.isnan(p), np.nan, ratio), lower, centre * np.exp(reach), p)
    return Volume(*(np.array(value, dtype=np.float64) for value in np.broadcast_arrays(*values)))
