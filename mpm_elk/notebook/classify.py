"""`mpm_elk.classify`: can a classifier tell two tables apart? What `mpm-elk drift classify` says of the same rows."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from mpm_elk.contract.ids import bucket
from mpm_elk.errors import InputError, UsageError
from mpm_elk.metrics.classifier import require as require_library
from mpm_elk.metrics.classifier import tell_apart
from mpm_elk.metrics.told_apart import HISTORY, ToldApart
from mpm_elk.notebook.tables import Arrow, arrow, as_arrow, chunks, require
from mpm_elk.profiles.cells import FEATURE_PREFIX, CellSet
from mpm_elk.profiles.joint import WHOLE
from mpm_elk.profiles.rows import Rows
from mpm_elk.registry.rows import Columns
from mpm_elk.registry.sampled import Kinds, Stretch, gather, kinds_of, share_for
from mpm_elk.registry.training import survey
from mpm_elk.rules.classification import Classified, Past, tell_past
from mpm_elk.timespan import iso, milliseconds, parse_span

ROWS = 5_000


def classify(
    reference: object,
    current: object,
    *,
    time: str | None = None,
    id: str | None = None,  # noqa: A002 — the name of the column's role
    window: str | timedelta = "1d",
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    failed: str | None = None,
    cells: CellSet | Mapping[str, Any] | None = None,
    rows: int = ROWS,
    exchangeable: bool = False,
) -> Classified:
    """Train a classifier to tell the rows of `current` from those of `reference`; say how well it does, and by what.

    Tables are as those of `compare`. Every column of the reference is a feature but `time`, `id`, `failed`, columns
    called `score`, `label` and `value`, and those in `exclude`; `features` names them instead, and `cells` are those of
    a model in the registry, which know what is a category. Of each side about `rows` rows are used: with `id`, the
    column of the prediction's id, those that the cluster would choose.

    With `time` the current table is one window, of the length `window`, and up to 14 such windows at the end of the
    reference, each told apart from all others, show how well windows can be told apart without drift. Without it that
    is not known, and there is no verdict, unless rows are `exchangeable`: drawn independently, as those of an
    experiment. Raises InputError for what is no usable table or column, MpmError where scikit-learn is not installed.
    """
    require_library()
    before, now = as_arrow(reference, "reference"), as_arrow(current, "current")
    for table, name in ((before, "reference"), (now, "current")):
        if not len(table):
            raise InputError(f"{name}: no rows", remedy="give a table with rows")
        for option, column in {"time": time, "id": id}.items():
            if column is not None:
                require(table, column, name, option)
    before, now = (_succeeded(table, failed) for table in (before, now))
    aside = {column for column in (id, failed) if column is not None}
    columns = Columns(**({"timestamp": time} if time else {}), exclude=frozenset({*exclude, *aside}))
    kinds = _kinds(before, columns, cells, features)
    read = _Reader(columns, kinds, id, rows)
    first, second = read.sample(now, "current"), read.sample(before, "reference")
    told = tell_apart(first, second)
    past: dict[int, float] = {}
    about: dict[str, Any] = {}
    if time is not None:
        length = milliseconds(window if isinstance(window, timedelta) else _span(window))
        times, then = read.times(now, "current"), read.times(before, "reference")
        start = int(times.min()) // length * length
        about = {"window": {"start": iso(start), "end": iso(start + length)}}
        if int(times.max()) >= start + length:
            raise UsageError(
                f"current: its rows are from {iso(int(times.min()))} to {iso(int(times.max()))}, more than one window",
                remedy="give the rows of one window, or its length as window='7d'",
            )
        ends = [min(start, (int(then.max()) // length + 1) * length) - at * length for at in range(HISTORY)]
        windows = [Past((end - length, end)) for end in ends if end - length >= then.min() // length * length]
        if told is not None and not exchangeable:
            past = tell_past(windows, second, lambda some: read.within(before, then, some), lambda _: None)
    apart = ToldApart(told, tuple(past.values()), exchangeable) if told else None
    return Classified(apart, (len(now), len(before)), (first.size, second.size), "the reference", past, about)


def _span(text: str) -> timedelta:
    try:
        return parse_span(text)
    except ValueError as error:
        raise UsageError(f"window: {error}", remedy="write it as 1d") from None


def _succeeded(table: Arrow, failed: str | None) -> Arrow:
    if failed is None or failed not in table.column_names:
        return table
    return table.filter(arrow().array([not value for value in table.column(failed).to_pylist()]))


def _kinds(
    table: Arrow, columns: Columns, cells: CellSet | Mapping[str, Any] | None, features: Sequence[str] | None
) -> Kinds:
    """Give the features and their kinds: as `cells` say, else by most values of the reference."""
    known = cells if isinstance(cells, CellSet) else CellSet.from_document(cells or {})
    if cells is not None and features is None:
        return kinds_of(known)
    for name in features or ():
        require(table, name, "reference", "features")
    found = kinds_of(survey(chunks(table, columns, "reference"), known, keep_ids=True).cells)
    if features is not None:
        found = {name: kind for name, kind in found.items() if name.removeprefix(FEATURE_PREFIX) in features}
    if not found:
        raise InputError("reference: no feature has a value", remedy="give a table with features as columns")
    return found


class _Reader:
    """Reads samples of tables."""

    def __init__(self, columns: Columns, kinds: Kinds, identity: str | None, most: int) -> None:
        self._columns, self._kinds, self._identity, self._most = columns, kinds, identity, most

    def sample(self, table: Arrow, name: str) -> Rows:
        """Take a table's rows: by hash bucket where there are ids, else by their places."""
        most: int | None = self._most
        if self._identity is not None:
            share, most = share_for(len(table), self._most), None
            if share < WHOLE:
                ids = table.column(self._identity).to_pylist()
                table = table.filter(arrow().array([bucket(str(one)) < share for one in ids]))
        return gather(chunks(table, self._columns, name), self._kinds, most)[0]

    def times(self, table: Arrow, name: str) -> Any:
        """Give the times (ms) of a table's rows."""
        column = self._columns.timestamp
        found = [time for chunk in chunks(table.select([column]), self._columns, name) for time in chunk.times or ()]
        if len(found) != len(table):
            raise InputError(f"{name}: a row has no time", remedy="give each row its time")
        return np.array(found, dtype=np.int64)

    def within(self, table: Arrow, times: Any, stretches: Sequence[Stretch]) -> Rows:
        """Take rows of some stretches of time."""
        chosen = np.zeros(len(table), dtype=np.bool_)
        for start, end in stretches:
            chosen |= (times >= start) & (times < end)
        return self.sample(table.filter(arrow().array(chosen)), "reference")
