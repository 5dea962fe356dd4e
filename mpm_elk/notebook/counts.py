"""Count tables as the cluster counts events: the reference as a baseline, the other table as windows of traffic."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mpm_elk.contract.keys import EVERYTHING, MISSING, OTHER, Segment, names_in
from mpm_elk.errors import InputError
from mpm_elk.notebook.tables import Arrow, arrow, chunks
from mpm_elk.profiles.cells import LABEL, CellSet
from mpm_elk.profiles.profile import Moments, Profile
from mpm_elk.profiles.slices import Slice, Values, named
from mpm_elk.registry.rows import TIME, Chunk, Columns
from mpm_elk.registry.training import Survey, count_rows, survey
from mpm_elk.timespan import HOUR_MS

Windows = dict[int, Profile]
"""Start (ms) → what was counted there."""
Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """What the columns of both tables are: `columns` as for a baseline, and those that are about calls, not inputs.

    `segments` maps the names that rules use to columns; those in `features` are inputs all the same.
    """

    columns: Columns
    failed: str | None = None
    duration: str | None = None
    segments: Mapping[str, str] = field(default_factory=dict)
    features: frozenset[str] = frozenset()

    @property
    def inputs(self) -> Columns:
        """The columns to count in cells: without those that are about calls, and without segments."""
        about = {name for name in (self.failed, self.duration, *self.segments.values()) if name is not None}
        return replace(self.columns, exclude=self.columns.exclude | (about - self.features))


@dataclass(frozen=True)
class Baseline:
    """The reference, counted as `mpm-elk baseline create` counts a file."""

    cells: CellSet
    counts: Profile
    days: Mapping[int, Profile]
    left_out: tuple[str, ...]


def count_reference(table: Arrow, layout: Layout, known: CellSet, *, timed: bool, keep_ids: bool) -> Baseline:
    """Cut cells from the reference for all that `known` has none for, and count it in them.

    Raises InputError where it holds nothing to count.
    """
    rows = _succeeded(table, layout)
    columns = layout.inputs if timed else _timeless(layout.inputs)
    found = survey(chunks(rows, columns, "reference"), known, keep_ids=keep_ids)
    cells = found.cells.only(found.subjects)
    if found.rows == 0:
        raise InputError("reference: no rows", remedy="give a table with rows")
    if not cells.subjects:
        raise InputError(
            f"reference: no usable columns{_reasons(found)}", remedy="give a table with features or outputs as columns"
        )
    counts, days = count_rows(chunks(rows, columns, "reference"), cells)
    return Baseline(cells, counts, days, (*found.ids, *found.empty))


def _reasons(found: Survey) -> str:
    left = [*found.ids, *found.empty]
    return f": {', '.join(left)} are ids or empty" if left else ""


def _timeless(columns: Columns) -> Columns:
    """Leave out the time, where no time was named: it is no feature."""
    return replace(columns, exclude=columns.exclude | {TIME, columns.timestamp})


def count_once(table: Arrow, layout: Layout, cells: CellSet) -> Profile:
    """Count a whole table as one window."""
    rows = _succeeded(table, layout)
    profile, _ = count_rows(chunks(rows, _timeless(layout.inputs), "current", list(cells.subjects)), cells)
    return profile


def count_hours(
    table: Arrow, layout: Layout, cells: CellSet, plan: Mapping[str, Sequence[str]]
) -> dict[Segment, Windows]:
    """Count a table hour by hour, by the time of its rows: all of it, and the subjects of `plan` by segment value.

    Failed calls count as traffic only. Raises InputError for a row without a time.
    """
    table, times = _in_order(table, layout)
    subjects = _hours(_succeeded(table, layout), layout, cells)
    windows = {EVERYTHING: _with_subjects(_traffic(table, layout, times), subjects)}
    for name, names in plan.items():
        for segment, some in _by_value(_succeeded(table, layout), layout, name):
            windows[segment] = _hours(some, layout, cells.only(names).coarsened())
    return windows


def _in_order(table: Arrow, layout: Layout) -> tuple[Arrow, Times]:
    """Put rows into the order of time, so that an hour's rows stand together; and give the time of each."""
    when = layout.columns.timestamp
    times: list[int] = []
    for chunk in chunks(table.select([when]), Columns(timestamp=when), "current"):
        if chunk.times is None:
            raise InputError("current: rows have no time", remedy="give each row its time")
        times += chunk.times
    known = np.array(times, dtype=np.int64)
    order = np.argsort(known, kind="stable")
    return table.take(arrow().array(order)), known[order]


def _hours(rows: Arrow, layout: Layout, cells: CellSet) -> Windows:
    """Count rows that stand in the order of time."""
    found: Windows = {}
    for start, part in _joined(chunks(rows, layout.inputs, "current", list(cells.subjects))):
        found[start], _ = count_rows([part], cells)
    return found


def _joined(read: Iterable[Chunk]) -> Iterator[tuple[int, Chunk]]:
    """Give the rows of each hour together, wherever chunks end."""
    waiting: tuple[int, Chunk] | None = None
    for chunk in read:
        for start, part in _split(chunk):
            if waiting is not None and waiting[0] == start:
                waiting = start, _both(waiting[1], part)
                continue
            if waiting is not None:
                yield waiting
            waiting = start, part
    if waiting is not None:
        yield waiting


def _split(chunk: Chunk) -> Iterator[tuple[int, Chunk]]:
    times = np.array(chunk.times, dtype=np.int64)
    starts, first = np.unique(times - times % HOUR_MS, return_index=True)
    for start, begin, end in zip(starts.tolist(), first.tolist(), [*first.tolist()[1:], chunk.size], strict=True):
        yield start, Chunk(end - begin, {name: v[begin:end] for name, v in chunk.subjects.items()}, None)


def _both(first: Chunk, second: Chunk) -> Chunk:
    subjects = {name: values + second.subjects[name] for name, values in first.subjects.items()}
    return Chunk(first.size + second.size, subjects, None)


def _traffic(table: Arrow, layout: Layout, times: Times) -> Windows:
    """Count calls, failed ones and durations, and find the last."""
    failed, durations = _failed(table, layout), _durations(table, layout)
    found: Windows = {}
    hours, first = np.unique(times - times % HOUR_MS, return_index=True)
    for start, begin, end in zip(hours.tolist(), first.tolist(), [*first.tolist()[1:], len(times)], strict=True):
        known = durations[begin:end]
        known = known[np.isfinite(known)]
        spent, last = Moments.of(known), int(times[end - 1])
        found[start] = Profile(end - begin, int(failed[begin:end].sum()), spent, last=last)
    return found


def _with_subjects(traffic: Windows, counted: Windows) -> Windows:
    nothing = Profile()
    found = {start: (calls, counted.get(start, nothing)) for start, calls in sorted(traffic.items())}
    return {start: replace(calls, subjects=own.subjects, joint=own.joint) for start, (calls, own) in found.items()}


def _failed(table: Arrow, layout: Layout) -> npt.NDArray[np.bool_]:
    """Mark the rows whose call failed; a table without the column has none."""
    if layout.failed is None or layout.failed not in table.column_names:
        return np.zeros(len(table), dtype=np.bool_)
    return np.array([bool(value) for value in table.column(layout.failed).to_pylist()], dtype=np.bool_)


def _durations(table: Arrow, layout: Layout) -> npt.NDArray[np.float64]:
    """Give the durations of all calls in ns, nan where none is known."""
    if layout.duration is None:
        return np.full(len(table), np.nan)
    values = table.column(layout.duration).to_pylist()
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _succeeded(table: Arrow, layout: Layout) -> Arrow:
    """Keep the rows whose call did not fail."""
    failed = _failed(table, layout)
    return table.filter(arrow().array(~failed)) if failed.any() else table


def _by_value(rows: Arrow, layout: Layout, name: str) -> Iterator[tuple[Segment, Arrow]]:
    """Split rows by the values of a segment or combination. They are texts, as labels are."""
    names = names_in(name)
    columns = [_texts(rows, layout.segments[part]) for part in names]
    places: dict[Values | None, list[int]] = {}
    for at, values in enumerate(zip(*columns, strict=True)):
        places.setdefault(None if None in values else tuple(str(value) for value in values), []).append(at)
    piece = Slice(name, named((), {values: len(some) for values, some in places.items() if values is not None}))
    if not piece.values:
        return
    groups: dict[Segment, list[int]] = {}
    for found, some in places.items():
        rest = (MISSING if found is None else OTHER,) * len(names)
        groups.setdefault(piece.segment(rest if found is None or found not in piece.values else found), []).extend(some)
    for segment in sorted(groups):
        yield segment, rows.take(arrow().array(sorted(groups[segment])))


def _texts(rows: Arrow, column: str) -> list[str | None]:
    read = chunks(rows.select([column]), Columns(label=column), "current")
    return [None if value is None else str(value) for chunk in read for value in chunk.subjects[LABEL]]
