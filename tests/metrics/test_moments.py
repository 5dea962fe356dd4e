"""Moments from sums: against exact arithmetic, and mean shifts against scipy."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpm_elk.metrics import Floats
from mpm_elk.metrics.moments import Moments, became_constant, mean_shift, moments, stopped_being_constant


def _of(rows: Floats) -> Moments:
    return moments(rows.size, rows.sum(), np.square(rows).sum())


@given(
    st.lists(st.floats(-1, 1).map(lambda x: round(x, 9)), min_size=2, max_size=60),
    st.sampled_from([0.0, 1.0, 1e3, 1e6, -1e9]),
    st.sampled_from([1e-3, 1.0, 1e4]),
)
def test_the_variance_keeps_its_stated_error(values: list[float], offset: float, scale: float) -> None:
    rows = np.array(values) * scale + offset
    exact = [Fraction(float(x)) for x in rows]
    mean = sum(exact, start=Fraction(0)) / len(exact)
    variance = sum(((x - mean) ** 2 for x in exact), start=Fraction(0)) / (len(exact) - 1)
    total, squares = float(sum(exact)), float(sum(x * x for x in exact))
    found = moments(len(values), total, squares)
    assert abs(Fraction(float(found.variance)) - variance) <= Fraction(float(found.variance_error))
    assert found.mean == pytest.approx(float(mean), rel=1e-15, abs=1e-300)


def test_merged_sums_keep_the_stated_error() -> None:
    rng = np.random.default_rng(23)
    hours = rng.normal(50_000, 3, (720, 400))
    found = moments(hours.size, hours.sum(axis=1).sum(), np.square(hours).sum(axis=1).sum())
    assert abs(float(found.variance) - hours.var(ddof=1)) <= found.variance_error


def test_moments_of_too_few_rows() -> None:
    found = moments([0, 1, 2], [0.0, 3.0, 4.0], [0.0, 9.0, 10.0])
    np.testing.assert_array_equal(found.mean, [np.nan, 3, 2])
    np.testing.assert_array_equal(found.variance, [np.nan, np.nan, 2])
    assert found.sd[2] == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("shift", [0.0, 0.2, 3.0])
def test_mean_shift_is_welchs_test(shift: float) -> None:
    rng = np.random.default_rng(29)
    window, reference = rng.normal(shift, 2, 40), rng.normal(0, 1, 500)
    found = mean_shift(_of(window), _of(reference))
    expected = stats.ttest_ind_from_stats(
        window.mean(), window.std(ddof=1), 40, reference.mean(), reference.std(ddof=1), 500, equal_var=False
    )
    assert found.z == pytest.approx(float(expected.statistic), rel=1e-9)
    assert found.p == pytest.approx(float(expected.pvalue), rel=1e-6)
    assert found.ratio == pytest.approx(float(expected.statistic) ** 2, rel=1e-9)
    assert found.effect == pytest.approx((window.mean() - reference.mean()) / reference.std(ddof=1))
    assert found.lower < found.effect < found.upper


def test_mean_shift_limits_cover_the_true_shift() -> None:
    rng = np.random.default_rng(31)
    window, reference = rng.normal(0.3, 1, (4_000, 200)), rng.normal(0, 1, (4_000, 800))
    found = mean_shift(*(moments(x.shape[1], x.sum(axis=1), (x**2).sum(axis=1)) for x in (window, reference)))
    covered = (found.lower < 0.3) & (found.upper > 0.3)
    assert float(covered.mean()) == pytest.approx(0.95, abs=0.012)


def test_constant_features_have_findings_of_their_own() -> None:
    varied, constant = moments(3, 6.0, 14.0), moments(10, 1.0, 10 * 0.1**2)
    elsewhere = moments(10, 2.0, 10 * 0.2**2)
    assert constant.variance == 0
    assert became_constant(constant, varied)
    assert not became_constant(varied, varied)
    assert not became_constant(constant, constant)
    assert stopped_being_constant(varied, constant)
    assert stopped_being_constant(elsewhere, constant)
    assert not stopped_being_constant(constant, constant)
    found = mean_shift(elsewhere, constant)
    assert np.isnan([found.effect, found.z, found.p, found.lower]).all()
    assert np.isfinite(mean_shift(constant, varied).effect)


def test_rounding_does_not_unfreeze_a_constant() -> None:
    rng = np.random.default_rng(37)
    for value in rng.uniform(0.01, 1e9, 200):
        count = int(rng.integers(2, 10**6))
        assert moments(count, value * count, value * value * count).variance == 0


def test_shifts_of_empty_windows_are_nan_and_broadcast() -> None:
    windows = moments([0, 1, 50], [0.0, 1.0, 30.0], [0.0, 1.0, 40.0])
    found = mean_shift(windows, moments(500, 250.0, 400.0))
    assert np.isnan(found.p[:2]).all()
    assert np.isfinite([found.p[2], found.effect[2], found.lower[2]]).all()
