"""The ratio of durations, and how often its limits exclude what is usual."""

import numpy as np
import pytest

from mpm_elk.metrics.latency import slower


def test_a_slow_window_stands_out() -> None:
    rng = np.random.default_rng(1)
    means = 2e6 * np.exp(0.05 * rng.normal(size=29))
    means[-1] = 4e6
    found = slower(means, np.full(29, 2e6), 0.01)
    assert found.ratio == pytest.approx(2.0)
    assert 1 < found.lower < 2 < found.upper
    assert found.lower * found.upper == pytest.approx(4.0)
    assert found.p < 1e-6


@pytest.mark.parametrize("windows", [7, 28])
def test_limits_exclude_one_no_more_often_than_they_say(windows: int) -> None:
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(2_000):
        found = slower(np.exp(0.3 * rng.normal(size=windows + 1)), np.ones(windows + 1), 0.0)
        outside = bool(found.lower > 1 or found.upper < 1)
        assert outside == (found.p < 0.05)
        false += outside
    # 5 % of 2,000, sd 10; fewer where seven windows look alike by chance.
    assert 40 < false < 130


def test_windows_that_follow_each_other_are_no_more_evidence_than_they_hold() -> None:
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(2_000):
        logs = np.zeros(57)
        for at in range(1, 57):
            logs[at] = 0.9 * logs[at - 1] + rng.normal()
        false += bool(slower(np.exp(0.1 * logs), np.ones(57), 0.0).p < 0.01)
    # 1 % of 2,000, sd 4.5; the interval of independent windows alarms in 4 %.
    assert false < 35


def test_one_wild_duration_is_no_evidence() -> None:
    rng = np.random.default_rng(4)
    for size in (1e3, 1e5):
        days = rng.lognormal(sigma=0.5, size=(29, 200))
        days[-1, 0] = size
        means = days.mean(axis=1)
        error = days[-1].std(ddof=1) / np.sqrt(200) / means[-1]
        found = slower(means, np.full(29, means[:-1].mean()), error)
        assert found.ratio > 5
        assert found.p > 0.1
        assert found.lower < 1


def test_a_service_that_never_varied_is_judged_by_its_own_rows() -> None:
    means, before = np.append(np.ones(28), 1.5), np.ones(29)
    assert slower(means, before, 0.1).p == pytest.approx(0.0025, rel=0.01)
    assert slower(means, before, 0.0).p == 0.0
    assert np.isnan(slower(np.ones(29), before, 0.0).p)
    assert np.isnan(slower(means, before, np.nan).p)


def test_few_windows_have_no_limits_and_empty_ones_are_left_out() -> None:
    means = np.array([1.0, 2.0, np.nan, 3.0, 0.0, 2.0, 2.0, 3.0, 2.0])
    few = slower(means, np.ones(9), 0.0)
    assert few.ratio == 2.0
    assert np.isnan([few.lower, few.upper, few.p]).all()
    enough = slower(np.append(2.0, means), np.ones(10), 0.0)
    assert enough.lower < 2.0 < enough.upper
    for last, before in ((np.nan, 1.0), (0.0, 1.0), (1.0, np.nan)):
        assert np.isnan(slower(np.append(means, last), np.append(np.ones(9), before), 0.0).ratio)
