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


def test_absent_events_are_told_however_long_ago_and_after_the_indices_are_gone(
    client_for: Callable[[str], Elasticsearch],
) -> None:
    rule = {"id": "gone", "models": ["job-*"], "absent": "events", "warning": "2h", "critical": "4d"}
    model = Monitored(client_for, Config.model_validate({"rules": [rule]}))
    model.send([at(model, minute) for minute in range(0, 175, 5)])
    report = model.ran(midnight(0) + 4 * HOUR_MS + SETTLED)
    assert report.happened == []
    # Two days and a half later a judgement does not look back as far as the last event any more.
    report = model.ran(midnight(3) + SETTLED)
    assert [(t.action, iso(t.point.start)[:13]) for _, t in report.happened] == [
        ("opened", f"{iso(midnight(0))[:11]}04")
    ]
    model.delete(Index.PREDICTIONS)
    report = model.ran(midnight(4) + 3 * HOUR_MS + SETTLED)
    assert [(t.action, iso(t.point.start)[:13]) for _, t in report.happened] == [
        ("escalated", f"{iso(midnight(4))[:11]}02")
    ]
    [last] = model.metrics("model", length="1h")[-1:]
    assert last["finding"].startswith("0 predictions, no event for 4 d")
    report = model.ran(midnight(20) + SETTLED)
    assert report.happened == []
    assert model.metrics("model", length="1h")[-1]["window"]["end"] == iso(midnight(8) + 2 * HOUR_MS)
    written = model.written()
    assert model.ran(midnight(20) + SETTLED).happened == []
    assert model.written() == written
    model.send([at(model, 20 * 24 * 60 + 30)])
    report = model.ran(midnight(20) + HOUR_MS + SETTLED)
    assert [t.action for _, t in report.happened] == ["recovered"]


def test_models_without_a_rule_on_absence_are_not_missed(client_for: Callable[[str], Elasticsearch]) -> None:
    model = Monitored(client_for, Config.model_validate({"rules": [RULE]}))
    model.send([at(model, minute) for minute in range(0, 175, 5)])
    model.ran(midnight(0) + 3 * HOUR_MS + SETTLED)
    model.delete(Index.PREDICTIONS)
    assert model.run(midnight(0) + 6 * HOUR_MS).models == []


def test_a_batch_that_is_late_opens_an_alert_and_ends_it_when_it_comes(
    client_for: Callable[[str], Elasticsearch],
) -> None:
    rule = {"id": "nightly", "absent": "batch", "by": "04:00", "critical": 30, "within": "4h"}
    model = Monitored(client_for, Config.model_validate({"rules": [rule]}))
    model.send([at(model, minute) for minute in range(0, 175, 5)])
    report = model.ran(midnight(0) + 5 * HOUR_MS + SETTLED)
    assert report.happened == []
    for hour in (3, 4, 5):
        report = model.ran(midnight(1) + hour * HOUR_MS + SETTLED)
        told = [(t.action, t.point.evaluation.reason) for _, t in report.happened]
        due = f"the batch due at {iso(midnight(1))[:11]}04:00Z has 0 events, fewer than 30"
        assert told == ([("opened", due)] if hour == 4 else [])
    model.send([at(model, 24 * 60 + 5 * 60 + minute) for minute in range(31)])
    report = model.ran(midnight(1) + 6 * HOUR_MS + SETTLED)
    assert [(t.action, iso(t.point.end)[11:16]) for _, t in report.happened] == [("recovered", "06:00")]
