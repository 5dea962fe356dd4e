"""Count the alerts that somebody should look at."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.people import CLOSED
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso


def _any_of(field: str, patterns: Sequence[str]) -> dict[str, Any]:
    clauses = [{"wildcard": {field: pattern}} for pattern in patterns]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def active_alerts(
    client: Elasticsearch,
    config: Config,
    at_least: str,
    *,
    now_ms: int,
    models: Sequence[str] = (),
    learning: Sequence[ModelKey] = (),
) -> int:
    """Count the active alerts that are at least a `warning` or `critical`, of models whose names match.

    One that is closed, or muted at `now_ms` by people or by the configuration, has been seen to, and is not counted;
    nor are those of models that are still `learning`.
    """
    severities = ["critical"] if at_least == "critical" else ["warning", "critical"]
    filters: list[dict[str, Any]] = [
        {"term": {"mpm.alert.status": "active"}},
        {"terms": {"mpm.alert.severity": severities}},
    ]
    if models:
        filters.append(_any_of("mpm.model.name", models))
    seen_to = [
        {"term": {"mpm.alert.workflow_status": CLOSED}},
        {"range": {"mpm.alert.muted_until": {"gt": iso(now_ms)}}},
    ]
    quiet: list[dict[str, Any]] = [{"bool": {"filter": model.filters()}} for model in learning]
    muted = [rule.id for rule in config.rules or () if any(mute.until(now_ms) is not None for mute in rule.mute)]
    quiet += [{"terms": {"rule.id": muted}}] if muted else []
    quiet += [
        {"bool": {"filter": [_any_of("mpm.model.name", mute.models), _any_of("rule.id", mute.rules)]}}
        for mute in config.mute
        if mute.until(now_ms) is not None
    ]
    query = {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": filters, "must_not": seen_to + quiet}}}
    [answer] = search_all(client, [Search(Index.ALERTS, query)])
    return int(answer["hits"]["total"]["value"])
