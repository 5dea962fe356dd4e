"""Windows of equal length in a row, of every version and segment of a model, filled from stored profiles. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.profiles.profile import Profile, SubjectProfile
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey
from mpm_elk.timespan import DAY_MS, milliseconds

Slots = list[Profile | None]

BASELINE = "baseline"
"""The owner of windows that training data stands in for."""


def unit_for(length: timedelta) -> str:
    """Choose the stored profiles that windows of `length` are merged from."""
    return DAY if milliseconds(length) % DAY_MS == 0 else HOUR


@dataclass
class Timeline:
    """Windows number 0 to `size` − 1, each `length` ms long, the first beginning at `start` (ms).

    `days` are the daily counts of a baseline, which stand for the traffic before there was any. `last_before` is the
    time (ms) of the last event before the first window, where that is asked for, and 0 where there was none.
    """

    start: int
    length: int
    size: int
    days: Mapping[int, Profile] = field(default_factory=dict)
    windows: dict[tuple[VersionKey, Segment], Slots] = field(default_factory=dict)
    last_before: int | None = None

    def add(self, profiles: Iterable[tuple[ProfileKey, Profile]]) -> None:
        """Merge stored profiles into their windows; each is given once."""
        for key, profile in profiles:
            at = (key.start - self.start) // self.length
            if 0 <= at < self.size:
                slots = self.windows.setdefault((key.version, key.segment), [None] * self.size)
                known = slots[at]
                slots[at] = profile if known is None else known + profile

    @property
    def end(self) -> int:
        """The end (ms) of the last window."""
        return self.start + self.size * self.length

    def moved(self, kept: int, more: int) -> "Timeline":
        """Move on: the last `kept` windows, and room for `more` windows behind them."""
        first = self.size - kept
        pad: Slots = [None] * max(0, -first)
        windows = {
            key: pad + slots[max(0, first) :] + [None] * more
            for key, slots in self.windows.items()
            if any(slots[max(0, first) :])
        }
        start, before = self.start + first * self.length, self._last_before(first)
        return Timeline(start, self.length, kept + more, self.days, windows, before)

    def ending(self, at: int, reach: int) -> "Timeline":
        """Cut out window `at` and the `reach` windows before it.

        What is judged there does not depend on how long the whole timeline is, and neither does the work.
        """
        first = max(0, at - reach)
        windows = {key: slots[first : at + 1] for key, slots in self.windows.items()}
        before = self._last_before(first)
        return Timeline(self.time(first)[0], self.length, at + 1 - first, self.days, windows, before)

    def _last_before(self, first: int) -> int | None:
        """Give the time of the last event before a window; 0 where there was none or it is not known."""
        if self.last_before is None:
            return None
        every = [slots for (_, segment), slots in self.windows.items() if segment == EVERYTHING]
        for at in range(min(first, self.size) - 1, -1, -1):
            if some := [slots[at] for slots in every if _busy(slots[at])]:
                return max((profile.last or 0 for profile in some if profile is not None), default=0)
        return self.last_before

    def counts(self) -> list[tuple[int, int]]:
        """Give the start (ms) and the events of each window, all versions together."""
        return [(self.time(at)[0], profile.count) for at, profile in enumerate(self.traffic()) if profile is not None]

    def time(self, at: int) -> tuple[int, int]:
        """Give the start and end (ms) of a window."""
        begin = self.start + at * self.length
        return begin, begin + self.length

    def at(self, time_ms: int) -> int:
        """Give the number of the window that holds a time."""
        return (time_ms - self.start) // self.length

    def versions(self, at: int) -> list[VersionKey]:
        """List the versions that had events in a window."""
        return sorted(v for (v, segment), slots in self.windows.items() if segment == EVERYTHING and _busy(slots[at]))

    def segments(self, version: VersionKey, at: int, name: str) -> list[Segment]:
        """List the values of a segment that a version had events of in a window."""
        return sorted(
            segment
            for (v, segment), slots in self.windows.items()
            if v == version and segment.name == name and _busy(slots[at])
        )

    def traffic(self) -> Slots:
        """Give the events of all versions together, window by window."""
        totals: Slots = [None] * self.size
        for (_, segment), slots in self.windows.items():
            if segment == EVERYTHING:
                for at, profile in enumerate(slots):
                    if profile is not None:
                        bare = Profile(profile.count, profile.failures, profile.duration, last=profile.last)
                        known = totals[at]
                        totals[at] = bare if known is None else known + bare
        return totals

    def lineage(self, version: VersionKey, segment: Segment = EVERYTHING) -> tuple[Slots, list[str]]:
        """Give a version's windows, and whose events each holds: a version's name, `baseline`, or an empty text.

        Before its first events stand those of the version that had most at the time, and before any, the days of the
        baseline: so a new version is compared with what it replaces.
        """
        own = self.windows.get((version, segment), [None] * self.size)
        first = next((at for at, profile in enumerate(own) if _busy(profile)), self.size)
        slots: Slots = list(own)
        owners = [version.version if _busy(profile) else "" for profile in own]
        for at in range(first):
            slots[at], owners[at] = self._before(segment, at)
        return slots, owners

    def _before(self, segment: Segment, at: int) -> tuple[Profile | None, str]:
        others = [(slots[at], v) for (v, s), slots in self.windows.items() if s == segment and _busy(slots[at])]
        busiest = max(others, key=lambda entry: (entry[0].count if entry[0] else 0, entry[1]), default=None)
        if busiest is not None:
            return busiest[0], busiest[1].version
        if segment == EVERYTHING and self.length == DAY_MS and (profile := self.days.get(self.time(at)[0])):
            return profile, BASELINE
        return None, ""


def _busy(profile: Profile | None) -> bool:
    return profile is not None and profile.count > 0


def subject(slots: Slots, name: str) -> list[SubjectProfile | None]:
    """Take one subject's counts out of windows."""
    return [profile.subjects.get(name) if profile else None for profile in slots]
