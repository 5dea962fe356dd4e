"""A service that falls silent: told of hour by hour, alerted without evidence, and over with the next event."""

from collections.abc import Callable

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.traffic import SETTLED, Event, Monitored, event, midnight

pytestmark = pytest.mark.integration

RULE = {
    "id": "silent", "metric": "traffic.freshness", "window": "1h", "against": "rolling 7d", "warning": 3600,
    "critical": 7200, "evidence": "none",
}  # fmt: skip


def at(model: Monitored, minute: int) -> Event:
    return event(model.name, midnight(0) + minute * 60_000, f"p{minute}", {"income": 5.0 + minute % 7}, score=0.5)


def test_silence_opens_an_alert_and_an_event_ends_it(client_for: Callable[[str], Elasticsearch]) -> None:
    model = Monitored(client_for, Config.model_validate({"rules": [RULE]}))
    model.send([at(model, minute) for minute in range(0, 175, 5)])
    told = []
    for hour in range(3, 7):
        report = model.ran(midnight(0) + hour * HOUR_MS + SETTLED)
        told += [(transition.action, iso(transition.point.start)[11:16]) for _, transition in report.happened]
    model.send([at(model, 6 * 60 + 30)])
    report = model.ran(midnight(0) + 7 * HOUR_MS + SETTLED)
    told += [(transition.action, iso(transition.point.start)[11:16]) for _, transition in report.happened]
    minutes = [mpm["traffic"]["freshness"] / 60 for mpm in model.metrics("model", length="1h")]
    assert minutes == [5, 5, 10, 70, 130, 190, 30]
    statuses = [mpm["status"] for mpm in model.metrics("model", length="1h")]
    assert statuses == ["ok", "ok", "ok", "warning", "critical", "critical", "ok"]
    assert model.metrics("model", length="1h")[4]["finding"] == "0 predictions, no event for 2 h 10 min."
    assert told == [("opened", "03:00"), ("escalated", "04:00"), ("recovered", "06:00")]
    [alert] = [hit["_source"]["mpm"]["alert"] for hit in model.documents(Index.ALERTS).values()]
    assert alert["status"] == "recovered"
    assert alert["max_severity"] == "critical"
