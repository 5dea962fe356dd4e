"""Write on alerts which other alerts inhibit them.

An alert is inhibited by those of the rules that its own rule names, are about what it is about
(`silences.inhibiting`), and lived in its last alarming window. That follows from the stored episodes, however they came
to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.documents import read_episode
from mpm_elk.alerts.episodes import Episode
from mpm_elk.alerts.silences import inhibiting, standing
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many, put_if_unchanged
from mpm_elk.cluster.fenced import Document
from mpm_elk.cluster.search import scan
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso, milliseconds


@dataclass(frozen=True)
class Known:
    """A stored alert that was not withdrawn."""

    source: Mapping[str, Any]
    episode: Episode


def mark(client: Elasticsearch, model: ModelKey, rules: Sequence[Rule], since: int) -> int:
    """Write what inhibits the alerts that are active, or were at `since` (ms) or later; returns how many changed."""
    inhibited = {rule.id: rule for rule in rules if rule.inhibited_by}
    if not inhibited:
        return 0
    names = sorted({*inhibited, *(name for rule in inhibited.values() for name in rule.inhibited_by)})
    earlier = since - max(milliseconds(rule.window) for rule in rules)
    query = {
        "bool": {
            "filter": [*model.filters(), {"terms": {"rule.id": names}}],
            "should": [
                {"term": {"mpm.alert.status": "active"}},
                {"range": {"mpm.alert.last_detected": {"gte": iso(earlier)}}},
            ],
            "minimum_should_match": 1,
        }
    }
    refresh(client, [Index.ALERTS])
    hits = scan(client, Index.ALERTS, {"query": query, "_source": False}, sort="mpm.alert.start")
    stored = get_many(client, [(hit["_index"], hit["_id"]) for hit in hits])
    alerts = {
        uuid: Known(document.source, read_episode(document.source))
        for uuid, document in sorted(stored.items())
        if not document.source["mpm"]["alert"].get("withdrawn")
    }
    changed = [
        (Document(Index.ALERTS, uuid, source), stored[uuid])
        for uuid, alert in alerts.items()
        if alert.source["rule"]["id"] in inhibited
        and (source := marked(alert, inhibited[alert.source["rule"]["id"]], list(alerts.values()))) is not None
    ]
    if changed:
        put_if_unchanged(client, changed)
        refresh(client, [Index.ALERTS])
    return len(changed)


def marked(alert: Known, rule: Rule, others: Sequence[Known]) -> dict[str, Any] | None:
    """Give an alert's document with the rules that inhibit it; None where it says so already."""
    last = alert.episode.last
    beside = [
        standing(other.source)
        for other in others
        if other.episode.start < last.end and (other.episode.end is None or other.episode.end > last.start)
    ]
    names = sorted({other.rule for other in inhibiting(standing(alert.source), rule, beside)})
    about = alert.source["mpm"]["alert"]
    if names == about.get("inhibited_by", []):
        return None
    kept = {name: value for name, value in about.items() if name != "inhibited_by"}
    kept |= {"inhibited_by": names} if names else {}
    return {**alert.source, "mpm": {**alert.source["mpm"], "alert": kept}}
