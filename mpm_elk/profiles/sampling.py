"""The searches that read a sample of rows of each hour, for what several features do together. Pure.

A sample is exact and repeatable: all rows of an hour that holds few, else those whose hash bucket is below a share that
the hour's number of events decides. A source without buckets is sampled by a hash of its ids, or of sequence numbers:
the same events in the same index give the same rows. Nested aggregations, each feature's cells over the sums of all
others, cost many times as much (`benchmarks/joint.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpm_elk.contract.keys import VersionKey
from mpm_elk.contract.source import EVENTS, Source
from mpm_elk.errors import ClusterError
from mpm_elk.profiles.cells import Floats, NumericCells
from mpm_elk.profiles.joint import WHOLE, Joint
from mpm_elk.profiles.requests import hours_query
from mpm_elk.timespan import HOUR_MS

ROWS_AN_HOUR = 500
"""The most rows that are read of an hour, but for how evenly the buckets are filled."""

SHARES = tuple(share for share in range(WHOLE, 0, -1) if WHOLE % share == 0)
"""Shares that are read, of 1000: each row then stands for a whole number of rows."""

_ROWS_AT_ONCE = 2_000
_HITS_MAX = 10_000


@dataclass(frozen=True)
class SampleRequest:
    """A search for the sampled rows of some hours, each read in the same share."""

    body: dict[str, Any]
    hours: Sequence[int]
    share: int
    fields: Mapping[str, str]
    time: str


def share_of(events: int) -> int:
    """Choose the share, of 1000, of an hour's rows to read: about `ROWS_AN_HOUR` at most, and never none."""
    return next((share for share in SHARES if events * share <= ROWS_AN_HOUR * WHOLE), SHARES[-1])


def sample_requests(
    version: VersionKey, events: Mapping[int, int], cells: Mapping[str, NumericCells], source: Source = EVENTS
) -> list[SampleRequest]:
    """Ask for the rows of the hours of `events` (hour → how many events it holds)."""
    if not cells:
        return []
    fields = {name: source.fields(name, entry.field, None)[0] for name, entry in cells.items()}
    hours: dict[int, list[int]] = {}
    for hour in sorted(events):
        hours.setdefault(share_of(events[hour]), []).append(hour)
    return [
        SampleRequest(_body(version, some, share, fields, source), some, share, fields, source.time)
        for share, all_hours in sorted(hours.items())
        for some in _chunks(all_hours, {hour: events[hour] * share // WHOLE for hour in all_hours})
    ]


def _chunks(hours: Sequence[int], rows: Mapping[int, int]) -> Iterator[list[int]]:
    """Split hours so that the rows of each part fit one answer."""
    part: list[int] = []
    for hour in hours:
        if part and sum(rows[known] for known in part) + rows[hour] > _ROWS_AT_ONCE:
            yield part
            part = []
        part.append(hour)
    if part:
        yield part


def _body(
    version: VersionKey, hours: Sequence[int], share: int, fields: Mapping[str, str], source: Source
) -> dict[str, Any]:
    query = hours_query(version, hours, succeeded=True, source=source)
    if share < WHOLE:
        query = sampled(query, share, source)
    return {
        "size": _HITS_MAX,
        "track_total_hits": _HITS_MAX + 1,
        "query": query,
        "sort": ["_doc"],
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": [*fields.values(), {"field": source.time, "format": "epoch_millis"}],
    }


def sampled(query: dict[str, Any], share: int, source: Source) -> dict[str, Any]:
    """Ask for the share, of 1000, of what a `bool` query with filters chooses."""
    if source.bucket:
        chosen = [*query["bool"]["filter"], {"range": {source.bucket: {"lt": share}}}]
        return {"bool": {**query["bool"], "filter": chosen}}
    chance = {"seed": 0, "field": source.id or "_seq_no"}
    least = 1 - share / WHOLE
    score = {"query": query, "random_score": chance, "boost_mode": "replace", "min_score": least}
    return {"function_score": score}


def read_samples(
    answer: Mapping[str, Any], request: SampleRequest, cells: Mapping[str, NumericCells]
) -> dict[int, Joint] | None:
    """Add up the rows of an answer, hour by hour; None for an answer that could not hold them all.

    That happens where buckets are filled very unevenly: predictions with the same id share one.
    """
    hits = answer["hits"]["hits"]
    if answer["hits"]["total"]["value"] > len(hits):
        return None
    rows = [hit["fields"] for hit in hits]
    times = np.array([int(row[request.time][0]) for row in rows], dtype=np.int64)
    hour_of = times - times % HOUR_MS
    columns = {name: _numbers(rows, name, field) for name, field in request.fields.items()}
    return {
        hour: Joint.of(cells, {name: c[here] for name, c in columns.items()}, int(here.sum()), request.share)
        for hour in request.hours
        if (here := hour_of == hour).any()
    }


def _numbers(rows: Sequence[Mapping[str, Any]], name: str, field: str) -> Floats:
    found = [row.get(field, _NOTHING) for row in rows]
    if any(len(values) != 1 for values in found):
        raise ClusterError(
            f"{name}: documents hold several values of it, and a subject has one at most",
            remedy="take it off the source's fields, or index one value a document",
        )
    return np.array([values[0] for values in found], dtype=np.float64)


_NOTHING = (np.nan,)
