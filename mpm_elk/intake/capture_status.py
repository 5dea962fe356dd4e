"""What became of the captures, endpoint by endpoint: counted by Elasticsearch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.config import CaptureMapping, Config
from mpm_elk.contract.names import Index
from mpm_elk.intake import captured
from mpm_elk.intake.calls import DUPLICATE, State
from mpm_elk.intake.platforms import PLATFORMS
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso

_CAPTURE = "mpm.capture"
_CONVERSION = f"{_CAPTURE}.conversion"
_REASONS_MAX = 50
_LONE = (State.WAITING, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Calls that failed for one reason: how many, and the sentence and id of one of them."""

    reason_code: str
    count: int
    reason: str
    call: str


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """The captures of one endpoint.

    `model` is None where no mapping is for it. `converted`, `waiting`, `expired` and `failures` count calls, the others
    captures: `new` were not looked at yet, `outdated` were converted by another mapping than today's. `lone` counts
    halves without their mate by part and by age since they came.
    """

    platform: str
    endpoint: str
    model: str | None
    captures: int
    new: int = 0
    outdated: int = 0
    converted: int = 0
    waiting: int = 0
    expired: int = 0
    repeated: int = 0
    unsupported: int = 0
    lone: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    failures: tuple[FailureGroup, ...] = ()

    @property
    def failed(self) -> int:
        """Calls that could not be converted."""
        return sum(group.count for group in self.failures)


def status(client: Elasticsearch, config: Config, *, now_ms: int) -> list[EndpointStatus]:
    """Count the captures of every endpoint by what became of them."""
    refresh(client, [Index.CAPTURES.pattern])
    found = []
    for platform in PLATFORMS:
        endpoints = sorted(captured.endpoints(client, platform.name).items())
        mappings = [config.mapping(platform.name, endpoint) for endpoint, _ in endpoints]
        searches = [
            Search(captured.pattern(platform.name), _request(endpoint, mapping, now_ms))
            for (endpoint, _), mapping in zip(endpoints, mappings, strict=True)
        ]
        for (endpoint, count), mapping, answer in zip(endpoints, mappings, search_all(client, searches), strict=True):
            found.append(_read(platform.name, endpoint, count, mapping, answer["aggregations"]))
    return found


def _request(endpoint: str, mapping: CaptureMapping | None, now_ms: int) -> dict[str, Any]:
    state, code, part = f"{_CONVERSION}.state", f"{_CONVERSION}.reason_code", f"{_CAPTURE}.part"
    # One capture of a call stands for it: the request, or what holds both halves.
    heads = {"terms": {part: ["request", "call", "ground_truth"]}}
    repeats = {"term": {code: DUPLICATE}}
    current = [{"term": {f"{_CONVERSION}.mapping": mapping.hash}}] if mapping else []
    ages = {
        "under 1h": {"range": {"event.ingested": {"gt": iso(now_ms - HOUR_MS)}}},
        "1h to 1d": {"range": {"event.ingested": {"gt": iso(now_ms - DAY_MS), "lte": iso(now_ms - HOUR_MS)}}},
        "over 1d": {"range": {"event.ingested": {"lte": iso(now_ms - DAY_MS)}}},
    }
    example = {"top_hits": {"size": 1, "_source": [f"{_CONVERSION}.reason", f"{_CAPTURE}.call.id"]}}

    def of(wanted: State, *clauses: dict[str, Any]) -> dict[str, Any]:
        return {"bool": {"filter": [{"term": {state: wanted}}, *clauses], "must_not": [repeats]}}

    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"term": {f"{_CAPTURE}.endpoint": endpoint}},
        "aggs": {
            "counts": {
                "filters": {
                    "filters": {
                        "new": {"bool": {"must_not": [{"exists": {"field": state}}]}},
                        "outdated": {"bool": {"filter": [{"exists": {"field": state}}], "must_not": current}},
                        "converted": of(State.CONVERTED, heads),
                        "waiting": of(State.WAITING),
                        "expired": of(State.EXPIRED),
                        "repeated": repeats,
                        "unsupported": of(State.UNSUPPORTED),
                    }
                }
            },
            "lone": {
                "filter": {"bool": {"filter": [{"terms": {state: list(_LONE)}}], "must_not": [repeats]}},
                "aggs": {"parts": {"terms": {"field": part}, "aggs": {"ages": {"filters": {"filters": ages}}}}},
            },
            "failed": {
                "filter": of(State.FAILED, heads),
                "aggs": {"codes": {"terms": {"field": code, "size": _REASONS_MAX}, "aggs": {"example": example}}},
            },
        },
    }


def _read(
    platform: str, endpoint: str, count: int, mapping: CaptureMapping | None, found: Mapping[str, Any]
) -> EndpointStatus:
    counts = {name: bucket["doc_count"] for name, bucket in found["counts"]["buckets"].items()}
    if mapping is None:
        counts["outdated"] = 0
    lone = {
        bucket["key"]: {age: entry["doc_count"] for age, entry in bucket["ages"]["buckets"].items()}
        for bucket in found["lone"]["parts"]["buckets"]
    }
    failures = tuple(_failure(bucket) for bucket in found["failed"]["codes"]["buckets"])
    return EndpointStatus(
        platform, endpoint, mapping.model if mapping else None, count, **counts, lone=lone, failures=failures
    )


def _failure(bucket: Mapping[str, Any]) -> FailureGroup:
    [hit] = bucket["example"]["hits"]["hits"]
    capture = hit["_source"]["mpm"]["capture"]
    return FailureGroup(
        bucket["key"], bucket["doc_count"], capture["conversion"].get("reason") or "", capture["call"]["id"]
    )
