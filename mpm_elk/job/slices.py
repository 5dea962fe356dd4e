"""Which segments are counted in a run, and the history of what is new: a segment, or a subject that nobody looked at.

Only that part is counted, of the hours that judgements look back on, and laid over the profiles that are stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mpm_elk.cluster.counted import Counted, load_counted, save_counted
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.job.batch import WEEK, write_profiles
from mpm_elk.job.context import Context
from mpm_elk.job.hours import Hours, every_hour, start_of_day, starts_of
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.requests import look_requests
from mpm_elk.profiles.rollup import count_part, part_requests
from mpm_elk.profiles.slices import Slice, Values, named, values_found
from mpm_elk.profiles.store import DAY, HOUR, LENGTH, ProfileKey, Wanted, read
from mpm_elk.timespan import DAY_MS, HOUR_MS, milliseconds


@dataclass(frozen=True)
class Part:
    """Subjects of one segment (empty: of all events) that the hours in [since, until) (ms) lack."""

    segment: str
    subjects: tuple[str, ...]
    since: int
    until: int


def reach_back(context: Context) -> int:
    """Give the midnight (ms) before the first window that a judgement of the present can look at."""
    starts = [context.now_ms - (monitor.reach + 1) * milliseconds(monitor.length) for monitor in context.monitors]
    starts += [monitor.reference.fixed[0] for monitor in context.monitors if monitor.reference.fixed]
    return start_of_day(min(starts, default=context.now_ms))


def lacking(context: Context, counted: Counted, new: Iterable[str]) -> list[Part]:
    """Say what stored profiles lack: subjects of segments that were not counted as now, and `new` ones of all events.

    What was counted from a later hour on than is needed now lacks the hours before.
    """
    since, end = reach_back(context), context.now_ms + DAY_MS
    groups: dict[tuple[str, int], list[str]] = {}
    for subject in new:
        groups.setdefault(("", end), []).append(subject)
    for segment, subjects in context.plan.items():
        known = counted.subjects.get(segment, {})
        for subject in subjects:
            cells_hash, first = known.get(subject, ("", end))
            until = first if cells_hash == context.cells.subjects[subject].hash else end
            if until > since:
                groups.setdefault((segment, until), []).append(subject)
    return [Part(segment, tuple(subjects), since, until) for (segment, until), subjects in sorted(groups.items())]


@dataclass
class Slicing:
    """The slices of one model in one run; `counted` is what is remembered, kept up to date."""

    context: Context
    indices: str
    counted: Counted = field(default_factory=Counted)

    @classmethod
    def of(cls, context: Context, indices: Sequence[str]) -> "Slicing":
        """Read what is remembered."""
        return cls(context, ",".join(indices), load_counted(context.client, context.model))

    def slices(self, only: Mapping[str, Sequence[str]] | None = None) -> list[Slice]:
        """Give the slices to count: those of the plan, or `only` some subjects of some."""
        plan = self.context.plan if only is None else only
        return [Slice(name, self.counted.named.get(name, ()), tuple(subjects)) for name, subjects in plan.items()]

    def look(self, hours: Mapping[VersionKey, Mapping[int, int]], segments: Iterable[str]) -> None:
        """Name the values that occur in some hours, as long as there is room; that is remembered before it is used."""
        context, found = self.context, dict(self.counted.named)
        for name in segments:
            counts: dict[Values, int] = {}
            for version, events in sorted(hours.items()):
                bodies = look_requests(version, sorted(events), name, found.get(name, ()), context.source)
                for answer in search_all(context.client, [Search(self.indices, body) for body in bodies]):
                    for values, number in values_found(name, answer).items():
                        counts[values] = counts.get(values, 0) + number
            chosen = named(found.get(name, ()), counts)
            left = {values: number for values, number in counts.items() if values not in set(chosen)}
            if left:
                context.report.notice(
                    f"segment {name}: {sum(left.values())} events have one of {len(left)} values that have no profile "
                    f"of their own; they are counted in (other)"
                )
            if chosen:
                found[name] = chosen
        self._remember(replace(self.counted, named=found))

    def catch_up(self, parts: Sequence[Part]) -> set[int]:
        """Count what stored profiles lack, and say before what it costs; a dry run only says it.

        Returns the hours of the last week that new subjects of all events were counted in: they are judged there too.
        """
        context, recent = self.context, self.context.now_ms - WEEK
        if not parts:
            return set()
        everything = every_hour(context, self.indices.split(","))
        done: set[int] = set()
        for part in parts:
            hours = {
                version: some
                for version, counts in everything.items()
                if (some := {hour: n for hour, n in counts.items() if part.since <= hour < part.until})
            }
            if part.segment:
                self.look(hours, [part.segment])
            self._say(part, hours)
            if context.lease is not None:
                self._count(part, hours)
                if not part.segment:
                    done |= {hour for counts in hours.values() for hour in counts if hour >= recent}
        return done

    def begin_anew(self) -> None:
        """Forget what was counted: all hours are read."""
        if self.counted.subjects:
            self._remember(replace(self.counted, subjects={}))

    def counted_since(self, since: int) -> None:
        """Note that the plan is counted from `since` (ms) on, or earlier where it was known already."""
        known = self.counted.subjects
        hashes = {name: cells.hash for name, cells in self.context.cells.subjects.items()}
        subjects = {
            segment: {
                name: (hashes[name], min(since, first) if cells_hash == hashes[name] else since)
                for name in names
                for cells_hash, first in [known.get(segment, {}).get(name, ("", since))]
            }
            for segment, names in self.context.plan.items()
        }
        self._remember(replace(self.counted, subjects=subjects))

    def _remember(self, counted: Counted) -> None:
        context = self.context
        if counted != self.counted:
            self.counted = counted
            if context.lease is not None:
                save_counted(context.client, context.lease, context.model, counted, context.now_ms)

    def _whole(self, part: Part) -> tuple[tuple[str, ...], list[Slice]]:
        """Give the subjects to count over all events, and the slices to count."""
        return ((), self.slices({part.segment: part.subjects})) if part.segment else (part.subjects, [])

    def _say(self, part: Part, hours: Hours) -> None:
        """Say what counting a part costs."""
        context, (whole, slices) = self.context, self._whole(part)
        searches = sum(
            len(part_requests(v, events, cells=context.cells, whole=whole, slices=slices, source=context.source))
            for v, events in _by_week(hours)
        )
        if not searches:
            return
        what = f"{part.segment} ({', '.join(part.subjects)})" if part.segment else ", ".join(part.subjects)
        starts = starts_of(hours)
        total = sum(number for counts in hours.values() for number in counts.values())
        text = f"counting {what} in {len(starts):,} hours, {total:,} events, about {searches:,} searches"
        context.report.notice(text)
        context.progress(f"{context.model}: {text}")

    def _count(self, part: Part, hours: Hours) -> None:
        """Count a part week by week, and lay it over what is stored of hours and days."""
        context, (whole, slices) = self.context, self._whole(part)
        seen: dict[tuple[VersionKey, str], int] = {}
        for version, events in _by_week(hours):
            assert context.lease is not None  # noqa: S101 — the caller has looked
            context.lease.keep()
            rolled = count_part(
                context.client, self.indices, version, events,
                cells=context.cells, whole=whole, slices=slices, source=context.source,
                pace=context.pace, wait=context.wait,
            )  # fmt: skip
            for problem in rolled.problems:
                context.report.notice(problem)
            found = rolled.profiles
            days = min(events) - min(events) % DAY_MS, max(events) - max(events) % DAY_MS + DAY_MS
            stored = {
                granularity: {
                    key: profile
                    for key, profile in read(context.client, context.model, Wanted(granularity, *days))
                    if key.version == version and key.segment.name in ("", part.segment)
                }
                for granularity in (HOUR, DAY)
            }
            if part.segment:
                _like_totals(found, version, stored[HOUR])
            else:
                _drop_before_first(found[EVERYTHING], version, seen)
            for granularity, there in stored.items():
                known = {key: there[key] for key in there if _holds_all(there, key, events)}
                write_profiles(context, laid_over(known, _merged(found, version, granularity)))


def _by_week(hours: Hours) -> list[tuple[VersionKey, dict[int, int]]]:
    """Group hours by version and week, oldest first, so that memory stays bounded."""
    groups: dict[tuple[int, VersionKey], dict[int, int]] = {}
    for version, counts in hours.items():
        for hour, number in counts.items():
            groups.setdefault((hour - hour % WEEK, version), {})[hour] = number
    return [(version, groups[week, version]) for week, version in sorted(groups)]


def _drop_before_first(hours: dict[int, Profile], version: VersionKey, seen: dict[tuple[VersionKey, str], int]) -> None:
    """Leave a new subject out of the hours before its first value: it was not missing there, it was not there yet."""
    for hour in sorted(hours):
        for name, counts in hours[hour].subjects.items():
            if counts.present or counts.type_violations:
                seen.setdefault((version, name), hour)
    for hour, profile in hours.items():
        kept = {n: counts for n, counts in profile.subjects.items() if seen.get((version, n), hour + 1) <= hour}
        hours[hour] = replace(profile, subjects=kept)


def _like_totals(
    found: Mapping[Segment, dict[int, Profile]], version: VersionKey, stored: Mapping[ProfileKey, Profile]
) -> None:
    """Leave a subject out of a segment's hours where the stored profile of all events does not have it."""
    for hours in found.values():
        for hour, profile in hours.items():
            total = stored.get(ProfileKey(version, EVERYTHING, HOUR, hour))
            if total is not None:
                kept = {name: counts for name, counts in profile.subjects.items() if name in total.subjects}
                hours[hour] = replace(profile, subjects=kept)


def _holds_all(stored: Mapping[ProfileKey, Profile], key: ProfileKey, events: Mapping[int, int]) -> bool:
    """Tell whether the events that a stored time counts are still there: of what is deleted no part can be counted."""
    total = stored.get(replace(key, segment=EVERYTHING))
    there = sum(events.get(hour, 0) for hour in range(key.start, key.start + LENGTH[key.granularity], HOUR_MS))
    return total is not None and total.count <= there


def _merged(
    found: Mapping[Segment, Mapping[int, Profile]], version: VersionKey, granularity: str
) -> dict[ProfileKey, Profile]:
    """Merge hours to profiles of a length."""
    merged: dict[ProfileKey, Profile] = {}
    for segment, hours in sorted(found.items()):
        for hour in sorted(hours):
            start = hour - hour % LENGTH[granularity]
            key = ProfileKey(version, segment, granularity, start)
            merged[key] = merged.get(key, Profile()) + hours[hour]
    return merged


def laid_over(stored: Mapping[ProfileKey, Profile], part: Mapping[ProfileKey, Profile]) -> dict[ProfileKey, Profile]:
    """Lay the subjects of a part over the stored profiles of the same time. Pure.

    Where nothing is stored of all events the time is read whole later, was dropped, or is no longer there in full, and
    nothing is laid.
    """
    laid: dict[ProfileKey, Profile] = {}
    for key, profile in part.items():
        if profile.subjects and replace(key, segment=EVERYTHING) in stored:
            known = stored.get(key, Profile(profile.count))
            joint = profile.joint or known.joint
            laid[key] = replace(known, subjects={**known.subjects, **profile.subjects}, joint=joint)
    return laid
