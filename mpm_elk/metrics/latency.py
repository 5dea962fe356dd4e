"""How long inference takes: is a window slower than usual."""

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics.spread import Ratio

MIN_WINDOWS = 7


def duration_ratio(means: npt.ArrayLike, references: npt.ArrayLike, *, level: float = 0.95) -> Ratio:
    """Compare the last window's mean duration with its reference's; the rows before, (W+1,), show how that varies.

    Requests of one window wait in the same queue, so the spread of single durations says little: the noise is that of
    past windows' ln(mean/reference), as a t prediction interval with W − 1 degrees of freedom and factor √(1 + 1/W).
    The limits are for the part of the ratio beyond that variation: they exclude 1 where p < 1 − level. Where fewer than
    7 past windows are known they are nan. nan is ignored; the ratio is nan where a side has no duration above 0.
    """
    now, before = np.asarray(means, dtype=np.float64), np.asarray(references, dtype=np.float64)
    usable = (now > 0) & (before > 0)
    logs = np.log(np.where(usable, now, 1.0) / np.where(usable, before, 1.0))
    if not usable[-1]:
        return Ratio(*(np.array(np.nan) for _ in range(3)))
    past = logs[:-1][usable[:-1]]
    half = np.nan
    if (windows := len(past)) >= MIN_WINDOWS:
        error = past.std(ddof=1) * np.sqrt(1 + 1 / windows)
        half = float(special.stdtrit(windows - 1, (1 + level) / 2)) * error
    return Ratio(*(np.asarray(np.exp(logs[-1] + side)) for side in (0.0, -half, half)))
