"""Which values of a segment are named, and how a combination is asked for and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.contract.keys import MISSING, OTHER, Segment, combination
from mpm_elk.contract.limits import CATEGORY_MAX, COMBINATIONS_MAX, SEGMENT_VALUES_MAX
from mpm_elk.contract.source import EVENTS
from mpm_elk.profiles.slices import Slice, Values, look_for_values, named, values_found

BOTH = Slice("band, region", (("old", "EU"), ("young", "US")))


def test_the_most_frequent_are_named_and_stay_so() -> None:
    first = named((), {("b",): 5, ("a",): 5, ("c",): 9})
    assert first == (("c",), ("a",), ("b",))
    assert named(first, {("d",): 100, ("a",): 1}) == (*first, ("d",))


def test_there_is_room_for_some_only() -> None:
    many: dict[Values, int] = {(f"v{at:04}",): 10 for at in range(SEGMENT_VALUES_MAX + 5)}
    full = named((), many)
    assert full == tuple((f"v{at:04}",) for at in range(SEGMENT_VALUES_MAX))
    assert named(full, {("new",): 10_000}) == full


def test_combinations_are_fewer() -> None:
    many: dict[Values, int] = {(f"a{at % 10}", f"b{at // 10}"): 1000 - at for at in range(300)}
    assert len(named((), many)) == COMBINATIONS_MAX
    apart: dict[Values, int] = {(f"a{at}", f"b{at}"): 1 for at in range(90)}  # each search meets every pair of values
    assert len(named((), apart)) == 31


@pytest.mark.parametrize("value", [OTHER, MISSING, "x" * (CATEGORY_MAX + 1)])
def test_some_values_are_never_named(value: str) -> None:
    assert named((), {(value,): 10}) == ()


def test_unnamed_pairs_belong_to_other() -> None:
    leaf = {"doc_count": 1}
    bucket = {
        "value": {
            "buckets": [
                {"key": "old", "value": {"buckets": [{"key": "EU", "doc_count": 3}, {"key": "US", "doc_count": 4}]}}
            ]
        },
        "other": leaf,
        "missing": {"doc_count": 0},
    }
    other = Segment.of({"band": OTHER, "region": OTHER})
    read = [(segment, found["doc_count"]) for segment, found in BOTH.read(bucket)]
    assert read == [(Segment.of({"band": "old", "region": "EU"}), 3), (other, 4), (other, 1)]
    assert BOTH.width == 6


def test_new_values_of_a_plain_segment_are_asked_for_only() -> None:
    asked = look_for_values("region", [("EU",)], EVENTS)
    assert asked["value"]["terms"]["exclude"] == ["EU"]
    assert "exclude" not in look_for_values("band, region", [("old", "EU")], EVENTS)["value"]["terms"]
    assert values_found("region", {}) == {}


TEXTS = st.text(st.sampled_from(["a", ",", " ", "\\", "=", "b"]), max_size=6)


@given(st.dictionaries(st.sampled_from(["region", "band", "vip"]), TEXTS, max_size=3))
def test_a_segment_gives_back_its_values(values: dict[str, str]) -> None:
    segment = Segment.of(values)
    assert segment.fields() == values
    assert Segment.of(segment.fields()) == segment
    assert Segment.of(dict(reversed(values.items()))) == segment


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_unlike_combinations_have_unlike_names(a: str, b: str, c: str, d: str) -> None:
    one, two = Segment.of({"x": a, "y": b}), Segment.of({"x": c, "y": d})
    assert (one == two) == ((a, b) == (c, d))


def test_the_order_of_names_makes_no_difference() -> None:
    assert combination(["region", "band"]) == combination(["band", "region"]) == "band, region"
    assert Segment.of({"region": "EU", "band": "old"}).key == "band=old, region=EU"
    assert (Segment.of({"region": "EU"}).key, Segment().key) == ("region=EU", "all")
