"""Profiles in Elasticsearch: their documents, ids, and how they are read back."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.fenced import Document
from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import EVERYTHING, ModelKey, Segment, VersionKey
from mpm_elk.contract.names import Index, all_months, monthly
from mpm_elk.contract.queries import between
from mpm_elk.profiles.profile import Profile
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso, parse_instant, to_ms

HOUR, DAY = "hour", "day"
_VERSIONS = 100
"""So many versions may have events in one hour."""
LENGTH = {HOUR: HOUR_MS, DAY: DAY_MS}


@dataclass(frozen=True, order=True)
class ProfileKey:
    """Which profile: of which version and segment, of which hour or day (start in ms)."""

    version: VersionKey
    segment: Segment
    granularity: str
    start: int

    @property
    def id(self) -> str:
        """The id of the profile's document."""
        key, segment = self.version, self.segment
        parts = (key.environment, key.name, key.version, segment.name, segment.value, self.granularity, str(self.start))
        return digest("profile", *parts)

    @property
    def index(self) -> str:
        """The index of the profile's document."""
        return monthly(Index.PROFILES, self.version.name, self.version.environment, self.start)


_HASHED_DIGITS = 9


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash what a document says, to tell whether it changed.

    Floats count with nine digits: sums of the same events differ in their last digits after Elasticsearch has merged
    its segments, and that is no change.
    """
    text = json.dumps(_blunt(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _blunt(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _blunt(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_blunt(entry) if type(entry) in (float, dict, list) else entry for entry in value]
    return float(f"{value:.{_HASHED_DIGITS}g}") if isinstance(value, float) else value


def to_document(key: ProfileKey, profile: Profile, run_id: str) -> Document:
    """Make the document of a profile."""
    content = profile.to_document()
    end = key.start + LENGTH[key.granularity]
    source = {
        "@timestamp": iso(key.start),
        "event": {"kind": "metric", "module": "mpm", "dataset": "mpm.profile"},
        "service": {"environment": key.version.environment},
        "mpm": {
            "model": {"name": key.version.name, "version": key.version.version},
            "segment": key.segment.fields(),
            "segment_key": key.segment.key,
            "profile": {
                "granularity": key.granularity,
                "start": iso(key.start),
                "end": iso(end),
                "hash": content_hash(content),
                **content,
            },
            "run": {"id": run_id},
        },
    }
    return Document(key.index, key.id, source)


@dataclass(frozen=True)
class Wanted:
    """Which of a model's profiles to read: of which length, beginning in [start, end) (ms), and what of them.

    Without `subjects` only their traffic is read, without `segments` only those of all events. `but` leaves out what is
    known already: versions and stretches [start, end) of time.
    """

    granularity: str
    start: int
    end: int
    subjects: bool = True
    segments: bool = True
    but: Sequence[tuple[VersionKey, int, int]] = ()

    def body(self, model: ModelKey) -> dict[str, Any]:
        """Make the search."""
        filters = [*model.filters(), {"term": {"mpm.profile.granularity": self.granularity}}]
        filters.append(between(self.start, self.end))
        if not self.segments:
            filters.append({"term": {"mpm.segment_key": EVERYTHING.key}})
        known = [{"bool": {"filter": [*version.filters(), between(*span)]}} for version, *span in self.but]
        body: dict[str, Any] = {"query": {"bool": {"filter": filters, "must_not": known}}}
        if not self.subjects:
            body["_source"] = {"excludes": ["mpm.profile.subjects", "mpm.profile.joint"]}
        return body


def read(client: Elasticsearch, model: ModelKey, wanted: Wanted) -> Iterable[tuple[ProfileKey, Profile]]:
    """Read a model's profiles in order of time."""
    for hit in scan(client, _pattern(model), wanted.body(model), sort="@timestamp"):
        mpm = hit["_source"]["mpm"]
        segment = Segment.of(mpm["segment"])
        key = ProfileKey(model.version(mpm["model"]["version"]), segment, wanted.granularity, hit["sort"][0])
        yield key, Profile.from_document({"subjects": {}, **mpm["profile"]})


def keys(client: Elasticsearch, model: ModelKey, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """List the indices and ids of a model's profiles, and nothing of what they say."""
    for hit in scan(client, _pattern(model), {**wanted.body(model), "_source": False}, sort="@timestamp"):
        yield hit["_index"], hit["_id"]


def count_profiles(client: Elasticsearch, model: ModelKey, hours_from: int = 0) -> dict[str, int]:
    """Count a model's profiles in each index: all days, and the hours from `hours_from` (ms) on."""
    since = {"range": {"@timestamp": {"gte": iso(hours_from)}}}
    here = {"bool": {"should": [{"term": {"mpm.profile.granularity": DAY}}, since]}}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [*model.filters(), here]}},
        "aggs": {"index": {"terms": {"field": "_index", "size": 10_000}}},
    }
    [answer] = search_all(client, [Search(_pattern(model), body)])
    buckets = answer["aggregations"]["index"]["buckets"] if "aggregations" in answer else []
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def first_profile(
    client: Elasticsearch, model: ModelKey, granularity: str | None = None, fresh: Iterable[ProfileKey] = ()
) -> int | None:
    """Give the start (ms) of a model's first profile, stored or fresh; with `granularity`, of the first of that length.

    Hours may have been dropped that days still hold.
    """
    filters = model.filters()
    if granularity is not None:
        filters = [*filters, {"term": {"mpm.profile.granularity": granularity}}]
    body = {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": {"first": {"min": {"field": "@timestamp"}}}}
    [answer] = search_all(client, [Search(_pattern(model), body)])
    stored = answer["aggregations"]["first"]["value"] if "aggregations" in answer else None
    starts = [key.start for key in fresh if granularity in (None, key.granularity)]
    return min(starts + ([] if stored is None else [int(stored)]), default=None)


def last_event(client: Elasticsearch, model: ModelKey, before: int, fresh: Mapping[ProfileKey, Profile]) -> int:
    """Give the time (ms) of a model's last event in the hours before a time, stored or fresh; 0 where there is none.

    Where the profile does not tell, it is the end of its hour.
    """
    filters = [*model.filters(), {"term": {"mpm.profile.granularity": HOUR}}, between(0, before)]
    body = {
        "size": _VERSIONS,
        "query": {"bool": {"filter": [*filters, {"term": {"mpm.segment_key": EVERYTHING.key}}]}},
        "sort": [{"@timestamp": "desc"}],
        "_source": ["mpm.profile.last"],
    }
    [answer] = search_all(client, [Search(_pattern(model), body)])
    found = [
        (hit["sort"][0], hit["_source"].get("mpm", {}).get("profile", {}).get("last"))
        for hit in answer.get("hits", {}).get("hits", [])
    ]
    found += [
        (key.start, None if profile.last is None else iso(profile.last))
        for key, profile in fresh.items()
        if key.granularity == HOUR and key.segment == EVERYTHING and key.start < before and profile.count
    ]
    newest = max((start for start, _ in found), default=0)
    lasts = [to_ms(parse_instant(last)) if last else start + HOUR_MS - 1 for start, last in found if start == newest]
    return max(lasts, default=0)


def _pattern(model: ModelKey) -> str:
    return all_months(Index.PROFILES, model.name, model.environment)
