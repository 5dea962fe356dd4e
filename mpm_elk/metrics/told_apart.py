"""What an AUC of a window means, beside those of windows in the past that nothing happened in. Pure.

Every window differs from its reference, for its rows share their weather: on such traffic AUCs of 0.7 and more are
usual. So where there are past windows, each was told apart in the same way, and the window is compared with them: by a
t prediction interval of Φ⁻¹(AUC), which is √½ of the distance of two normal distributions in standard deviations. Their
spread counts as that of random rows at least, and their mean as 0.5 at least.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from mpm_elk.metrics.auc import LEVEL
from mpm_elk.metrics.classifier import Told

HISTORY, HISTORY_MIN = 14, 7
"""How many past windows are told apart, and how many are needed."""

_SLOPE = 2 * np.pi
"""The square of the slope of Φ⁻¹ at 0.5."""
_EDGE = 1e-6


@dataclass(frozen=True)
class Usual:
    """The AUC of past windows: how many, their middle, and the most that a usual one has (97.5 %)."""

    windows: int
    value: float
    upper: float


@dataclass(frozen=True)
class ToldApart:
    """A window's AUC and its evidence: `p` beside past windows, None where there are too few; `p_rows` as if at random.

    `past` are the AUCs of past windows. Where rows are comparable one by one (`exchangeable`), `p` is `p_rows`.
    """

    told: Told
    past: tuple[float, ...] = ()
    exchangeable: bool = False

    @property
    def p_rows(self) -> float:
        """The chance of so high an AUC where all rows are drawn independently from one distribution."""
        return self.told.found.p

    @property
    def usual(self) -> Usual | None:
        """What past windows had, None where there are too few."""
        if len(self.past) < HISTORY_MIN:
            return None
        middle, spread = self._past()
        far = float(special.stdtrit(len(self.past) - 1, (1 + LEVEL) / 2))
        upper = float(special.ndtr(middle + far * spread))
        return Usual(len(self.past), float(special.ndtr(middle)), upper)

    @property
    def p(self) -> float | None:
        """The chance of so high an AUC where the window is like those before."""
        if self.exchangeable:
            return self.p_rows
        if len(self.past) < HISTORY_MIN:
            return None
        middle, spread = self._past()
        distance = (_probit([self.told.found.value])[0] - middle) / spread
        return float(special.stdtr(len(self.past) - 1, -distance))

    def _past(self) -> tuple[float, float]:
        """Give middle and prediction error of past windows on the scale Φ⁻¹."""
        known = _probit(self.past)
        variance = max(float(known.var(ddof=1)), _SLOPE * self.told.found.null_variance)
        return max(0.0, float(known.mean())), (variance * (1 + 1 / len(known))) ** 0.5


def _probit(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = special.ndtri(np.clip(values, _EDGE, 1 - _EDGE))
    return found
