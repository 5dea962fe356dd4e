"""Unusual numbers of rows: false alarms, and what must be found."""

import numpy as np
import pytest

from mpm_elk.metrics.volume import unusual


@pytest.mark.parametrize(("mean", "shape", "windows"), [(1_000, 10, 7), (1_000, 10, 14), (100_000, 20, 28), (30, 5, 7)])
def test_false_alarms_are_near_nominal(mean: float, shape: float, windows: int) -> None:
    rng = np.random.default_rng(61)
    counts = rng.poisson(rng.gamma(shape, mean / shape, (40_000, windows + 1)))
    found = unusual(counts[:, 0], counts[:, 1:])
    assert 0.02 < float((found.p < 0.05).mean()) < 0.075
    assert float((found.p < 0.01).mean()) < 0.02
    excluded = (found.lower > 1) | (found.upper < 1)
    np.testing.assert_array_equal(excluded, found.p < 0.05)


def test_outage_and_flood_are_found() -> None:
    usual = np.array([900, 1_100, 1_000, 1_200, 950, 1_050, 800])
    outage, normal, flood = (unusual(count, usual) for count in (0, 1_000, 5_000))
    assert outage.p < 1e-4
    assert outage.ratio == 0
    assert outage.upper < 0.1
    assert flood.p < 1e-3
    assert flood.ratio == pytest.approx(5)
    assert flood.lower > 1
    assert normal.p > 0.5
    assert normal.expected == pytest.approx(1_000)
    assert normal.lower < normal.ratio < normal.upper


def test_counts_are_never_steadier_than_poisson() -> None:
    assert unusual(110, np.full(10, 100)).p > 0.1
    assert unusual(180, np.full(10, 100)).p < 0.001


def test_empty_reference_windows() -> None:
    some = unusual(1_000, [1_000, 0, 1_000, 1_000, 1_000, 1_000, 1_000])
    assert some.p > 0.2
    none = unusual([0, 1_000], np.zeros(7))
    assert none.expected.tolist() == [0, 0]
    assert np.isnan(none.ratio).all()
    assert none.p[0] > 0.05
    assert none.p[1] < 0.001


def test_too_few_windows_are_no_evidence() -> None:
    history = np.array([[10.0] * 7 + [np.nan], [10.0] * 6 + [np.nan] * 2, [np.nan] * 8])
    found = unusual(500, history)
    assert np.isnan(found.p).tolist() == [False, True, True]
    assert np.isnan(found.ratio).tolist() == [False, True, True]
    assert np.isnan(found.expected).tolist() == [False, False, True]
