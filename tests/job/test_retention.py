"""From when on hours are kept, and from when on a run needs them."""

from datetime import timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import ValidationError

from mpm_elk.cluster.state import ModelState
from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey
from mpm_elk.job.context import Context
from mpm_elk.job.due import final_until
from mpm_elk.job.report import ModelReport
from mpm_elk.job.retention import keep_from, needed_from
from mpm_elk.timespan import DAY_MS, HOUR_MS

MODEL = ModelKey("production", "m")
TODAY = 20_000 * DAY_MS
NOW = TODAY + 7 * HOUR_MS


def context(keep: str, *rules: dict[str, Any], now: int = NOW, backfill: tuple[int, int] | None = None) -> Context:
    made = [{"id": str(at), "metric": "drift.psi", "warning": 0.1, **rule} for at, rule in enumerate(rules)]
    config = Config.model_validate({"job": {"keep_hours": keep}, "rules": made})
    # The client is never asked.
    return Context(
        Elasticsearch("http://localhost:9"), config, MODEL, now, "run-1", ModelReport(MODEL), backfill=backfill
    )


def days_ago(time: int) -> float:
    return (TODAY - time) / DAY_MS


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ([], 20),
        ([{"window": "1d", "against": "rolling 84d"}], 20),  # days stay
        ([{"window": "1h", "against": "previous"}], 20),
        # 56 windows of history, 672 of the reference, the window: 30 days and 9 hours, and a week.
        ([{"window": "1h", "against": "rolling 28d"}], 38),
        # 56 + 28 + 1 windows of half a day are 42.5 days.
        ([{"window": "12h", "against": "rolling 14d"}, {"window": "1h", "against": "rolling 28d"}], 50),
    ],
)
def test_hours_are_kept_as_long_as_the_setting_says_or_a_rule_looks_back(
    rules: list[dict[str, Any]], days: int
) -> None:
    assert days_ago(keep_from(context("20d", *rules), ModelState())) == days


def test_a_run_as_of_an_earlier_time_wants_nothing_back() -> None:
    state = ModelState(days_until=TODAY, hours_from=TODAY - 20 * DAY_MS)
    early = context("20d", now=NOW - 100 * DAY_MS)
    assert keep_from(early, state) == needed_from(early, state) == TODAY - 20 * DAY_MS


def test_dropped_hours_are_wanted_by_a_longer_time_and_by_a_backfill() -> None:
    hourly = {"window": "1h", "against": "previous"}
    state = ModelState(days_until=TODAY, hours_from=TODAY - 20 * DAY_MS)
    assert days_ago(needed_from(context("20d", hourly), state)) == 20
    assert days_ago(needed_from(context("90d", hourly), state)) == 90
    asked = (TODAY - 50 * DAY_MS, TODAY)
    # The first window begins an hour before, and looks 57 hours back.
    assert days_ago(needed_from(context("20d", hourly, backfill=asked), state)) == 53
    assert days_ago(needed_from(context("20d", {"window": "1d"}, backfill=asked), state)) == 20
    assert needed_from(context("20d", hourly, backfill=(0, TODAY)), state) == 0


def test_windows_are_final_when_hours_that_they_look_at_are_gone() -> None:
    kept = context("20d", {"window": "6h", "against": "previous"}, {"window": "1d"})
    hourly, daily = kept.monitors
    assert final_until(kept, hourly) == 0
    kept.hours_from = TODAY
    assert final_until(kept, hourly) == TODAY + 57 * 6 * HOUR_MS
    assert final_until(kept, daily) == 0


def test_too_short_a_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="keep_hours"):
        Config.model_validate({"job": {"keep_hours": "1h"}})
    assert Config().job.keep_hours == timedelta(days=90)
