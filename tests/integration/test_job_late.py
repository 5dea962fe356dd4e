"""Nothing is missed: events count in their own hour, once, however late they come, and what depends on them follows."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso, parse_instant, to_ms
from tests.integration.traffic import SETTLED, Documents, Event, Monitored, day_of, days_of, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 50
NOW = midnight(DAYS) + SETTLED
CONFIG = Config.model_validate(
    {
        "rules": [
            {"id": "drift", "metric": "drift.psi_adjusted", "against": "rolling 5d", "critical": 0.25,
             "min_samples": 50},
            {"id": "failures", "metric": "traffic.failure_increase", "window": "6h", "against": "rolling 1d",
             "critical": 0.5, "min_samples": 30},
        ]
    }
)  # fmt: skip
HISTORY = 56


def hours_of(events: list[Event]) -> Counter[str]:
    return Counter(one["@timestamp"][:13] for one in events)


def stored_hours(model: Monitored) -> Counter[str]:
    found = model.documents(Index.PROFILES, {"term": {"mpm.profile.granularity": "hour"}})
    return Counter({h["_source"]["@timestamp"][:13]: h["_source"]["mpm"]["profile"]["count"] for h in found.values()})


def late(model: Monitored, at_ms: int, number: int, tag: str) -> list[Event]:
    features = {"income": 30_000.0, "age": 40, "temperature": 12.0, "purpose": "car", "channel": "web"}
    return [event(model.name, at_ms + i, f"late-{tag}-{i}", features, score=0.4, label="grant") for i in range(number)]


@pytest.fixture(scope="module")
def told(client_for: ClientFor) -> tuple[Monitored, list[Event], Documents, Documents, Documents]:
    """Fifty days are judged; then events come that are four hours and forty days old, some of them twice."""
    model = Monitored(client_for, CONFIG)
    events = days_of(model.name, range(DAYS))
    model.send(events)
    model.ran(NOW)
    metrics, profiles = model.documents(Index.METRICS), model.documents(Index.PROFILES)
    four_hours = late(model, midnight(DAYS) - 4 * HOUR_MS, 40, "hours")
    forty_days = late(model, midnight(DAYS - 40) + 12 * HOUR_MS, 60, "days")
    assert model.send(four_hours + forty_days) == 100
    assert model.send(forty_days) == 0
    model.ran(NOW + HOUR_MS)
    return model, events + four_hours + forty_days, metrics, profiles, model.documents(Index.METRICS)


def test_every_event_is_counted_in_its_own_hour_once(told: Any) -> None:
    model, events, _, _, _ = told
    assert stored_hours(model) == hours_of(events)


def test_profiles_of_other_hours_and_days_are_not_touched(told: Any) -> None:
    model, _, _, before, _ = told
    touched = {
        hit["_source"]["@timestamp"]
        for name, hit in model.documents(Index.PROFILES).items()
        if name not in before or before[name]["_seq_no"] != hit["_seq_no"]
    }
    days = {midnight(DAYS - 40), midnight(DAYS - 1)}
    hours = {midnight(DAYS - 40) + 12 * HOUR_MS, midnight(DAYS) - 4 * HOUR_MS}
    assert touched == {iso(time) for time in days | hours}


def test_windows_that_depend_on_late_events_are_revised(told: Any) -> None:
    _, _, before, _, after = told
    revised = {name: hit for name, hit in after.items() if name in before and hit["_seq_no"] != before[name]["_seq_no"]}
    assert revised
    for name, hit in revised.items():
        revision = hit["_source"]["mpm"]["revision"]
        assert (revision["number"], revision["cause"]) == (2, "events changed")
        first = before[name]["_source"]["mpm"]
        assert revision["first_value"] == {"status": first["status"], "evaluations": first["evaluations"]}
        assert {**hit["_source"]["mpm"], **dict.fromkeys(("run", "revision", "hash"))} != {
            **first, **dict.fromkeys(("run", "revision", "hash"))
        }  # fmt: skip
    # A day's own metrics, and those of the five days whose reference holds it, must all have changed.
    starts = {
        hit["_source"]["mpm"]["window"]["start"]
        for hit in revised.values()
        if hit["_source"]["mpm"]["subject"]["name"] == "features.income"
    }
    direct = {iso(midnight(DAYS - 40 + day)) for day in range(6)}
    assert direct | {iso(midnight(DAYS - 1))} <= starts


def test_windows_that_do_not_depend_on_late_events_are_not_written(told: Any) -> None:
    _, _, before, _, after = told
    changed = midnight(DAYS - 40), midnight(DAYS - 1)
    for name, hit in after.items():
        mpm = hit["_source"]["mpm"]
        length, reach = (DAY_MS, HISTORY + 5) if mpm["window"]["length"] == "1d" else (6 * HOUR_MS, HISTORY + 4)
        start = to_ms(parse_instant(mpm["window"]["start"]))
        depends = any(day <= start < day + DAY_MS + reach * length for day in changed)
        if not depends and name in before:
            assert hit["_seq_no"] == before[name]["_seq_no"], mpm["window"]
            assert mpm["revision"] == {"number": 1, "cause": "first"}


def test_a_revised_history_is_what_timely_events_would_have_given(told: Any, client_for: ClientFor) -> None:
    model, events, _, _, _ = told
    timely = Monitored(client_for, CONFIG)
    timely.send([_renamed(one, timely.name) for one in events])
    timely.take_cells(model)
    timely.ran(NOW + HOUR_MS)
    assert model.results().same(timely.results())


def test_an_event_in_an_hour_that_had_none_makes_its_profile(client_for: ClientFor) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(day_of(model.name, 0) + day_of(model.name, 1))
    model.ran(midnight(2) + SETTLED)
    model.send(late(model, midnight(0) + 3 * HOUR_MS, 1, "alone"))
    report = model.ran(midnight(2) + SETTLED)
    assert report.hours == 1
    assert stored_hours(model)[iso(midnight(0) + 3 * HOUR_MS)[:13]] == 1


def test_an_index_that_was_deleted_and_made_again_is_read_again(client_for: ClientFor) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(day_of(model.name, 0))
    model.ran(midnight(1) + SETTLED)
    model.delete(Index.PREDICTIONS)
    again = day_of(model.name, 0)[:100]
    model.send(again)
    model.ran(midnight(1) + SETTLED)
    stored, expected = stored_hours(model), hours_of(again)
    assert {hour: stored[hour] for hour in expected} == expected


def _renamed(one: Event, name: str) -> Event:
    return {**one, "mpm": {**one["mpm"], "model": {**one["mpm"]["model"], "name": name}}}
