"""Which windows of a monitor are due."""

from dataclasses import replace
from datetime import timedelta

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.state import CatchUp, ModelState
from mpm_elk.config import Config
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.job import due as module
from mpm_elk.job.context import Context
from mpm_elk.job.due import Due, due, judged_key
from mpm_elk.job.profile import Changed
from mpm_elk.job.report import ModelReport
from mpm_elk.rules.judgement import Monitor, monitors
from mpm_elk.timespan import DAY_MS, HOUR_MS, milliseconds

MODEL = ModelKey("production", "m")
T0 = 20_000 * DAY_MS
SETTLE = 5 * 60_000


def context(now_ms: int, *, settle: timedelta = timedelta(minutes=5)) -> Context:
    # The client is never asked: what would ask it, `first_profile`, is given in the tests that come so far.
    client = Elasticsearch("http://localhost:9")
    config = Config.model_validate({"job": {"settle": settle}})
    return Context(client, config, MODEL, now_ms, "run-1", ModelReport(MODEL))


def monitor(window: str = "1d", against: str = "rolling 28d") -> Monitor:
    rule = {"id": "r", "metric": "drift.psi", "warning": 0.1, "window": window, "against": against}
    [found] = monitors([Rule.model_validate(rule)])
    return found


DAILY, HOURLY = monitor(), monitor("1h", "rolling 7d")


def state(begin: int, judged: int, of: Monitor = DAILY) -> ModelState:
    return ModelState(judged={judged_key(of): (T0 + begin * DAY_MS, T0 + judged * DAY_MS)})


def hours(*days: float) -> Changed:
    return Changed({T0 + int(day * 24) * HOUR_MS for day in days})


def days(found: Due | None) -> tuple[float, ...] | None:
    if found is None:
        return None
    times = (found.first, found.judged, found.end, found.changed_end)
    return tuple((time - T0) / DAY_MS for time in times)


def test_the_key_names_length_and_reference() -> None:
    assert [judged_key(m) for m in (DAILY, HOURLY)] == ["1d rolling 28d", "1h rolling 7d"]


@pytest.mark.parametrize(("late", "end"), [(0, 9), (SETTLE - 1, 9), (SETTLE, 10), (DAY_MS, 10)])
def test_a_window_is_due_when_it_has_ended_and_settled(late: int, end: int) -> None:
    found = due(context(T0 + 10 * DAY_MS + late), DAILY, state(0, 5), Changed())
    assert days(found) == (5, 5, end, 5)


def test_nothing_is_due_twice() -> None:
    now = T0 + 10 * DAY_MS + SETTLE
    assert due(context(now), DAILY, state(0, 10), Changed()) is None
    assert due(context(now - DAY_MS), DAILY, state(0, 10), Changed()) is None  # a clock that went back


def test_a_changed_hour_makes_its_window_due_again() -> None:
    now = T0 + 10 * DAY_MS + SETTLE
    assert days(due(context(now), DAILY, state(0, 10), hours(3.5, 4.25))) == (3, 10, 10, 4.25 + 1 / 24)
    assert days(due(context(now), DAILY, state(0, 9), hours(3))) == (3, 9, 10, 3 + 1 / 24)


def test_what_was_before_the_first_judged_window_stays_unjudged() -> None:
    now = T0 + 10 * DAY_MS + SETTLE
    assert days(due(context(now), DAILY, state(4, 10), hours(1))) == (4, 10, 10, 1 + 1 / 24)


def test_a_changed_hour_of_the_present_waits_for_its_window() -> None:
    now = T0 + 10.5 * DAY_MS
    assert due(context(int(now)), DAILY, state(0, 10), hours(10.25)) is None


def test_a_model_that_is_new_begins_with_its_first_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: T0 + 2 * DAY_MS + 5 * HOUR_MS)
    now = T0 + 10 * DAY_MS + SETTLE
    assert days(due(context(now), DAILY, ModelState(), hours(2.25, 9))) == (2, 2, 10, 9 + 1 / 24)
    found = due(context(now), HOURLY, ModelState(), Changed())
    assert found is not None
    assert found.first == T0 + 2 * DAY_MS + 5 * HOUR_MS


def test_a_model_without_events_has_nothing_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: None)
    assert due(context(T0 + DAY_MS), DAILY, ModelState(), Changed()) is None


def test_a_model_of_today_has_nothing_due_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: T0)
    assert due(context(T0 + HOUR_MS), DAILY, ModelState(), hours(0)) is None


def test_a_new_monitor_of_a_known_model_begins_with_the_present() -> None:
    now = T0 + 10 * DAY_MS + SETTLE
    found = due(context(now), HOURLY, state(0, 10), hours(3))
    assert found is not None
    assert (found.first, found.judged, found.end) == (
        T0 + 10 * DAY_MS - HOUR_MS, T0 + 10 * DAY_MS - HOUR_MS, T0 + 10 * DAY_MS,
    )  # fmt: skip


def test_windows_of_several_days_keep_to_one_grid() -> None:
    weekly = monitor("7d", "rolling 28d")
    known = ModelState(judged={judged_key(weekly): (0, 0)})
    for now in range(T0, T0 + 15 * DAY_MS, DAY_MS):
        found = due(context(now), weekly, known, Changed())
        assert found is not None
        assert found.end % milliseconds(weekly.length) == 0
        assert found.end <= now - SETTLE < found.end + 7 * DAY_MS


def backfill(now_ms: int, start: float, end: float) -> Context:
    made = context(now_ms)
    made.backfill = T0 + int(start * DAY_MS), T0 + int(end * DAY_MS)
    return made


def wanted(found: Due | None, length: int = DAY_MS, reach: int = 0) -> list[float]:
    assert found is not None
    return [
        (start - T0) / DAY_MS
        for start in range(found.first, found.end, length)
        if found.wants(start, length, found.changed_end + reach)
    ]


@pytest.mark.parametrize(
    ("start", "end", "windows"),
    [
        (3, 5, [2, 3]),  # those that end at 3 and at 4
        (3.5, 5, [3]),
        (3.5, 5.5, [3, 4]),
        (-9, 4, [0, 1, 2]),  # there is nothing before the first profile
        (8, 10, [7, 8]),  # judged already
        (11, 30, []),
    ],
)
def test_a_backfill_asks_for_the_windows_that_end_in_its_time(
    monkeypatch: pytest.MonkeyPatch, start: float, end: float, windows: list[float]
) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: T0)
    found = due(backfill(T0 + 10 * DAY_MS + SETTLE, start, end), DAILY, state(6, 10), Changed())
    assert (wanted(found) if found else []) == windows


def test_stretches_that_touch_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: T0)
    now = T0 + 10 * DAY_MS + SETTLE
    apart, touching = (due(backfill(now, 2, end), DAILY, state(6, 10), Changed()) for end in (5, 7))
    assert apart is not None
    assert touching is not None
    begin, end = T0 + 6 * DAY_MS, T0 + 10 * DAY_MS
    assert apart.done() == ((begin, end), ((T0 + DAY_MS, T0 + 4 * DAY_MS),))
    assert touching.done() == ((T0 + DAY_MS, end), ())


def test_a_changed_hour_is_due_in_every_stretch_that_is_judged_and_in_no_other() -> None:
    known = ModelState(
        judged={judged_key(DAILY): (T0 + 6 * DAY_MS, T0 + 10 * DAY_MS)},
        backfilled={judged_key(DAILY): ((T0 + DAY_MS, T0 + 3 * DAY_MS),)},
    )
    now = T0 + 11 * DAY_MS + SETTLE
    assert wanted(due(context(now), DAILY, known, hours(2)), reach=5 * DAY_MS) == [2, 6, 7, 10]
    assert wanted(due(context(now), DAILY, known, hours(4)), reach=3 * DAY_MS) == [6, 7, 10]
    assert wanted(due(context(now), DAILY, known, hours(0)), reach=DAY_MS) == [1, 10]


def test_windows_whose_hours_are_dropped_are_not_due() -> None:
    late = context(T0 + 30 * DAY_MS + SETTLE)
    late.hours_from = T0 + 10 * DAY_MS
    found = due(late, HOURLY, state(0, 30, HOURLY), hours(5))
    # 56 windows of history and 168 of the reference.
    assert found is not None
    assert found.first == late.hours_from + 224 * HOUR_MS


def test_an_unfinished_first_run_leaves_the_model_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_profile", lambda *_: T0)
    unfinished = replace(state(0, 4), catch_up=CatchUp({}, "hash", new=True))
    found = due(context(T0 + 10 * DAY_MS + SETTLE), HOURLY, unfinished, Changed())
    assert found is not None
    assert found.first == T0
