import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.profiles.cut import COARSE, FINE, VOCABULARY_MAX, cut_categorical, cut_numeric, even_cells

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(st.lists(FINITE, min_size=1, max_size=60))
def test_any_values_give_cells_that_hold_them_all_inside_the_fences(values: list[float]) -> None:
    array = np.array(values)
    cells = cut_numeric(array, "f")
    counts = cells.count(array)
    assert counts.sum() == len(values)
    assert counts[0] == 0
    if array.max() < sys.float_info.max:  # above the largest double there is no fence
        assert counts[-1] == 0
    assert cells.to_coarse(counts).sum() == len(values)


def test_continuous_values_get_equal_shares() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    cells = cut_numeric(values, "f")
    coarse = cells.to_coarse(cells.count(values))
    assert len(coarse) == COARSE + 2
    assert coarse[1:-1].min() >= 4990
    assert coarse[1:-1].max() <= 5010
    assert FINE <= cells.size - 2 <= FINE + COARSE


def test_a_spike_gets_a_cell_of_its_own() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([np.zeros(4000), rng.lognormal(size=6000)])
    cells = cut_numeric(values, "f")
    counts = cells.to_coarse(cells.count(values))
    at = int(cells.coarsened().locate(np.array([0.0]))[0])
    assert counts[at] == 4000
    assert cells.coarsened().locate(np.array([np.nextafter(0.0, 1.0)]))[0] == at + 1


def test_few_whole_numbers_get_a_cell_each() -> None:
    values = np.repeat(np.array([1.0, 2.0, 3.0, 12.0]), [5, 1, 2, 9])
    cells = cut_numeric(values, "f")
    assert cells.count(values).tolist() == [0, 5, 1, 2, 9, 0]


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, sys.float_info.max, -sys.float_info.max, 5e-324])
def test_one_value_alone(value: float) -> None:
    cells = cut_numeric(np.full(3, value), "f")
    assert cells.count(np.full(3, value)).max() == 3
    assert cells.count(np.array([-np.finfo(np.float64).max]))[0] == (value > -sys.float_info.max)


def test_order_does_not_matter() -> None:
    values = np.random.default_rng(2).gamma(2, size=999)
    shuffled = np.random.default_rng(3).permutation(values)
    assert cut_numeric(values, "f").hash == cut_numeric(shuffled, "f").hash


def test_even_cells_hold_both_ends() -> None:
    cells = even_cells(0.0, 1.0, "f")
    assert cells.count(np.array([0.0, 0.5, 1.0]))[[0, -1]].tolist() == [0, 0]
    assert cells.coarsened().size == COARSE + 2


def test_categories_are_ranked_and_the_rare_share_a_cell() -> None:
    cells = cut_categorical({f"c{i:03}": 1000 - i for i in range(60)}, "f")
    assert cells.values[0] == "c000"
    assert (len(cells.values), len(cells.rest), cells.closed) == (50, 10, True)


def test_equal_counts_are_ranked_by_name() -> None:
    assert cut_categorical({"b": 1, "a": 1}, "f").values == ("a", "b")


def test_a_vocabulary_that_is_too_large_stays_open() -> None:
    cells = cut_categorical({str(i): 1 for i in range(VOCABULARY_MAX + 1)}, "f")
    assert not cells.closed
    assert len(cells.values) + len(cells.rest) == VOCABULARY_MAX
    assert cells.count(["never heard of"])[cells.unseen] == 0
