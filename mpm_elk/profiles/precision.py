"""What Elasticsearch makes of a number in a field of a narrower type than `double`: edges and values, exactly.

A `float` or `half_float` field rounds values when they are indexed, and a `range` aggregation rounds its bounds the
same way: the cell [v, next double after v) of a value v would be empty. Sent is the smallest number of the type at or
above the edge instead, which divides the numbers of the type as the edge does. Fields of whole numbers cut the fraction
off (`coerce`), and their bounds stay as they are.
"""

from collections.abc import Collection

import numpy as np

from mpm_elk.profiles.cells import Floats

_NARROW: dict[str, type[np.floating]] = {"float": np.float32, "half_float": np.float16}
_WHOLE: dict[str, tuple[float, float]] = {
    "byte": (-(2.0**7), 2.0**7 - 1),
    "short": (-(2.0**15), 2.0**15 - 1),
    "integer": (-(2.0**31), 2.0**31 - 1),
    "long": (-(2.0**63), 2.0**63),
    "unsigned_long": (0.0, 2.0**64),
}
_ROUNDED_UNKNOWN = "scaled_float"


def at_least(edges: Floats, types: Collection[str]) -> Floats:
    """Give for each edge the smallest number of a narrow type that is not below it; infinite where there is none."""
    for narrow in types:
        if narrow in _NARROW:
            kind = _NARROW[narrow]
            with np.errstate(over="ignore"):
                near = edges.astype(kind)
                above = np.nextafter(near, kind(np.inf))
            return np.where(near.astype(np.float64) < edges, above, near).astype(np.float64)
    return edges


def rounding_known(types: Collection[str]) -> bool:
    """Tell whether `stored` knows what fields of these types make of a number: a scaled float has its own factor."""
    return _ROUNDED_UNKNOWN not in types


def stored(value: float, types: Collection[str]) -> float | None:
    """Give what a field makes of a finite number; None where it takes no such number.

    Of several types only whole numbers and `double` go together, and then the value is taken for a double.
    """
    if "double" in types:
        return value
    for kind in types:
        if kind in _NARROW:
            with np.errstate(over="ignore"):
                near = float(_NARROW[kind](value))
            return near if np.isfinite(near) else None
        if kind in _WHOLE:
            low, high = _WHOLE[kind]
            whole = float(np.trunc(value))
            return whole if low <= whole <= high else None
    return value
