"""Shares below the reference's quantiles."""

import numpy as np
import pytest

from mpm_elk.metrics.quantiles import quantile_shift
from mpm_elk.profiles.cut import cut_numeric

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_shares_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.2, 1.2, 4_000), rng.normal(size=50_000)
    cells = cut_numeric(y, "x")
    found = quantile_shift(cells.count(x), cells.count(y), cells.edges, QUANTILES)
    for at, quantile in enumerate(QUANTILES):
        edge = found.edge[at]
        assert (y < edge).mean() == pytest.approx(quantile, abs=0.5 / 128)
        assert found.shift[at] == pytest.approx((x < edge).mean() - (y < edge).mean(), abs=1e-12)
        assert found.lower[at] < found.shift[at] < found.upper[at]


def test_limits_widen_with_the_dispersion_and_stay_shares() -> None:
    window, reference = np.array([0, 90, 10, 0]), np.array([0, 500, 500, 0])
    narrow, wide = (quantile_shift(window, reference, [0.0, 1.0, 2.0], (0.5,), phi) for phi in (1.0, 4.0))
    assert narrow.edge[0] == 1.0
    assert narrow.shift[0] == pytest.approx(0.4)
    assert 0.4 - wide.lower[0] == pytest.approx(2 * (0.4 - narrow.lower[0]))
    assert quantile_shift(window, reference, [0.0, 1.0, 2.0], (0.5,), 1e6).lower[0] == -1


def test_the_limits_hold_without_drift() -> None:
    rng = np.random.default_rng(2)
    shares = np.full(20, 0.05)
    edges = np.arange(19.0)
    outside = np.zeros(5)
    for _ in range(1_000):
        window, reference = rng.multinomial(500, shares), rng.multinomial(5_000, shares)
        found = quantile_shift(window, reference, edges, QUANTILES)
        outside += (found.lower > 0) | (found.upper < 0)
    assert (outside < 80).all()  # 50 expected, sd 7


def test_equal_sides_and_empty_ones() -> None:
    some, empty = np.array([1, 5, 3, 0]), np.zeros(4, dtype=np.int64)
    edges = [0.0, 1.0, 2.0]
    assert quantile_shift(some, some, edges, QUANTILES).shift.tolist() == [0.0] * 5
    for window, reference in ((empty, some), (some, empty)):
        found = quantile_shift(window, reference, edges, QUANTILES)
        assert np.isnan([found.shift, found.lower, found.upper, found.edge]).all()
