"""What a backtest cannot know, and why. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from mpm_elk.config import Rule
from mpm_elk.contract.keys import EVERYTHING, Segment
from mpm_elk.metrics.catalogue import JOINT_SUBJECT, TRAFFIC_SUBJECT
from mpm_elk.profiles.cells import Cells, CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.store import HOUR
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.store import ModelEntry
from mpm_elk.rules.looking import looks_at
from mpm_elk.timespan import DAY_MS, format_span, iso, parse_instant, to_ms


@dataclass
class Seen:
    """What is stored of a model, and what passed by while it was judged."""

    first_day: int
    first_hour: int | None
    entry: ModelEntry
    judged_from: int | None = None
    hours_from: dict[timedelta, int] = field(default_factory=dict)
    """The length of windows → the first that sees all the hours that it looks back at."""
    other_cells: dict[str, int] = field(default_factory=dict)
    """Subject → the end of the last profile that counts it in other cells than today's."""
    together_from: int | None = None
    segments_from: dict[tuple[str, str], int] = field(default_factory=dict)
    """Segment and subject → the first profile that counts it there."""

    @property
    def hours_dropped(self) -> bool:
        """Tell whether there are days whose hours are not there any more."""
        return self.first_hour is None or self.first_hour // DAY_MS > self.first_day // DAY_MS

    def note(self, timeline: Timeline, first: int) -> None:
        """Note what the windows of a timeline lack, from number `first` on."""
        cells = self.entry.cells.cells.subjects if self.entry.cells else {}
        for (_, segment), slots in timeline.windows.items():
            for at, profile in enumerate(slots[first:], first):
                if profile is not None:
                    self._note(timeline.time(at)[0], segment, profile, cells)

    def _note(self, start: int, segment: Segment, profile: Profile, cells: Mapping[str, Cells]) -> None:
        names = list(profile.subjects)
        if segment != EVERYTHING:
            for name in names:
                place = segment.name, name
                self.segments_from[place] = min(self.segments_from.get(place, start), start)
            return
        for name in names:
            if name in cells and profile.subjects[name].cells_hash != cells[name].hash:
                self.other_cells[name] = max(self.other_cells.get(name, 0), start)
        if profile.joint:
            self.together_from = min(self.together_from or start, start)


def said(seen: Seen, start: int, end: int, rules: Sequence[Rule]) -> list[str]:
    """Say what of [start, end) (ms) cannot be known about these rules."""
    return [*_of_time(seen, start, end, rules), *_of_rules(seen, start, rules), *_of_today(seen, start, rules)]


def _of_time(seen: Seen, start: int, end: int, rules: Sequence[Rule]) -> Iterator[str]:
    if start >= end:
        yield "no window of this time is over and read"
    by_length: dict[timedelta, list[str]] = defaultdict(list)
    for rule in rules:
        if unit_for(rule.window) == HOUR:
            by_length[rule.window].append(rule.id)
    for length, names in by_length.items():
        since = seen.hours_from.get(length)
        if seen.first_hour is None:
            yield f"{_list(names)}: windows of {format_span(length)} need hourly profiles, and none is kept"
        elif since is not None and since > start:
            yield (
                f"{_list(names)}: hours before {_day(seen.first_hour)} are dropped: windows of {format_span(length)} "
                f"are known from {_day(since)} on; `job.keep_hours` says how long hours are kept"
            )
    if seen.judged_from is not None and seen.judged_from > seen.first_day + DAY_MS and seen.judged_from < start:
        yield f"rules are taken to hold from {_day(seen.judged_from)} on: alarms before that excluded no window"


def _of_rules(seen: Seen, start: int, rules: Sequence[Rule]) -> Iterator[str]:
    cells = seen.entry.cells.cells if seen.entry.cells else CellSet({})
    for rule in rules:
        for segment in rule.on.segments or ("",):
            names = [*cells.subjects, TRAFFIC_SUBJECT, JOINT_SUBJECT]
            some = [name for name in names if looks_at(rule, name, segment, cells.subjects.get(name))]
            if not some:
                yield f"{rule.id}: the model has no subject for it to look at"
            elif segment:
                yield from _of_segment(seen, start, rule, segment, some)
            elif JOINT_SUBJECT in some:
                if seen.together_from is None:
                    yield f"{rule.id}: no profile holds features together"
                elif seen.together_from >= start + DAY_MS:
                    yield f"{rule.id}: features are counted together from {_day(seen.together_from)} on"


def _of_segment(seen: Seen, start: int, rule: Rule, segment: str, some: Sequence[str]) -> Iterator[str]:
    since = {name: seen.segments_from.get((segment, name)) for name in some}
    if never := [name for name, first in since.items() if first is None]:
        yield f"{rule.id}: no profile counts {_list(never)} in segment {segment}"
    for first in sorted({first for first in since.values() if first is not None and first >= start + DAY_MS}):
        names = [name for name in some if since[name] == first]
        yield f"{rule.id}: {_list(names)} in segment {segment} is counted from {_day(first)} on"


def _of_today(seen: Seen, start: int, rules: Sequence[Rule]) -> Iterator[str]:
    """Say what is of today in what is said of the past."""
    if seen.other_cells:
        last = max(seen.other_cells.values())
        yield (
            f"the cells of {_list(sorted(seen.other_cells))} changed: what was counted in other cells, up to "
            f"{_day(last)}, is not judged"
        )
    if any(rule.against.kind == "baseline" for rule in rules):
        newer = [b for b in seen.entry.baselines if to_ms(parse_instant(b.created)) > start]
        if not seen.entry.baselines:
            yield "there is no baseline to compare with"
        elif newer:
            made = max(b.created for b in newer)
            yield f"the baseline is today's, made {made[:10]}: runs before that compared with another, or with none"
    if seen.entry.quiet_until > start:
        yield f"the model was learning until {_day(seen.entry.quiet_until)}: windows before that raise nothing"


def _list(names: Sequence[str], most: int = 4) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _day(time: int) -> str:
    return iso(time)[:16].replace("T", " ").removesuffix(" 00:00")
