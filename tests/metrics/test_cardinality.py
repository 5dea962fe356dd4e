"""Categories that occur, and how many should."""

import numpy as np
import pytest

from mpm_elk.metrics.cardinality import expected, occurring


def test_the_expected_number_is_that_of_random_samples() -> None:
    rng = np.random.default_rng(1)
    reference = np.array([500, 300, 150, 40, 8, 2, 0])
    for rows in (5, 50, 500):
        drawn = occurring(rng.multinomial(rows, reference / reference.sum(), size=20_000))
        assert expected(rows, reference) == pytest.approx(drawn.mean(), abs=5 * drawn.std() / 141 + 1e-9)


def test_edges() -> None:
    assert occurring([0, 0]) == 0
    assert expected(0, [3, 1]) == 0
    assert expected(7, [5, 0]) == 1
    assert expected(10**9, [5, 1]) == pytest.approx(2)
    assert np.isnan(expected(5, [0, 0]))
