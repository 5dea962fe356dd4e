"""Which hours changed: found by sequence numbers, not by clocks.

Every write to a shard gets the next sequence number, so the documents above a remembered number are exactly those that
came since, however late their `@timestamp` is. The primary's global checkpoint is the number up to which no write is
missing; replicas may lag behind it.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elastic_transport import ConnectionTimeout
from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import Search, TooLarge, search_all, search_each, too_large
from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.source import EVENTS, KeyPart, Source
from mpm_elk.errors import ClusterError
from mpm_elk.timespan import HOUR_MS

NOTHING_READ = -1
_IMPATIENCE = 2
_IN_A_URL = 15
"""Index names, of up to 255 bytes each, that fit into the 4 kB of a request line."""


@dataclass(frozen=True)
class ReadPosition:
    """How far an index was read: its uuid, and the last sequence number of each shard."""

    uuid: str
    shards: Mapping[int, int]

    def after(self, shard: int) -> int:
        """Give the last number that was read of a shard."""
        return self.shards.get(shard, NOTHING_READ)

    def to_document(self) -> dict[str, Any]:
        """Write the position as JSON."""
        return {"uuid": self.uuid, "shards": {str(shard): number for shard, number in sorted(self.shards.items())}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ReadPosition":
        """Read a position from JSON."""
        return cls(document["uuid"], {int(shard): number for shard, number in document["shards"].items()})


@dataclass(frozen=True)
class Stretch:
    """What to read of one shard: numbers above `after` up to `upto`."""

    index: str
    shard: int
    after: int
    upto: int


def positions(client: Elasticsearch, pattern: str) -> dict[str, ReadPosition]:
    """Read the current position of every index that matches, from the primaries' global checkpoints."""
    with translated():
        stats = client.options(ignore_status=404).indices.stats(
            index=pattern,
            metric="docs",
            level="shards",
            filter_path="indices.*.uuid,indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no.global_checkpoint",
        )
    found = {}
    for name, entry in stats.get("indices", {}).items():
        shards = {
            int(number): copy["seq_no"]["global_checkpoint"]
            for number, copies in entry.get("shards", {}).items()
            for copy in copies
            if copy["routing"]["primary"]
        }
        found[name] = ReadPosition(entry["uuid"], shards)
    return found


def incomplete(client: Elasticsearch, pattern: str) -> set[str]:
    """Name the indices that match and lack a shard. To refresh or search one takes minutes, and gives no answer."""
    with translated():
        # Not the colour: an index whose shard never found a place is yellow.
        health = client.cluster.health(index=pattern, level="shards", filter_path="indices.*.shards.*.primary_active")
    return {
        name
        for name, entry in health.get("indices", {}).items()
        if not all(shard["primary_active"] for shard in entry["shards"].values())
    }


def unread(now: Mapping[str, ReadPosition], before: Mapping[str, ReadPosition]) -> list[Stretch]:
    """List what was written since `before`; an index with another uuid is another index and is read whole."""
    stretches = []
    for index, position in sorted(now.items()):
        known = before.get(index)
        for shard, checkpoint in sorted(position.shards.items()):
            after = known.after(shard) if known and known.uuid == position.uuid else NOTHING_READ
            if checkpoint > after:
                stretches.append(Stretch(index, shard, after, checkpoint))
    return stretches


def refresh(client: Elasticsearch, indices: Iterable[str]) -> None:
    """Make everything written so far visible to searches."""
    names = sorted(set(indices))
    for at in range(0, len(names), _IN_A_URL):
        with translated():
            client.indices.refresh(index=",".join(names[at : at + _IN_A_URL]), ignore_unavailable=True)


def refresh_what_is_there(client: Elasticsearch, indices: Iterable[str]) -> None:
    """Refresh indices that lack a shard: the shards that are there do it at once, the answer would wait a minute."""
    names = ",".join(sorted(set(indices)))
    if names:
        impatient = client.options(request_timeout=_IMPATIENCE, max_retries=0, retry_on_timeout=False)
        with translated(), contextlib.suppress(ConnectionTimeout):
            impatient.indices.refresh(index=names, ignore_unavailable=True)


def models_in(client: Elasticsearch, stretches: Iterable[Stretch], source: Source = EVENTS) -> dict[str, set[ModelKey]]:
    """Find, index by index, the models that have documents in the stretches."""
    wanted = list(stretches)
    models = _by(source.model, "model", 10_000, {})
    aggregations = _by(source.environment, "environment", 100, models)
    answers = search_all(client, [_search(s, [], aggregations) for s in wanted])
    found: dict[str, set[ModelKey]] = defaultdict(set)
    for stretch, answer in zip(wanted, answers, strict=True):
        for environment, bucket in _values(answer.get("aggregations", {}), source.environment, "environment"):
            for model, _ in _values(bucket, source.model, "model"):
                found[stretch.index].add(ModelKey(environment, model))
    return found


def _by(part: KeyPart, name: str, size: int, inner: dict[str, Any]) -> dict[str, Any]:
    """Aggregate by a part of the key; where it is the same for all documents, there is nothing to part."""
    if not part.field:
        return inner
    return {name: {"terms": {"field": part.field, "size": size}, **({"aggs": inner} if inner else {})}}


def _values(parent: Mapping[str, Any], part: KeyPart, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Give the values of a part of the key, and what was aggregated below each."""
    if not part.field:
        return [(part.text, parent)]
    return [(str(bucket["key"]), bucket) for bucket in _all_of(parent, name)]


def _all_of(parent: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Give all buckets of a `terms` aggregation. Raises ClusterError where there were more than it may return."""
    found = parent.get(name, {"buckets": [], "sum_other_doc_count": 0})
    if found["sum_other_doc_count"]:
        raise ClusterError(
            f"an index holds more than {len(found['buckets'])} values of {name}",
            remedy="look for a service that logs an id or a time in its place, and split the index by model",
        )
    buckets: list[dict[str, Any]] = found["buckets"]
    return buckets


def changed_hours(
    client: Elasticsearch,
    stretches: Iterable[Stretch],
    model: ModelKey,
    source: Source = EVENTS,
    span: tuple[int, int] | None = None,
) -> dict[VersionKey, dict[int, int]]:
    """Count the documents of `model` in the stretches, with `span` of a time only: version → hour (ms) → how many."""
    hourly = {"hour": {"date_histogram": {"field": source.time, "fixed_interval": "1h", "min_doc_count": 1}}}
    aggregations = _by(source.version, "version", 1000, hourly)
    filters = [*source.filters(model), *([source.between(*span)] if span else [])]
    wanted = list(stretches)
    hours: dict[VersionKey, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for stretch, answer in zip(
        wanted, search_each(client, [_search(s, filters, aggregations) for s in wanted]), strict=True
    ):
        if isinstance(answer, TooLarge):
            for part in _halves(client, stretch, filters, source, answer):
                for key, counts in changed_hours(client, [stretch], model, source, part).items():
                    for hour, n in counts.items():
                        hours[key][hour] += n
            continue
        for version, bucket in _values(answer.get("aggregations", {}), source.version, "version"):
            for hour in bucket.get("hour", {}).get("buckets", []):
                hours[model.version(version)][hour["key"]] += hour["doc_count"]
    return {version: dict(counts) for version, counts in hours.items()}


def _halves(
    client: Elasticsearch, stretch: Stretch, filters: list[dict[str, Any]], source: Source, why: TooLarge
) -> list[tuple[int, int]]:
    """Part the time of a stretch's documents. Raises ClusterError where it is one hour."""
    ends = {name: {name: {"field": source.time}} for name in ("min", "max")}
    [answer] = search_all(client, [_search(stretch, filters, ends)])
    first, last = (int(answer["aggregations"][name]["value"]) for name in ("min", "max"))
    start, end = first - first % HOUR_MS, last - last % HOUR_MS + HOUR_MS
    middle = start + (end - start) // HOUR_MS // 2 * HOUR_MS
    if middle == start:
        raise too_large(why)
    return [(start, middle), (middle, end)]


def all_hours(
    client: Elasticsearch,
    indices: Iterable[str],
    model: ModelKey,
    source: Source = EVENTS,
    span: tuple[int, int] | None = None,
) -> dict[VersionKey, dict[int, int]]:
    """Count all documents of `model` in `indices`, with `span` of a time only: version → hour (ms) → how many."""
    stretches = [
        Stretch(index, shard, NOTHING_READ, checkpoint)
        for name in indices
        for index, position in positions(client, name).items()
        for shard, checkpoint in position.shards.items()
    ]
    refresh(client, indices)
    return changed_hours(client, stretches, model, source, span)


def _search(stretch: Stretch, filters: list[dict[str, Any]], aggregations: dict[str, Any]) -> Search:
    numbers = {"range": {"_seq_no": {"gt": stretch.after, "lte": stretch.upto}}}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [numbers, *filters]}},
        **({"aggs": aggregations} if aggregations else {}),
    }
    return Search(stretch.index, body, stretch.shard)
