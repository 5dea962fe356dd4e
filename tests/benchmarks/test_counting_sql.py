import math
from pathlib import Path

import numpy as np

from benchmarks.counting_sql import counting_sql, read_counts
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments
from mpm_elk.timespan import HOUR_MS

CELLS = CellSet(
    {
        "features.x": NumericCells("x", np.array([0.0, 1.0, 2.0]), np.array([0, 2])),
        "features.k": CategoricalCells("k", ("a", "b"), ("c",)),
    }
)


def test_edges_are_moved_to_the_other_side_of_their_value() -> None:
    text = counting_sql(Path("day.parquet"), CELLS, {"features.x": "x", "features.k": "k"})
    assert f"{math.nextafter(1.0, -math.inf):.17e}" in text
    assert "GROUP BY hour" in text


def test_an_answer_is_a_profile() -> None:
    row = [5, 10, [1, 2, 3], 6, 7.5, 10.25, -1.0, 1.75, ["a", "c", "d"], [4, 1, 2]]
    hour, profile = read_counts(row, CELLS)
    assert (hour, profile.count) == (5 * HOUR_MS, 10)
    numbers, words = profile.subjects["features.x"], profile.subjects["features.k"]
    assert (numbers.cells.tolist(), numbers.missing) == ([1, 2, 3, 0], 4)
    assert numbers.moments == Moments(6, 7.5, 10.25, -1.0, 1.75)
    assert (words.cells.tolist(), words.missing) == ([4, 0, 1, 2], 3)


def test_an_hour_without_a_value_is_all_missing() -> None:
    _, profile = read_counts([5, 10, None, 0, None, None, None, None, None, None], CELLS)
    assert [subject.missing for subject in profile.subjects.values()] == [10, 10]
    assert profile.subjects["features.x"].moments == Moments()
