"""`mpm-elk run --backfill`: windows of the past come out as if the job had run then."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.state import load
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 30
NOW = midnight(DAYS) + SETTLED
FIRST: dict[str, Any] = {
    "id": "failures", "metric": "traffic.failure_rate", "window": "1d", "against": "previous", "warning": 0.9
}  # fmt: skip
LATER: dict[str, Any] = {
    "id": "drift", "metric": "drift.psi", "against": "rolling 5d", "warning": 0.2, "critical": 0.5, "min_samples": 40,
    "evidence": "none",
}  # fmt: skip
HOURLY: dict[str, Any] = {**LATER, "id": "hourly-drift", "window": "6h", "against": "rolling 1d"}
BEFORE = Config.model_validate({"rules": [FIRST]})
AFTER = Config.model_validate({"rules": [FIRST, LATER, HOURLY]})
KEYS = {"1d rolling 5d", "6h rolling 1d"}


def events(name: str) -> list[Event]:
    """Make a month with an incident that is over, and one that goes on."""
    return [one for day in range(DAYS) for one in day_of(name, day, events=80, shift=3 if day in (12, 13, 29) else 0)]


def results_beside(model: Monitored) -> dict[str, int]:
    """Say where each result stands in the order of writes."""
    kinds = (Index.PROFILES, Index.METRICS, Index.ALERTS, Index.ALERT_EVENTS)
    return {name: hit["_seq_no"] for kind in kinds for name, hit in model.documents(kind).items()}


def judged(model: Monitored) -> tuple[dict[str, Any], dict[str, Any]]:
    state = load(model.admin, model.key)
    return dict(state.judged), dict(state.backfilled)


def time_of(*days: float) -> tuple[Any, ...]:
    return tuple(from_ms(midnight(0) + int(day * DAY_MS)) for day in days)


@pytest.fixture
def late_comer(client_for: ClientFor) -> Monitored:
    """A model whose rules on drift came after a month."""
    model = Monitored(client_for, BEFORE)
    model.send(events(model.name))
    model.ran(NOW)
    model.config = AFTER
    return model


def test_a_backfill_gives_what_the_rules_would_have_said_then(late_comer: Monitored, client_for: ClientFor) -> None:
    always = Monitored(client_for, AFTER)
    always.send(events(always.name))
    always.take_cells(late_comer)
    always.ran(NOW)
    assert not late_comer.results().same(always.results())
    report = late_comer.ran(NOW, backfill=time_of(-1, DAYS))
    assert report.hours == 0
    assert late_comer.results().unlike(always.results()) == []
    assert late_comer.results().same(always.results())
    assert [transition.action for _, transition in report.happened].count("recovered") > 0
    assert judged(late_comer) == judged(always)

    before = results_beside(late_comer)
    again = late_comer.ran(NOW, backfill=time_of(-1, DAYS))
    assert (again.metrics, again.alerts) == (0, 0)
    assert results_beside(late_comer) == before


def test_the_state_says_which_stretches_are_judged_and_late_events_change_them(late_comer: Monitored) -> None:
    late_comer.ran(NOW)
    late_comer.ran(NOW, backfill=time_of(10, 15))
    main, stretches = judged(late_comer)
    # Days 9 to 13 end from day 10 on and before day 15.
    assert stretches["1d rolling 5d"] == ((midnight(9), midnight(14)),)
    assert stretches["6h rolling 1d"] == ((midnight(10) - 6 * HOUR_MS, midnight(15) - 6 * HOUR_MS),)
    assert main["1d rolling 5d"] == (midnight(DAYS - 1), midnight(DAYS))
    windows = {mpm["window"]["start"] for mpm in late_comer.metrics("features.income")}
    assert windows == {iso(midnight(day)) for day in (9, 10, 11, 12, 13, 29)}

    late_comer.send(days_of(late_comer.name, [11, 20], events=30, seed=9))
    late_comer.ran(NOW)
    found = late_comer.metrics("features.income")
    assert {mpm["window"]["start"] for mpm in found} == windows
    samples = {mpm["window"]["start"]: mpm["sample"]["window"] for mpm in found}
    assert samples[iso(midnight(11))] > 100

    late_comer.ran(NOW, backfill=time_of(14, 30))
    main, stretches = judged(late_comer)
    assert main["1d rolling 5d"] == (midnight(9), midnight(DAYS))
    assert "1d rolling 5d" not in stretches


def test_an_alert_that_began_earlier_is_another_one(late_comer: Monitored) -> None:
    late_comer.send(day_of(late_comer.name, 28, events=80, seed=7, shift=6))
    late_comer.ran(NOW)
    rule = {"term": {"rule.id": "drift"}}, {"term": {"mpm.subject.name": "features.income"}}
    [seen] = late_comer.documents(Index.ALERTS, *rule).values()
    assert seen["_source"]["mpm"]["alert"]["start"] == iso(midnight(29))
    note = {"mpm": {"alert": {"workflow_status": "acknowledged"}}}
    late_comer.admin.update(index=seen["_index"], id=seen["_id"], doc=note, refresh=True)
    late_comer.ran(NOW, backfill=time_of(20, 30))
    found = {hit["_source"]["mpm"]["alert"]["start"]: hit for hit in late_comer.documents(Index.ALERTS, *rule).values()}
    old, new = (found[iso(midnight(day))]["_source"]["mpm"]["alert"] for day in (29, 28))
    assert (old["status"], old["withdrawn"], old["workflow_status"]) == ("recovered", True, "acknowledged")
    assert "a backfill judged earlier windows" in old["reason"]
    assert (new["status"], new["workflow_status"]) == ("active", "open")


def test_a_dry_run_writes_nothing(late_comer: Monitored) -> None:
    late_comer.ran(NOW)
    before = results_beside(late_comer), judged(late_comer)
    report = late_comer.ran(NOW, backfill=time_of(0, 30), dry_run=True)
    assert report.metrics > 100
    assert (results_beside(late_comer), judged(late_comer)) == before


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("2026-01-02", "2026-01-01"), "is not before 2026-01-01T00:00:00.000Z"),
        (("2026-01-02", "2026-01-02"), "is not before"),
        (("2026-01-02", "2199-01-01"), "2199-01-01T00:00:00.000Z is in the future"),
        (("2026-01-02", "soon"), "'soon' is no time"),
    ],
)
def test_times_that_cannot_be_are_refused(
    settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path, times: tuple[str, str], said: str
) -> None:
    done = Command(settings_for("job"), tmp_path).write("rules: []\n").run("run", "--backfill", *times)
    assert done.returncode == 2
    assert said in done.stderr
