"""The searches that count a model's events in its cells, hour by hour, and how their answers are read. Pure.

Few aggregations a search are cheapest where an hour holds many events; where it holds few, one search for everything
saves round trips. Either way a search stays under the bucket limit: hours × segment values × cells.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mpm_elk.contract.keys import VersionKey
from mpm_elk.contract.source import EVENTS, IGNORED, Source
from mpm_elk.errors import ClusterError
from mpm_elk.profiles.cells import CategoricalCells, Cells, CellSet, Floats, NumericCells
from mpm_elk.profiles.precision import at_least
from mpm_elk.profiles.profile import Moments, SubjectProfile
from mpm_elk.profiles.slices import Slice, Values, look_for_values
from mpm_elk.timespan import HOUR_MS

BUCKETS_MAX = 60_000
_ANSWER_MAX = 25_000
"""Buckets that an answer may hold for hours to share a search: each takes 300 bytes in the client."""
_BUSY_HOUR = 5_000
_SUBJECTS_IN_BUSY_HOURS = 3
_RUNS_MAX = 200


@dataclass(frozen=True)
class HourlyRequest:
    """A search over some hours (starts, ms) for some subjects, whole or by the values of a slice."""

    version: VersionKey
    hours: Sequence[int]
    subjects: Mapping[str, Cells]
    piece: Slice | None = None
    source: Source = EVENTS

    @property
    def body(self) -> dict[str, Any]:
        """The search."""
        return _subjects_body(self.version, self.hours, self.subjects, self.piece, self.source)

    @property
    def buckets(self) -> int:
        """The most buckets that the answer can hold."""
        return len(self.hours) * _buckets(self.subjects) * _values(self.piece)

    def halves(self) -> "list[HourlyRequest]":
        """Ask in two parts: half the hours each or, of one hour, half the subjects. One of each has no parts."""
        if len(self.hours) > 1:
            middle = len(self.hours) // 2
            return [replace(self, hours=self.hours[:middle]), replace(self, hours=self.hours[middle:])]
        names = list(self.subjects)
        middle = len(names) // 2
        parts = (names[:middle], names[middle:]) if middle else ()
        return [replace(self, subjects={name: self.subjects[name] for name in part}) for part in parts]


def hours_query(
    version: VersionKey, hours: Iterable[int], *, succeeded: bool, source: Source = EVENTS
) -> dict[str, Any]:
    """Choose a version's events in the given hours; with `succeeded`, without failed inferences."""
    ranges = [source.between(start, end) for start, end in runs(hours)]
    when = ranges[0] if len(ranges) == 1 else {"bool": {"should": ranges, "minimum_should_match": 1}}
    query: dict[str, Any] = {"filter": [*source.version_filters(version), when]}
    if succeeded:
        query |= source.without_failed
    return {"bool": query}


def runs(hours: Iterable[int]) -> list[tuple[int, int]]:
    """Join hours (starts, ms) that follow each other to stretches [start, end)."""
    joined: list[tuple[int, int]] = []
    for hour in sorted(hours):
        if joined and joined[-1][1] == hour:
            joined[-1] = (joined[-1][0], hour + HOUR_MS)
        else:
            joined.append((hour, hour + HOUR_MS))
    return joined


def traffic_requests(
    version: VersionKey, hours: Sequence[int], source: Source = EVENTS, limit: int = 10_000
) -> list[dict[str, Any]]:
    """Ask for events, failures, durations and the last event of each hour, of at most `limit` hours at once."""
    aggregations: dict[str, Any] = {"last": {"max": {"field": source.time}}}
    if source.failed:
        aggregations["failures"] = {"filter": source.failed}
    if source.duration:
        aggregations["duration"] = {"extended_stats": {"field": source.duration}}
    queries = (hours_query(version, some, succeeded=False, source=source) for some in _chunks(sorted(hours), limit))
    return [_body(query, aggregations, source) for query in queries]


def subject_requests(
    version: VersionKey,
    events: Mapping[int, int],
    cells: CellSet,
    piece: Slice | None = None,
    source: Source = EVENTS,
    *,
    limit: int = BUCKETS_MAX,
) -> list[HourlyRequest]:
    """Ask for the cells of all subjects in the hours of `events` (hour → how many events it holds).

    No answer has more than `limit` buckets, unless one subject in one hour has.
    """
    hours = sorted(events)
    if not hours or not cells.subjects:
        return []
    busy = max(events.values()) > _BUSY_HOUR
    width = _SUBJECTS_IN_BUSY_HOURS if busy else len(cells.subjects)
    return [
        HourlyRequest(version, some_hours, group, piece, source)
        for group in _groups(cells.subjects, width, piece, limit)
        for some_hours in _chunks(hours, _hours_at_once(group, piece, limit))
    ]


def look_requests(
    version: VersionKey, hours: Sequence[int], name: str, known: Sequence[Values], source: Source = EVENTS
) -> list[dict[str, Any]]:
    """Ask which values a segment or combination has in some hours; see `look_for_values`."""
    aggregations = look_for_values(name, known, source)
    return [
        {
            "size": 0,
            "track_total_hits": False,
            "query": hours_query(version, some, succeeded=True, source=source),
            "aggs": aggregations,
        }
        for some in _chunks(hours, 10_000)
    ]


def _groups(subjects: Mapping[str, Cells], width: int, piece: Slice | None, limit: int) -> Iterator[dict[str, Cells]]:
    """Split subjects into groups of at most `width` that fit one hour of one search."""
    group: dict[str, Cells] = {}
    for name, cells in subjects.items():
        if group and (len(group) == width or _buckets({**group, name: cells}) * _values(piece) > limit):
            yield group
            group = {}
        group[name] = cells
    yield group


def _hours_at_once(group: Mapping[str, Cells], piece: Slice | None, limit: int) -> int:
    return max(1, min(limit, _ANSWER_MAX) // (_buckets(group) * _values(piece)))


def _values(piece: Slice | None) -> int:
    """Give the most values that a search can meet: ranges answer with all their buckets for each of them."""
    return piece.width if piece else 1


def _buckets(group: Mapping[str, Cells]) -> int:
    return sum(_width(cells) for cells in group.values()) + 1


def _width(cells: Cells) -> int:
    return cells.size if isinstance(cells, NumericCells) else len(cells.values) + len(cells.rest) + 1


def _chunks(hours: Sequence[int], size: int) -> Iterator[list[int]]:
    """Split hours so that each part holds at most `size` hours and few enough stretches for one query."""
    part: list[int] = []
    stretches = 0
    for hour in hours:
        starts_stretch = not part or part[-1] + HOUR_MS != hour
        if part and (len(part) == size or (starts_stretch and stretches == _RUNS_MAX)):
            yield part
            part, stretches, starts_stretch = [], 0, True
        part.append(hour)
        stretches += starts_stretch
    if part:
        yield part


def _subjects_body(
    version: VersionKey, hours: Sequence[int], group: Mapping[str, Cells], piece: Slice | None, source: Source
) -> dict[str, Any]:
    aggregations: dict[str, Any] = {}
    for at, (name, cells) in enumerate(group.items()):
        aggregations |= _subject_aggregations(at, name, cells, source)
    if piece is not None:
        aggregations = piece.aggregations(source, aggregations)
    return _body(hours_query(version, hours, succeeded=True, source=source), aggregations, source)


def _subject_aggregations(at: int, name: str, cells: Cells, source: Source) -> dict[str, Any]:
    """Count one subject: its cells (c), its moments (m) or presence (p), and values of the wrong type (w)."""
    field, other = source.fields(name, cells.field, cells.other_field)
    aggregations: dict[str, Any] = {}
    if isinstance(cells, NumericCells):
        ranges = _ranges(at_least(cells.edges, source.types(name)))
        aggregations[f"{at}c"] = {"range": {"field": field, "keyed": True, "ranges": ranges}}
        aggregations[f"{at}m"] = {"extended_stats": {"field": field}}
    else:
        known = [*cells.values, *cells.rest]
        aggregations[f"{at}p"] = {"value_count": {"field": field}}
        if known:
            aggregations[f"{at}c"] = {"terms": {"field": field, "include": known, "size": len(known)}}
    if other == IGNORED:
        aggregations[f"{at}w"] = {"filter": {"term": {IGNORED: field}}}
    elif other:
        aggregations[f"{at}w"] = {"value_count": {"field": other}}
    return aggregations


def _ranges(edges: Floats) -> list[dict[str, Any]]:
    """Write cells as ranges. An infinite edge is one that no value reaches: the cell above it is left out."""
    walls = [None, *edges.tolist(), None]
    ranges = []
    for at, (low, high) in enumerate(pairwise(walls)):
        if low is None or math.isfinite(low):
            bounds = {"from": low, "to": None if high is None or math.isinf(high) else high}
            ranges.append({"key": str(at), **{name: edge for name, edge in bounds.items() if edge is not None}})
    return ranges


def _body(query: dict[str, Any], aggregations: dict[str, Any], source: Source) -> dict[str, Any]:
    hourly = {"field": source.time, "fixed_interval": "1h", "min_doc_count": 1}
    return {
        "size": 0,
        "track_total_hits": False,
        "query": query,
        "aggs": {"hour": {"date_histogram": hourly, "aggs": aggregations}},
    }


def key_text(bucket: Mapping[str, Any]) -> str:
    """Give the value of a bucket as a text: that of a boolean is `true`, not 1."""
    return str(bucket.get("key_as_string", bucket["key"]))


def hours_in(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the hour buckets of an answer; an index without documents has none."""
    buckets: list[dict[str, Any]] = answer.get("aggregations", {}).get("hour", {}).get("buckets", [])
    return buckets


def read_moments(stats: Mapping[str, Any], unit: int = 1) -> Moments:
    """Read `extended_stats` of numbers of so many units each.

    Of nothing, its sums are null, and what overflowed is a text such as `Infinity`.
    """
    if not stats["count"]:
        return Moments()
    total, squares, low, high = (float(stats[name]) for name in ("sum", "sum_of_squares", "min", "max"))
    return Moments(int(stats["count"]), total * unit, squares * unit**2, low * unit, high * unit)


def read_subjects(bucket: Mapping[str, Any], subjects: Mapping[str, Cells]) -> dict[str, SubjectProfile]:
    """Read all subjects' counts from the bucket of one hour, or of one segment value in it."""
    events = bucket["doc_count"]
    return {name: _read_subject(bucket, at, name, cells, events) for at, (name, cells) in enumerate(subjects.items())}


def _read_subject(bucket: Mapping[str, Any], at: int, name: str, cells: Cells, events: int) -> SubjectProfile:
    moments = Moments()
    if isinstance(cells, CategoricalCells):
        terms = {key_text(b): b["doc_count"] for b in bucket[f"{at}c"]["buckets"]} if f"{at}c" in bucket else {}
        counts = cells.count_terms(terms, bucket[f"{at}p"]["value"])
    else:
        counts, ranges = np.zeros(cells.size, dtype=np.int64), bucket[f"{at}c"]["buckets"]
        counts[[*map(int, ranges)]] = [cell["doc_count"] for cell in ranges.values()]
        moments = read_moments(bucket[f"{at}m"])
    violations = bucket.get(f"{at}w", {})
    wrong = violations.get("value", violations.get("doc_count", 0))
    missing = events - int(counts.sum()) - wrong
    if missing < 0 or moments.count > counts.sum():
        raise ClusterError(
            f"{name}: documents hold several values of it, and a subject has one at most",
            remedy="take it off the source's fields, or index one value a document",
        )
    return SubjectProfile(cells.hash, counts, missing, wrong, moments)
