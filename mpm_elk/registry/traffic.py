"""Cells from a model's own traffic: provisional ones for what nobody registered, and baselines of a window."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.source import EVENTS, Source, SubjectField
from mpm_elk.profiles.cells import OUTPUTS, CellSet, feature_subject
from mpm_elk.registry.rows import TIME, Chunk, Row, from_stored, to_chunk
from mpm_elk.registry.training import cut_cells

_SAMPLE = 10_000
_PAGE = 1000
_BUCKETS = 1000
_DOC_VALUES = 90
"""Fields that a search may read the doc values of, below the default limit of an index."""


def sample(
    client: Elasticsearch, index: str, model: ModelKey, start_ms: int, end_ms: int, *, source: Source = EVENTS
) -> Chunk | None:
    """Take up to about 10,000 of a model's events between two times; None where there are none.

    The sample is exact and repeatable. Ours is drawn by the events' hash buckets: the same events give the same sample
    on any number of shards. That of another source is drawn by a hash of their id, or of the sequence number.
    """
    chosen = {"filter": [*source.filters(model), source.between(start_ms, end_ms)], **source.without_failed}
    draw = _by_bucket if source.bucket else _by_hash
    rows = draw(client, index, chosen, source)
    # Page by page: events as documents take many times the room of their columns.
    pages = [to_chunk(page, index) for page in iter(lambda: list(islice(rows, _PAGE)), [])]
    return _joined(pages) if pages else None


def _joined(pages: Sequence[Chunk]) -> Chunk:
    names = dict.fromkeys(name for page in pages for name in page.subjects)
    subjects = {name: [v for page in pages for v in page.subjects.get(name, [None] * page.size)] for name in names}
    times = [time for page in pages for time in page.times or ()]
    return Chunk(sum(page.size for page in pages), subjects, times or None)


def _by_bucket(client: Elasticsearch, index: str, chosen: Mapping[str, Any], source: Source) -> Iterator[Row]:
    buckets = {"terms": {"field": source.bucket, "size": _BUCKETS, "order": {"_key": "asc"}}}
    query = {"size": 0, "track_total_hits": False, "query": {"bool": chosen}, "aggs": {"b": buckets}}
    [counted] = search_all(client, [Search(index, query)])
    below = 0
    taken = 0
    for entry in counted["aggregations"]["b"]["buckets"] if "aggregations" in counted else ():
        if taken and taken + entry["doc_count"] > _SAMPLE:
            break
        taken += entry["doc_count"]
        below = entry["key"] + 1
    if not taken:
        return
    few = {"range": {source.bucket: {"lt": below}}}
    body = {
        "query": {"bool": {**chosen, "filter": [*chosen["filter"], few]}},
        "_source": ["@timestamp", "mpm.features", "mpm.prediction"],
    }
    with closing(scan(client, index, body, sort=source.time)) as hits:
        yield from (from_stored(hit["_source"]) for hit in islice(hits, _SAMPLE))


def _by_hash(client: Elasticsearch, index: str, chosen: Mapping[str, Any], source: Source) -> Iterator[Row]:
    """Read doc values, which are what aggregations see: a `float` field holds another number than its document."""
    chance = {"seed": 0, "field": source.id or "_seq_no"}
    query = {"function_score": {"query": {"bool": chosen}, "random_score": chance, "boost_mode": "replace"}}
    subjects = sorted((source.subjects or {}).items())
    bodies = [
        {
            "size": _SAMPLE,
            "track_total_hits": False,
            "query": query,
            "_source": False,
            "docvalue_fields": [
                {"field": source.time, "format": "strict_date_time"},
                *({"field": field.name} for _, field in subjects[at : at + _DOC_VALUES]),
            ],
        }
        for at in range(0, len(subjects), _DOC_VALUES)
    ]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for answer in search_all(client, [Search(index, body) for body in bodies]):
        for hit in answer["hits"]["hits"]:
            row = rows.setdefault((hit["_index"], hit["_id"]), {})
            held = hit.get("fields", {})
            row.update({TIME: held[source.time][0]})
            row.update({name: as_counted(held[f.name][0], f) for name, f in subjects if f.name in held})
    yield from rows.values()


def as_counted(value: Any, field: SubjectField) -> Any:
    """Give a value as it is counted in its field: in a categorical one, whole numbers are texts."""
    return str(value) if not field.numeric and type(value) is int else value


def provisional_cells(rows: Chunk, known: CellSet | None) -> CellSet:
    """Cut cells for the subjects of a sample that have none yet."""
    return CellSet({name: c for name, c in cut_cells([rows], known).subjects.items() if not _has(known, name)})


def _has(known: CellSet | None, subject: str) -> bool:
    return known is not None and subject in known.subjects


def unknown_subjects(
    client: Elasticsearch,
    index: str,
    model: ModelKey,
    known: CellSet | None,
    when: tuple[int, int],
    *,
    source: Source = EVENTS,
) -> list[str]:
    """List the features and outputs that occur in a model's events of a time [start, end) and have no cells."""
    fields = _our_fields(client, index) if source.subjects is None else _fields_of(source.subjects)
    candidates = {name: some for name, some in fields.items() if not _has(known, name)}
    return sorted(_occurring(client, index, [*source.filters(model), source.between(*when)], candidates))


def _fields_of(subjects: Mapping[str, SubjectField]) -> dict[str, list[str]]:
    return {name: [field.name] for name, field in subjects.items()}


def _our_fields(client: Elasticsearch, index: str) -> dict[str, list[str]]:
    """Give the fields in which each subject may be, as far as the indices map them."""
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
    return subjects


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
