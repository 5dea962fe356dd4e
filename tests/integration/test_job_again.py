"""Running again: without new data nothing is written, and what was deleted comes back as it was."""

from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.job import Options, run
from mpm_elk.timespan import HOUR_MS, from_ms, iso
from tests.integration.traffic import SETTLED, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
CONFIG = Config.model_validate({"models": [{"name": "job-*", "segments": ["region"]}]})
SIDE_BY_SIDE = Config.model_validate(
    {
        "rules": [
            {"id": "drift", "metric": "drift.psi", "against": "rolling 5d", "critical": 0.2, "min_samples": 50,
             "evidence": "none"},
            {"id": "failures", "metric": "traffic.failure_rate", "against": "rolling 5d", "critical": 0.5,
             "min_samples": 50, "evidence": "none"},
        ]
    }
)  # fmt: skip


def test_a_second_run_without_new_events_writes_its_run_document_only(client_for: ClientFor) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(days_of(model.name, range(31)))
    now = midnight(31) + SETTLED
    first = model.ran(now)
    assert first.hours == len({one["@timestamp"][:13] for one in days_of(model.name, range(31))})
    assert first.metrics > 200
    before = model.written()
    again = model.run(now)
    assert again.totals == dict.fromkeys(again.totals, 0)
    assert model.written() == before
    model.admin.indices.refresh(index=Index.RUNS.pattern)
    runs = model.admin.search(index=Index.RUNS.pattern, query={"term": {"mpm.run.id": again.id}})
    assert runs["hits"]["hits"][0]["_source"]["event"]["outcome"] == "success"

    # A later hour without events is judged where rules look at hours; nothing else is touched.
    model.ran(now + HOUR_MS)
    changed = {at for at, position in model.written().items() if before.get(at) != position}
    assert all("mpm-metrics" in at or "mpm-state" in at for at in changed)


@pytest.mark.parametrize("kinds", [(Index.PROFILES,), (Index.PROFILES, Index.METRICS, Index.ALERT_EVENTS)])
def test_deleted_results_come_back_as_they_were(client_for: ClientFor, kinds: tuple[Index, ...]) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(days_of(model.name, range(36)))
    model.ran(midnight(36) + SETTLED)
    for day in range(36, 41):
        model.send(day_of(model.name, day, shift=2.5 if day > 38 else 0))
        model.ran(midnight(day + 1) + SETTLED)
    before = model.results()
    assert any('"action": "opened"' in text for text, _ in before.documents)
    model.delete(*kinds)
    report = model.ran(midnight(41) + SETTLED)
    assert any("profiles were deleted" in notice for notice in report.notices)
    assert before.same(model.results())
    assert not any(hit["_source"]["mpm"]["revision"]["number"] > 1 for hit in model.documents(Index.METRICS).values())


def test_a_deleted_day_is_merged_again(client_for: ClientFor) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(days_of(model.name, range(5)))
    model.ran(midnight(5) + SETTLED)
    before = model.results()
    found = model.documents(Index.PROFILES, {"term": {"mpm.profile.granularity": "day"}})
    gone = next(hit for hit in found.values() if hit["_source"]["@timestamp"] == iso(midnight(2)))
    model.admin.delete(index=gone["_index"], id=gone["_id"], refresh=True)
    assert not before.same(model.results())
    model.ran(midnight(5) + SETTLED)
    assert before.same(model.results())


def traffic_of_two_versions(name: str, day: int) -> list[dict[str, Any]]:
    """Version 1 pauses for longer than any rule looks back; version 2 drifts for some days while 1 does not."""
    events = day_of(name, day, version="2", events=150, seed=2, shift=3 if day in (12, 13, 80, 81) else 0)
    if day < 4 or day >= 76:
        events += day_of(name, day, version="1", events=150)
    return events


def test_one_run_over_all_gives_what_daily_runs_gave(client_for: ClientFor) -> None:
    """References and dispersions are those of the window, not of how long a run looks back."""
    daily, once = Monitored(client_for, SIDE_BY_SIDE), Monitored(client_for, SIDE_BY_SIDE)
    once.send([one for day in range(86) for one in traffic_of_two_versions(once.name, day)])
    # Cells are cut from the first week's traffic by either.
    daily.send([one for day in range(7) for one in traffic_of_two_versions(daily.name, day)])
    daily.ran(midnight(7) + SETTLED)
    for day in range(7, 86):
        daily.send(traffic_of_two_versions(daily.name, day))
        if 10 < day < 16 or day > 75 or day % 20 == 0:
            daily.ran(midnight(day + 1) + SETTLED)
    once.take_cells(daily)
    once.ran(midnight(86) + SETTLED)
    assert once.results(Index.METRICS).same(daily.results(Index.METRICS))
    assert len(once.results(Index.METRICS)) > 700

    before = daily.results()
    daily.delete(Index.PROFILES)
    daily.ran(midnight(86) + SETTLED)
    assert before.same(daily.results())


def test_a_run_of_another_model_leaves_this_one_alone(client_for: ClientFor) -> None:
    one, two = Monitored(client_for, CONFIG), Monitored(client_for, CONFIG)
    for model in (one, two):
        model.send(day_of(model.name, 0))
    report = run(client_for("job"), CONFIG, Options(from_ms(midnight(1) + SETTLED), (one.name,)))
    assert [entry.model.name for entry in report.models] == [one.name]
    assert one.documents(Index.PROFILES)
    assert not two.documents(Index.PROFILES)
    two.ran(midnight(1) + SETTLED)
    assert two.results().same(one.results())
