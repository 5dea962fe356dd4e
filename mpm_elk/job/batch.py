"""A week of a model's hours at a time: read, merged to days, written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.fenced import write
from mpm_elk.contract.keys import VersionKey
from mpm_elk.job.context import Context
from mpm_elk.job.hours import Hours, start_of_day
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.requests import runs
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.profiles.store import DAY, HOUR, LENGTH, ProfileKey, Wanted, read, to_document
from mpm_elk.timespan import DAY_MS

WEEK = 7 * DAY_MS


@dataclass
class Batch:
    """Some days of one week, and the hours in them to read."""

    start: int
    days: set[int] = field(default_factory=set)
    hours: Hours = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many hours there are to read."""
        return sum(len(counts) for counts in self.hours.values())

    @property
    def events(self) -> int:
        """How many events came in them."""
        return sum(sum(counts.values()) for counts in self.hours.values())


def batches(hours: Hours, days: Iterable[int]) -> list[Batch]:
    """Group work by weeks, oldest first, so that memory stays bounded however much there is."""
    found: dict[int, Batch] = {}
    for day in days:
        start = day - day % WEEK
        found.setdefault(start, Batch(start)).days.add(day)
    for version, counts in hours.items():
        for hour, number in counts.items():
            batch = found[hour - hour % WEEK]
            batch.hours.setdefault(version, {})[hour] = number
    return [found[start] for start in sorted(found)]


def roll_up_batch(context: Context, indices: str, batch: Batch, noted: Hours) -> None:
    """Read the hours of a batch, merge the days that have ended, and write what is not stored so already.

    Hours that are dropped are read for their days only.
    """
    fresh: dict[ProfileKey, Profile] = {}
    for version, counts in sorted(batch.hours.items()):
        context.progress(f"{context.model}: reading {len(counts)} hours of version {version.version}")
        rolled = roll_up(
            context.client,
            indices,
            version,
            sorted(counts),
            cells=context.cells,
            slices=context.slices,
            source=context.source,
            pace=context.pace,
            wait=context.wait,
        )
        for problem in rolled.problems:
            context.report.notice(problem)
        for segment, profiles in rolled.profiles.items():
            for hour, profile in profiles.items():
                fresh[ProfileKey(version, segment, HOUR, hour)] = profile
    fresh |= _emptied(context, HOUR, _noted_in(batch, noted), fresh)
    days = _merge_days(context, batch, fresh)
    gone = {(version, start_of_day(hour)) for version, hour in _noted_in(batch, noted) if hour < context.hours_from}
    days |= _emptied(context, DAY, gone, days)
    fresh = {key: profile for key, profile in fresh.items() if key.start >= context.hours_from} | days
    write_profiles(context, fresh)
    if context.lease is None:
        context.fresh |= fresh


def _noted_in(batch: Batch, noted: Hours) -> set[tuple[VersionKey, int]]:
    return {
        (version, hour) for version, starts in noted.items() for hour in starts.keys() & batch.hours.get(version, {})
    }


def _emptied(
    context: Context, granularity: str, gone: set[tuple[VersionKey, int]], fresh: Mapping[ProfileKey, Profile]
) -> dict[ProfileKey, Profile]:
    """Give an empty profile for what is stored of noted hours, or their days, and holds no event any more."""
    if not gone:
        return {}
    span = min(start for _, start in gone), max(start for _, start in gone) + LENGTH[granularity]
    stored = read(context.client, context.model, Wanted(granularity, *span, subjects=False))
    return {key: Profile() for key, _ in stored if (key.version, key.start) in gone and key not in fresh}


def _merge_days(context: Context, batch: Batch, fresh: dict[ProfileKey, Profile]) -> dict[ProfileKey, Profile]:
    """Merge the hours of days that have ended: those that were just read, and the others as they are stored.

    Of days whose hours are dropped, all were just read.
    """
    ended = {day for day in batch.days if day + DAY_MS <= context.now_ms}
    if not ended:
        return {}
    hours = dict(fresh)
    since, until = max(min(ended), context.hours_from), max(ended) + DAY_MS
    if since < until:
        just_read = [(version, *run) for version, hours in batch.hours.items() for run in runs(hours)]
        hours = dict(read(context.client, context.model, Wanted(HOUR, since, until, but=just_read))) | fresh
    merged: dict[ProfileKey, Profile] = {}
    for key in sorted(hours):
        day = key.start - key.start % DAY_MS
        if day in ended:
            day_key = ProfileKey(key.version, key.segment, DAY, day)
            merged[day_key] = merged.get(day_key, Profile()) + hours[key]
    return merged


def write_profiles(context: Context, profiles: Mapping[ProfileKey, Profile]) -> None:
    """Write the profiles that are not stored so already."""
    documents = [to_document(key, profile, context.run_id) for key, profile in sorted(profiles.items())]
    stored = get_many(context.client, [(d.index, d.id) for d in documents], ["mpm.profile.hash", "mpm.profile.count"])
    new = [d for d in documents if d.id not in stored or _essence(stored[d.id].source) != _essence(d.source)]
    context.report.profiles += len(new)
    if context.lease is not None and new:
        write(context.client, context.lease, new)
        refresh(context.client, {document.index for document in new})


def _essence(source: Mapping[str, Any]) -> tuple[Any, Any]:
    """Give what tells whether a profile is stored so already; the count shows one that was tampered with."""
    profile = source["mpm"]["profile"]
    return profile["hash"], profile["count"]
