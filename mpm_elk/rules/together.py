"""Measure several features together in one window of a version, against what its monitor compares with. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mpm_elk.contract.keys import EVERYTHING, VersionKey
from mpm_elk.metrics import Flags
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import measure_together
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.reference import members
from mpm_elk.profiles.cells import FEATURE_PREFIX
from mpm_elk.profiles.joint import paired
from mpm_elk.profiles.joint_windows import JointWindows, joint_windows
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import Slots, Timeline
from mpm_elk.rules.judgement import BaselineCounts, Known, Monitor, ReferenceUsed
from mpm_elk.timespan import DAY_MS

Used = Callable[[Flags, Flags], ReferenceUsed]
"""Describes a reference, by which windows make it up and which have rows."""


@dataclass(frozen=True)
class Together:
    """One version's windows in a timeline; `flagged` (T,) marks those that raised an alert, `level` as in metrics."""

    monitor: Monitor
    known: Known
    timeline: Timeline
    version: VersionKey
    flagged: Flags
    level: float

    def measure(self, at: int, rows: slice, used: Used) -> tuple[Measured, ReferenceUsed] | None:
        """Measure window number `at`, whose history are the `rows` before it; None where it has no sample of rows."""
        slots, owners = self.timeline.lineage(self.version)
        windows = self._windows(slots)
        if not windows.rows[at]:
            return None
        history, flagged, reference = windows.take(rows), self.flagged[rows][:-1], self.monitor.reference
        if reference.kind == "version":
            beside, found = self._other_version(at, owners)
            return measure_together(self._names, history, beside.take(rows), flagged, level=self.level), found
        if reference.kind == "baseline":
            return self._against_baseline(history, flagged)
        usable = windows.rows > 0
        chosen = members(reference, self.monitor.length, usable, ~self.flagged)
        measured = measure_together(self._names, history, windows.pool(chosen[rows]), flagged, level=self.level)
        return measured, used(chosen[at], usable)

    @property
    def _hashes(self) -> dict[str, str]:
        return {name: cells.hash for name, cells in paired(self.known.cells).items()}

    @property
    def _names(self) -> list[str]:
        return [name.removeprefix(FEATURE_PREFIX) for name in self._hashes]

    def _windows(self, slots: Sequence[Profile | None]) -> JointWindows:
        return joint_windows(self._hashes, [profile.joint if profile else None for profile in slots])

    def _other_version(self, at: int, owners: Sequence[str]) -> tuple[JointWindows, ReferenceUsed]:
        """Give another version's windows; not where they stand in for the past of this one."""
        other = self.known.model.version(self.monitor.reference.version or "")
        found: Slots = self.timeline.windows.get((other, EVERYTHING), [None] * self.timeline.size)
        others = [None if owner == other.version else p for p, owner in zip(found, owners, strict=True)]
        start, end = self.timeline.time(at)
        used = ReferenceUsed(1, 0, start, end, (other.version,)) if others[at] is not None else ReferenceUsed()
        return self._windows(others), used

    def _against_baseline(self, history: JointWindows, flagged: Flags) -> tuple[Measured, ReferenceUsed]:
        """Compare with the baseline's total; its days, where it has enough, show how much daily windows vary."""
        entry = self.known.baselines.get(self.version.version) or BaselineCounts("", Profile(), {})
        total = self._windows([entry.total])
        beside = total.take(np.zeros(len(history.rows), dtype=np.intp))
        learn_from = None
        days = self._windows([entry.days[day] for day in sorted(entry.days)])
        days = days.take(np.flatnonzero(days.rows))
        known = len(days.rows)
        if known >= MIN_WINDOWS and self.timeline.length == DAY_MS:
            others = total.take(np.zeros(known, dtype=np.intp)).less(days)  # a day is compared with all other days
            history, beside = days.stack(history), others.stack(beside)
            learn_from = np.arange(len(history.rows)) < known
            flagged = np.concatenate([np.zeros(known, dtype=np.bool_), flagged])
        measured = measure_together(self._names, history, beside, flagged, learn_from=learn_from, level=self.level)
        return measured, ReferenceUsed(baseline=entry.id or None)
