import json

import numpy as np
import pytest

from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells, cells_from

NUMERIC = NumericCells("f", np.array([0.0, 0.1, 1.0, np.nextafter(1.0, 2.0), 5.0]), np.array([0, 2, 3, 4]), "other")
CATEGORICAL = CategoricalCells("c", ("a", "b"), ("rare", "scarce"))


def test_a_value_on_an_edge_belongs_to_the_cell_above() -> None:
    below, above = np.nextafter(0.1, 0.0), np.nextafter(0.1, 1.0)
    assert NUMERIC.locate(np.array([below, 0.1, above])).tolist() == [1, 2, 2]


def test_minus_zero_is_zero_and_the_fences_take_the_rest() -> None:
    values = np.array([-0.0, 0.0, -5e-324, 5e-324, -1e308, 1e308, 5.0])
    assert NUMERIC.locate(values).tolist() == [1, 1, 0, 1, 0, 5, 5]


def test_counts_are_per_cell() -> None:
    assert NUMERIC.count(np.array([-1.0, 0.05, 0.5, 1.0, 3.0, 9.0])).tolist() == [1, 1, 1, 1, 1, 1]
    assert NUMERIC.count(np.array([])).tolist() == [0] * 6


def test_coarse_counts_equal_counting_in_coarse_cells() -> None:
    values = np.random.default_rng(0).normal(1, 2, 1000)
    coarse = NUMERIC.coarsened()
    assert NUMERIC.to_coarse(NUMERIC.count(values)).tolist() == coarse.count(values).tolist()
    stacked = np.stack([NUMERIC.count(values), NUMERIC.count(values[:10])])
    assert NUMERIC.to_coarse(stacked)[1].tolist() == coarse.count(values[:10]).tolist()
    assert len(NUMERIC.coarse_labels()) == coarse.size


def test_labels_and_single_values() -> None:
    assert NUMERIC.coarse_labels() == ["< 0", "0 … 1", "1", "1 … 5", "≥ 5"]
    assert NUMERIC.single.tolist() == [False, False, False, True, False, False]


@pytest.mark.parametrize("edges", [[], [1.0, 1.0], [2.0, 1.0], [0.0, np.inf], [np.nan]])
def test_bad_edges_are_refused(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="strictly rising"):
        NumericCells("f", np.array(edges, dtype=np.float64), np.array([0]))


@pytest.mark.parametrize("coarse", [[0, 1], [1, 2], [0, 0, 2], [0, 2, 1, 2]])
def test_bad_coarse_edges_are_refused(coarse: list[int]) -> None:
    with pytest.raises(ValueError, match="coarse"):
        NumericCells("f", np.array([0.0, 1.0, 2.0]), np.array(coarse))


def test_categories_are_counted_known_rare_and_unseen() -> None:
    assert CATEGORICAL.count(["a", "a", "rare", "scarce", "new", ""]).tolist() == [2, 0, 2, 2]
    open_ended = CategoricalCells("c", ("a",), closed=False)
    assert open_ended.count(["a", "new"]).tolist() == [1, 1, 0]


def test_counts_of_terms_equal_counts_of_values() -> None:
    values = ["a"] * 3 + ["rare"] * 2 + ["new"] * 4
    assert CATEGORICAL.count_terms({"a": 3, "rare": 2}, 9).tolist() == CATEGORICAL.count(values).tolist()
    assert CATEGORICAL.count_terms({}, 0).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("values", "rest"), [(("a", "a"), ()), (("a",), ("a",)), ((), ("r", "r"))])
def test_a_category_stands_once(values: tuple[str, ...], rest: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="twice"):
        CategoricalCells("c", values, rest)


def test_json_keeps_every_bit_and_the_hash() -> None:
    edges = np.array([-1.7e308, -5e-324, 0.1, np.nextafter(0.1, 1), 1 / 3, 1.7e308])
    cells = CellSet({"features.x": NumericCells("f", edges, np.array([0, 2, 5])), "features.c": CATEGORICAL})
    again = CellSet.from_document(json.loads(json.dumps(cells.to_document())))
    assert again.hash == cells.hash
    numeric = again.subjects["features.x"]
    assert isinstance(numeric, NumericCells)
    assert numeric.edges.tobytes() == edges.tobytes()
    categorical = cells_from(CATEGORICAL.to_document())
    assert isinstance(categorical, CategoricalCells)
    assert categorical.count(["rare"]).tolist() == [0, 0, 1, 0]


def test_the_hash_tells_what_decides_the_counts() -> None:
    other = NumericCells("f", np.append(NUMERIC.edges[:-1], np.nextafter(5.0, 6.0)), NUMERIC.coarse, "other")
    assert other.hash != NUMERIC.hash
    assert NumericCells("g", NUMERIC.edges, NUMERIC.coarse, "other").hash != NUMERIC.hash
    assert CategoricalCells("c", ("a", "b"), ("rare", "scarce"), closed=False).hash != CATEGORICAL.hash
    ab, ba = CellSet({"a": NUMERIC, "b": CATEGORICAL}), CellSet({"b": CATEGORICAL, "a": NUMERIC})
    assert ab.hash == ba.hash


def test_only_keeps_the_named_subjects_that_exist() -> None:
    cells = CellSet({"a": NUMERIC, "b": CATEGORICAL})
    assert list(cells.only(["b", "nothing"]).subjects) == ["b"]
