"""Read the alerts of a model back, as its readers do: each episode with the numbers that it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.episodes import OPENED
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.search import scan
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.timespan import parse_instant, to_ms

_RANKS = {"warning": 1, "critical": 2}


@dataclass(frozen=True)
class Finding:
    """One alert episode: [start, end) in ms, its worst window's evaluation, and when a run first said it.

    `numbers` is the `mpm` object of the metric document of the worst window.
    """

    rule: str
    subject: str
    segment: str
    start: int
    end: int
    active: bool
    severity: str
    metric: str
    value: float
    p_adjusted: float | None
    opened: int
    withdrawn: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def badness(self) -> tuple[int, float, float]:
        """Order findings: severity, then size, then how sure."""
        return _RANKS[self.severity], abs(self.value), -(self.p_adjusted or 0.0)


def read_findings(client: Elasticsearch, model: ModelKey) -> list[Finding]:
    """Read all alert episodes of `model`, in the order in which they began."""
    query = {"query": {"bool": {"filter": model.filters()}}}
    alerts = [hit["_source"] for hit in scan(client, Index.ALERTS, query, sort="mpm.alert.start")]
    worst = [alert["mpm"]["evidence"]["worst"]["metric"] for alert in alerts]
    documents = get_many(client, [(metric["index"], metric["id"]) for metric in worst])
    numbers = {name: stored.source["mpm"] for name, stored in documents.items()}
    opened = _opened(client, model)
    return [
        parse(alert, numbers.get(metric["id"], {}), opened[alert["mpm"]["alert"]["uuid"]])
        for alert, metric in zip(alerts, worst, strict=True)
    ]


def _opened(client: Elasticsearch, model: ModelKey) -> dict[str, int]:
    """Read when each episode was first written: the run's time, in ms."""
    filters = [*model.filters(), {"term": {"event.action": OPENED}}]
    body = {"query": {"bool": {"filter": filters}}, "_source": ["event.created", "mpm.alert.uuid"]}
    pattern = all_months(Index.ALERT_EVENTS, model.name, model.environment)
    return {
        hit["_source"]["mpm"]["alert"]["uuid"]: _ms(hit["_source"]["event"]["created"])
        for hit in scan(client, pattern, body, sort="@timestamp")
    }


def parse(alert: Mapping[str, Any], numbers: Mapping[str, Any], opened: int) -> Finding:
    """Read one document of `mpm-alerts-v1`."""
    mpm = alert["mpm"]
    episode = mpm["alert"]
    evaluation = episode["evaluation"]
    return Finding(
        rule=alert["rule"]["id"],
        subject=mpm["subject"]["name"],
        segment=mpm["segment_key"],
        start=_ms(episode["start"]),
        end=_ms(episode.get("end", episode["last_detected"])),
        active=episode["status"] == "active",
        severity=episode["max_severity"],
        metric=evaluation["metric"],
        value=evaluation["value"],
        p_adjusted=evaluation.get("p_adjusted"),
        opened=opened,
        withdrawn=episode.get("withdrawn", False),
        numbers=numbers,
    )


def _ms(text: str) -> int:
    return to_ms(parse_instant(text))
