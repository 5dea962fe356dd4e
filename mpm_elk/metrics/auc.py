"""Area under the ROC curve of scores, with DeLong's variance: how often a row of the window scores above a reference's.

The AUC is the share of pairs, one row of each side, in which the window's row has the higher score; ties count half.
0.5 is chance, 1 tells every pair apart. DeLong, DeLong and Clarke-Pearson (1988): the variance comes from each row's
*placement*, the share of the other side's rows below it. Without drift the AUC is Mann and Whitney's U, whose variance
is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from mpm_elk.metrics import Floats

LEVEL = 0.95


@dataclass(frozen=True)
class Auc:
    """An AUC, its variance by DeLong, and the variance that it has where both sides score alike."""

    value: float
    variance: float
    null_variance: float

    def limits(self, level: float = LEVEL) -> tuple[float, float]:
        """Give confidence limits, each within 0 and 1."""
        half = float(special.ndtri((1 + level) / 2)) * self.variance**0.5
        return max(0.0, self.value - half), min(1.0, self.value + half)

    @property
    def p(self) -> float:
        """The chance of so high an AUC where both sides score alike (one-sided, normal approximation)."""
        if not self.null_variance > 0:
            return 1.0
        return float(special.ndtr((0.5 - self.value) / self.null_variance**0.5))


def placements(window: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Give each score's placement among those of the other side, (n,) and (m,): of the window's, the share below it."""
    return _below(window, reference), 1 - _below(reference, window)


def _below(scores: Floats, others: Floats) -> Floats:
    ordered = np.sort(others)
    sides = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return np.asarray(sum(sides) / (2 * len(others)), dtype=np.float64)


def auc(window: Floats, reference: Floats) -> Auc:
    """Compare the scores of two sides, (n,) and (m,), at least two each."""
    n, m = len(window), len(reference)
    of_window, of_reference = placements(window, reference)
    ties = np.unique(np.concatenate([window, reference]), return_counts=True)[1].astype(np.float64)
    total = n + m
    tied = float((ties**3 - ties).sum()) / (total * (total - 1))
    return Auc(
        float(of_window.mean()),
        float(of_window.var(ddof=1) / n + of_reference.var(ddof=1) / m),
        (total + 1 - tied) / (12 * n * m),
    )


def difference(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Auc:
    """Compare two scorings of the same rows by their placements: the first AUC less the second, with its variance."""
    window, reference = (one - other for one, other in zip(first, second, strict=True))
    variance = float(window.var(ddof=1) / len(window) + reference.var(ddof=1) / len(reference))
    return Auc(float(window.mean()), variance, variance)


def mean(parts: Sequence[Auc], sizes: Sequence[tuple[int, int]]) -> Auc:
    """Join AUCs of disjoint rows; each weighs by its rows (n, m) as n·m / (n + m), the inverse of its null variance."""
    weights = np.array([n * m / (n + m) for n, m in sizes])
    weights /= weights.sum()
    return Auc(
        float(weights @ [part.value for part in parts]),
        float(weights**2 @ [part.variance for part in parts]),
        float(weights**2 @ [part.null_variance for part in parts]),
    )
