"""Cells from a model's own traffic: provisional ones for what nobody registered, and baselines of a window."""

from collections.abc import Iterable
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.queries import between
from mpm_elk.profiles.cells import OUTPUTS, CellSet, feature_subject
from mpm_elk.registry.rows import Chunk, from_stored, to_chunk
from mpm_elk.registry.training import cut_cells

_SAMPLE = 10_000
_BUCKETS = 1000


def sample(client: Elasticsearch, index: str, model: ModelKey, start_ms: int, end_ms: int) -> Chunk | None:
    """Take up to about 10,000 of a model's events between two times, by their hash buckets; None where there are none.

    The sample is exact and repeatable: the same events give the same sample on any number of shards.
    """
    filters = [*model.filters(), between(start_ms, end_ms)]
    succeeded = {"filter": filters, "must_not": [{"term": {"event.outcome": "failure"}}]}
    buckets = {"terms": {"field": "mpm.prediction.bucket", "size": _BUCKETS, "order": {"_key": "asc"}}}
    query = {"size": 0, "track_total_hits": False, "query": {"bool": succeeded}, "aggs": {"b": buckets}}
    [counted] = search_all(client, [Search(index, query)])
    below = 0
    taken = 0
    for entry in counted["aggregations"]["b"]["buckets"] if "aggregations" in counted else ():
        if taken and taken + entry["doc_count"] > _SAMPLE:
            break
        taken += entry["doc_count"]
        below = entry["key"] + 1
    if not taken:
        return None
    chosen = {"range": {"mpm.prediction.bucket": {"lt": below}}}
    body = {
        "size": min(taken, _SAMPLE),
        "track_total_hits": False,
        "query": {"bool": {**succeeded, "filter": [*filters, chosen]}},
        "_source": ["@timestamp", "mpm.features", "mpm.prediction"],
        "sort": ["mpm.prediction.bucket", "@timestamp", "mpm.prediction.id"],
    }
    [answer] = search_all(client, [Search(index, body)])
    rows = [from_stored(hit["_source"]) for hit in answer["hits"]["hits"]]
    return to_chunk(rows, index)


def provisional_cells(rows: Chunk, known: CellSet | None) -> CellSet:
    """Cut cells for the subjects of a sample that have none yet."""
    return CellSet({name: c for name, c in cut_cells([rows], known).subjects.items() if not _has(known, name)})


def _has(known: CellSet | None, subject: str) -> bool:
    return known is not None and subject in known.subjects


def unknown_subjects(
    client: Elasticsearch, index: str, model: ModelKey, known: CellSet | None, when: tuple[int, int]
) -> list[str]:
    """List the features and outputs that occur in a model's events of a time [start, end) and have no cells."""
    with translated():
        answer = client.field_caps(
            index=index,
            fields=["mpm.features.numeric.*", "mpm.features.categorical.*", *(f"mpm.{name}" for name in OUTPUTS)],
            ignore_unavailable=True,
            filters="-parent",
        )
    subjects: dict[str, list[str]] = {}
    for field in answer["fields"]:
        subjects.setdefault(_subject_of(field), []).append(field)
    candidates = {name: fields for name, fields in subjects.items() if not _has(known, name)}
    return sorted(_occurring(client, index, [*model.filters(), between(*when)], candidates))


def _subject_of(field: str) -> str:
    for branch in ("mpm.features.numeric.", "mpm.features.categorical."):
        if field.startswith(branch):
            return feature_subject(field.removeprefix(branch))
    return field.removeprefix("mpm.")


def _occurring(
    client: Elasticsearch, index: str, filters: list[dict[str, Any]], candidates: dict[str, list[str]]
) -> Iterable[str]:
    """Keep the candidates that events of this model carry: an index may hold other models too."""
    fields = [(name, field) for name, some in candidates.items() for field in some]
    if not fields:
        return set()
    aggregations = {str(at): {"filter": {"exists": {"field": field}}} for at, (_, field) in enumerate(fields)}
    query = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": filters}},
        "aggs": aggregations,
    }
    [answer] = search_all(client, [Search(index, query)])
    counts = answer.get("aggregations", {})
    return {name for at, (name, _) in enumerate(fields) if counts.get(str(at), {}).get("doc_count")}
