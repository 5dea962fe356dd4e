"""Shares below the reference's quantiles: which part of the distribution has moved."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Floats
from mpm_elk.metrics.proportions import newcombe


@dataclass(frozen=True)
class QuantileShift:
    """Edges near the reference's quantiles, how much more of the window lies below each, and limits; (Q,) each."""

    edge: Floats
    shift: Floats
    lower: Floats
    upper: Floats


def quantile_shift(
    window: npt.ArrayLike,
    reference: npt.ArrayLike,
    edges: npt.ArrayLike,
    quantiles: npt.ArrayLike,
    phi: npt.ArrayLike = 1.0,
) -> QuantileShift:
    """Compare the shares of rows below edges, for one window (K+1,): F(e) − G(e), window less reference.

    For each quantile e is the fine edge at which the reference's share is nearest to it, so both shares are exact: no
    quantile is estimated. A share that grows below a low edge, or falls below a high one, is a longer tail. The limits
    are Newcombe's, 95 %, their distance from the shift times √φ. nan where a side holds no rows.
    """
    b, a = np.asarray(window, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    n, m = b.sum(), a.sum()
    wanted = np.asarray(quantiles, dtype=np.float64)
    if n == 0 or m == 0:
        nothing = np.full(wanted.shape, np.nan)
        return QuantileShift(nothing, nothing, nothing, nothing)
    below, below_before = np.cumsum(b)[:-1], np.cumsum(a)[:-1]
    at = np.abs(below_before / m - wanted[:, np.newaxis]).argmin(axis=1)
    k, k0 = below[at], below_before[at]
    shift = k / n - k0 / m
    limits, wider = newcombe(k, n, k0, m), np.sqrt(np.asarray(phi, dtype=np.float64))
    return QuantileShift(
        edge=np.asarray(edges, dtype=np.float64)[at],
        shift=shift,
        lower=np.maximum(shift - wider * (shift - limits.lower), -1.0),
        upper=np.minimum(shift + wider * (limits.upper - shift), 1.0),
    )
