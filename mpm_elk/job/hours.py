"""Which hours of a model's events are to be read. Hours are counted here, not read."""

from collections.abc import Mapping, Sequence

from mpm_elk.cluster.changes import Stretch, all_hours, changed_hours
from mpm_elk.cluster.state import CatchUp
from mpm_elk.contract.keys import VersionKey
from mpm_elk.job.context import Context
from mpm_elk.profiles.store import DAY, HOUR, Wanted, read
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso

Hours = dict[VersionKey, dict[int, int]]
"""Version → hour (ms) → how many events."""

VersionDay = tuple[VersionKey, int]


def start_of_day(time: int) -> int:
    """Give the midnight (ms) before a time."""
    return time - time % DAY_MS


def span_of(hours: Mapping[VersionKey, Mapping[int, int]]) -> tuple[int, int]:
    """Give the start of the first hour and the end of the last."""
    starts = [hour for counts in hours.values() for hour in counts]
    return min(starts), max(starts) + HOUR_MS


def starts_of(hours: Mapping[VersionKey, Mapping[int, int]]) -> set[int]:
    """Give the starts of hours, of whatever version."""
    return {hour for counts in hours.values() for hour in counts}


def merge(into: Hours, more: Mapping[VersionKey, Mapping[int, int]]) -> None:
    """Add hours to others."""
    for version, counts in more.items():
        into.setdefault(version, {}).update(counts)


def those_that_changed(context: Context, stretches: Sequence[Stretch]) -> Hours:
    """Count what lies in stretches of sequence numbers."""
    return changed_hours(context.client, stretches, context.model, context.source)


def every_hour(context: Context, indices: Sequence[str], span: tuple[int, int] | None = None) -> Hours:
    """Count what there is, whenever it came."""
    return all_hours(context.client, indices, context.model, context.source, span)


def remaining(hours: Hours, done: CatchUp | None, news: Hours) -> Hours:
    """Leave out what an earlier run has read: hours before `done.until` that are no `news` since."""
    if done is None:
        return hours
    left: Hours = {}
    for version, counts in hours.items():
        again = news.get(version, {})
        kept = {hour: n for hour, n in counts.items() if hour >= done.until or hour in again}
        if kept:
            left[version] = kept
    return left


def audited(context: Context, hours: Hours) -> Hours:
    """Find the hours whose profile counts other than the index; where hours are dropped, the hours of such days."""
    if not hours:
        return {}
    span = span_of(hours)
    wanted = Wanted(HOUR, max(span[0], context.hours_from), span[1], subjects=False, segments=False)
    stored = {(key.version, key.start): profile.count for key, profile in read(context.client, context.model, wanted)}
    bad_days = {at for at, there, known in _days(context, hours) if there != known}
    wrong: Hours = {}
    for version, counts in hours.items():
        for hour, n in counts.items():
            dropped = hour < context.hours_from
            bad = (version, start_of_day(hour)) in bad_days if dropped else stored.get((version, hour)) != n
            if bad:
                wrong.setdefault(version, {})[hour] = n
    return wrong


def whole_days(context: Context, indices: Sequence[str], hours: Hours, noted: Hours) -> Hours:
    """Add to hours that are dropped the others of their days: a day is made again of all its events, or not at all.

    Where fewer events are there than the stored day counts, some were deleted since; then the day stays as it is, and
    the report says so. Hours that lost an event by our own doing (`noted`) may be fewer.
    """
    late = {(v, start_of_day(hour)) for v, counts in hours.items() for hour in counts if hour < context.hours_from}
    if not late:
        return hours
    days = sorted(day for _, day in late)
    there = _only(every_hour(context, indices, (days[0], days[-1] + DAY_MS)), late)
    shrunk = {(version, start_of_day(hour)) for version, counts in noted.items() for hour in counts}
    lost = {at for at, now, known in _days(context, there, late) if now < known} - shrunk
    for version, day in sorted(lost):
        context.report.notice(
            f"version {version.version}: events came late for {iso(day)[:10]}, others of that day are deleted, and its "
            "hours are dropped: its profile stays without them"
        )
    found = {
        version: {h: n for h, n in counts.items() if (version, start_of_day(h)) not in late}
        for version, counts in hours.items()
    }
    merge(found, _only(there, late - lost))
    # A noted day may hold no event any more.
    merge(
        found, {v: {h: 0 for h in c if h < context.hours_from and h not in there.get(v, {})} for v, c in noted.items()}
    )
    return {version: counts for version, counts in found.items() if counts}


def restored(context: Context, indices: Sequence[str], dropped_until: int) -> Hours:
    """List the dropped hours that are wanted again, from `context.hours_from` on.

    Where events of a day are deleted, the hours up to its end cannot be had again, and `hours_from` moves on.
    """
    span = context.hours_from, dropped_until
    if span[0] >= span[1]:
        return {}
    there = every_hour(context, indices, span)
    lost = [day for (_, day), now, known in _days(context, there, span=span) if now < known]
    if lost:
        context.hours_from = max(lost) + DAY_MS
        context.report.notice(
            f"events before {iso(context.hours_from)[:10]} are deleted, and their hours dropped: "
            "windows shorter than a day that look back so far are not judged again"
        )
    left = {v: {hour: n for hour, n in counts.items() if hour >= context.hours_from} for v, counts in there.items()}
    number = sum(map(len, left.values()))
    if number:
        context.report.notice(f"{number} hours that were dropped are read again")
    return {version: counts for version, counts in left.items() if counts}


def _only(hours: Hours, days: set[VersionDay]) -> Hours:
    return {
        version: kept
        for version, counts in hours.items()
        if (kept := {h: n for h, n in counts.items() if (version, start_of_day(h)) in days})
    }


def _days(
    context: Context, hours: Hours, wanted: set[VersionDay] | None = None, span: tuple[int, int] | None = None
) -> list[tuple[VersionDay, int, int]]:
    """Give the dropped days: how many events are there, and how many the stored profile counts."""
    there: dict[VersionDay, int] = dict.fromkeys(wanted or (), 0)
    for version, counts in hours.items():
        for hour, n in counts.items():
            if hour < context.hours_from or span is not None:
                at = version, start_of_day(hour)
                there[at] = there.get(at, 0) + n
    if not there and span is None:
        return []
    first, end = span or (min(day for _, day in there), max(day for _, day in there) + DAY_MS)
    stored = {
        (key.version, key.start): profile.count
        for key, profile in read(context.client, context.model, Wanted(DAY, first, end, subjects=False, segments=False))
    }
    keys = sorted(there.keys() | stored.keys() if span is not None else there.keys())
    return [(at, there.get(at, 0), stored.get(at, 0)) for at in keys]
