"""`mpm-elk alerts`, as who is on call: list, show, and every deed; the job goes on beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.alerts import act as doing
from mpm_elk.alerts.active import active_alerts
from mpm_elk.alerts.people import Action, Deed, Verdict
from mpm_elk.cluster.compare_and_set import put_if_unchanged
from mpm_elk.cluster.fenced import Document
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
RULE = {
    "id": "income", "metric": "drift.mean_shift", "on": {"subject": "features.income"}, "against": "rolling 10d",
    "warning": 0.8, "critical": 1.8, "min_samples": 50, "evidence": "none", "owner": "team",
}  # fmt: skip
BY = ("--by", "ada")


@pytest.fixture
def model(client_for: ClientFor) -> Monitored:
    """A model whose alert on `income` is open."""
    model = Monitored(client_for, Config.model_validate({"rules": [RULE]}))
    for day in range(8):
        model.send(day_of(model.name, day, events=100, shift=1 if day == 7 else 0))
        model.ran(midnight(day + 1) + SETTLED)
    return model


@pytest.fixture
def responder(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of who is on call."""
    return Command(settings_for("responder"), tmp_path, {"COLUMNS": "140"})


def called(command: Command, *arguments: str) -> str:
    done = command.run("alerts", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def stored(model: Monitored) -> dict[str, Any]:
    [hit] = model.documents(Index.ALERTS).values()
    found: dict[str, Any] = hit["_source"]["mpm"]["alert"]
    return found


def trail(model: Monitored) -> list[str]:
    entries = model.documents(Index.ALERT_EVENTS).values()
    return [e["_source"]["event"]["action"] for e in sorted(entries, key=lambda e: str(e["_source"]["@timestamp"]))]


def test_from_the_list_to_a_verdict(model: Monitored, responder: Command) -> None:
    text = called(responder, "list", "--model", model.name)
    assert "income: income" in text
    assert "! warning" in text
    [listed] = json.loads(called(responder, "list", "--model", model.name, "--json"))
    uuid = listed["mpm"]["alert"]["uuid"]
    assert called(responder, "list", "--model", model.name, "--severity", "critical") == "no active alerts\n"

    assert called(responder, "ack", uuid[:20], *BY, "--note", "on it").split() == [
        uuid, model.name, "income:", "acknowledged",
    ]  # fmt: skip
    assert called(responder, "ack", uuid, "--by", "grace").endswith("nothing to do\n")
    called(responder, "assign", uuid, "--to", "grace", *BY)
    called(responder, "mute", uuid, "--for", "2d", *BY)
    called(responder, "unmute", uuid, *BY)
    called(responder, "close", uuid, "--verdict", "expected", *BY, "--note", "a new tariff")
    about = stored(model)
    assert (about["workflow_status"], about["assignee"], about["verdict"]) == ("closed", "grace", "expected")
    # The command has the clock of today, the made traffic has not.
    assert [entry for entry in trail(model) if entry != "opened"] == [
        "acknowledged", "assigned", "muted", "unmuted", "closed",
    ]  # fmt: skip

    model.send(day_of(model.name, 8, events=100))
    model.ran(midnight(9) + SETTLED)
    about = stored(model)
    assert (about["status"], about["workflow_status"], about["verdict"]) == ("recovered", "closed", "expected")
    text = called(responder, "show", uuid)
    for part in ("recovered, closed: expected", "a new tariff", "ada", "the job", "mpm-metrics-v1-"):
        assert part in text
    shown = json.loads(called(responder, "show", uuid, "--json"))
    assert [e["event"]["action"] for e in shown["events"]].count("closed") == 1


def test_the_ledger_tells_false_alarms_from_others(model: Monitored, responder: Command) -> None:
    uuid = stored(model)["uuid"]
    called(responder, "close", uuid, "--verdict", "false", *BY)
    [account] = json.loads(called(responder, "ledger", "--model", model.name, "--since", "9000d", "--json"))
    assert (account["model"], account["days"], account["verdicts"]) == (model.name, 8, {"false": 1})
    assert account["false_a_month"]["value"] == pytest.approx(30 / 8)
    assert account["rules"] == {"income": {"false": 1}}
    assert model.name in called(responder, "ledger", "--model", model.name, "--since", "9000d")


def test_what_has_been_seen_to_does_not_fail_a_run(model: Monitored, client_for: ClientFor) -> None:
    job, now = client_for("job"), midnight(8)
    person, uuid = client_for("responder"), stored(model)["uuid"]

    def failing(at: int = now) -> int:
        return active_alerts(job, Config(), "warning", now_ms=at, models=[model.name])

    assert failing() == 1
    doing.act(person, [uuid], Action(Deed.MUTED, "ada", now, until=now + 1000))
    assert (failing(), failing(now + 1000)) == (0, 1)
    doing.act(person, [uuid], Action(Deed.CLOSED, "ada", now, verdict=Verdict.REAL))
    assert failing(now + 1000) == 0


def test_a_command_that_died_before_the_trail_is_finished_by_the_next(
    model: Monitored, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, uuid = client_for("responder"), stored(model)["uuid"]

    def die(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(doing, "append", die)
        with pytest.raises(KeyboardInterrupt):
            doing.act(person, [uuid], Action(Deed.ACKNOWLEDGED, "ada", midnight(9)))
    assert trail(model) == ["opened"]
    [again] = doing.act(person, [uuid], Action(Deed.ACKNOWLEDGED, "ada", midnight(9) + 5))
    assert not again.changed
    assert trail(model) == ["opened", "acknowledged"]
    assert stored(model)["handled"]["at"] == iso(midnight(9))


def test_two_people_at_once_both_count(
    model: Monitored, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, uuid = client_for("responder"), stored(model)["uuid"]
    others = [Action(Deed.ASSIGNED, "grace", midnight(9), assignee="grace")]

    def overtaken(client: Elasticsearch, documents: list[tuple[Document, Any]]) -> int:
        if others:
            doing.act(client, [uuid], others.pop())
        return put_if_unchanged(client, documents)

    monkeypatch.setattr(doing, "put_if_unchanged", overtaken)
    [done] = doing.act(person, [uuid], Action(Deed.ACKNOWLEDGED, "ada", midnight(9) + 5))
    assert done.changed
    assert (stored(model)["workflow_status"], stored(model)["assignee"]) == ("acknowledged", "grace")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "no-such-id"], "no alert's id begins with 'no-such-id'"),
        (["ack", "-x"], "no alert's id begins with '-x'"),
        (["mute", "any"], "say how long"),
        (["mute", "any", "--for", "soon"], "is no time span"),
    ],
)
def test_what_cannot_be_is_said(responder: Command, arguments: list[str], said: str) -> None:
    done = responder.run("alerts", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_reader_may_look_and_not_act(
    model: Monitored, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    reader = Command(settings_for("reader"), tmp_path)
    uuid = stored(model)["uuid"]
    assert uuid[:10] in called(reader, "show", uuid)
    done = reader.run("alerts", "ack", uuid)
    assert done.returncode == 1
    assert "unauthorized for user [reader]" in done.stderr
    assert trail(model) == ["opened"]
