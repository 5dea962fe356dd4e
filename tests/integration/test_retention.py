"""Hours are dropped when their days hold them; whatever happens later counts as if they were still there."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.state import load, note_hours
from mpm_elk.config import Config
from mpm_elk.contract.names import Index, monthly
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms, iso
from tests.integration.traffic import SETTLED, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 18
NOW = midnight(DAYS) + SETTLED
ON = {"on": {"subject": "features.income"}, "evidence": "none"}
RULES: list[dict[str, Any]] = [
    {"id": "drift", "metric": "drift.psi", "against": "rolling 5d", "warning": 0.2, "min_samples": 40, **ON},
    {"id": "hourly-drift", "metric": "drift.psi", "against": "previous", "window": "1h", "warning": 0.4,
     "min_samples": 5, **ON},
]  # fmt: skip
SHORT = Config.model_validate(
    {"models": [{"name": "job-*", "segments": ["region"]}], "job": {"keep_hours": "2d"}, "rules": RULES}
)
LONG = SHORT.model_copy(update={"job": SHORT.job.model_copy(update={"keep_hours": SHORT.job.keep_hours * 200})})
# The hourly rule looks 58 hours back, and a week is for what comes late: nine days and ten hours.
KEPT_FROM = midnight(DAYS - 10)
DAY_ONLY = {"term": {"mpm.profile.granularity": "day"}}
HOUR_ONLY = {"term": {"mpm.profile.granularity": "hour"}}


class DiedError(BaseException):
    """Stands for a kill between two requests."""


def starts(model: Monitored, *clauses: dict[str, Any]) -> set[str]:
    return {hit["_source"]["@timestamp"] for hit in model.documents(Index.PROFILES, *clauses).values()}


def days_as_stored(model: Monitored) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the daily profiles by time and segment, without what is a run's or a model's own."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for hit in model.documents(Index.PROFILES, DAY_ONLY).values():
        mpm = hit["_source"]["mpm"]
        profile = {name: value for name, value in mpm["profile"].items() if name != "hash"}
        found[hit["_source"]["@timestamp"], mpm["segment_key"]] = profile
    return found


def same_days(one: Monitored, other: Monitored) -> bool:
    ours, theirs = days_as_stored(one), days_as_stored(other)
    return ours.keys() == theirs.keys() and all(
        ours[at]["count"] == theirs[at]["count"]
        and all(ours[at]["subjects"][name]["n"] == entry["n"] for name, entry in theirs[at]["subjects"].items())
        for at in ours
    )


def daily(model: Monitored) -> dict[str, tuple[Any, ...]]:
    return {
        mpm["window"]["start"]: (mpm["sample"]["window"], mpm["status"], mpm["drift"].get("psi"))
        for mpm in model.metrics("features.income")
    }


def places(model: Monitored) -> dict[str, int]:
    kinds = (Index.PROFILES, Index.METRICS, Index.ALERTS, Index.ALERT_EVENTS)
    return {name: hit["_seq_no"] for kind in kinds for name, hit in model.documents(kind).items()}


@pytest.fixture
def pair(client_for: ClientFor) -> tuple[Monitored, Monitored]:
    """One model that drops its hours, and one that does not."""
    dropping, keeping = Monitored(client_for, SHORT), Monitored(client_for, LONG)
    for model in (dropping, keeping):
        model.send(days_of(model.name, range(DAYS), events=90))
    keeping.ran(NOW)
    dropping.take_cells(keeping)
    dropping.ran(NOW)
    return dropping, keeping


def test_old_hours_go_their_days_stay_and_nothing_is_missed(pair: tuple[Monitored, Monitored]) -> None:
    dropping, keeping = pair
    kept = {start for start in starts(keeping, HOUR_ONLY) if start >= iso(KEPT_FROM)}
    assert starts(dropping, HOUR_ONLY) == kept
    assert starts(dropping, DAY_ONLY) == starts(keeping, DAY_ONLY)
    assert dropping.results(Index.METRICS, Index.ALERTS).same(keeping.results(Index.METRICS, Index.ALERTS))
    before = places(dropping)
    for options in ({}, {"audit": True}):
        report = dropping.ran(NOW, **options)
        assert (report.hours, report.profiles, report.metrics, report.notices) == (0, 0, 0, []), options
    assert places(dropping) == before
    dropping.ran(NOW + DAY_MS)
    assert min(starts(dropping, HOUR_ONLY)) >= iso(KEPT_FROM + DAY_MS)


def test_late_events_of_a_dropped_hour_count_in_their_day(pair: tuple[Monitored, Monitored]) -> None:
    for model in pair:
        model.send(days_of(model.name, [4, 15], events=50, seed=8, shift=2))
    dropping, keeping = pair
    keeping.ran(NOW)
    report = dropping.ran(NOW)
    assert same_days(dropping, keeping)
    assert daily(dropping) == daily(keeping)
    assert daily(dropping)[iso(midnight(4))][0] > 120
    # The day was read whole; of its hours nothing is stored again.
    assert min(starts(dropping, HOUR_ONLY)) >= iso(KEPT_FROM)
    assert any("windows of 1h before" in notice for notice in report.notices)
    before = places(dropping)
    assert dropping.ran(NOW, audit=True).profiles == 0
    assert places(dropping) == before


def test_a_run_that_died_while_it_dropped_hours_leaves_no_alarm(
    pair: tuple[Monitored, Monitored], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropping, keeping = pair
    tomorrow, later = NOW + DAY_MS, NOW + 2 * DAY_MS

    def die(*_: object) -> int:
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(importlib.import_module("mpm_elk.job.run"), "drop_hours", die)
        with pytest.raises(DiedError):
            dropping.run(tomorrow)
    # Half of what was to be dropped is there. A late event must not make a day of that half.
    halfway = KEPT_FROM + 10 * HOUR_MS
    assert iso(halfway) in starts(dropping, HOUR_ONLY)
    gone = dropping.documents(Index.PROFILES, HOUR_ONLY, {"term": {"@timestamp": iso(halfway)}})
    for hit in gone.values():
        dropping.admin.delete(index=hit["_index"], id=hit["_id"], refresh=True)
    for model in pair:
        model.send(day_of(model.name, DAYS - 10, events=20, seed=8))
    report = dropping.ran(tomorrow)
    assert not any("deleted" in notice for notice in report.notices)
    keeping.ran(tomorrow)
    assert same_days(dropping, keeping)
    dropping.ran(later)
    assert min(starts(dropping, HOUR_ONLY)) >= iso(KEPT_FROM + 2 * DAY_MS)


def test_a_day_whose_events_are_deleted_stays_as_it_is(pair: tuple[Monitored, Monitored]) -> None:
    dropping, _ = pair
    before = days_as_stored(dropping)
    index = monthly(Index.PREDICTIONS, dropping.name, "production", midnight(5))
    some = dropping.admin.search(
        index=index,
        query={"range": {"@timestamp": {"gte": iso(midnight(5)), "lt": iso(midnight(6))}}},
        size=60,
        source=False,
    )
    for hit in some["hits"]["hits"]:
        dropping.admin.delete(index=index, id=hit["_id"])
    dropping.admin.indices.refresh(index=index)
    dropping.send(day_of(dropping.name, 5, events=10, seed=8))
    report = dropping.ran(NOW)
    assert any("its profile stays without them" in notice for notice in report.notices)
    assert days_as_stored(dropping) == before


def test_a_noted_hour_that_is_dropped_makes_its_day_anew(pair: tuple[Monitored, Monitored]) -> None:
    """What the job itself deleted is fewer, and no reason to keep the day."""
    dropping, keeping = pair
    index = monthly(Index.PREDICTIONS, dropping.name, "production", midnight(6))
    for model in pair:
        index = monthly(Index.PREDICTIONS, model.name, "production", midnight(6))
        found = model.admin.search(
            index=index,
            query={"range": {"@timestamp": {"gte": iso(midnight(6)), "lt": iso(midnight(7))}}},
            size=200,
            source=False,
            sort=["@timestamp"],
        )["hits"]["hits"]
        gone = found[:40]
        for hit in gone:
            model.admin.delete(index=index, id=hit["_id"])
        model.admin.indices.refresh(index=index)
        times = {int(hit["sort"][0]) for hit in gone}
        note_hours(model.client_for("job"), model.key, {"1": {time - time % HOUR_MS for time in times}}, NOW)
        model.ran(NOW)
    assert days_as_stored(dropping)[iso(midnight(6)), days_key(dropping)]["count"] == 50
    assert same_days(dropping, keeping)


def days_key(model: Monitored) -> str:
    return min(key for _, key in days_as_stored(model))


def test_hours_are_kept_while_their_day_is_not_stored_as_it_is(client_for: ClientFor) -> None:
    model = Monitored(client_for, LONG)
    model.send(days_of(model.name, range(DAYS), events=40))
    model.ran(NOW)
    hit = next(
        hit
        for hit in model.documents(Index.PROFILES, DAY_ONLY).values()
        if hit["_source"]["@timestamp"] == iso(midnight(3))
    )
    wrong = {"mpm": {"profile": {"count": hit["_source"]["mpm"]["profile"]["count"] - 1}}}
    model.admin.update(index=hit["_index"], id=hit["_id"], doc=wrong, refresh=True)
    model.config = SHORT
    report = model.ran(NOW + HOUR_MS)
    assert any("days are not stored as they are" in notice for notice in report.notices)
    assert min(starts(model, HOUR_ONLY)) >= iso(midnight(3))
    assert load(model.admin, model.key).hours_from == midnight(3)


def test_a_backfill_reads_dropped_hours_again_and_drops_them_again(client_for: ClientFor) -> None:
    keeping, dropping = Monitored(client_for, LONG), Monitored(client_for, SHORT)
    dropping.config = SHORT.model_copy(update={"rules": SHORT.rules[:1] if SHORT.rules else None})
    for model in (keeping, dropping):
        model.send(days_of(model.name, range(DAYS), events=60))
    keeping.ran(NOW)
    dropping.take_cells(keeping)
    dropping.ran(NOW)
    assert min(starts(dropping, HOUR_ONLY)) >= iso(midnight(DAYS - 2))
    dropping.config = SHORT
    report = dropping.ran(NOW, backfill=(from_ms(midnight(0)), from_ms(NOW)))
    assert any("hours that were dropped are read again" in notice for notice in report.notices)
    assert dropping.results(Index.METRICS).same(keeping.results(Index.METRICS))
    assert min(starts(dropping, HOUR_ONLY)) >= iso(KEPT_FROM)
    assert dropping.ran(NOW, audit=True).profiles == 0


def test_hours_that_are_kept_longer_than_before_are_read_again(pair: tuple[Monitored, Monitored]) -> None:
    dropping, keeping = pair
    dropping.config = LONG
    dropping.ran(NOW + HOUR_MS)
    assert starts(dropping, HOUR_ONLY) == starts(keeping, HOUR_ONLY)
