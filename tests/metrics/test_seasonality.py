"""What the hour of the week explains, and how much windows vary, against scipy and by laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpm_elk.metrics.seasonality import of_cells, of_numbers, overdispersion

HOURS = np.arange(8 * 168)
GROUPS = HOURS % 168


@given(st.integers(0, 2**32 - 1))
def test_the_test_is_the_analysis_of_variance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 5, 60)
    values = rng.normal(size=60) + 0.3 * groups
    found = of_numbers(values, groups)
    assert found is not None
    expected = stats.f_oneway(*(values[groups == g] for g in np.unique(groups)))
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)


def test_a_rhythm_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=len(HOURS))
    rhythm = of_numbers(noise + 3 * np.sin(2 * np.pi * HOURS / 24), GROUPS)
    chance = of_numbers(noise, GROUPS)
    assert rhythm is not None
    assert chance is not None
    assert rhythm.share == pytest.approx(4.5 / 5.5, abs=0.05)
    assert rhythm.p < 1e-12
    assert chance.share < 0.05
    assert chance.p > 0.001


def test_cells_of_two_are_numbers_of_one_share() -> None:
    rng = np.random.default_rng(2)
    k = rng.binomial(100, 0.3 + 0.2 * (GROUPS % 24 > 12))
    cells = of_cells(np.stack([k, 100 - k], axis=1), GROUPS)
    numbers = of_numbers(k / 100, GROUPS)
    assert cells is not None
    assert numbers is not None
    # With as many events in every hour, χ² of two cells is the sum of squares of the share times a constant.
    assert cells.share == pytest.approx(numbers.share, rel=1e-9)
    assert cells.p == pytest.approx(numbers.p, rel=1e-9)


def test_too_few_weeks_and_nothing_to_explain() -> None:
    assert of_numbers(np.arange(168 + 100), np.arange(268) % 168) is None
    assert of_numbers(np.ones(len(HOURS)), GROUPS) is None
    assert of_numbers([], []) is None
    assert of_cells(np.zeros((0, 3), dtype=np.int64), []) is None
    assert of_cells(np.full((len(HOURS), 1), 5), GROUPS) is None


def test_overdispersion_is_one_by_chance_and_grows_with_what_is_shared() -> None:
    rng = np.random.default_rng(3)
    even = rng.multinomial(1000, [0.25] * 4, size=200)
    assert overdispersion(even, 30) == pytest.approx(1, abs=0.15)
    shared = np.stack([rng.multinomial(1000, p) for p in rng.dirichlet([50] * 4, size=200)])
    # Var of a share is p(1−p)(1/n + 1/(a+1)), a = 200: φ = 1 + n/201, less the (n−1)/n of the second part.
    assert overdispersion(shared, 30) == pytest.approx(1 + 999 / 201, rel=0.15)
    assert overdispersion(even[:1], 30) is None
    assert overdispersion(even // 100, 30) is None
    assert overdispersion(np.full((5, 1), 100), 30) is None
