import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.profiles.precision import at_least, rounding_known, stored

NARROW: dict[str, type[np.floating]] = {"float": np.float32, "half_float": np.float16}
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("kind", NARROW)
@given(edge=FINITE, value=st.floats(width=16, allow_nan=False, allow_infinity=False))
def test_a_sent_edge_divides_the_stored_values_as_the_edge_does(kind: str, edge: float, value: float) -> None:
    [sent] = at_least(np.array([edge]), [kind]).tolist()
    assert (value >= edge) == (value >= sent)
    assert math.isinf(sent) or float(NARROW[kind](sent)) == sent


def test_the_cell_of_one_value_stays_one_cell() -> None:
    value = float(np.float32(0.1))
    edges = np.array([value, np.nextafter(value, 1)])
    low, high = at_least(edges, ["float"]).tolist()
    assert (low, high) == (value, float(np.nextafter(np.float32(0.1), np.float32(1))))
    assert at_least(edges, ["double", "long"]).tolist() == edges.tolist()
    assert at_least(np.array([1e300]), ["float"]).tolist() == [math.inf]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.1, "double", 0.1),
        (0.1, "float", 0.10000000149011612),
        (0.1, "half_float", 0.0999755859375),
        (1e39, "float", None),
        (70_000.0, "half_float", None),
        (2.75, "long", 2.0),
        (-2.75, "integer", -2.0),
        (3e9, "integer", None),
        (200.0, "byte", None),
        (-1.0, "unsigned_long", None),
        (0.1, "scaled_float", 0.1),
    ],
)
def test_what_a_field_makes_of_a_number(value: float, kind: str, expected: float | None) -> None:
    assert stored(value, [kind]) == expected


def test_only_the_mapping_knows_what_a_scaled_float_is_rounded_to() -> None:
    assert [rounding_known([kind]) for kind in ("scaled_float", "float", "long")] == [False, True, True]
    assert stored(2.75, ["double", "long"]) == 2.75
