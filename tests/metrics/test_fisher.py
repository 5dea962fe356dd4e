"""Fisher's exact test: against scipy, at any size, and as a law."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpm_elk.metrics.fisher import fisher


def _scipys(k: int, n: int, k0: int, n0: int) -> float:
    return float(stats.fisher_exact(np.array([[k, n - k], [k0, n0 - k0]])).pvalue)


@given(st.integers(0, 400), st.integers(1, 400), st.integers(0, 5_000), st.integers(1, 5_000))
def test_p_is_scipys(k: int, n: int, k0: int, n0: int) -> None:
    k, k0 = min(k, n), min(k0, n0)
    assert fisher(k, n, k0, n0) == pytest.approx(_scipys(k, n, k0, n0), rel=1e-9, abs=1e-300)


def _by_counting(k: int, n: int, k0: int, n0: int) -> float:
    hits = k + k0
    tables = {x: math.comb(n, x) * math.comb(n0, hits - x) for x in range(max(0, hits - n0), min(n, hits) + 1)}
    return float(Fraction(sum(number for number in tables.values() if number <= tables[k]), sum(tables.values())))


@pytest.mark.parametrize(
    "table",
    [
        (10**6 - 2, 10**6, 10**5, 10**5),
        (4, 10**7, 20, 9 * 10**7),
        (12, 3 * 10**6, 3, 2 * 10**7),
        (0, 5 * 10**6, 30, 2 * 10**7),
        (10**7 - 4, 10**7, 2 * 10**7 - 1, 2 * 10**7),
    ],
)
def test_many_rows_keep_the_exact_p(table: tuple[int, int, int, int]) -> None:
    # scipy's own is off by 1e-8 here: it subtracts logarithms of factorials.
    assert fisher(*table) == pytest.approx(_by_counting(*table), rel=1e-12)


@pytest.mark.parametrize("table", [(4, 10**6, 3_000, 10**5), (500_000, 10**6, 3, 10)])
def test_large_counts_keep_scipys_p(table: tuple[int, int, int, int]) -> None:
    assert fisher(*table) == pytest.approx(_scipys(*table), rel=1e-7)


def test_time_goes_with_the_law_and_not_with_the_rows() -> None:
    # The hypergeometric law's support has 5·10¹¹ counts; nearly all have no weight.
    assert fisher(3, 10**12, 5 * 10**11, 10**12) == 0.0
    assert fisher(0, 10**12, 3, 10**12) == pytest.approx(0.25, rel=1e-9)


def test_nothing_or_everything_on_both_sides_is_no_difference() -> None:
    assert fisher(0, 50, 0, 900) == fisher(50, 50, 900, 900) == 1.0


def test_without_drift_p_is_not_below_its_level_more_often() -> None:
    rng = np.random.default_rng(13)
    tables = zip(rng.binomial(200, 0.01, 3_000), rng.binomial(4_000, 0.01, 3_000), strict=True)
    p = np.array([fisher(int(k), 200, int(k0), 4_000) for k, k0 in tables])
    assert (p <= 0.05).mean() <= 0.06
    assert (p <= 0.5).mean() <= 0.53
