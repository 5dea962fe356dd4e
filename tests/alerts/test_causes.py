"""Parts of a change add up to it, and name what was planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.causes import Sides, about, by_cells, by_groups, by_size
from mpm_elk.profiles.cells import CategoricalCells, Ints, NumericCells
from mpm_elk.profiles.profile import SubjectProfile

CELLS = NumericCells("f", np.arange(5.0), np.array([0, 2, 4]))
COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).map(np.array)
GROUPS = st.dictionaries(st.sampled_from("abcd"), st.tuples(COUNTS, COUNTS), min_size=2)


def shares(counts: Ints) -> list[float]:
    return [float(share) for share in counts / counts.sum()]


def test_the_cells_that_moved_are_named_by_their_part_of_the_move() -> None:
    found = by_cells(["low", "mid", "high"], np.array([10, 20, 70]), np.array([30, 40, 30]))
    assert [(part.name, round(part.share, 12)) for part in found] == [("high", 0.5), ("low", 0.25), ("mid", 0.25)]
    assert by_cells(["a", "b"], np.array([1, 1]), np.array([5, 5])) == []
    assert by_cells(["a", "b"], np.array([0, 0]), np.array([5, 5])) == []


@given(GROUPS)
def test_mix_and_within_add_up_to_the_whole_change(groups: dict[str, Sides]) -> None:
    groups = {name: sides for name, sides in groups.items() if sides[0].sum() or sides[1].sum()}
    found = by_groups("region", groups)
    window, reference = (sum((sides[at] for sides in groups.values()), np.zeros(3, np.int64)) for at in (0, 1))
    known = len(groups) > 1 and window.sum() and reference.sum()
    if not known or shares(window) == shares(reference):
        assert found is None
        return
    assert found is not None
    assert sum(part.share for part in (*found.mix, *found.within)) == pytest.approx(1, abs=1e-9)
    assert {part.name for part in found.mix} == {part.name for part in found.within} == set(groups)


def test_more_of_one_group_is_mix_and_a_group_that_changed_is_within() -> None:
    old, new = np.array([80, 20]), np.array([20, 80])
    mixed = by_groups("region", {"EU": (3 * old, 3 * old), "US": (9 * new, 3 * new)})
    assert mixed is not None
    assert mixed.mixed == pytest.approx(1)
    assert [part.share for part in mixed.within] == pytest.approx([0, 0])
    changed = by_groups("region", {"EU": (old, old), "US": (new, old)})
    assert changed is not None
    assert changed.mixed == pytest.approx(0)
    assert [(part.name, round(part.share, 9)) for part in changed.within] == [("US", 1), ("EU", 0)]


def test_a_version_that_replaced_another_is_all_mix() -> None:
    found = by_groups(
        "version", {"1": (np.array([0, 0]), np.array([50, 50])), "2": (np.array([90, 10]), np.array([0, 0]))}
    )
    assert found is not None
    assert (found.new, found.gone) == (("2",), ("1",))
    assert found.mixed == pytest.approx(1)
    assert [part.share for part in found.mix] == pytest.approx([0.5, 0.5])


def test_rates_are_counted_as_bad_and_good() -> None:
    profile = SubjectProfile(CELLS.hash, np.array([1, 2, 3, 4, 5, 6]), 7, 2)
    assert about("quality.missing_increase", CELLS, profile).tolist() == [7, 23]
    assert about("quality.type_violation_rate", CELLS, profile).tolist() == [2, 28]
    assert about("quality.out_of_range_increase", CELLS, profile).tolist() == [7, 14]
    assert about("drift.psi", CELLS, profile).tolist() == [1, 5, 9, 6]
    letters = CategoricalCells("f", ("a", "b"))
    counts = SubjectProfile(letters.hash, np.array([1, 2, 3, 4]), 0, 0)
    assert about("quality.unseen_rate", letters, counts).tolist() == [4, 6]


def test_sizes_become_shares() -> None:
    assert [(part.name, part.share) for part in by_size({"a": 1.0, "b": 3.0, "c": -1.0, "d": 0.0})] == [
        ("b", 0.75),
        ("a", 0.25),
    ]
    assert by_size({"a": 0.0}) == []
