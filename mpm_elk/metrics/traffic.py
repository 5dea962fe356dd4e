"""A model's traffic in windows beside their references: what its metrics are computed from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mpm_elk.metrics import Floats, latency, volume
from mpm_elk.metrics.latency import Latency
from mpm_elk.metrics.measured import Learning
from mpm_elk.metrics.metric import FAILURE, LATENCY, VOLUME
from mpm_elk.metrics.moments import moments
from mpm_elk.metrics.subject import Share, compare_shares
from mpm_elk.metrics.volume import Volume
from mpm_elk.profiles.windows import TrafficWindows


@dataclass(frozen=True, eq=False)
class Traffic:
    """Windows (R rows), references row by row beside them, and the counts that the last one is compared with.

    `counts` has nan for windows that are not in the last one's reference. `silence` (R,) is the time (s) from the last
    event to each window's end.
    """

    windows: TrafficWindows
    references: TrafficWindows
    counts: Floats
    silence: Floats
    learning: Learning

    @property
    def count(self) -> int:
        """The predictions of the measured window."""
        return int(self.windows.count[-1])

    @cached_property
    def volume(self) -> Volume:
        """Whether the count is unusual."""
        return volume.unusual(self.count, self.counts)

    @cached_property
    def failures(self) -> Share:
        """The share of failed inferences."""
        window, reference = ((side.failures, side.count) for side in (self.windows, self.references))
        return compare_shares(self.learning, FAILURE, window, reference)

    @cached_property
    def durations(self) -> tuple[Floats, Floats]:
        """Mean durations (ns) of windows and references, (R,) each; nan where none was measured."""
        sides = (self.windows, self.references)
        with np.errstate(divide="ignore", invalid="ignore"):
            window, reference = (side.duration_sum / side.duration_count for side in sides)
        return window, reference

    @cached_property
    def latency(self) -> Latency:
        """The mean duration against the reference's. Windows that raised an alert do not show what is usual."""
        window, reference = self.durations
        usual = np.append(~self.learning.flagged, True)
        return latency.slower(window[usual], reference[usual], self._duration_error)

    @property
    def _duration_error(self) -> float:
        """The relative standard error of the measured window's mean duration."""
        sides = self.windows
        own = moments(sides.duration_count[-1], sides.duration_sum[-1], sides.duration_sum_sq[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.sqrt(own.variance / own.count) / own.mean)

    @cached_property
    def evidence(self) -> dict[str, float]:
        """The p-value of each test."""
        found = {VOLUME: float(self.volume.p), FAILURE: self.failures.p, LATENCY: float(self.latency.p)}
        return {test: p for test, p in found.items() if np.isfinite(p)}
