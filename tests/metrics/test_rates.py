"""Limits of a rate, against the published table and scipy."""

import math

import pytest
from scipy import stats

from mpm_elk.metrics.rates import poisson_limits


# Garwood (1936), as in Ulm (1990), table 1: 95 % limits of a Poisson mean.
@pytest.mark.parametrize(
    ("number", "low", "high"),
    [(0, 0, 3.689), (1, 0.025, 5.572), (2, 0.242, 7.225), (5, 1.624, 11.668), (20, 12.217, 30.888)],
)
def test_published_limits(number: int, low: float, high: float) -> None:
    assert list(poisson_limits(number, 1)) == pytest.approx([low, high], abs=6e-4)


@pytest.mark.parametrize("number", [1, 3, 17])
def test_tails_at_the_limits_are_half_of_what_is_left(number: int) -> None:
    low, high = (limit * 2.5 for limit in poisson_limits(number, 2.5, level=0.9))
    assert stats.poisson.sf(number - 1, low) == pytest.approx(0.05)
    assert stats.poisson.cdf(number, high) == pytest.approx(0.05)


def test_without_exposure_nothing_is_known() -> None:
    assert all(map(math.isnan, poisson_limits(0, 0)))
