"""Many tests at once: against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpm_elk.metrics.multiplicity import adjust, min_p


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjust_is_scipys_and_nan_stays_out(ps: list[float]) -> None:
    expected = stats.false_discovery_control(ps, method="bh")
    np.testing.assert_allclose(adjust(ps), expected)
    with_gaps = np.concatenate([[np.nan], ps, [np.nan]])
    found = adjust(with_gaps)
    np.testing.assert_allclose(found[1:-1], expected)
    assert np.isnan(found[[0, -1]]).all()


def test_adjust_works_along_an_axis_and_on_nothing() -> None:
    ps = np.array([[0.01, 0.5], [0.02, np.nan], [0.9, 0.001]])
    found = adjust(ps, axis=0)
    np.testing.assert_allclose(found[:, 0], adjust(ps[:, 0]))
    np.testing.assert_allclose(found[:, 1], adjust(ps[:, 1]))
    assert np.isnan(adjust([np.nan, np.nan])).all()
    assert adjust([]).shape == (0,)


def test_min_p_counts_only_what_was_tested() -> None:
    ps = np.array([[0.01, 0.5, np.nan], [0.9, 0.8, 0.7], [np.nan] * 3])
    np.testing.assert_allclose(min_p(ps), [0.02, 1.0, np.nan])
    np.testing.assert_allclose(min_p(ps.T, axis=0), [0.02, 1.0, np.nan])


def test_min_p_of_dependent_tests_keeps_its_level() -> None:
    rng = np.random.default_rng(59)
    z = 0.7 * rng.standard_normal((20_000, 1)) + np.sqrt(1 - 0.49) * rng.standard_normal((20_000, 5))
    p = min_p(2 * stats.norm.sf(np.abs(z)))
    assert float((p < 0.05).mean()) == pytest.approx(0.045, abs=0.008)
