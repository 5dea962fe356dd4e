"""How much more than simple random samples real traffic varies, learnt from past windows, and p-values under it.

Rows of one hour share their weather, their campaign, their batch; so windows without drift differ by more than
random sampling explains. A past window's *ratio* r (χ²/df, z², or scaled KS²) has mean 1 under random sampling.
Its mean over past windows is the overdispersion φ. But φ alone is not enough: r of clustered rows also has a
longer tail than χ²/df, so its variance is used too.

The law. By two moments (Satterthwaite 1946) r ~ μ·χ²(ν)/ν with ν = 2μ²/variance. μ is floored at 1 and the
variance at 2μ²/df: traffic is never smoother than random. Both are estimated from few windows, which that law
ignores. So p comes from the predictive law r/μ ~ F(ν₋, W·ν₋), exact for known ν₋, in which
ν₋ = ν·(1 − √(2(1 + 2/ν)/W)) is ν less one standard error of the gamma shape's moment estimator, but no lower
than min(ν, 1): one Gaussian factor common to all rows gives ν = 1, and z² has df 1.

Measured by `benchmarks/dispersion.py`: false alarms in % where 0.091 (p < 0.01/11) is nominal. No drift; daily
windows of 10,000 rows in 20 cells against the rolling 28 days before; W = 28 / 56 past windows:

    rows of a day hang together by       χ²(df)   χ²(df)·φ       gamma        F(ν, Wν)     this law
    nothing                  χ²            0.10   0.08 / 0.08  0.06 / 0.07  0.05 / 0.06  0.01 / 0.02
    groups of like rows      χ²           99      0.15 / 0.12  0.12 / 0.09  0.08 / 0.08  0.02 / 0.04
    one factor, AR(1)        χ²           71      13   / 12    0.66 / 0.36  0.40 / 0.27  0.09 / 0.09
    four factors, AR(1)      χ²           99      6.7  / 6.4   0.65 / 0.45  0.50 / 0.38  0.20 / 0.19
    two factors, t(4) storms χ²           89      10   / 9.7   1.18 / 0.74  0.94 / 0.64  0.52 / 0.45
    one factor, AR(1)        mean z       81      0.28 / 0.18  0.24 / 0.14  0.08 / 0.08  0.08 / 0.08
    two factors, t(4) storms mean z       78      1.05 / 0.87  0.86 / 0.65  0.54 / 0.49  0.54 / 0.49
    four factors, AR(1)      KS           99      2.3  / 2.1   0.71 / 0.42  0.48 / 0.35  0.14 / 0.12

The gamma law alarms two to seven times too often once rows are clustered. The price of this one is paid by
traffic that is random: at W = 28 its 0.1 % point of χ²(19)/19 is 2.7 instead of 2.3 (drift must be 8 % larger to be
seen), at W = 56 it is 2.5. Storms (past windows that differ rarely and then much) stay above nominal.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Flags, Floats

MIN_WINDOWS = 28


@dataclass(frozen=True)
class Dispersion:
    """Mean and variance (both floored) of past windows' ratios, their number, and the test's df.

    Mean and variance are nan where too few windows are known.
    """

    mean: Floats
    variance: Floats
    windows: Floats
    df: Floats

    @property
    def known(self) -> Flags:
        """Where enough past windows were there to learn from."""
        return np.asarray(~np.isnan(self.mean), dtype=np.bool_)

    @property
    def phi(self) -> Floats:
        """The overdispersion φ: by how much noise exceeds that of random sampling. At least 1."""
        return self.mean


def estimate(
    ratios: npt.ArrayLike,
    df: npt.ArrayLike,
    *,
    flagged: npt.ArrayLike | None = None,
    min_windows: int = MIN_WINDOWS,
) -> Dispersion:
    """Learn the dispersion from past windows' ratios `(..., W)`; nan is ignored; `df` is `(...)`.

    `flagged` `(..., W)` marks past windows, in order of time, that raised an alert. Flagged windows that follow each
    other are one event and count once: the first, cut to the largest unflagged ratio. So a long incident does not
    blind the tests while it lasts and for as long as it stays in the history, and storms still widen the law. Fewer
    than `min_windows` ratios, or none unflagged: unknown.
    """
    values = np.array(ratios, dtype=np.float64)
    if flagged is not None and np.any(flagged):
        values = _once_an_event(values, np.broadcast_to(np.asarray(flagged, dtype=np.bool_), values.shape))
    present = ~np.isnan(values)
    windows = present.sum(axis=-1).astype(np.float64)
    enough = windows >= max(min_windows, 2)
    df = np.broadcast_to(np.asarray(df, dtype=np.float64), windows.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.where(present, values, 0.0).sum(axis=-1) / windows
        squares = np.where(present, np.square(values - observed[..., np.newaxis]), 0.0).sum(axis=-1)
        mean = np.where(enough, np.maximum(observed, 1.0), np.nan)
        variance = np.maximum(squares / (windows - 1), 2 * mean**2 / df)
    return Dispersion(
        mean=np.asarray(mean, dtype=np.float64),
        variance=np.asarray(np.where(enough, variance, np.nan), dtype=np.float64),
        windows=windows,
        df=np.array(df),
    )


def _once_an_event(ratios: Floats, flagged: Flags) -> Floats:
    """Keep the first of flagged windows that follow each other, cut to the largest unflagged one; drop the others."""
    usual = np.where(~np.isnan(ratios) & ~flagged, ratios, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    usual = np.where(np.isfinite(usual), usual, np.nan)
    goes_on = flagged.copy()
    goes_on[..., 1:] &= flagged[..., :-1]
    goes_on[..., :1] = False
    return np.where(goes_on, np.nan, np.where(flagged, np.minimum(ratios, usual), ratios))


def tail(ratio: npt.ArrayLike, df: npt.ArrayLike, dispersion: Dispersion | None = None) -> Floats:
    """Give the p-value of a ratio: P(χ²(df)/df ≥ ratio), or, with `dispersion`, by the law of this module.

    nan where the dispersion is not known: there is no evidence then, rather than a guess.
    """
    ratio, df = np.asarray(ratio, dtype=np.float64), np.asarray(df, dtype=np.float64)
    if dispersion is None:
        return np.asarray(special.chdtrc(df, ratio * df), dtype=np.float64)
    shape = _shape(df, dispersion)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(special.fdtrc(shape, dispersion.windows * shape, ratio / dispersion.mean), dtype=np.float64)


def critical(level: float, df: npt.ArrayLike, dispersion: Dispersion | None = None) -> Floats:
    """Give the ratio whose `tail` is `level`: a larger one is evidence. nan where the dispersion is not known."""
    df = np.asarray(df, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if dispersion is None:
            return np.asarray(special.chdtri(df, level) / df, dtype=np.float64)
        shape = _shape(df, dispersion)
        return np.asarray(dispersion.mean * special.fdtri(shape, dispersion.windows * shape, 1 - level))


def _shape(df: Floats, dispersion: Dispersion) -> Floats:
    """Give ν₋, the cautious degrees of freedom of the law."""
    mean, windows = dispersion.mean, dispersion.windows
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = 2 * mean**2 / np.maximum(dispersion.variance, 2 * mean**2 / df)
        cautious = shape * (1 - np.sqrt(2 * (1 + 2 / shape) / windows))
    return np.asarray(np.maximum(cautious, np.minimum(shape, 1.0)), dtype=np.float64)


def widen(p: npt.ArrayLike, ratio: npt.ArrayLike, df: npt.ArrayLike, dispersion: Dispersion | None = None) -> Floats:
    """Give the larger of a test's own p and its ratio's tail under the dispersion: nan where that is not known."""
    if dispersion is None:
        return np.asarray(p, dtype=np.float64)
    return np.asarray(np.maximum(np.asarray(p, dtype=np.float64), tail(ratio, df, dispersion)), dtype=np.float64)
