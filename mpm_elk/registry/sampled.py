"""Rows for a classifier: from events by hash bucket, from files and tables by a hash of their place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.source import Clause, Source
from mpm_elk.profiles.cells import FEATURE_PREFIX, CategoricalCells, CellSet, Ints
from mpm_elk.profiles.joint import WHOLE
from mpm_elk.profiles.rows import Rows, mixed
from mpm_elk.profiles.sampling import sampled
from mpm_elk.registry.rows import TIME, Chunk, Row, Value, from_stored, to_chunk
from mpm_elk.registry.traffic import as_counted
from mpm_elk.timespan import HOUR_MS, iso

Stretch = tuple[int, int]
"""A time [start, end) in ms."""

Kinds = Mapping[str, str]
"""Feature, with its prefix → the kind of its cells."""

_PAGE = 1000
_DOC_VALUES = 90


def kinds_of(cells: CellSet) -> dict[str, str]:
    """Give the features' kinds."""
    return {name: entry.kind for name, entry in cells.subjects.items() if name.startswith(FEATURE_PREFIX)}


def share_for(events: int, most: int) -> int:
    """Choose the share, of 1000, of so many events that gives about `most` rows; at least one bucket is read."""
    return max(1, min(WHOLE, most * WHOLE // events)) if events else WHOLE


@dataclass
class Gathered:
    """Rows, as they come: numbers and texts of their features, hours where rows have times.

    Values of the wrong type are missing. Equal texts of a feature are kept once.
    """

    kinds: Kinds
    numbers: dict[str, list[Any]] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    hours: list[Ints] = field(default_factory=list)
    size: int = 0
    timed: bool = True
    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, chunk: Chunk) -> None:
        """Take rows."""
        nothing: list[Value] = [None] * chunk.size
        for subject, kind in self.kinds.items():
            values, name = chunk.subjects.get(subject, nothing), subject.removeprefix(FEATURE_PREFIX)
            if kind == CategoricalCells.kind:
                known = self._known.setdefault(name, {})
                some = [known.setdefault(value, value) if isinstance(value, str) else None for value in values]
                self.texts.setdefault(name, []).extend(some)
            else:
                numbers = [value if isinstance(value, float) else np.nan for value in values]
                self.numbers.setdefault(name, []).append(np.array(numbers, dtype=np.float64))
        if chunk.times is None:
            self.timed = False
        else:
            times = np.array(chunk.times, dtype=np.int64)
            self.hours.append(times - times % HOUR_MS)
        self.size += chunk.size

    def rows(self) -> Rows:
        """Give all rows."""
        numbers = {name: np.concatenate(parts) for name, parts in self.numbers.items()}
        hours = np.concatenate(self.hours) if self.timed and self.hours else None
        return Rows(self.size, numbers, self.texts, hours)


def gather(chunks: Iterable[Chunk], kinds: Kinds, most: int | None = None) -> tuple[Rows, int]:
    """Take rows of a file or table, and say how many there were; of more than `most` those of the least hash.

    The hash is that of a row's place: the same file gives the same rows. Bounded: about four times `most` are held.
    """
    gathered, held, seen = Gathered(kinds), Rows(0), 0
    keys = np.empty(0, dtype=np.uint64)
    for chunk in chunks:
        gathered.add(chunk)
        seen += chunk.size
        if most is not None and gathered.size > max(3 * most, chunk.size):
            held, keys = _least(gathered, keys, seen, most)
            gathered = _again(held, kinds, timed=gathered.timed)
    if most is None or seen <= most:
        return gathered.rows(), seen
    return _least(gathered, keys, seen, most)[0], seen


def _least(gathered: Gathered, keys: Any, seen: int, most: int) -> tuple[Rows, Any]:
    fresh = mixed(np.arange(seen - (gathered.size - len(keys)) + 1, seen + 1))
    everything = np.concatenate([keys, fresh])
    kept = np.zeros(len(everything), dtype=np.bool_)
    kept[np.argsort(everything, kind="stable")[:most]] = True
    return gathered.rows().take(kept), everything[kept]


def _again(rows: Rows, kinds: Kinds, *, timed: bool) -> Gathered:
    gathered = Gathered(kinds, {name: [values] for name, values in rows.numbers.items()}, timed=timed, size=rows.size)
    gathered.texts = {name: list(values) for name, values in rows.texts.items()}
    gathered.hours = [] if rows.hours is None else [rows.hours]
    return gathered


@dataclass(frozen=True)
class Events:
    """Where a model's events are, and which: `chosen` are clauses beside the time, `unwanted` those to leave out."""

    client: Elasticsearch
    source: Source
    chosen: Sequence[Clause]
    unwanted: Sequence[Clause] = ()

    def _query(self, stretches: Sequence[Stretch]) -> dict[str, Any]:
        times = [self.source.between(start, end) for start, end in stretches]
        when = {"bool": {"should": times, "minimum_should_match": 1}}
        without = [*self.source.without_failed.get("must_not", ()), *self.unwanted]
        return {"bool": {"filter": [*self.chosen, when]} | ({"must_not": without} if without else {})}

    def count(self, stretches: Sequence[Stretch]) -> int:
        """Count the events of some stretches of time; failed inferences have no features to speak of."""
        body = {"size": 0, "track_total_hits": True, "query": self._query(stretches)}
        [answer] = search_all(self.client, [Search(self.source.index, body)])
        return int(answer["hits"]["total"]["value"])

    def last(self, before: int) -> int | None:
        """Give the time of the last event before a time (ms)."""
        query = {"bool": {"filter": [*self.chosen, {"range": {self.source.time: {"lt": iso(before)}}}]}}
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": query,
            "aggs": {"t": {"max": {"field": self.source.time}}},
        }
        [answer] = search_all(self.client, [Search(self.source.index, body)])
        found = answer.get("aggregations", {}).get("t", {}).get("value")
        return None if found is None else int(found)

    def sample(self, stretches: Sequence[Stretch], kinds: Kinds, most: int) -> tuple[Rows, int]:
        """Read about `most` of the events of some stretches, and say how many there are.

        The sample is exact: all events whose hash bucket is below a share that their number decides.
        """
        events = self.count(stretches)
        if not events:
            return Rows(0), 0
        query, share = self._query(stretches), share_for(events, most)
        if share < WHOLE:
            query = sampled(query, share, self.source)
        read = self._documents(query) if self.source.subjects is None else self._doc_values(query, kinds)
        gathered = Gathered(kinds)
        for page in iter(lambda: list(islice(read, _PAGE)), []):
            gathered.add(to_chunk(page, self.source.index))
        return gathered.rows(), events

    def _documents(self, query: Mapping[str, Any]) -> Iterator[Row]:
        body = {"query": query, "_source": ["@timestamp", "mpm.features"]}
        with closing(scan(self.client, self.source.index, body, sort=self.source.time)) as hits:
            yield from (from_stored(hit["_source"]) for hit in hits)

    def _doc_values(self, query: Mapping[str, Any], kinds: Kinds) -> Iterator[Row]:
        """Read what aggregations see, some fields at a time: a search may read a hundred."""
        fields = [(name, f) for name, f in sorted((self.source.subjects or {}).items()) if name in kinds]
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for at in range(0, len(fields), _DOC_VALUES):
            some = fields[at : at + _DOC_VALUES]
            values = [{"field": self.source.time, "format": "strict_date_time"}, *({"field": f.name} for _, f in some)]
            body = {"query": query, "_source": False, "docvalue_fields": values}
            with closing(scan(self.client, self.source.index, body, sort=self.source.time)) as hits:
                for hit in hits:
                    held = hit.get("fields", {})
                    row = rows.setdefault((hit["_index"], hit["_id"]), {TIME: held[self.source.time][0]})
                    row.update({name: as_counted(held[f.name][0], f) for name, f in some if f.name in held})
        yield from rows.values()
