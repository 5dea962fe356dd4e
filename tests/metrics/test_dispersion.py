"""Overdispersion: the estimate, the law, and false alarms on made traffic."""

import numpy as np
import pytest
from scipy import stats

from mpm_elk.metrics import Floats
from mpm_elk.metrics.dispersion import MIN_WINDOWS, Dispersion, estimate, tail, widen


def test_estimate_is_mean_and_variance_with_floors() -> None:
    rng = np.random.default_rng(43)
    wild, calm = 5 * rng.chisquare(2, 40) / 2, np.full(40, 0.3)
    found = estimate(np.stack([wild, calm]), 19)
    assert found.mean == pytest.approx([wild.mean(), 1])
    assert found.variance == pytest.approx([wild.var(ddof=1), 2 / 19])
    assert found.windows.tolist() == [40, 40]
    assert found.phi.tolist() == found.mean.tolist()


def test_nan_is_left_out_and_too_few_are_unknown() -> None:
    values = np.linspace(1, 4, MIN_WINDOWS)
    with_gaps = np.concatenate([values, [np.nan, np.nan]])
    found = estimate(np.stack([with_gaps, np.append(with_gaps[1:], np.nan)]), 10)
    assert found.known.tolist() == [True, False]
    assert found.mean[0] == pytest.approx(values.mean())
    assert found.windows.tolist() == [MIN_WINDOWS, MIN_WINDOWS - 1]
    assert np.isnan(found.phi[1])
    assert np.isnan(tail(3.0, 10, found)[1])
    assert np.isnan(widen(0.01, 3.0, 10, found)[1])
    assert not estimate(np.empty((2, 0)), 10).known.any()


def test_flagged_windows_are_cut_to_the_largest_unflagged() -> None:
    values = np.append(np.linspace(1, 3, 40), [500.0, 2.0])
    flagged = np.arange(42) == 40
    found = estimate(values, 10, flagged=flagged)
    assert found.mean == pytest.approx(np.append(np.linspace(1, 3, 40), [3.0, 2.0]).mean())
    assert found.windows == 42
    assert not estimate(values, 10, flagged=np.ones(42, dtype=bool)).known
    # A missing unflagged window does not become the largest one.
    values[39] = np.nan
    assert estimate(values, 10, flagged=flagged).mean < 3


def test_without_dispersion_the_tail_is_chi2s() -> None:
    ratio, df = np.array([0.5, 1.0, 3.0]), np.array([1.0, 19.0, 4.0])
    np.testing.assert_allclose(tail(ratio, df), stats.chi2.sf(ratio * df, df))
    assert widen(0.03, 1.0, 19) == 0.03


def test_the_law_is_the_predictive_f_with_a_cautious_shape() -> None:
    found = estimate(np.linspace(0.2, 12, 56), 19)
    nu = 2 * float(found.mean) ** 2 / float(found.variance)
    cautious = max(nu * (1 - np.sqrt(2 * (1 + 2 / nu) / 56)), min(nu, 1))
    expected = stats.f.sf(20 / float(found.mean), cautious, 56 * cautious)
    assert tail(20.0, 19, found) == pytest.approx(float(expected))


def test_with_endless_history_the_law_is_chi2s() -> None:
    endless = Dispersion(*(np.asarray(value) for value in (1.0, 2 / 19, 1e9, 19.0)))
    ratio = np.array([0.5, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(tail(ratio, 19, endless), stats.chi2.sf(ratio * 19, 19), rtol=1e-3)


@pytest.mark.parametrize("df", [1.0, 5.0, 19.0])
def test_p_falls_with_the_ratio_and_is_wider_than_random_sampling(df: float) -> None:
    learnt = estimate(np.full(30, 1.0), df)
    ratio = np.linspace(0.1, 60, 500)
    p = tail(ratio, df, learnt)
    assert (np.diff(p) <= 0).all()
    significant = tail(ratio, df) < 0.05
    assert (p[significant] >= tail(ratio, df)[significant]).all()
    assert 0 <= p[-1] < 1e-4


def _ratios_of_clustered_rows(series: int, windows: int, factors: int, rng: np.random.Generator) -> Floats:
    """Make χ²/df of windows whose rows all share `factors` Gaussian ones, besides their own noise."""
    cells, strength = 19, 8.0
    shared = rng.standard_normal((series, windows, factors)) * np.sqrt(strength * cells / factors)
    noise = rng.standard_normal((series, windows, cells))
    noise[..., :factors] += shared
    return np.asarray(np.square(noise).sum(axis=-1) / cells, dtype=np.float64)


@pytest.mark.parametrize("factors", [1, 4])
def test_false_alarms_of_clustered_rows_are_near_nominal(factors: int) -> None:
    rng = np.random.default_rng(47)
    ratios = _ratios_of_clustered_rows(40_000, 29, factors, rng)
    now, learnt = ratios[:, -1], estimate(ratios[:, :-1], 19)
    p = tail(now, 19, learnt)
    assert float((p < 0.01).mean()) < 0.015
    assert float((p < 0.01 / 11).mean()) < 0.003
    # The reason for all this: dividing by the mean alone alarms far too often.
    assert float((stats.chi2.sf(now * 19 / learnt.mean, 19) < 0.01 / 11).mean()) > 0.02


def test_flagged_windows_in_a_row_count_once() -> None:
    values = np.concatenate([np.linspace(0.5, 1.5, 40), [50.0, 60.0, 70.0], [1.0], [80.0]])
    flagged = values > 10
    found = estimate(values, 10, flagged=flagged)
    assert found.windows == 43  # 40, the first of three, one, and a second event
    expected = np.concatenate([np.linspace(0.5, 1.5, 40), [1.5, 1.0, 1.5]])
    assert found.mean == pytest.approx(max(1.0, expected.mean()))


def test_real_drift_is_still_found_under_dispersion() -> None:
    rng = np.random.default_rng(53)
    ratios = _ratios_of_clustered_rows(200, 29, 4, rng)
    learnt = estimate(ratios[:, :-1], 19)
    assert float((tail(12 * learnt.mean, 19, learnt) < 0.01 / 11).mean()) > 0.95


def test_no_past_window_at_all_is_unknown() -> None:
    assert not estimate(np.empty(0), 10, flagged=np.empty(0, dtype=bool)).known
