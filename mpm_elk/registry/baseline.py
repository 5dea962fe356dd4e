"""Make baselines: from training data in a file, or from a window of a version's own traffic."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import all_hours, positions
from mpm_elk.contract.keys import EVERYTHING, ModelKey, VersionKey
from mpm_elk.contract.names import Index, from_captures, monthly
from mpm_elk.contract.source import EVENTS, Source
from mpm_elk.errors import InputError, RegistryError, UsageError
from mpm_elk.profiles.cells import LABEL, SCORE, VALUE, CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import held, roll_up
from mpm_elk.profiles.store import content_hash
from mpm_elk.registry.as_stored import as_stored, textual
from mpm_elk.registry.rows import TIME, Columns, read
from mpm_elk.registry.store import Baseline, ModelCells, baseline_id, load, save_baseline, save_cells, save_version
from mpm_elk.registry.traffic import provisional_cells, sample, unknown_subjects
from mpm_elk.registry.training import Survey, count_rows, survey, textual_columns
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A baseline, and what was done to make it.

    `fresh` are the subjects whose cells were cut now, `ids` those left out because every row has another text, `empty`
    those without any value, `unlike` those whose values are mostly of another type than the model's cells. `new` tells
    whether the baseline was not stored yet, `registered` whether the version was not.
    """

    baseline: Baseline
    cells: CellSet
    fresh: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    new: bool = True
    registered: bool = False


def _silent(_: str) -> None:
    pass


def from_file(
    client: Elasticsearch,
    version: VersionKey,
    path: Path,
    columns: Columns,
    *,
    now_ms: int,
    named: frozenset[str] = frozenset(),
    keep_ids: bool = False,
    source: Source = EVENTS,
    say: Say = _silent,
) -> Made:
    """Count a file in the model's cells and store the counts as a baseline of `version`.

    Cells are cut for what has none, or provisional ones only; frozen ones stay. `named` are the subjects (or `TIME`)
    whose column the caller named, and which must be in the file. The same file gives the same baseline id. Raises
    InputError where the file cannot be read or holds nothing to count.
    """
    frozen = held(_frozen(load(client, version.model).cells), source)
    say(f"reading {path}")
    texts = textual(textual_columns(path, columns, frozen), source)
    found = survey(as_stored(read(path, columns, texts), source, path), frozen, keep_ids=keep_ids)
    wanted = held(_wanted(found, path, named), source)
    # The model's cells are stored first, and counted in as they are then: another writer may have been faster.
    say(f"storing the cells of {len(wanted.subjects)} subjects")
    stored = save_cells(client, version.model, ModelCells(wanted), now_ms).cells
    say(f"counting {found.rows:,} rows")
    rows = as_stored(read(path, columns, texts), source, path)
    counts, days = count_rows(rows, stored.only(list(wanted.subjects)))
    if counts.count != found.rows:
        raise InputError(f"{path}: it changed while it was read", remedy="try again when nobody writes to it")
    content = f"{_sha256(path)} {json.dumps(asdict(columns), sort_keys=True, default=sorted)}{_rounding(source)}"
    fresh = tuple(name for name in wanted.subjects if name not in frozen.subjects)
    return _save(
        client,
        version,
        counts=counts,
        days=days,
        stored=stored,
        content=content,
        source=path.name,
        now_ms=now_ms,
        fresh=fresh,
        ids=found.ids,
        empty=found.empty,
    )


def _rounding(source: Source) -> str:
    """Say what the fields of a source make of a file's values; nothing where they are ours."""
    types = {name: field.types for name, field in (source.subjects or {}).items()}
    return f" {json.dumps(types, sort_keys=True)}" if types else ""


def _wanted(found: Survey, path: Path, named: frozenset[str]) -> CellSet:
    """Choose the subjects to count: those in the file that have cells."""
    if found.rows == 0:
        raise InputError(f"{path}: no rows", remedy="name a file with training data")
    present = found.subjects if not found.timed else (*found.subjects, TIME)
    options = {SCORE: "--score-column", LABEL: "--label-column", VALUE: "--value-column", TIME: "--timestamp-column"}
    for name in sorted(named):
        if name not in present:
            raise InputError(f"{path}: there is no such column for {options[name]}", remedy="check the column's name")
    wanted = found.cells.only(found.subjects)
    if not wanted.subjects:
        left = [*found.ids, *found.empty]
        raise InputError(
            f"{path}: no usable columns" + (f": {', '.join(left)} are ids or empty" if left else ""),
            remedy="name a file with features or outputs of the model as columns",
        )
    return wanted


def from_window(
    client: Elasticsearch,
    version: VersionKey,
    start_ms: int,
    end_ms: int,
    *,
    now_ms: int,
    pool: str | None = None,
    source: Source = EVENTS,
    say: Say = _silent,
) -> Made:
    """Count a version's events in [start, end), whole hours, and store the counts as its baseline.

    The model's cells are used, and are no longer provisional afterwards; subjects without cells get them from a sample
    of the window. Raises RegistryError where the window holds no events of the version.
    """
    if start_ms % HOUR_MS or end_ms % HOUR_MS or start_ms >= end_ms:
        raise UsageError(
            f"{iso(start_ms)} to {iso(end_ms)} is no window of whole hours",
            remedy="give two different full hours in order, such as 2026-11-01 2026-11-08 or 2026-11-01T06:00Z …",
        )
    indices = indices_of(client, version.model, start_ms, end_ms, pool=pool, source=source)
    hours = {
        other: sorted(hour for hour in counts if start_ms <= hour < end_ms)
        for other, counts in all_hours(client, indices, version.model, source).items()
    }
    _require_events(version, hours, start_ms, end_ms)
    index, window = ",".join(indices), (start_ms, end_ms)
    entry = load(client, version.model)
    known = held(entry.cells.cells if entry.cells else CellSet({}), source)
    cells = known
    if unknown := unknown_subjects(client, index, version.model, known, window, source=source):
        say(f"cutting cells for {len(unknown)} subjects")
        rows = sample(client, index, version.model, *window, source=source)
        fresh = provisional_cells(rows, known).only(unknown) if rows else CellSet({})
        cells = CellSet({**known.subjects, **fresh.subjects})
    say(f"counting {len(hours[version])} hours")
    hourly = roll_up(client, index, version, hours[version], cells=cells, source=source).profiles[EVERYTHING]
    counts, days = _add_up(hourly)
    wanted = cells.only(list(counts.subjects))
    if not wanted.subjects:
        raise RegistryError(
            f"no event of version {version.version} of {version.model} in this window carries a feature or an output",
            remedy="choose another window",
        )
    stored = save_cells(client, version.model, ModelCells(wanted), now_ms).cells
    _require_same(version, wanted, stored)
    return _save(
        client,
        version,
        counts=counts,
        days=days,
        stored=stored,
        content=_window_content(start_ms, end_ms, counts),
        source=f"{iso(start_ms)} to {iso(end_ms)}",
        now_ms=now_ms,
        fresh=tuple(name for name in wanted.subjects if name not in known.subjects),
    )


def from_hours(
    client: Elasticsearch,
    version: VersionKey,
    hourly: Mapping[int, Profile],
    start_ms: int,
    end_ms: int,
    *,
    counted_in: CellSet,
    now_ms: int,
) -> Made:
    """Store what was counted of a version's events in [start, end) as its baseline.

    `hourly` are profiles of hours or days (start in ms), counted in the cells `counted_in`, which must be the model's.
    """
    counts, days = _add_up(hourly)
    stored = load(client, version.model).cells
    cells = stored.cells if stored else CellSet({})
    _require_same(version, counted_in.only(list(counts.subjects)), cells)
    return _save(
        client,
        version,
        counts=counts,
        days=days,
        stored=cells,
        content=_window_content(start_ms, end_ms, counts),
        source=f"{iso(start_ms)} to {iso(end_ms)}",
        now_ms=now_ms,
        fresh=(),
    )


def _window_content(start_ms: int, end_ms: int, counts: Profile) -> str:
    return f"{iso(start_ms)} {iso(end_ms)} {content_hash(counts.to_document())}"


def indices_of(
    client: Elasticsearch, model: ModelKey, start_ms: int, end_ms: int, *, pool: str | None, source: Source
) -> list[str]:
    """Name the indices that can hold a model's events of a time.

    The months of ours are known by name: under the model's own and in the pool, of events that were sent and of what
    was made of captures. Of another source, all that there is.
    """
    if source is not EVENTS:
        return sorted(positions(client, source.index))
    months = {
        monthly(Index.PREDICTIONS, name, model.environment, day)
        for name in {model.name, pool or model.name}
        for day in (*range(start_ms, end_ms, DAY_MS), end_ms - 1)
    }
    return sorted(months | {from_captures(month) for month in months})


def _require_events(version: VersionKey, hours: Mapping[VersionKey, list[int]], start_ms: int, end_ms: int) -> None:
    if hours.get(version):
        return
    others = sorted(other.version for other, found in hours.items() if found)
    raise RegistryError(
        f"no events of version {version.version} of {version.model} from {iso(start_ms)} to {iso(end_ms)}",
        remedy=f"versions with events then: {', '.join(others)}" if others else "choose a window that holds events",
    )


def _require_same(version: VersionKey, counted: CellSet, stored: CellSet) -> None:
    unlike = [
        n for n, cells in counted.subjects.items() if n not in stored.subjects or stored.subjects[n].hash != cells.hash
    ]
    if unlike:
        raise RegistryError(
            f"the cells of {', '.join(unlike)} of {version.model} were changed by somebody else meanwhile",
            remedy="run it again: it counts in the new cells",
        )


def _add_up(hourly: Mapping[int, Profile]) -> tuple[Profile, dict[int, Profile]]:
    """Add hours up to days and to all; a subject that no event carries is left out."""
    days: dict[int, Profile] = {}
    for hour, profile in sorted(hourly.items()):
        day = hour - hour % DAY_MS
        days[day] = days.get(day, Profile()) + profile
    total = sum(days.values(), Profile())
    carried = {name for name, counts in total.subjects.items() if counts.present + counts.type_violations}
    return _only(total, carried), {day: _only(profile, carried) for day, profile in days.items()}


def _only(profile: Profile, names: set[str]) -> Profile:
    subjects = {name: counts for name, counts in profile.subjects.items() if name in names}
    joint = profile.joint.only({name: counts.cells_hash for name, counts in subjects.items()})
    return Profile(profile.count, profile.failures, profile.duration, subjects, joint=joint)


def _save(
    client: Elasticsearch,
    version: VersionKey,
    *,
    counts: Profile,
    days: Mapping[int, Profile],
    stored: CellSet,
    content: str,
    source: str,
    now_ms: int,
    fresh: tuple[str, ...],
    ids: tuple[str, ...] = (),
    empty: tuple[str, ...] = (),
) -> Made:
    cells = stored.only(list(counts.subjects))
    # The id holds the cells of what was counted only: a feature that the model gets later changes no baseline.
    identity = baseline_id(version, content, cells)
    baseline = Baseline(identity, version, counts, days, source, cells.hash, iso(now_ms))
    registered = save_version(client, version, {}, now_ms)
    new = save_baseline(client, baseline, now_ms)
    unlike = tuple(name for name, entry in counts.subjects.items() if entry.type_violations > entry.present)
    return Made(baseline, cells, fresh, ids, empty, unlike, new, registered)


def _frozen(cells: ModelCells | None) -> CellSet:
    if cells is None:
        return CellSet({})
    return cells.cells.only([name for name in cells.cells.subjects if name not in cells.provisional])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
