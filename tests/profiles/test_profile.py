import json
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.registry.rows import Chunk
from mpm_elk.registry.training import count_rows

CELLS = CellSet(
    {
        "features.x": NumericCells("x", np.array([-1.0, 0.0, 0.5, 8.0]), np.array([0, 2, 3])),
        "features.c": CategoricalCells("c", ("a", "b"), ("rare",)),
        "features.late": CategoricalCells("l", ("z",)),
    }
)
# Whole multiples of 1/4: their sums are exact in any order.
NUMBERS = st.integers(-64, 64).map(lambda i: i / 4)
VALUE = st.one_of(st.none(), NUMBERS, st.sampled_from(["a", "b", "rare", "new", ""]))
ROWS = st.lists(st.tuples(VALUE, VALUE, st.one_of(st.none(), st.just("z"))), max_size=30)
Rows = list[tuple[float | str | None, float | str | None, str | None]]


def count(rows: Rows) -> Profile:
    columns = {name: [row[at] for row in rows] for at, name in enumerate(CELLS.subjects)}
    total, _ = count_rows([Chunk(len(rows), dict(columns), None)], CELLS)
    return total


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_merging_equals_counting_again(parts: list[Rows]) -> None:
    merged = reduce(Profile.__add__, (count(part) for part in parts))
    assert merged.to_document() == count([row for part in parts for row in part]).to_document()


@given(ROWS, ROWS, ROWS)
def test_order_and_grouping_do_not_matter(a: Rows, b: Rows, c: Rows) -> None:
    x, y, z = count(a), count(b), count(c)
    assert (x + y).to_document() == (y + x).to_document()
    assert ((x + y) + z).to_document() == (x + (y + z)).to_document()


@given(ROWS)
def test_an_empty_profile_changes_nothing(rows: Rows) -> None:
    profile = count(rows)
    assert (profile + Profile()).to_document() == profile.to_document() == (Profile() + profile).to_document()


@given(ROWS)
def test_every_row_is_somewhere(rows: Rows) -> None:
    for subject in count(rows).subjects.values():
        assert subject.present + subject.missing + subject.type_violations == len(rows)


def test_unlike_cells_never_merge() -> None:
    a = SubjectProfile("one", np.array([1, 2]), 0, 0)
    b = SubjectProfile("two", np.array([1, 2]), 0, 0)
    with pytest.raises(ValueError, match="never merge"):
        a + b
    with pytest.raises(ValueError, match="never merge"):
        Profile(1, subjects={"s": a}) + Profile(1, subjects={"s": b})


def test_a_subject_of_one_profile_only_is_kept() -> None:
    a = SubjectProfile("one", np.array([1, 2]), 0, 0)
    merged = Profile(3, subjects={"s": a}) + Profile(4, 1)
    assert (merged.count, merged.failures) == (7, 1)
    assert merged.subjects["s"].cells.tolist() == [1, 2]


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20),
    st.lists(st.integers(0, 2**53), min_size=1, max_size=10),
)
def test_json_keeps_every_bit(values: list[float], cells: list[int]) -> None:
    moments = Moments.of(np.array(values, dtype=np.float64))
    subject = SubjectProfile("h", np.array(cells), 3, 1, moments)
    profile = Profile(2**53, 1, Moments.of(np.array([0.1, 0.2])), {"s": subject})
    again = Profile.from_document(json.loads(json.dumps(profile.to_document(), allow_nan=False)))
    assert again.to_document() == profile.to_document()
    assert again.subjects["s"].cells.tolist() == cells
    for name in ("sum", "sum_sq", "min", "max"):
        before, after = getattr(moments, name), getattr(again.subjects["s"].moments, name)
        assert np.float64(before).tobytes() == np.float64(after).tobytes() or np.isnan(before) == np.isnan(after) == 1


def test_squares_that_overflow_are_infinite_in_json_too() -> None:
    moments = Moments.of(np.array([1e308, 1e308, -1e308]))
    text = json.dumps((moments + moments).to_document(), allow_nan=False)
    assert json.loads(text)[2] == "Infinity"
    assert Moments.from_document(json.loads(text)).sum_sq == float("inf")


def test_moments_of_nothing_are_the_neutral_ones() -> None:
    assert Moments.of(np.array([])) == Moments()
    assert Moments().to_document() == []
    assert Moments.from_document([]) == Moments()
    some = Moments.of(np.array([1.0, 4.0]))
    assert some + Moments() == some == Moments(2, 5.0, 17.0, 1.0, 4.0)


COUNTED = st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(1, 10**13))).map(
    lambda entry: Profile(entry[0], last=entry[1] if entry[0] else None)
)


@given(COUNTED, COUNTED, COUNTED)
def test_the_last_event_is_the_later_one_and_unknown_where_a_part_does_not_tell(
    a: Profile, b: Profile, c: Profile
) -> None:
    total = (a + b) + c
    assert total.last == (a + (b + c)).last == (c + (b + a)).last
    busy = [part.last for part in (a, b, c) if part.count]
    assert total.last == (None if None in busy or not busy else max(last for last in busy if last is not None))
    assert Profile.from_document(json.loads(json.dumps(total.to_document()))).last == total.last
