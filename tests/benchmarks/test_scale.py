"""The requests and tables of the benchmarks of cost say what they claim."""

import numpy as np

from benchmarks.hourly_model import Cost
from benchmarks.scale import Shape, actions, table
from benchmarks.shapes import an_hour_each, bodies, outside, without
from benchmarks.stored_day import HOURS_OF_DAY
from mpm_elk.contract.keys import VersionKey
from mpm_elk.profiles.cells import CategoricalCells, Cells, CellSet, NumericCells

V = VersionKey("production", "m", "1")
CELLS: dict[str, Cells] = {
    **{f"features.x{at}": NumericCells(f"x{at}", np.array([0.0, 1.0]), np.array([0, 1])) for at in range(4)},
    "features.c": CategoricalCells("c", ("a", "b")),
}


def test_shapes_ask_for_every_subject_once() -> None:
    for width in (1, 2, 10):
        some = bodies(V, CellSet(CELLS), width)
        inner = [a for body in some for a in body["aggs"]["hour"]["aggs"].values()]
        assert len(some) == -(-len(CELLS) // width)
        assert sorted(a["range"]["field"] for a in inner if "range" in a) == ["x0", "x1", "x2", "x3"]
        assert sum("terms" in a for a in inner) == 1
    left = [a for body in without(some, "extended_stats") for a in body["aggs"]["hour"]["aggs"].values()]
    assert len(left) == len(inner) - 4
    assert not any("extended_stats" in a for a in left)
    assert len(an_hour_each(V, some)) == len(HOURS_OF_DAY) * len(some)
    assert len(outside(some)[0]["aggs"]["hour"]["filters"]["filters"]) == len(HOURS_OF_DAY)


def test_events_have_the_shape_that_is_measured() -> None:
    made = list(actions("m", "i", Shape(30, 5), range(2, 3), 50))
    features = made[0]["_source"]["mpm"]["features"]
    assert (len(features["numeric"]), len(features["categorical"])) == (20, 10)
    assert {action["_source"]["mpm"]["segment"]["region"] for action in made} <= {f"v{at}" for at in range(5)}
    assert len({action["_id"] for action in made}) == 50


def test_costs_are_told_beside_those_of_the_usual_model() -> None:
    usual, wide = Cost(0.2, 1.0, 40, 2_000_000, 0.5), Cost(0.6, 1.0, 50, 5_000_000, 2.0)
    assert table({Shape(): usual, Shape(100): wide}, usual).splitlines()[2:] == [
        "| 30 features, no segment, 1 shard | 0.20 | 0.50 | 40 | 2.0 MB | 1 | 1 |",
        "| 100 features, no segment, 1 shard | 0.60 | 2.00 | 50 | 5.0 MB | 3 | 4 |",
    ]
