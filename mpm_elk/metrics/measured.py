"""What is measured of one subject in one window, and what past windows teach about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Flags, Floats, dispersion
from mpm_elk.metrics.dispersion import Dispersion

HISTORY_MIN = 30
"""Past windows with fewer values than this say nothing about dispersion."""


@dataclass(frozen=True)
class Measured:
    """The metrics of one subject in one window.

    `values` maps names such as `drift.psi` to numbers, `p` maps each test to its p-value; what could not be computed is
    in neither. `learning` says of each test that has no p-value for want of history how many past windows are known,
    of `MIN_WINDOWS`. `culprit` is the cell whose share moved most, or the pair whose correlation did.
    """

    values: Mapping[str, float]
    p: Mapping[str, float]
    window: int
    reference: int
    culprit: str | None = None
    learning: Mapping[str, int] = field(default_factory=dict)
    distributions: Mapping[str, list[float] | list[str]] = field(default_factory=dict)


@dataclass
class Learning:
    """Learns dispersions from past windows, and keeps count of tests that know too few.

    `flagged` (T−1,) marks past windows that raised an alert.
    """

    flagged: Flags
    known: dict[str, int] = field(default_factory=dict)

    def learn(self, test: str, ratios: Floats, df: npt.ArrayLike, usable: Flags) -> Dispersion:
        """Learn a test's dispersion from the past windows of `ratios` (…, T) that are `usable` (…, T).

        A test of several parts is still learning where none of them knows enough.
        """
        past = np.where(usable[..., :-1], ratios[..., :-1], np.nan)
        found = dispersion.estimate(past, df, flagged=self.flagged)
        if not found.known.any():
            self.known[test] = max(self.known.get(test, 0), int(found.windows.max(initial=0)))
        return found

    def without(self, p: Mapping[str, float]) -> dict[str, int]:
        """Leave out the tests that have a p-value all the same."""
        return {test: known for test, known in self.known.items() if test not in p}
