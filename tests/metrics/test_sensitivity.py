"""The smallest drift: found as often as it says."""

import numpy as np
import pytest
from scipy import special

from mpm_elk.metrics import dispersion, divergence, homogeneity
from mpm_elk.metrics.moments import Moments, mean_shift, moments
from mpm_elk.metrics.sensitivity import LEVEL, POWER, smallest_mean_shift, smallest_psi


def _of(n: float, mean: float = 0.0, sd: float = 1.0) -> Moments:
    return moments(n, n * mean, n * mean**2 + (n - 1) * sd**2)


@pytest.mark.parametrize(("n", "shift"), [(1e3, 0.145), (1e4, 0.048), (1e5, 0.020), (1e6, 0.015)])
def test_the_mean_shift_of_the_normal_theory(n: float, shift: float) -> None:
    assert smallest_mean_shift(_of(n), _of(1e5), None) == pytest.approx(shift, abs=0.0006)


def test_a_mean_shift_of_that_size_is_found_nine_times_in_ten() -> None:
    rng = np.random.default_rng(1)
    n, m = 500, 5_000
    size = float(smallest_mean_shift(_of(n), _of(m), None))
    found = 0
    for _ in range(1_000):
        x, y = rng.normal(size, 1, n), rng.normal(size=m)
        sides = (moments(len(v), v.sum(), np.square(v).sum()) for v in (x, y))
        found += bool(mean_shift(*sides).p <= LEVEL)
    assert found / 1_000 == pytest.approx(POWER, abs=0.035)


@pytest.mark.parametrize("n", [2_000, 50_000])
def test_a_psi_of_that_size_is_found_nine_times_in_ten(n: int) -> None:
    rng = np.random.default_rng(2)
    cells, m = 20, 50_000
    size = float(smallest_psi(cells - 1, n, m, None))
    before = np.full(cells, 1 / cells)
    tilt = np.linspace(-1, 1, cells)
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        now = np.exp(middle * tilt) / np.exp(middle * tilt).sum()
        low, high = (middle, high) if ((now - before) * np.log(now / before)).sum() < size else (low, middle)
    chi2 = homogeneity.chi2(rng.multinomial(n, now, 2_000), rng.multinomial(m, before, 2_000))
    assert (homogeneity.chi2_p(chi2.statistic, chi2.df) <= LEVEL).mean() == pytest.approx(POWER, abs=0.03)
    assert divergence.psi(now * 1e9, before * 1e9) == pytest.approx(size, rel=1e-5)


def test_noise_of_past_windows_and_a_stricter_level_ask_for_more() -> None:
    rng = np.random.default_rng(3)
    calm, wild = (dispersion.estimate(factor * rng.chisquare(1, 56), 1) for factor in (1.0, 9.0))
    alone, quiet, loud = (smallest_mean_shift(_of(1e3), _of(1e5), law) for law in (None, calm, wild))
    assert alone <= quiet < loud
    assert smallest_mean_shift(_of(1e3), _of(1e5), None, level=1e-5) > alone
    calm, wild = (dispersion.estimate(factor * rng.chisquare(19, 56) / 19, 19) for factor in (1.0, 9.0))
    assert smallest_psi(19, 1e3, 1e5, calm) < smallest_psi(19, 1e3, 1e5, wild)


def test_what_cannot_be_said_is_nan() -> None:
    assert np.isnan(smallest_mean_shift(_of(1e3), _of(1e3, 5.0, 0.0), None))
    assert np.isnan(smallest_mean_shift(moments(0, 0.0, 0.0), _of(1e3), None))
    assert np.isnan(smallest_psi(0, 100, 100, None))
    assert np.isnan(smallest_psi(np.nan, 0, 100, None))
    assert np.isnan(smallest_psi(5, 0, 100, None))


@pytest.mark.parametrize("df", [1.0, 5.0, 19.0])
@pytest.mark.parametrize("level", [0.01, 1e-4])
def test_the_critical_ratio_has_the_level_as_its_tail(df: float, level: float) -> None:
    law = dispersion.estimate(3 * np.random.default_rng(4).chisquare(df, 40) / df, df)
    assert dispersion.tail(dispersion.critical(level, df, law), df, law) == pytest.approx(level, rel=1e-6)
    assert dispersion.tail(dispersion.critical(level, df), df) == pytest.approx(level, rel=1e-9)
    assert dispersion.critical(level, 1.0) == pytest.approx(special.ndtri(level / 2) ** 2, rel=1e-9)
    assert np.isnan(dispersion.critical(level, df, dispersion.estimate([1.0, 2.0], df)))
