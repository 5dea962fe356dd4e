"""What a window and its history are compared with, for a subject alone and for features together alike. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.metrics import Flags
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.reference import members
from mpm_elk.profiles.cells import Ints
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import BASELINE, Slots, Timeline
from mpm_elk.rules.judgement import HISTORY, BaselineCounts, Known, Monitor, ReferenceUsed
from mpm_elk.timespan import DAY_MS


class Windows(Protocol):
    """Windows side by side; `events` (T,) counts those of each."""

    @property
    def events(self) -> Ints:
        """How many events each window holds."""

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Self:
        """Choose windows."""

    def pool(self, members: Flags) -> Self:
        """Add windows up."""

    def less(self, other: Self) -> Self:
        """Take windows, which are a part of these, away from them."""

    def stack(self, other: Self) -> Self:
        """Put windows after these."""


W = TypeVar("W", bound=Windows)


@dataclass(frozen=True)
class Comparison(Generic[W]):
    """A window, the last of T with its `history`, and `beside` each what it is compared with.

    `flagged` (T−1,) marks past windows that raised an alert, `in_sample` (T,) those of the data that the cells were cut
    from, `learn_from` (T,) those that show how much everything varies; without it all do.
    """

    history: W
    beside: W
    flagged: Flags
    in_sample: Flags
    used: ReferenceUsed
    learn_from: Flags | None = None


@dataclass(frozen=True)
class Comparer:
    """Compares the windows of one version and segment, as they stand in a timeline."""

    monitor: Monitor
    known: Known
    timeline: Timeline
    version: VersionKey
    segment: Segment = EVERYTHING

    @cached_property
    def _lineage(self) -> tuple[Slots, list[str]]:
        return self.timeline.lineage(self.version, self.segment)

    def compare(self, at: int, flagged: Flags, windows_of: Callable[[Slots], W]) -> Comparison[W]:
        """Compare window number `at`; `flagged` (T,) marks those that raised an alert.

        `windows_of` takes what is measured out of the profiles.
        """
        slots, owners = self._lineage
        rows, reference = with_history(at), self.monitor.reference
        windows, past = windows_of(slots), flagged[rows][:-1]
        history = windows.take(rows)
        in_sample = np.array([owner == BASELINE for owner in owners[rows]], dtype=np.bool_)
        if reference.kind == "baseline":
            return self._against_baseline(windows_of, history, past, in_sample)
        if reference.kind == "version":
            beside, used = self._other_version(windows_of, at)
        elif reference.kind == "window":
            beside, used = self._fixed(windows_of, at)
        elif reference.kind == "training":
            beside, used = self._training(windows_of, at)
        else:
            chosen, describe = earlier(self.monitor, self.timeline, windows.events > 0, flagged, owners)
            beside, used = windows.pool(chosen[rows]), describe(at)
        return Comparison(history, beside, past, in_sample, used)

    def _times(self, at: int) -> list[tuple[int, int]]:
        """Give start and end (ms) of a window and its history."""
        return [self.timeline.time(i) for i in range(*with_history(at).indices(self.timeline.size))]

    def _other_version(self, windows_of: Callable[[Slots], W], at: int) -> tuple[W, ReferenceUsed]:
        """Give another version's windows; not where they stand in for the past of this one, compared with itself."""
        other, owners = self.known.model.version(self.monitor.reference.version or ""), self._lineage[1]
        found: Slots = self.timeline.windows.get((other, self.segment), [None] * self.timeline.size)
        others: Slots = [None if owner == other.version else p for p, owner in zip(found, owners, strict=True)]
        start, end = self.timeline.time(at)
        used = ReferenceUsed(1, 0, start, end, (other.version,)) if others[at] is not None else ReferenceUsed()
        return windows_of(others).take(with_history(at)), used

    def _fixed(self, windows_of: Callable[[Slots], W], at: int) -> tuple[W, ReferenceUsed]:
        """Give each row the fixed window as its reference; rows that lie in it are compared with the rest of it.

        A window that begins before the fixed one is over has no reference: that would change until it is.
        """
        fixed, times = self.known.fixed, self._times(at)
        nothing = windows_of([None] * len(times)), ReferenceUsed()
        if fixed is None or times[-1][0] < fixed.end:
            return nothing
        slots, owners = fixed.lineage(self.version, self.segment)
        windows = windows_of(slots)
        used = np.flatnonzero(windows.events).tolist()
        if not used:
            return nothing
        total = windows.pool(np.ones((1, fixed.size), dtype=np.bool_)).take(np.zeros(len(times), dtype=np.intp))
        own = np.array([fixed.at(start) for start, _ in times])[:, None] == np.arange(fixed.size)
        versions = tuple(dict.fromkeys(owners[i] for i in used))
        return total.less(windows.pool(own)), ReferenceUsed(len(used), 0, fixed.start, fixed.end, versions)

    def _training(self, windows_of: Callable[[Slots], W], at: int) -> tuple[W, ReferenceUsed]:
        """Give each row the training data of its own days as its reference, where that holds all of them.

        So what has changed since the training is on both sides, and what differs is how training and serving were made.
        """
        training = self.known.trainings.get(self.version.version) if self.segment == EVERYTHING else None
        times = self._times(at)
        found: Slots = [
            None if training is None or owner == BASELINE else _of_days(training, span)
            for span, owner in zip(times, self._lineage[1][with_history(at)], strict=True)
        ]
        beside = windows_of(found)
        if training is None or found[-1] is None:
            return beside, ReferenceUsed()
        start, end = times[-1]
        return beside, ReferenceUsed((end - start) // DAY_MS, 0, start, end, (self.version.version,), training.id)

    def _against_baseline(
        self, windows_of: Callable[[Slots], W], history: W, flagged: Flags, in_sample: Flags
    ) -> Comparison[W]:
        """Compare with the baseline's total; its days, where it has enough, show how much daily windows vary.

        Windows of another length vary otherwise: hours have their time of day, and fewer events that hang together.
        """
        entry = self.known.baselines.get(self.version.version)
        if entry is None or self.segment != EVERYTHING:  # baselines count all events, not those of a segment
            entry = BaselineCounts("", Profile(), {})
        used, total = ReferenceUsed(baseline=entry.id or None), windows_of([entry.total])
        beside = total.take(np.zeros(len(in_sample), dtype=np.intp))
        days = windows_of([entry.days[day] for day in sorted(entry.days)])
        days = days.take(np.flatnonzero(days.events))
        known = len(days.events)
        if known < MIN_WINDOWS or self.timeline.length != DAY_MS:
            return Comparison(history, beside, flagged, in_sample, used)
        others = total.take(np.zeros(known, dtype=np.intp)).less(days)  # a day is compared with all other days
        return Comparison(
            days.stack(history),
            others.stack(beside),
            np.concatenate([np.zeros(known, dtype=np.bool_), flagged]),
            np.concatenate([np.ones(known, dtype=np.bool_), in_sample]),
            used,
            learn_from=np.arange(known + len(in_sample)) < known,
        )


def with_history(at: int) -> slice:
    """Choose a window and the windows from which its dispersion is learnt."""
    return slice(max(0, at - HISTORY), at + 1)


def earlier(
    monitor: Monitor, timeline: Timeline, usable: Flags, flagged: Flags, owners: Sequence[str]
) -> tuple[Flags, Callable[[int], ReferenceUsed]]:
    """Choose the earlier windows that make up each window's reference, (T, T); and describe that of a window.

    `usable` (T,) marks those with events, `flagged` (T,) those that raised an alert.
    """
    chosen = members(monitor.reference, monitor.length, usable, ~flagged)
    possible = members(monitor.reference, monitor.length, usable, np.ones_like(usable))

    def describe(at: int) -> ReferenceUsed:
        used = np.flatnonzero(chosen[at]).tolist()
        if not used:
            return ReferenceUsed()
        excluded = int((possible[at] & ~chosen[at]).sum())
        start, end = timeline.time(used[0])[0], timeline.time(used[-1])[1]
        return ReferenceUsed(
            len(used), excluded, start, end, tuple(dict.fromkeys(owners[i] for i in used if owners[i]))
        )

    return chosen, describe


def _of_days(training: BaselineCounts, span: tuple[int, int]) -> Profile | None:
    """Add up the training data of the days of a window; None where any of them is not there."""
    days = [training.days.get(day) for day in range(*span, DAY_MS)]
    known = [day for day in days if day is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(days) else None
