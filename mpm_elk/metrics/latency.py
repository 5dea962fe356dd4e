"""How long inference takes: is a window slower than usual."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats

MIN_WINDOWS = 7
_DF_MIN = 2.0
_CORRELATION_MAX = 0.95


@dataclass(frozen=True)
class Latency:
    """The ratio of mean durations with limits, and a two-sided p-value."""

    ratio: Floats
    lower: Floats
    upper: Floats
    p: Floats


def slower(
    means: npt.ArrayLike, references: npt.ArrayLike, own_error: npt.ArrayLike, *, level: float = 0.95
) -> Latency:
    """Compare the last window's mean duration with its reference's; the rows before, (W+1,), show how that varies.

    Requests of one window wait in the same queue, so the spread of single durations says little: the noise is that of
    past windows' ln(mean/reference), as a t prediction interval with the factor √(1 + 1/W). Windows that follow each
    other are alike: with their lag-1 correlation r (0 to 0.95) they count as W(1 − r)/(1 + r), which gives the degrees
    of freedom and widens the interval. And the mean must differ by more than its own error, `own_error` relative, at
    the same degrees of freedom: one wild duration raises both alike, and is no evidence of a slow service. p is the
    larger of the two.

    Limits are for the part of the ratio beyond that variation: they exclude 1 where p < 1 − level. Fewer than 7 past
    windows: limits and p are nan. nan is ignored; the ratio is nan where a side has no duration above 0.

    Measured by `benchmarks/latency.py`, no drift: false alarms in % of daily windows against the rolling 28 days
    before, at p < 0.01 / p < 0.0005 / the latter and a ratio of 1.5 or more. What the durations of a window have in
    common is nothing, a load of its own, an AR(1) queue, or storms with t(4) innovations:

        a day's durations   lognormal 1            lognormal 2            Pareto 1.8             Pareto 1.2
        steady              0.54 / 0.004 / 0.000   0.06 / 0.000 / 0.000   0.02 / 0.000 / 0.000   0.02 / 0.004 / 0.000
        loads               0.86 / 0.032 / 0.008   0.76 / 0.020 / 0.008   0.81 / 0.028 / 0.012   0.17 / 0.000 / 0.000
        queues              0.12 / 0.000 / 0.000   0.32 / 0.000 / 0.000   0.17 / 0.000 / 0.000   0.04 / 0.000 / 0.000
        storms              0.79 / 0.132 / 0.032   0.83 / 0.156 / 0.056   0.80 / 0.100 / 0.040   0.30 / 0.036 / 0.004

    By p alone storms alarm up to three times as often as nominal, together with the threshold about as often. For
    hourly windows, at p < 0.000025, that is 0.024: 0.17 a month.
    """
    now, before = np.asarray(means, dtype=np.float64), np.asarray(references, dtype=np.float64)
    usable = (now > 0) & (before > 0)
    logs = np.log(np.where(usable, now, 1.0) / np.where(usable, before, 1.0))
    if not usable[-1]:
        return Latency(*(np.array(np.nan) for _ in range(4)))
    past, log = logs[:-1][usable[:-1]], logs[-1]
    spread, df, own = np.nan, np.nan, np.asarray(own_error, dtype=np.float64)
    if len(past) >= MIN_WINDOWS:
        alike = max(_DF_MIN + 1, len(past) * (1 - (r := _correlation(past))) / (1 + r))
        # The sample variance of correlated windows is too small by about this factor.
        spread, df = past.std(ddof=0) / np.sqrt(1 - 1 / alike) * np.sqrt(1 + 1 / alike), alike - 1
    reach = special.stdtrit(df, (1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(df, -np.minimum(np.abs(log / spread), np.abs((1 - np.exp(-log)) / own)))
    ratio, beyond = np.exp(log), np.exp(reach * spread)
    lower = np.maximum(0.0, ratio * np.minimum(1 / beyond, 1 - reach * own))
    upper = ratio * np.maximum(beyond, 1 + reach * own)
    return Latency(*(np.asarray(value, dtype=np.float64) for value in (ratio, lower, upper, p)))


def _correlation(values: Floats) -> float:
    """Give the correlation of neighbours, from 0 to 0.95; 0 where the values are all alike."""
    first, second = values[:-1] - values[:-1].mean(), values[1:] - values[1:].mean()
    size = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float(np.clip((first * second).sum() / size, 0.0, _CORRELATION_MAX)) if size > 0 else 0.0
