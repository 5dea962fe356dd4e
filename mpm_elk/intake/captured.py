"""Captures in Elasticsearch: which endpoints there are, what there is to convert, and the payloads."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.names import Index, part
from mpm_elk.errors import ClusterError
from mpm_elk.intake.calls import Member, State, Terms
from mpm_elk.intake.platforms.exchange import Part, Payload
from mpm_elk.timespan import iso

_ENDPOINTS_MAX = 10_000
_PAGE = 1000
_ENDPOINT, _CALL = "mpm.capture.endpoint", "mpm.capture.call.id"
_STATE, _MAPPING = "mpm.capture.conversion.state", "mpm.capture.conversion.mapping"
_NOTED = ["@timestamp", "event.ingested", *(f"mpm.capture.{f}" for f in ("part", "call", "bytes", "conversion"))]
_PAYLOAD = [f"mpm.capture.{field}" for field in ("payload", "payload_base64", "content_type")]


def pattern(platform: str) -> str:
    """Match the indices of a platform's captures."""
    return f"{Index.CAPTURES}-{part(platform)}-*"


def endpoints(client: Elasticsearch, platform: str) -> dict[str, int]:
    """List a platform's endpoints, and how many captures each has; raises ClusterError where there are too many."""
    # Without a query: then the terms' own counts are the answer, however many documents there are.
    body = {
        "size": 0,
        "track_total_hits": False,
        "aggs": {"endpoints": {"terms": {"field": _ENDPOINT, "size": _ENDPOINTS_MAX}}},
    }
    [answer] = search_all(client, [Search(pattern(platform), body)])
    found = answer.get("aggregations", {}).get("endpoints", {"buckets": [], "sum_other_doc_count": 0})
    if found["sum_other_doc_count"]:
        raise ClusterError(
            f"there are captures of more than {_ENDPOINTS_MAX} endpoints of {platform}",
            remedy="look for a path or a header that holds an id in its place",
        )
    return {bucket["key"]: bucket["doc_count"] for bucket in found["buckets"]}


def unfinished(endpoint: str, terms: Terms) -> dict[str, Any]:
    """Make the query for captures of an endpoint that need work.

    They are new, were converted by another mapping, have waited long enough for their mate, or failed and are retried.
    """
    waited = [{"term": {_STATE: State.WAITING}}, {"range": {"event.ingested": {"lte": iso(terms.arrived_by_ms)}}}]
    return {
        "bool": {
            "filter": [{"term": {_ENDPOINT: endpoint}}],
            "should": [
                {"bool": {"must_not": [{"term": {_MAPPING: terms.mapping}}]}},
                {"bool": {"filter": waited}},
                *([{"term": {_STATE: State.FAILED}}] if terms.retry else []),
            ],
            "minimum_should_match": 1,
        }
    }


def calls_to_convert(client: Elasticsearch, platform: str, endpoint: str, terms: Terms) -> Iterator[str]:
    """Give the ids of calls that need work, each once."""
    after: list[dict[str, Any]] = []
    while True:
        # No point in time: between two pages there may be much work, and a call that was dealt with does not come back.
        body = {
            "query": {"bool": {"filter": [unfinished(endpoint, terms), *after]}},
            "_source": [_CALL],
            "size": _PAGE,
            "sort": [{_CALL: "asc"}],
            "track_total_hits": False,
        }
        [answer] = search_all(client, [Search(pattern(platform), body)])
        calls = [hit["_source"]["mpm"]["capture"]["call"]["id"] for hit in answer["hits"]["hits"]]
        yield from dict.fromkeys(calls)
        if len(calls) < _PAGE:
            return
        after = [{"range": {_CALL: {"gt": calls[-1]}}}]


def members(client: Elasticsearch, platform: str, endpoint: str, calls: Sequence[str]) -> list[Member]:
    """Read all captures of some calls, of whatever month, without their payloads."""
    query = {"bool": {"filter": [{"term": {_ENDPOINT: endpoint}}, {"terms": {_CALL: list(calls)}}]}}
    hits = scan(client, pattern(platform), {"query": query, "_source": _NOTED}, sort=_CALL)
    return [Member.of_hit(hit) for hit in hits]


def payloads(client: Elasticsearch, wanted: Sequence[Member]) -> dict[str, Payload]:
    """Read payloads: id of the capture → payload. The id is a hash of the payload, so any month will do."""
    found = get_many(client, [(member.index, member.id) for member in wanted], _PAYLOAD)
    return {identity: _payload(stored.source["mpm"]["capture"]) for identity, stored in found.items()}


def _payload(capture: dict[str, Any]) -> Payload:
    encoded = capture.get("payload_base64")
    body = b64decode(encoded) if encoded is not None else capture["payload"].encode()
    return Payload(body, capture.get("content_type"))


def by_part(used: Sequence[Member], found: dict[str, Payload]) -> dict[Part, Payload]:
    """Give the payloads of a call by their parts."""
    return {member.part: found[member.id] for member in used}
