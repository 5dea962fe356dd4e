"""The first half of a run: bring a model's profiles up to date with its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.cluster.changes import (
    ReadPosition,
    Stretch,
    all_hours,
    changed_hours,
    refresh,
    unread,
)
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.fenced import write
from mpm_elk.cluster.state import ModelState, Noted, noted_hours
from mpm_elk.contract.keys import VersionKey
from mpm_elk.contract.source import MARK
from mpm_elk.job.context import Context
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.requests import runs
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey, Wanted, count_profiles, read, to_document
from mpm_elk.registry.store import ModelCells, ModelEntry, save_cells
from mpm_elk.registry.traffic import provisional_cells, sample, unknown_subjects
from mpm_elk.timespan import DAY_MS, HOUR_MS

Hours = dict[VersionKey, dict[int, int]]
"""Version → hour (ms) → how many events came."""

_BATCH = 7 * DAY_MS
_SAMPLE_SPAN = 7 * DAY_MS
_SAMPLE_MIN = 200


@dataclass(frozen=True)
class Work:
    """What there is to do for a model: stretches to read, and whether all its hours must be read again, and why.

    `noted` are hours to read again because something in them was deleted or replaced.
    """

    positions: Mapping[str, ReadPosition]
    stretches: Sequence[Stretch] = ()
    reread: str | None = None
    noted: Noted = field(default_factory=Noted)

    @property
    def any(self) -> bool:
        """Tell whether there is anything to read."""
        return bool(self.stretches) or bool(self.noted.hours) or self.reread is not None


@dataclass(frozen=True)
class Changed:
    """The hours whose profiles changed."""

    hours: set[int] = field(default_factory=set)

    @property
    def span(self) -> tuple[int, int] | None:
        """The first changed hour and the end of the last, or None."""
        return (min(self.hours), max(self.hours) + HOUR_MS) if self.hours else None


def find_work(
    context: Context, state: ModelState, entry: ModelEntry, positions: Mapping[str, ReadPosition], *, audit: bool
) -> Work:
    """Compare what is there with what was read. Reads nothing of the events."""
    stretches, noted = unread(positions, state.read), noted_hours(context.client, context.model)
    cells = entry.cells.cells.subjects if entry.cells else {}
    marks = context.source.marks({name: entry.hash for name, entry in cells.items() if context.source.knows(name)})
    recut = [name for name, known in state.cells.items() if name in marks and marks[name] != known]
    if MARK in recut or (state.read and (MARK in marks) != (MARK in state.cells)):
        return Work(positions, stretches, "events are chosen otherwise than before", noted)
    if recut:
        return Work(positions, stretches, f"the cells of {', '.join(recut)} were cut anew", noted)
    # A run that died may have left more than are remembered.
    stored = count_profiles(context.client, context.model) if state.profiles else {}
    if any(stored.get(index, 0) < number for index, number in state.profiles.items()):
        return Work(positions, stretches, "profiles were deleted", noted)
    return Work(positions, stretches, "audit" if audit else None, noted)


def bring_up_to_date(context: Context, work: Work, entry: ModelEntry, state: ModelState) -> Changed:
    """Read the hours that changed, and write their profiles and those of their days."""
    indices = sorted(work.positions)
    context.use(entry.cells.cells if entry.cells else context.cells)
    refresh(context.client, indices)
    hours = _hours(context, work, indices)
    noted = {context.model.version(name): starts for name, starts in work.noted.hours.items()}
    for version, starts in noted.items():
        counts = hours.setdefault(version, {})
        counts.update({start: counts.get(start, 0) for start in starts})
    if hours:
        start, end = _span(hours)
        cut = _cut_missing_cells(context, indices, entry, start, end)
        # Cells that the last finished run did not know: registered since, or cut by a run that died.
        if cut or (state.read and set(context.cells.subjects) - set(state.cells)):
            since = start - _SAMPLE_SPAN
            for version, counts in all_hours(context.client, indices, context.model, context.source).items():
                hours.setdefault(version, {}).update({hour: n for hour, n in counts.items() if hour >= since})
        for version in sorted(hours):
            if version.version not in entry.versions:
                context.report.notice(
                    f"version {version.version} is not registered: `mpm-elk model register` tells what it is"
                )
    changed = Changed({hour for counts in hours.values() for hour in counts})
    context.report.hours = sum(len(counts) for counts in hours.values())
    days = {hour - hour % DAY_MS for hour in changed.hours}
    today = context.now_ms - context.now_ms % DAY_MS
    if state.days_until:
        days |= set(range(state.days_until, today, DAY_MS))
    for batch in _batches(hours, days):
        _roll_up_batch(context, ",".join(indices), batch, noted)
    return changed


def _hours(context: Context, work: Work, indices: list[str]) -> Hours:
    """List the hours to read: those that changed, or all of them."""
    if work.reread is None:
        return changed_hours(context.client, work.stretches, context.model, context.source)
    hours = all_hours(context.client, indices, context.model, context.source)
    if work.reread != "audit":
        context.report.notice(f"{work.reread}: reading all hours again")
        return hours
    changed = changed_hours(context.client, work.stretches, context.model, context.source)
    wrong = _audit(context, hours)
    if wrong:
        context.report.notice(
            f"audit: the profiles of {sum(map(len, wrong.values()))} hours did not match their events"
        )
    for version, counts in wrong.items():
        changed.setdefault(version, {}).update(counts)
    return changed


def _audit(context: Context, hours: Hours) -> Hours:
    """Find the hours whose profile counts other than the index."""
    span = _span(hours) if hours else (0, 0)
    stored = {
        (key.version, key.start): profile.count
        for key, profile in read(context.client, context.model, Wanted(HOUR, *span, subjects=False, segments=False))
    }
    return {
        version: wrong
        for version, counts in hours.items()
        if (wrong := {hour: n for hour, n in counts.items() if stored.get((version, hour)) != n})
    }


def _span(hours: Hours) -> tuple[int, int]:
    starts = [hour for counts in hours.values() for hour in counts]
    return min(starts), max(starts) + HOUR_MS


def _cut_missing_cells(context: Context, indices: list[str], entry: ModelEntry, start: int, end: int) -> bool:
    """Cut provisional cells for subjects that nobody registered; returns whether there are new ones."""
    pattern = ",".join(indices)
    when = (start, end)
    unknown = unknown_subjects(context.client, pattern, context.model, context.cells, when, source=context.source)
    if entry.cells and entry.cells.provisional:
        context.report.notice(
            f"provisional cells, cut from traffic, for {', '.join(sorted(entry.cells.provisional))}: "
            "`mpm-elk model adopt` or `mpm-elk baseline create` replaces them"
        )
    if not unknown:
        return False
    rows = sample(context.client, pattern, context.model, start - _SAMPLE_SPAN, end, source=context.source)
    if rows is None or rows.size < _SAMPLE_MIN:
        seen = rows.size if rows else 0
        context.report.notice(f"no cells yet for {', '.join(unknown)}: {seen} of {_SAMPLE_MIN} events seen")
        return False
    fresh = provisional_cells(rows, context.cells).only(unknown)
    wanted = ModelCells(fresh, frozenset(fresh.subjects))
    if context.lease is not None:
        context.lease.keep()
        context.use(save_cells(context.client, context.model, wanted, context.now_ms).cells)
    else:
        context.use(CellSet({**context.cells.subjects, **fresh.subjects}))
    context.report.notice(f"provisional cells for {', '.join(unknown)}, cut from {rows.size} events")
    return True


@dataclass
class _Batch:
    """Some days, and the hours in them to read."""

    start: int
    days: set[int] = field(default_factory=set)
    hours: Hours = field(default_factory=dict)


def _batches(hours: Hours, days: Iterable[int]) -> list[_Batch]:
    """Group work by weeks, oldest first, so that memory stays bounded however much there is."""
    batches: dict[int, _Batch] = {}
    for day in days:
        start = day - day % _BATCH
        batches.setdefault(start, _Batch(start)).days.add(day)
    for version, counts in hours.items():
        for hour, number in counts.items():
            batch = batches[hour - hour % _BATCH]
            batch.hours.setdefault(version, {})[hour] = number
    return [batches[start] for start in sorted(batches)]


def _roll_up_batch(context: Context, indices: str, batch: _Batch, noted: Mapping[VersionKey, frozenset[int]]) -> None:
    fresh: dict[ProfileKey, Profile] = {}
    for version, counts in sorted(batch.hours.items()):
        context.progress(f"{context.model}: reading {len(counts)} hours of version {version.version}")
        rolled = roll_up(
            context.client,
            indices,
            version,
            sorted(counts),
            cells=context.cells,
            segments=context.segments,
            source=context.source,
        )
        for problem in rolled.problems:
            context.report.notice(problem)
        for segment, profiles in rolled.profiles.items():
            for hour, profile in profiles.items():
                fresh[ProfileKey(version, segment, HOUR, hour)] = profile
    fresh |= _emptied(context, batch, fresh, noted)
    fresh |= _merge_days(context, batch, fresh)
    _write(context, fresh)
    if context.lease is None:
        context.fresh |= fresh


def _emptied(
    context: Context,
    batch: _Batch,
    fresh: Mapping[ProfileKey, Profile],
    noted: Mapping[VersionKey, frozenset[int]],
) -> dict[ProfileKey, Profile]:
    """Give an empty profile for what is stored of noted hours, and holds no event any more."""
    gone = {
        (version, hour) for version, starts in noted.items() for hour in starts & batch.hours.get(version, {}).keys()
    }
    if not gone:
        return {}
    span = min(hour for _, hour in gone), max(hour for _, hour in gone) + HOUR_MS
    stored = read(context.client, context.model, Wanted(HOUR, *span, subjects=False))
    return {key: Profile() for key, _ in stored if (key.version, key.start) in gone and key not in fresh}


def _merge_days(context: Context, batch: _Batch, fresh: dict[ProfileKey, Profile]) -> dict[ProfileKey, Profile]:
    """Merge the hours of days that have ended: those that were just read, and the others as they are stored."""
    ended = {day for day in batch.days if day + DAY_MS <= context.now_ms}
    if not ended:
        return {}
    just_read = [(version, *run) for version, hours in batch.hours.items() for run in runs(hours)]
    wanted = Wanted(HOUR, min(ended), max(ended) + DAY_MS, but=just_read)
    hours = dict(read(context.client, context.model, wanted)) | fresh
    merged: dict[ProfileKey, Profile] = {}
    for key in sorted(hours):
        day = key.start - key.start % DAY_MS
        if day in ended:
            day_key = ProfileKey(key.version, key.segment, DAY, day)
            merged[day_key] = merged.get(day_key, Profile()) + hours[key]
    return merged


def _write(context: Context, profiles: Mapping[ProfileKey, Profile]) -> None:
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
