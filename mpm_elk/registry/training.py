"""Cut cells from training data, and count it in them: pass by pass over the file, in bounded memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mpm_elk.profiles.cells import LABEL, OUTPUTS, SCORE, CategoricalCells, Cells, CellSet, Floats, NumericCells
from mpm_elk.profiles.cut import FINE, SCORE_FINE, cut_categorical, cut_numeric
from mpm_elk.profiles.joint import WHOLE, Joint, paired
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.registry.rows import Chunk, Columns, Value, kind_of, read
from mpm_elk.timespan import DAY_MS

_SAMPLE = 200_000
_VOCABULARY = 100_000
IDS_ABOVE = 100


@dataclass
class _Seen:
    """What the first pass remembers of a subject: a sample of its numbers, how often each text came."""

    numbers: int = 0
    texts: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    sample: Floats = field(default_factory=lambda: np.empty(0))
    categories: Counter[str] = field(default_factory=Counter)
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    """A fixed seed, and a draw for each number: the same rows give the same cells, in whatever chunks."""

    def remember(self, values: Sequence[Value]) -> None:
        """Take note of some more values."""
        numbers, texts = _split(values)
        if len(numbers):
            self._sample(numbers)
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
            self.numbers += len(numbers)
        if texts:
            self._count(texts)
            self.texts += len(texts)

    def _sample(self, numbers: Floats) -> None:
        """Keep every number with the same chance: number i takes the place floor(i·u), where there is such a one."""
        order = np.arange(self.numbers + 1, self.numbers + 1 + len(numbers))
        places = (self.chance.random(len(numbers)) * order).astype(np.int64)
        room = _SAMPLE - len(self.sample)
        if room:
            self.sample = np.concatenate([self.sample, numbers[:room]])
        late = places[room:] < _SAMPLE
        self.sample[places[room:][late]] = numbers[room:][late]

    def _count(self, texts: list[str]) -> None:
        known, counts = self.categories, Counter(texts)
        if len(known) + len(counts) <= _VOCABULARY:
            known.update(counts)
            return
        for value, number in counts.items():
            if value in known or len(known) < _VOCABULARY:
                known[value] += number


@dataclass(frozen=True)
class Survey:
    """What a first pass over rows found: the cells of known and new subjects, and what got none and why."""

    rows: int
    subjects: tuple[str, ...]
    cells: CellSet
    ids: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    timed: bool = False


def survey(chunks: Iterable[Chunk], known: CellSet | None = None, *, keep_ids: bool = False) -> Survey:
    """Cut cells for every subject in the rows that `known` has no cells for; known cells stay.

    A subject is numeric where most of its values are numbers. Edges come from a reservoir sample of 200,000 values and
    the exact extremes; they only have to be frozen, not to be exact quantiles. A text that is another one in each of
    more than `IDS_ABOVE` rows is an id or free text: without `keep_ids` it gets no cells, since none of its categories
    will come again.
    """
    seen: dict[str, _Seen] = defaultdict(_Seen)
    subjects: dict[str, None] = {}
    rows, timed = 0, False
    for chunk in chunks:
        rows += chunk.size
        timed = timed or chunk.times is not None
        for name, values in chunk.subjects.items():
            subjects[name] = None
            if known is None or name not in known.subjects:
                seen[name].remember(values)
    ids = () if keep_ids else tuple(name for name, entry in seen.items() if _is_id(entry))
    fresh = {name: cells for name, entry in seen.items() if name not in ids and (cells := _cut(name, entry))}
    empty = tuple(name for name in seen if name not in ids and name not in fresh)
    return Survey(rows, tuple(subjects), CellSet({**(known.subjects if known else {}), **fresh}), ids, empty, timed)


def cut_cells(chunks: Iterable[Chunk], known: CellSet | None = None) -> CellSet:
    """Cut cells as `survey`, for ids too."""
    return survey(chunks, known, keep_ids=True).cells


def _is_id(entry: _Seen) -> bool:
    distinct = len(entry.categories)
    return (
        not entry.numbers
        and distinct > IDS_ABOVE
        and distinct == min(entry.texts, _VOCABULARY) == entry.categories.total()
    )


def textual_columns(path: Path, columns: Columns, known: CellSet | None = None) -> frozenset[str]:
    """Find the subjects of a CSV file that are texts: as `known` says, else where most values look like no number."""
    if kind_of(path) != "csv":
        return frozenset()
    balance: Counter[str] = Counter()
    for chunk in read(path, columns):
        for name, values in chunk.subjects.items():
            balance[name] += sum(1 if isinstance(value, str) else -1 for value in values if value is not None)
    cells = known.subjects if known else {}
    return frozenset(
        name
        for name, texts in balance.items()
        if (isinstance(cells[name], CategoricalCells) if name in cells else texts > 0)
    )


def _cut(name: str, entry: _Seen) -> Cells | None:
    if entry.numbers + entry.texts == 0:
        return None
    if entry.numbers >= entry.texts and name != LABEL:
        values = np.array([*entry.sample, entry.low, entry.high], dtype=np.float64)
        main, other = fields_of(name, numeric=True)
        return cut_numeric(values, main, other_field=other, fine=SCORE_FINE if name == SCORE else FINE)
    main, other = fields_of(name, numeric=False)
    return cut_categorical(entry.categories, main, other_field=other)


def fields_of(subject: str, *, numeric: bool) -> tuple[str, str | None]:
    """Name the fields that hold a subject's values, and values of the wrong type where there can be any."""
    if subject in OUTPUTS:
        return f"mpm.{subject}", None
    name = subject.removeprefix("features.")
    fields = (f"mpm.features.numeric.{name}", f"mpm.features.categorical.{name}")
    return fields if numeric else fields[::-1]


def count_rows(chunks: Iterable[Chunk], cells: CellSet) -> tuple[Profile, dict[int, Profile]]:
    """Count rows in cells: all of them, and day by day (start in ms) where they carry times.

    Gives the same integers as Elasticsearch's aggregations over the same rows. A subject that no row has is left out.
    """
    total = Profile()
    days: dict[int, Profile] = {}
    for chunk in chunks:
        total += _count(chunk, cells)
        if chunk.times is not None:
            for day, part in _by_day(chunk):
                days[day] = days.get(day, Profile()) + _count(part, cells)
    known = cells.only(list(total.subjects))
    return _complete(total, known), {day: _complete(profile, known) for day, profile in days.items()}


def _by_day(chunk: Chunk) -> Iterator[tuple[int, Chunk]]:
    """Split rows by the day of their times."""
    starts = np.array(chunk.times, dtype=np.int64)
    starts -= starts % DAY_MS
    order = np.argsort(starts, kind="stable")
    days, first = np.unique(starts[order], return_index=True)
    if len(days) > 1:
        at = order.tolist()
        chunk = Chunk(chunk.size, {name: [v[row] for row in at] for name, v in chunk.subjects.items()}, None)
    for day, begin, end in zip(days.tolist(), first.tolist(), [*first.tolist()[1:], chunk.size], strict=True):
        yield day, Chunk(end - begin, {name: v[begin:end] for name, v in chunk.subjects.items()}, None)


def _complete(profile: Profile, cells: CellSet) -> Profile:
    """Count a subject as missing in the rows whose chunk did not know it."""
    subjects = {}
    for name, entry in cells.subjects.items():
        counts = profile.subjects.get(name) or SubjectProfile(entry.hash, np.zeros(entry.size, dtype=np.int64), 0, 0)
        subjects[name] = replace(counts, missing=profile.count - counts.present - counts.type_violations)
    return replace(profile, subjects=subjects)


def _split(values: Sequence[Value]) -> tuple[Floats, list[str]]:
    """Part numbers and texts; what is neither is missing."""
    numbers = np.array([value for value in values if isinstance(value, float)], dtype=np.float64)
    return numbers, [] if len(numbers) == len(values) else [value for value in values if isinstance(value, str)]


def _count(chunk: Chunk, cells: CellSet) -> Profile:
    subjects = {
        name: _count_subject(entry, chunk.subjects[name])
        for name, entry in cells.subjects.items()
        if name in chunk.subjects
    }
    return Profile(chunk.size, subjects=subjects, joint=_count_together(chunk, cells))


def _count_together(chunk: Chunk, cells: CellSet) -> Joint:
    if not (together := paired(cells)):
        return Joint()
    columns = {name: _with_gaps(chunk.subjects[name]) for name in together if name in chunk.subjects}
    return Joint.of(together, columns, chunk.size, WHOLE)


def _with_gaps(values: Sequence[Value]) -> Floats:
    """Give numbers in their places; texts are missing there, as nothing is."""
    if set(map(type, values)) <= {float, type(None)}:
        return np.array(values, dtype=np.float64)  # None becomes nan
    return np.array([value if isinstance(value, float) else np.nan for value in values], dtype=np.float64)


def _count_subject(cells: Cells, values: Sequence[Value]) -> SubjectProfile:
    numbers, texts = _split(values)
    missing = len(values) - len(numbers) - len(texts)
    if isinstance(cells, NumericCells):
        return SubjectProfile(cells.hash, cells.count(numbers), missing, len(texts), Moments.of(numbers))
    return SubjectProfile(cells.hash, cells.count(texts), missing, len(numbers))


def describe(cells: CellSet) -> Iterator[tuple[str, str, str]]:
    """Say each subject's kind and cells: name, kind, and how it is cut."""
    for name, entry in cells.subjects.items():
        if isinstance(entry, CategoricalCells):
            rare = f", {len(entry.rest)} rare ones together" if entry.rest else ""
            yield name, entry.kind, f"{len(entry.values)} categories{rare}"
        else:
            low, high = entry.edges[0], np.nextafter(entry.edges[-1], -np.inf)
            yield name, entry.kind, f"{len(entry.coarse) - 1} cells from {low:g} to {high:g}"
