"""The first half of a run: bring a model's profiles up to date with its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mpm_elk.cluster.changes import ReadPosition, Stretch, refresh, unread
from mpm_elk.cluster.state import CatchUp, ModelState, Noted, noted_hours, save
from mpm_elk.contract.source import MARK
from mpm_elk.job.batch import WEEK, Batch, batches, roll_up_batch
from mpm_elk.job.catch_up import counted_in, still_good
from mpm_elk.job.context import Context
from mpm_elk.job.hours import (
    Hours,
    audited,
    every_hour,
    merge,
    remaining,
    restored,
    span_of,
    start_of_day,
    starts_of,
    those_that_changed,
    whole_days,
)
from mpm_elk.job.meter import Meter
from mpm_elk.job.slices import Slicing, lacking, reach_back
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.store import count_profiles
from mpm_elk.registry.store import ModelCells, ModelEntry, save_cells
from mpm_elk.registry.traffic import provisional_cells, sample, unknown_subjects
from mpm_elk.timespan import DAY_MS, HOUR_MS

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
    """The hours whose profiles changed; and those of them that changed since an unfinished run, `lately`."""

    hours: set[int] = field(default_factory=set)
    lately: set[int] = field(default_factory=set)

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
    stored = count_profiles(context.client, context.model, state.hours_from) if state.profiles else {}
    if any(stored.get(index, 0) < number for index, number in state.profiles.items()):
        return Work(positions, stretches, "profiles were deleted", noted)
    unfinished = state.catch_up.reread if state.catch_up and state.catch_up.reread != "audit" else None
    return Work(positions, stretches, unfinished or ("audit" if audit else None), noted)


def bring_up_to_date(context: Context, work: Work, entry: ModelEntry, state: ModelState) -> tuple[Changed, ModelState]:
    """Read the hours that changed, and write their profiles and those of their days.

    Returns what changed, and the state with how far this run got. With much to read it is saved again and again, so
    that a run after a crash reads only what is left.
    """
    indices = sorted(work.positions)
    context.use(entry.cells.cells if entry.cells else context.cells)
    refresh(context.client, indices)
    noted: Hours = {context.model.version(v): dict.fromkeys(starts, 0) for v, starts in work.noted.hours.items()}
    hours, wrong = _hours(context, work, indices)
    for version, starts in noted.items():
        hours[version] = starts | hours.get(version, {})
    if hours:
        start, end = span_of(hours)
        _cut_missing_cells(context, indices, entry, start, end)
        for version in sorted(hours):
            if version.version not in entry.versions:
                context.report.notice(
                    f"version {version.version} is not registered: `mpm-elk model register` tells what it is"
                )
    everything = not state.read or work.reread not in (None, "audit")
    slicing = Slicing.of(context, indices)
    if everything:
        slicing.begin_anew()
        relaid: set[int] = set()
    else:
        # Cells that the last finished run did not know: registered since, just cut, or cut by a run that died.
        new = [name for name in context.cells.subjects if name not in state.cells]
        relaid = slicing.catch_up(lacking(context, slicing.counted, new))
        slicing.counted_since(reach_back(context))
    again = restored(context, indices, state.hours_from)
    merge(again, hours)
    done = still_good(context, state.catch_up, work.reread)
    news = hours
    if done is not None:
        news = those_that_changed(context, unread(work.positions, done.upto))
        merge(news, wrong)
        merge(news, noted)
    changed = Changed(starts_of(hours) | relaid, starts_of(news) | relaid)
    days = {start_of_day(hour) for hour in starts_of(hours) if done is None or not _merged(done, hour)}
    if state.days_until:
        days |= set(range(state.days_until, start_of_day(context.now_ms), DAY_MS))
    left = whole_days(context, indices, remaining(again, done, news), noted)
    days |= {start_of_day(hour) for hour in starts_of(left)}
    context.report.hours = sum(len(counts) for counts in left.values())
    before = done or CatchUp(
        work.positions, counted_in(context), reread=work.reread, hours_from=context.hours_from, new=state.new
    )
    slicing.look(left, context.plan)
    context.slices = slicing.slices()
    state = replace(state, catch_up=before)
    state = _read_all(context, ",".join(indices), batches(left, days), noted, state)
    if everything:
        slicing.counted_since(0)
    return changed, state


def _merged(done: CatchUp, hour: int) -> bool:
    """Tell whether an earlier run has merged the day of an hour."""
    return hour < done.until and start_of_day(hour) + DAY_MS <= done.days_until


def _read_all(context: Context, indices: str, work: list[Batch], noted: Hours, state: ModelState) -> ModelState:
    """Roll up batch by batch; after each of several it is saved how far that is."""
    total, done, events = sum(batch.size for batch in work), 0, 0
    for batch in work:
        context.meter(Meter(str(context.model), "reading", "hours", done, total, events))
        roll_up_batch(context, indices, batch, noted)
        done, events = done + batch.size, events + batch.events
        far = state.catch_up
        assert far is not None  # noqa: S101 — the caller gives it
        if context.lease is not None and len(work) > 1:
            far = replace(
                far,
                until=max(far.until, batch.start + WEEK),
                days_until=far.days_until or start_of_day(context.now_ms),
                profiles=count_profiles(context.client, context.model, far.hours_from),
            )
            state = replace(state, catch_up=far)
            save(context.client, context.lease, context.model, state, context.now_ms)
    context.meter(Meter(str(context.model), "reading", "hours", done, total, events))
    return state


def _hours(context: Context, work: Work, indices: list[str]) -> tuple[Hours, Hours]:
    """List the hours to read: those that changed, or all of them; and which of them an audit found wrong."""
    changed = those_that_changed(context, work.stretches) if work.reread in (None, "audit") else {}
    if work.reread is None:
        return changed, {}
    hours = every_hour(context, indices)
    if work.reread != "audit":
        context.report.notice(f"{work.reread}: reading all hours again")
        return hours, {}
    wrong = audited(context, hours)
    if wrong:
        context.report.notice(
            f"audit: the profiles of {sum(map(len, wrong.values()))} hours did not match their events"
        )
    merge(changed, wrong)
    return changed, wrong


def _cut_missing_cells(context: Context, indices: list[str], entry: ModelEntry, start: int, end: int) -> None:
    """Cut provisional cells for subjects that nobody registered."""
    pattern = ",".join(indices)
    when = (start, end)
    unknown = unknown_subjects(context.client, pattern, context.model, context.cells, when, source=context.source)
    if entry.cells and entry.cells.provisional:
        context.report.notice(
            f"provisional cells, cut from traffic, for {', '.join(sorted(entry.cells.provisional))}: "
            "`mpm-elk model adopt` or `mpm-elk baseline create` replaces them"
        )
    if not unknown:
        return
    rows = sample(context.client, pattern, context.model, start - _SAMPLE_SPAN, end, source=context.source)
    if rows is None or rows.size < _SAMPLE_MIN:
        seen = rows.size if rows else 0
        context.report.notice(f"no cells yet for {', '.join(unknown)}: {seen} of {_SAMPLE_MIN} events seen")
        return
    fresh = provisional_cells(rows, context.cells).only(unknown)
    wanted = ModelCells(fresh, frozenset(fresh.subjects))
    if context.lease is not None:
        context.lease.keep()
        context.use(save_cells(context.client, context.model, wanted, context.now_ms).cells)
    else:
        context.use(CellSet({**context.cells.subjects, **fresh.subjects}))
    context.report.notice(f"provisional cells for {', '.join(unknown)}, cut from {rows.size} events")
