"""What a window is told apart from, and what is said of it."""

import numpy as np
import pytest
from scipy import stats

from mpm_elk.config.references import parse_reference
from mpm_elk.metrics.auc import Auc
from mpm_elk.metrics.classifier import Importance, Told
from mpm_elk.metrics.told_apart import HISTORY, HISTORY_MIN, ToldApart
from mpm_elk.profiles.rows import Rows
from mpm_elk.rules.classification import Classified, Past, plan, tell_past, without
from mpm_elk.timespan import DAY_MS, HOUR_MS

START = 100 * DAY_MS
END = START + DAY_MS


def told(value: float, *names: str) -> Told:
    return Told(Auc(value, 4e-5, 4e-5), True, tuple(Importance(name, 0.1, 0.05) for name in names))


def said(apart: ToldApart | None, rows: tuple[int, int] = (5_000, 5_000)) -> Classified:
    past = dict(enumerate(apart.past)) if apart else {}
    return Classified(apart, (9_000, 90_000), rows, "rolling 28d", past)


def test_days_of_a_rolling_reference_are_compared_with_the_rest_of_it() -> None:
    found = plan(parse_reference("rolling 28d"), START, END)
    assert found.reference == found.pool == ((START - 28 * DAY_MS, START),)
    assert len(found.past) == HISTORY
    assert found.past[0] == Past((START - DAY_MS, START))
    assert len(plan(parse_reference("rolling 7d"), START, END).past) == 7


def test_past_windows_have_the_reference_that_they_would_have_had() -> None:
    previous = plan(parse_reference("previous"), START, END)
    assert previous.reference == ((START - DAY_MS, START),)
    assert previous.past[1] == Past((START - 2 * DAY_MS, START - DAY_MS), ((START - 3 * DAY_MS, START - 2 * DAY_MS),))
    weeks = plan(parse_reference("same-time-last-weeks 2"), START, END)
    assert [start for start, _ in weeks.reference] == [START - 7 * DAY_MS, START - 14 * DAY_MS]
    assert [start for start, _ in weeks.past[0].reference] == [START - 8 * DAY_MS, START - 15 * DAY_MS]


def test_files_fixed_windows_and_versions() -> None:
    file = plan(None, START, END)
    assert (file.reference, file.pool, len(file.past)) == ((), ((START - HISTORY * DAY_MS, START),), HISTORY)
    fixed = plan(parse_reference("window 1970-01-01 1970-01-08"), START, END)
    assert (fixed.reference, fixed.pool) == (((0, 7 * DAY_MS),), file.pool)
    version = plan(parse_reference("version 2"), START, END)
    assert (version.reference, version.past, version.exchangeable) == (((START, END),), (), True)


def test_p_is_that_of_a_prediction_interval() -> None:
    past = tuple(np.random.default_rng(1).normal(0.6, 0.02, 10).tolist())
    apart = ToldApart(told(0.72), past)
    scores = np.array([stats.norm.ppf(value) for value in past])
    t = (stats.norm.ppf(0.72) - scores.mean()) / (scores.std(ddof=1) * np.sqrt(1 + 1 / 10))
    assert apart.p == pytest.approx(stats.t.sf(t, 9), rel=1e-9)
    assert apart.usual is not None
    assert apart.usual.value == pytest.approx(stats.norm.cdf(scores.mean()))
    assert 0.6 < apart.usual.upper < 0.7


def test_a_calm_past_does_not_make_chance_a_finding() -> None:
    apart = ToldApart(told(0.51), (0.4999, 0.5, 0.5001) * 4)
    assert apart.p is not None
    assert apart.p > 0.05


def test_a_warning_needs_size_and_evidence() -> None:
    calm = (0.5, 0.502, 0.498, 0.501, 0.5, 0.499, 0.503)
    assert said(ToldApart(told(0.7), calm)).status == "warning"
    assert said(ToldApart(told(0.54), calm)).status == "ok"
    assert said(ToldApart(told(0.7), (0.5, 0.9, 0.6, 0.8, 0.7, 0.55, 0.85))).status == "ok"
    assert said(ToldApart(told(0.7), calm[: HISTORY_MIN - 1])).status == "insufficient_data"
    assert said(ToldApart(told(0.7), exchangeable=True)).status == "warning"


def test_the_sentence() -> None:
    calm = (0.5, 0.502, 0.498, 0.501, 0.5, 0.499, 0.503)
    found = said(ToldApart(told(0.7, "age", "income", "kind", "zip"), calm))
    assert found.finding.startswith(
        "features, compared with rolling 28d: a classifier can tell the window's events from the reference's better "
        "than usual windows (AUC 0.700, 0.688 to 0.712; usual windows have 0.500, up to "
    )
    assert found.finding.endswith(", by age, income, kind and 1 more.")
    quiet = said(ToldApart(told(0.505, "age"), calm))
    assert "cannot tell" in quiet.finding
    assert "age" not in quiet.finding
    few = said(ToldApart(told(0.7, "age"), calm[:3]))
    assert "is not known (3 of 7 past windows)" in few.finding
    assert "if all rows were drawn at random, by age" in few.finding
    none = said(None, (120, 5_000))
    assert none.finding.endswith("too few rows to train a classifier: 120 rows of window, 200 are needed.")
    assert none.auc is None


def test_past_windows_are_told_from_the_rest_of_the_pool_and_small_ones_left_out() -> None:
    rng = np.random.default_rng(3)
    hours = np.repeat(np.arange(10 * 24), 12) * HOUR_MS
    pool = Rows(len(hours), {"x": rng.normal(size=len(hours))}, {}, hours)
    days = [Past((day * DAY_MS, (day + 1) * DAY_MS)) for day in (7, 8, 40)]

    def read(some: object) -> Rows:
        assert isinstance(some, list)
        (start, end), *_ = some
        return pool.take((hours >= start) & (hours < end))

    steps: list[str] = []
    found = tell_past(days, pool, read, steps.append)
    assert list(found) == [7 * DAY_MS, 8 * DAY_MS]
    assert all(0.35 < value < 0.65 for value in found.values())
    assert steps[-1] == "past window 3 of 3"
    assert without(pool, (0, DAY_MS)).size == pool.size - 24 * 12
