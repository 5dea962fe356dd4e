"""Alerts over time: a planted shift opens an episode, which goes on and recovers; late events and people change it."""

from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.ids import digest
from mpm_elk.contract.names import Index
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": "income", "metric": "drift.mean_shift", "on": {"subject": "features.income"}, "against": "rolling 10d",
        "warning": 0.8, "critical": 1.8, "min_samples": 50, "evidence": "none", **changes,
    }  # fmt: skip


def monitored(client_for: ClientFor, **changes: Any) -> Monitored:
    return Monitored(client_for, Config.model_validate({"rules": [rule(**changes)]}))


def live(model: Monitored, shifts: dict[int, float], days: range) -> list[list[tuple[str, str]]]:
    """Live through days, the job run after each: what happened, day by day."""
    told = []
    for day in days:
        model.send(day_of(model.name, day, events=100, shift=shifts.get(day, 0)))
        report = model.ran(midnight(day + 1) + SETTLED)
        told.append([(transition.action, iso(transition.point.start)) for _, transition in report.happened])
    return told


def episodes(model: Monitored) -> list[dict[str, Any]]:
    found = [hit["_source"]["mpm"]["alert"] for hit in model.documents(Index.ALERTS).values()]
    return sorted(found, key=lambda alert: str(alert["start"]))


def actions(model: Monitored) -> list[tuple[str, str]]:
    found = model.documents(Index.ALERT_EVENTS).values()
    return sorted((h["_source"]["mpm"]["window"]["start"], h["_source"]["event"]["action"]) for h in found)


def late(model: Monitored, day: int, income: float, number: int = 400) -> list[Event]:
    """Make events that come too late and move the mean of a day."""
    times = (midnight(day) + 10 * HOUR_MS + at for at in range(number))
    return [
        event(model.name, at, f"late-{income}-{at}", {"income": income, "age": 40, "purpose": "car"}, score=0.4)
        for at in times
    ]


def test_a_planted_shift_opens_escalates_eases_and_recovers(client_for: ClientFor) -> None:
    model = monitored(client_for)
    told = live(model, {7: 1, 8: 2, 9: 2, 10: 1}, range(13))
    day = [iso(midnight(at)) for at in range(13)]
    happened = [
        [], [], [], [], [], [], [],
        [("opened", day[7])], [("escalated", day[8])], [], [("eased", day[10])], [("recovered", day[11])], [],
    ]  # fmt: skip
    assert told == happened
    assert actions(model) == sorted((start, action) for entry in happened for action, start in entry)
    [alert] = episodes(model)
    assert (alert["status"], alert["severity"], alert["max_severity"]) == ("recovered", "warning", "critical")
    assert (alert["start"], alert["end"], alert["windows"]) == (day[7], day[11], 4)
    assert alert["duration"]["us"] == 4 * 24 * HOUR_MS * 1000
    # Days with an alert are no measure of what is usual.
    last = model.metrics("features.income")[-1]
    assert (last["reference"]["windows"], last["reference"]["excluded"]) == (6, 4)


def test_events_are_append_only_and_have_ids_that_anybody_can_compute(client_for: ClientFor) -> None:
    model = monitored(client_for)
    live(model, {7: 1}, range(8))
    [before] = model.documents(Index.ALERT_EVENTS).values()
    series = ("production", model.name, "income", "features.income", "", "")
    uuid = digest("episode", *series, str(midnight(7)))
    assert before["_id"] == digest("alert-event", uuid, "opened", str(midnight(8)))
    assert list(model.documents(Index.ALERTS)) == [uuid]
    assert model.documents(Index.ALERTS)[uuid]["_source"]["mpm"]["alert"]["instance"]["id"] == digest("alert", *series)
    model.send(late(model, 7, 1e6))
    model.ran(midnight(8) + SETTLED)
    after = model.documents(Index.ALERT_EVENTS)[before["_id"]]
    assert (after["_source"], after["_seq_no"]) == (before["_source"], before["_seq_no"])
    assert model.documents(Index.ALERTS)[uuid]["_source"]["mpm"]["alert"]["severity"] == "critical"


def test_for_2_waits_for_the_second_window_and_forgets_a_single_one(client_for: ClientFor) -> None:
    model = monitored(client_for, **{"for": 2})
    told = live(model, {6: 1, 8: 1, 9: 1}, range(12))
    assert [(day, entry) for day, entry in enumerate(told) if entry] == [
        (9, [("opened", iso(midnight(9)))]),
        (10, [("recovered", iso(midnight(10)))]),
    ]
    [alert] = episodes(model)
    assert (alert["start"], alert["end"], alert["windows"]) == (iso(midnight(8)), iso(midnight(10)), 2)


def test_a_window_with_too_few_events_neither_ends_nor_interrupts(client_for: ClientFor) -> None:
    model = monitored(client_for, **{"for": 2})
    live(model, {}, range(6))
    for day, events, shift in ((6, 100, 1), (7, 20, 0), (8, 100, 1), (9, 20, 0), (10, 100, 1)):
        model.send(day_of(model.name, day, events=events, shift=shift))
        model.ran(midnight(day + 1) + SETTLED)
    [alert] = episodes(model)
    assert (alert["status"], alert["start"], alert["windows"]) == ("active", iso(midnight(6)), 3)


def test_late_events_withdraw_an_episode_and_later_ones_reinstate_it(client_for: ClientFor) -> None:
    model = monitored(client_for)
    live(model, {7: 1}, range(8))
    [before] = episodes(model)
    assert before["status"] == "active"
    usual = model.metrics("features.income")[-1]["drift"]["mean_reference"]

    model.send(late(model, 7, usual))
    [(_, transition)] = model.ran(midnight(8) + SETTLED).happened
    assert transition.action == "withdrawn"
    [withdrawn] = episodes(model)
    assert (withdrawn["status"], withdrawn["withdrawn"], withdrawn["uuid"]) == ("recovered", True, before["uuid"])
    assert "late" in withdrawn["reason"]
    revised = model.metrics("features.income")[-1]
    assert (revised["status"], revised["revision"]["number"]) == ("ok", 2)
    assert revised["revision"]["first_value"]["status"] == "warning"
    written = model.written()
    assert model.ran(midnight(8) + SETTLED).happened == []
    assert model.written() == written

    model.send(late(model, 7, 1e6))
    [(_, transition)] = model.ran(midnight(8) + SETTLED).happened
    assert transition.action == "reinstated"
    [again] = episodes(model)
    assert (again["status"], again.get("withdrawn"), again["severity"]) == ("active", None, "critical")
    assert [action for _, action in actions(model)] == ["opened", "reinstated", "withdrawn"]


def test_a_run_that_died_before_it_told_of_a_withdrawal_is_made_good(client_for: ClientFor) -> None:
    model = monitored(client_for)
    live(model, {7: 1}, range(8))
    model.send(late(model, 7, model.metrics("features.income")[-1]["drift"]["mean_reference"]))
    state = model.admin.get(index=Index.STATE, id=f"model:production:{model.name}")["_source"]
    model.ran(midnight(8) + SETTLED)
    told = next(
        h for h in model.documents(Index.ALERT_EVENTS).values() if h["_source"]["event"]["action"] == "withdrawn"
    )
    model.admin.delete(index=told["_index"], id=told["_id"], refresh=True)
    # What such a run leaves: everything but the event and its state.
    model.admin.index(index=Index.STATE, id=f"model:production:{model.name}", document=state)
    model.admin.delete(index=Index.STATE, id=f"lease:production:{model.name}")
    model.ran(midnight(8) + SETTLED)
    assert [action for _, action in actions(model)] == ["opened", "withdrawn"]


def test_what_a_person_sets_survives_and_a_change_in_between_is_not_lost(client_for: ClientFor) -> None:
    model = monitored(client_for)
    live(model, {7: 1}, range(8))
    [(uuid, hit)] = model.documents(Index.ALERTS).items()
    person: Elasticsearch = client_for("setup")
    person.update(index=hit["_index"], id=uuid, doc={"mpm": {"alert": {"workflow_status": "acknowledged"}}})
    live(model, {8: 2, 9: 2}, range(8, 11))
    [alert] = episodes(model)
    assert (alert["workflow_status"], alert["status"], alert["max_severity"]) == (
        "acknowledged", "recovered", "critical",
    )  # fmt: skip


@pytest.mark.parametrize(("evidence", "weather"), [("none", range(5, 40)), ("required", range(1))])
def test_weather_alarms_under_a_bare_threshold_and_not_when_its_own_past_is_the_measure(
    client_for: ClientFor, evidence: str, weather: range
) -> None:
    """All events of a day share the weather, so it moves far from day to day; the planted shift is found either way."""
    watched = {"subject": ["features.temperature", "features.income"]}
    model = monitored(client_for, on=watched, evidence=evidence)
    model.send([one for day in range(60) for one in day_of(model.name, day, events=100, shift=2 if day == 58 else 0)])
    model.ran(midnight(60) + SETTLED)
    found = [h["_source"]["mpm"]["subject"]["name"] for h in model.documents(Index.ALERTS).values()]
    assert found.count("features.temperature") in weather
    assert found.count("features.income") == 1
    if evidence == "required":
        assert [mpm["status"] for mpm in model.metrics("features.income")][:30] == ["insufficient_data"] * 30
