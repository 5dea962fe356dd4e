"""Notifications to a webhook: told once, tried again, held back, and whatever dies, none is lost."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.alerts import outbox
from mpm_elk.alerts.outbox import Outbox
from mpm_elk.cluster.fenced import append
from mpm_elk.cluster.leases import Lease
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.config.notifications import Channel, Notifications
from mpm_elk.contract.names import Index
from mpm_elk.timespan import HOUR_MS
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, midnight
from tests.receiver import Receiver

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DEATHS = 100


def config(*urls: str, **changes: Any) -> Config:
    rule = {
        "id": "income", "metric": "drift.mean_shift", "on": {"subject": "features.income"}, "against": "rolling 10d",
        "warning": 0.8, "critical": 1.8, "min_samples": 50, "evidence": "none",
    }  # fmt: skip
    channels = [{"id": f"hook-{at}", "url": url, **changes} for at, url in enumerate(urls)]
    default = [channel["id"] for channel in channels]
    return Config.model_validate(
        {"rules": [rule, {**rule, "id": "again"}], "notifications": {"channels": channels, "default": default}}
    )


def lived(model: Monitored, shifts: Mapping[int, float], days: range) -> None:
    for day in days:
        model.send(day_of(model.name, day, events=100, shift=shifts.get(day, 0)))
        model.ran(midnight(day + 1) + SETTLED)


def decisions(model: Monitored) -> Counter[str]:
    found = model.documents(Index.ALERT_EVENTS, {"term": {"event.dataset": "mpm.notification"}})
    return Counter(hit["_source"]["event"]["action"] for hit in found.values())


def told(receiver: Receiver) -> list[str]:
    return [str(json.loads(body)["title"]) for body in receiver.bodies]


def test_a_model_and_window_are_one_message_and_its_end_another(client_for: ClientFor) -> None:
    with Receiver() as receiver:
        model = Monitored(client_for, config(receiver.url))
        lived(model, {7: 1, 8: 2}, range(10))
        model.ran(midnight(10) + SETTLED + HOUR_MS)
    name = f"{model.name} (production)"
    opened, escalated, recovered = told(receiver)
    assert opened == f"[warning] {name}: 2 alerts opened"
    assert escalated == f"[critical] {name}: 2 alerts escalated"
    assert recovered == f"{name}: 2 alerts recovered"
    assert decisions(model) == {"queued": 3, "sent": 3}
    keys = [json.loads(body)["dedup_key"] for body in receiver.bodies]
    assert len(set(keys)) == 3
    assert f"notification {keys[0]}" in json.loads(receiver.bodies[0])["message"]


def test_a_refused_message_is_tried_again_and_holds_up_no_other_channel(client_for: ClientFor) -> None:
    with Receiver(fail=1) as deaf, Receiver() as other:
        model = Monitored(client_for, config(deaf.url, other.url))
        lived(model, {}, range(7))
        model.send(day_of(model.name, 7, events=100, shift=1))
        report = model.ran(midnight(8) + SETTLED)
        assert (len(told(deaf)), len(told(other))) == (0, 1)
        [notice] = [text for text in report.notices if "notification" in text]
        assert "a notification to hook-0 could not be sent, and will be tried again: json did not take it" in notice
        model.ran(midnight(8) + SETTLED + 30_000)  # not yet
        assert len(told(deaf)) == 0
        model.ran(midnight(8) + SETTLED + 60_000)
    assert (told(deaf), len(told(other))) == (told(other), 1)
    assert decisions(model) == {"queued": 2, "sent": 2, "failed": 1}


def test_it_gives_up_after_a_day_and_says_so(client_for: ClientFor) -> None:
    with Receiver(fail=1000) as receiver:
        model = Monitored(client_for, config(receiver.url))
        lived(model, {7: 1}, range(8))
        report = model.ran(midnight(9) + SETTLED + HOUR_MS)
    assert any("was given up: 1 attempts failed" in notice for notice in report.notices)
    assert decisions(model)["given_up"] == 1
    assert receiver.bodies == []


def test_more_than_a_channel_takes_wait_for_their_turn(client_for: ClientFor) -> None:
    with Receiver() as receiver:
        model = Monitored(client_for, config(receiver.url, at_most="1 per 2d"))
        lived(model, {7: 1}, range(9))
        assert len(told(receiver)) == 1
        assert decisions(model) == {"queued": 2, "sent": 1, "delayed": 1}
        model.ran(midnight(10) + SETTLED)  # two days after the first, and before the second is given up
        assert len(told(receiver)) == 2
    assert decisions(model) == {"queued": 2, "sent": 2, "delayed": 1}


class Died(BaseException):
    """Stands for SIGKILL: nothing after it happens, no matter who catches what."""


def test_a_hundred_deaths_lose_nothing_and_a_receiver_that_honours_the_key_shows_none_twice(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(11)  # noqa: S311 — a test that can be repeated
    full = config("json://127.0.0.1/")
    # The outbox is run here, not by the job.
    model = Monitored(client_for, full.model_copy(update={"notifications": Notifications()}))
    lived(model, {7: 1, 8: 2, 10: 1}, range(12))
    client, shown, received = client_for("job"), set[str](), 0

    def dying(call: Callable[[], Any]) -> Any:
        fate = dice.random()
        if fate < 0.35:
            raise Died
        result = call()
        if fate > 0.65:
            raise Died
        return result

    def send(_: Channel, __: Mapping[str, str], key: str) -> None:
        def arrive() -> None:
            nonlocal received
            received += 1
            shown.add(key)

        dying(arrive)

    monkeypatch.setattr(outbox, "append", lambda *arguments: dying(lambda: append(*arguments)))
    now, deaths = midnight(12) + SETTLED, 0
    rules = {rule.id: rule for rule in model.config.rules or ()}
    for at in range(10 * DEATHS):
        settings = full.notifications.model_copy(update={"max_age": timedelta(days=30)})
        box = Outbox(client, model.key, rules, settings, now + at, f"run-{at}")
        try:
            box.run(lambda: Lease(client, f"notifications:{model.name}", "test", timedelta(seconds=30)), send)
        except Died:
            deaths += 1
        if deaths >= DEATHS or decisions(model)["sent"] == decisions(model)["queued"] > 0:
            break
    monkeypatch.setattr(outbox, "append", append)
    Outbox(client, model.key, rules, settings, now + HOUR_MS, "last").run(
        lambda: Lease(client, f"notifications:{model.name}", "test", timedelta(seconds=30)),
        lambda _, __, key: shown.add(key),
    )
    queued = {
        hit["_source"]["mpm"]["notification"]["id"]
        for hit in model.documents(Index.ALERT_EVENTS, {"term": {"event.action": "queued"}}).values()
    }
    transitions = model.documents(Index.ALERT_EVENTS, {"term": {"event.dataset": "mpm.alert"}})
    covered = [
        identity
        for hit in model.documents(Index.ALERT_EVENTS, {"term": {"event.action": "queued"}}).values()
        for identity in hit["_source"]["mpm"]["notification"]["transitions"]
    ]
    assert deaths > 3
    assert received >= len(queued)
    assert shown == queued
    assert sorted(covered) == sorted(
        i for i, hit in transitions.items() if hit["_source"]["event"]["action"] != "eased"
    )
    assert decisions(model)["sent"] == len(queued)


def test_the_commands_try_a_channel_and_list_decisions(
    client_for: ClientFor, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    with Receiver() as receiver:
        model = Monitored(client_for, config(receiver.url))
        lived(model, {7: 1}, range(8))
        command = Command(settings_for("reader"), tmp_path).write(
            f'notifications: {{channels: [{{id: hook, url: "{receiver.url}"}}], default: hook}}\n'
        )
        done = command.run("notifications", "test", "hook")
        assert (done.returncode, done.stdout) == (0, "hook: sent\n")
        assert told(receiver)[-1] == "mpm-elk: a test"
        receiver.fail = 1
        done = command.run("notifications", "test", "hook")
        assert (done.returncode, done.stderr) == (1, "hook: not sent: json did not take it\n")
        done = command.run("notifications", "test", "pager")
        assert done.returncode == 2
        assert "channels are: hook" in done.stderr
    found = json.loads(command.run("notifications", "list", "--model", model.name, "--since", "9000d", "--json").stdout)
    assert [source["event"]["action"] for source in found] == ["queued", "sent"]
    assert "2 alerts opened" in command.run("notifications", "list", "--since", "9000d").stdout
