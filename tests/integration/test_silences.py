"""Mutes and inhibitions through the job: alerts are kept, decisions written down, and what lasts is told later."""

from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.alerts.active import active_alerts
from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from tests.integration.test_notifications import config, decisions, lived, told
from tests.integration.traffic import SETTLED, Monitored, day_of, midnight
from tests.receiver import Receiver

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]


def configured(url: str, *rules: dict[str, Any], **more: Any) -> Config:
    """Give the configuration of other tests of notifications, with changes to its two rules, `income` and `again`."""
    made = config(url)
    assert made.rules is not None
    old = [rule.model_dump(by_alias=True) for rule in made.rules]
    new = [{**rule, **change} for rule, change in zip(old, rules or ({}, {}), strict=True)]
    settings = made.notifications.model_dump()
    settings["channels"] = [{**channel, "url": channel["url"].get_secret_value()} for channel in settings["channels"]]
    return Config.model_validate({"rules": new, "notifications": settings, **more})


def reasons(model: Monitored, action: str) -> list[str]:
    found = model.documents(Index.ALERT_EVENTS, {"term": {"event.action": action}})
    return sorted(hit["_source"]["event"].get("reason", "") for hit in found.values())


def test_what_opens_in_maintenance_is_told_when_that_is_over(client_for: ClientFor) -> None:
    work = {"from": iso(midnight(8)), "to": iso(midnight(12)), "reason": "new database"}
    with Receiver() as receiver:
        model = Monitored(client_for, configured(receiver.url, mute=[{"models": "job-*", **work}]))
        lived(model, dict.fromkeys(range(7, 20), 1), range(8))
        assert told(receiver) == []
        assert decisions(model) == {"held": 1}
        assert reasons(model, "held")[0].startswith(f"muted until {iso(midnight(12))[:16]}Z")
        job = client_for("job")
        now = midnight(8) + SETTLED
        assert active_alerts(job, model.config, "warning", now_ms=now, models=[model.name]) == 0
        assert active_alerts(job, Config(), "warning", now_ms=now, models=[model.name]) == 2
        lived(model, dict.fromkeys(range(7, 20), 1), range(8, 11))
        assert decisions(model) == {"held": 1}  # nothing new, however often it is looked at
        lived(model, dict.fromkeys(range(7, 20), 1), range(11, 12))
        [title] = told(receiver)
        assert title == f"[warning] {model.name} (production): 2 alerts opened"
        [why] = reasons(model, "queued")
        assert "held back until now: muted until" in why
        assert "new database" in why
        lived(model, dict.fromkeys(range(7, 20), 1), range(12, 13))
        assert len(told(receiver)) == 1
        assert decisions(model) == {"held": 1, "queued": 1, "sent": 1}


def test_what_is_over_before_the_mute_is_never_told(client_for: ClientFor) -> None:
    with Receiver() as receiver:
        work = {"from": iso(midnight(8)), "to": iso(midnight(9) + 2 * SETTLED)}
        model = Monitored(client_for, configured(receiver.url, mute=[work]))
        lived(model, {7: 1}, range(9))
        model.ran(midnight(9) + HOUR_MS)
        assert told(receiver) == []
        assert decisions(model) == {"held": 2, "suppressed": 1}
        assert reasons(model, "suppressed")[0].startswith("over when the silence was: muted until")


def test_an_inhibited_alert_says_so_and_is_told_when_the_other_is_over(client_for: ClientFor) -> None:
    rules: tuple[dict[str, Any], ...] = {}, {"warning": 0.4, "critical": None, "inhibited_by": ["income"]}
    with Receiver() as receiver:
        model = Monitored(client_for, configured(receiver.url, *rules))
        lived(model, {7: 1.2}, range(8))
        assert told(receiver) == [f"[warning] {model.name} (production): 1 alert opened"]
        assert reasons(model, "held")[0].startswith("inhibited by income (")
        assert decisions(model) == {"held": 1, "queued": 1, "sent": 1}
        alerts = {hit["_source"]["rule"]["id"]: hit["_source"]["mpm"]["alert"]
                  for hit in model.documents(Index.ALERTS).values()}  # fmt: skip
        assert alerts["again"]["inhibited_by"] == ["income"]
        assert "inhibited_by" not in alerts["income"]
        written = model.written()
        model.ran(midnight(8) + SETTLED + HOUR_MS)
        assert model.written() == written
        model.send(day_of(model.name, 8, events=100, shift=0.6))
        model.ran(midnight(9) + SETTLED)
        name = f"{model.name} (production)"
        assert sorted(told(receiver)[1:]) == [f"[warning] {name}: 1 alert opened", f"{name}: 1 alert recovered"]
        assert "inhibited_by" not in next(
            hit["_source"]["mpm"]["alert"] for hit in model.documents(Index.ALERTS).values()
            if hit["_source"]["rule"]["id"] == "again"
        )  # fmt: skip


def test_a_rule_in_its_hours_only_judges_the_days_of_these(client_for: ClientFor) -> None:
    days = ["mon", "tue", "wed", "thu", "fri"]
    made = configured("json://localhost", {"active": {"days": days}}, {}, notifications={})
    model = Monitored(client_for, made)
    weekend = [day for day in range(7, 14) if (midnight(day) // DAY_MS + 3) % 7 >= 5]
    lived(model, dict.fromkeys(weekend, 1), range(14))
    rules = [hit["_source"]["rule"]["id"] for hit in model.documents(Index.ALERTS).values()]
    assert rules
    assert set(rules) == {"again"}
