"""How much of the differences between hours the hour of the week explains, and how much windows vary at all. Pure.

Both are analyses of variance. Of numbers, the sum of squares between hours; of a subject's cells, the χ² of the table
hours × cells, which is the same with every cell's share weighted by 1/share. Groups take up variance by chance: a share
of it is stated as the adjusted R² = 1 − (within/(H − G)) / (total/(H − 1)), which is 0 on average where the groups mean
nothing. The p-value is that of the F-test.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.metrics.homogeneity import chi2

Ints = npt.NDArray[np.int64]

_TIMES = 2
"""How often an hour of the week must have come, on average, to tell it from chance."""


@dataclass(frozen=True)
class Explained:
    """The share of the variance between windows that their group explains (adjusted R²), and the p of the F-test."""

    share: float
    p: float


def of_numbers(values: npt.ArrayLike, groups: npt.ArrayLike) -> Explained | None:
    """Tell how far `groups` (H,) explain the variance of `values` (H,); None where groups came too rarely."""
    numbers, members = np.asarray(values, dtype=np.float64), np.asarray(groups)
    total = float(np.square(numbers - numbers.mean()).sum()) if len(numbers) else 0.0
    _, at, sizes = np.unique(members, return_inverse=True, return_counts=True)
    means = np.bincount(at, weights=numbers) / sizes
    within = float(np.square(numbers - means[at]).sum())
    return _explained(total, within, windows=len(numbers), groups=len(sizes))


def of_cells(counts: Ints, groups: npt.ArrayLike) -> Explained | None:
    """Tell how far `groups` (H,) explain the differences between windows' cell shares, `counts` (H, B).

    Empty windows are left out. None where groups came too rarely, or all is in one cell.
    """
    busy = counts.sum(axis=1) > 0
    kept, members = counts[busy], np.asarray(groups)[busy]
    names, at = np.unique(members, return_inverse=True)
    pooled = np.zeros((len(names), counts.shape[1]), dtype=np.int64)
    np.add.at(pooled, at, kept)
    total, between = _table(kept), _table(pooled)
    return _explained(total, total - between, windows=len(kept), groups=len(names))


def _table(counts: Ints) -> float:
    """Give the χ² of homogeneity of a table windows × cells."""
    overall = counts.sum(axis=0).astype(np.float64)
    kept = overall > 0
    expected = counts.sum(axis=1)[:, np.newaxis] * overall[kept] / max(overall.sum(), 1.0)
    return float((np.square(counts[:, kept] - expected) / expected).sum()) if len(counts) else 0.0


def _explained(total: float, within: float, *, windows: int, groups: int) -> Explained | None:
    left = windows - groups
    if left < (_TIMES - 1) * groups or groups < 2 or total <= 0:
        return None
    within = max(within, 0.0)
    share = 1 - (within / left) / (total / (windows - 1))
    between = (total - within) / (groups - 1)
    ratio = between / (within / left) if within > 0 else np.inf
    p = float(special.fdtrc(groups - 1, left, ratio)) if np.isfinite(ratio) else 0.0
    return Explained(max(share, 0.0), p)


def overdispersion(counts: Ints, fewest: int) -> float | None:
    """Give φ: the mean χ²/df of each window, of `counts` (T, B), against all others together; at least 1.

    Windows of fewer than `fewest` events are left out; None where fewer than two are left, or nothing can be tested.
    """
    kept = counts[counts.sum(axis=1) >= fewest]
    if len(kept) < 2:
        return None
    ratios: Floats = chi2(kept, kept.sum(axis=0) - kept).ratio
    known = ratios[np.isfinite(ratios)]
    return max(1.0, float(known.mean())) if len(known) else None
