"""The ratio of durations, and how often its limits exclude what is usual."""

import numpy as np
import pytest

from mpm_elk.metrics.latency import duration_ratio


def test_a_slow_window_stands_out() -> None:
    rng = np.random.default_rng(1)
    means = 2e6 * np.exp(0.05 * rng.normal(size=29))
    means[-1] = 4e6
    found = duration_ratio(means, np.full(29, 2e6))
    assert found.value == pytest.approx(2.0)
    assert 1 < found.lower < 2 < found.upper
    assert found.lower * found.upper == pytest.approx(4.0)


@pytest.mark.parametrize("windows", [7, 28])
def test_limits_exclude_one_as_often_as_they_say(windows: int) -> None:
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(2_000):
        found = duration_ratio(np.exp(0.3 * rng.normal(size=windows + 1)), np.ones(windows + 1))
        false += bool(found.lower > 1 or found.upper < 1)
    # 5 % of 2,000, sd 10. The reference is known here, so that the mean of the past logarithms is near 0.
    assert 60 < false < 140


def test_few_windows_have_no_limits_and_empty_ones_are_left_out() -> None:
    means = np.array([1.0, 2.0, np.nan, 3.0, 0.0, 2.0, 2.0, 3.0, 2.0])
    few = duration_ratio(means, np.ones(9))
    assert few.value == 2.0
    assert np.isnan(few.lower)
    assert np.isnan(few.upper)
    enough = duration_ratio(np.append(2.0, means), np.ones(10))
    assert enough.lower < 2.0 < enough.upper
    for last, before in ((np.nan, 1.0), (0.0, 1.0), (1.0, np.nan)):
        assert np.isnan(duration_ratio(np.append(means, last), np.append(np.ones(9), before)).value)
