"""Shares: against published intervals and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpm_elk.metrics import proportions


# Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
@pytest.mark.parametrize(
    ("table", "lower", "upper"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_limits_are_newcombes(table: tuple[int, int, int, int], lower: float, upper: float) -> None:
    found = proportions.difference(*table)
    assert found.lower == pytest.approx(lower, abs=5.1e-5)
    assert found.upper == pytest.approx(upper, abs=5.1e-5)


@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_is_scipys(k: int, n: int, level: float) -> None:
    k = min(k, n)
    expected = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    found = proportions.wilson(k, n, level=level)
    assert found.lower == pytest.approx(float(expected.low), abs=1e-9)
    assert found.upper == pytest.approx(float(expected.high), abs=1e-9)
    assert 0 <= found.lower <= k / n <= found.upper <= 1


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 900), st.integers(1, 900))
def test_p_is_fishers_or_the_uncorrected_chi2(k: int, n: int, k0: int, n0: int) -> None:
    k, k0 = min(k, n), min(k0, n0)
    table = np.array([[k, n - k], [k0, n0 - k0]])
    found = proportions.difference(k, n, k0, n0)
    if table.min() < 5:
        assert found.p == pytest.approx(float(stats.fisher_exact(table).pvalue), rel=1e-9)
    else:
        expected = stats.chi2_contingency(table, correction=False)
        assert found.p == pytest.approx(float(expected.pvalue), rel=1e-6)
        assert found.ratio == pytest.approx(float(expected.statistic), rel=1e-6, abs=1e-9)
    assert found.z == proportions.pooled_z(k, n, k0, n0)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 900), st.integers(1, 900))
def test_exchanging_the_sides_changes_the_sign(k: int, n: int, k0: int, n0: int) -> None:
    k, k0 = min(k, n), min(k0, n0)
    one, other = proportions.difference(k, n, k0, n0), proportions.difference(k0, n0, k, n)
    assert one.effect == pytest.approx(-float(other.effect))
    assert one.lower == pytest.approx(-float(other.upper), abs=1e-12)
    assert -1 - 1e-12 <= one.lower <= one.effect <= one.upper <= 1 + 1e-12


def test_nothing_on_both_sides_is_no_difference() -> None:
    found = proportions.difference([0, 100], 100, [0, 1_000], 1_000)
    assert found.z.tolist() == [0, 0]
    assert found.p.tolist() == [1, 1]
    assert found.ratio.tolist() == [0, 0]


def test_no_rows_give_nan_and_broadcasting_is_a_loop() -> None:
    k, n = np.array([[0], [3], [40]]), np.array([[0], [50], [90]])
    k0, n0 = np.array([0, 2, 300]), np.array([0, 400, 700])
    found = proportions.difference(k, n, k0, n0)
    assert np.isnan(found.p[0]).all()
    assert np.isnan(found.lower[:, 0]).all()
    for i, j in np.ndindex(3, 3):
        alone = proportions.difference(k[i, 0], n[i, 0], k0[j], n0[j])
        assert found.p[i, j] == pytest.approx(float(alone.p), nan_ok=True)
        assert found.upper[i, j] == pytest.approx(float(alone.upper), nan_ok=True)


def test_without_drift_p_is_below_its_level_that_often() -> None:
    rng = np.random.default_rng(41)
    found = proportions.difference(rng.binomial(400, 0.02, 4_000), 400, rng.binomial(9_000, 0.02, 4_000), 9_000)
    assert 0.02 < float((found.p < 0.05).mean()) < 0.065
