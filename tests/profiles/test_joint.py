import json
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import CategoricalCells, Cells, CellSet, NumericCells
from mpm_elk.profiles.cut import cut_numeric
from mpm_elk.profiles.joint import FEATURES_MAX, WHOLE, Joint, paired, scores

CELLS = {
    f"features.{name}": NumericCells(name, np.array([-1.0, 0.0, 0.5, 2.0, 8.0]), np.array([0, 2, 3, 4]))
    for name in ("a", "b", "c")
}
VALUE = st.one_of(st.just(np.nan), st.sampled_from([-3.0, -1.0, 0.25, 0.5, 1.0, 7.0, 9.0, 1e300]))
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=12)
SHARE = st.sampled_from([1000, 500, 8])
Rows = list[tuple[float, float, float]]


def columns(rows: Rows) -> dict[str, Floats]:
    return dict(zip(CELLS, np.array(rows, dtype=np.float64).reshape(-1, 3).T, strict=True))


def count(rows: Rows, share: int = WHOLE) -> Joint:
    return Joint.of(CELLS, columns(rows), len(rows), share)


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_merging_equals_counting_again(parts: list[Rows]) -> None:
    merged = reduce(Joint.__add__, (count(part) for part in parts))
    assert merged.to_document() == count([row for part in parts for row in part]).to_document()


@given(st.tuples(ROWS, SHARE), st.tuples(ROWS, SHARE), st.tuples(ROWS, SHARE))
def test_order_and_grouping_do_not_matter(a: tuple[Rows, int], b: tuple[Rows, int], c: tuple[Rows, int]) -> None:
    x, y, z = count(*a), count(*b), count(*c)
    assert (x + y).to_document() == (y + x).to_document()
    assert ((x + y) + z).to_document() == (x + (y + z)).to_document()


@given(ROWS, SHARE)
def test_nothing_changes_nothing(rows: Rows, share: int) -> None:
    joint = count(rows, share)
    assert (joint + Joint()).to_document() == joint.to_document() == (Joint() + joint).to_document()


@given(ROWS, ROWS)
def test_a_document_holds_every_sum(first: Rows, second: Rows) -> None:
    joint = count(first) + count(second, 500)
    read = Joint.from_document(json.loads(json.dumps(joint.to_document())), joint.features)
    assert read.features == joint.features
    for share, sums in joint.samples.items():
        found = read.samples[share]
        assert found.rows == sums.rows
        for name in ("count", "total", "squares", "products"):
            np.testing.assert_array_equal(getattr(found, name), getattr(sums, name), err_msg=name)


@given(ROWS)
def test_each_pair_counts_the_rows_that_have_both(rows: Rows) -> None:
    joint = count(rows)
    found = {name: scores(CELLS[name], values) for name, values in columns(rows).items()}
    for i, first in enumerate(joint.features):
        for j, second in enumerate(joint.features):
            x, y = found[first], found[second]
            both = ~np.isnan(x) & ~np.isnan(y)
            sums = joint.samples[WHOLE]
            assert sums.count[i, j] == both.sum()
            assert sums.total[i, j] == x[both].sum()
            assert sums.squares[i, j] == np.square(x[both]).sum()
            assert sums.products[i, j] == (x[both] * y[both]).sum()


def test_unlike_cells_never_merge() -> None:
    a = Joint({"features.a": "one", "features.b": "x"}, count([(1.0, 1.0, np.nan)]).samples)
    b = Joint({"features.a": "two", "features.b": "x"}, count([(1.0, 1.0, np.nan)]).samples)
    with pytest.raises(ValueError, match=r"unlike cells never merge: features\.a"):
        a + b


def test_features_in_other_cells_can_be_left_out() -> None:
    joint = count([(1.0, 7.0, -3.0), (9.0, np.nan, 0.5)])
    hashes = {**joint.features, "features.b": "others"}
    kept = joint.only(hashes)
    alone = {
        name: values for name, values in columns([(1.0, 7.0, -3.0), (9.0, np.nan, 0.5)]).items() if name[-1] != "b"
    }
    assert kept.to_document() == Joint.of(CELLS, alone, 2, WHOLE).to_document()


def test_a_feature_that_comes_later_is_missing_before() -> None:
    before = Joint.of(CELLS, {name: np.array([1.0, 7.0]) for name in list(CELLS)[:2]}, 2, WHOLE)
    after = count([(1.0, 7.0, 9.0)])
    assert (before + after).to_document() == count(
        [(1.0, 1.0, np.nan), (7.0, 7.0, np.nan), (1.0, 7.0, 9.0)]
    ).to_document()


def test_the_first_numeric_features_by_name_are_counted_together() -> None:
    cells: dict[str, Cells] = {f"features.x{at:02}": CELLS["features.a"] for at in reversed(range(FEATURES_MAX + 5))}
    others: dict[str, Cells] = {"features.k": CategoricalCells("k", ("a",)), "prediction.score": CELLS["features.a"]}
    assert list(paired(CellSet({**others, **cells}))) == [f"features.x{at:02}" for at in range(FEATURES_MAX)]
    assert paired(CellSet({**others, "features.x": CELLS["features.a"]})) == {}


def test_scores_are_ranks_around_the_middle() -> None:
    values = np.random.default_rng(3).lognormal(sigma=3, size=20_000)
    cells = cut_numeric(values, "x")
    found = scores(cells, np.array([*values, np.nan, 1e300, -1.0]))
    assert np.isnan(found[-3])
    middle = len(cells.coarse) // 2
    assert (found[-1], found[-2]) == (-middle, len(cells.coarse) - middle)
    assert abs(np.nanmean(found)) < 1
    order = np.argsort(values)
    assert np.all(np.diff(found[:-3][order]) >= 0)


def test_an_hour_of_twenty_features_takes_little_room() -> None:
    rng = np.random.default_rng(4)
    cells = {f"features.number_{at:02}": cut_numeric(rng.normal(size=5_000), "x") for at in range(20)}
    values = {name: rng.normal(size=500) for name in cells}
    for name in list(values)[::3]:
        values[name][rng.random(500) < 0.01] = np.nan
    text = json.dumps(Joint.of(cells, values, 500, WHOLE).to_document(), separators=(",", ":"))
    assert len(text) < 4_000
