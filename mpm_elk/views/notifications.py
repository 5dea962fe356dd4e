"""What was told to whom, as it is stored."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.notifications import DATASET
from mpm_elk.cluster.search import scan
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso


def decisions(client: Elasticsearch, models: Sequence[str], channel: str | None, since: int) -> list[dict[str, Any]]:
    """Give the decisions on notifications and their outcomes since `since` (ms), in order of time."""
    filters: list[dict[str, Any]] = [
        {"term": {"event.dataset": DATASET}},
        {"range": {"event.created": {"gte": iso(since)}}},
    ]
    if channel is not None:
        filters.append({"term": {"mpm.notification.channel": channel}})
    if models:
        some = [{"wildcard": {"mpm.model.name": pattern}} for pattern in models]
        filters.append({"bool": {"should": some, "minimum_should_match": 1}})
    hits = scan(client, Index.ALERT_EVENTS.pattern, {"query": {"bool": {"filter": filters}}}, sort="event.created")
    return [hit["_source"] for hit in hits]
