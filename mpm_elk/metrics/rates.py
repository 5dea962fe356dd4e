"""How often something happens, from how often it was seen. Pure."""

import math

from scipy import special


def poisson_limits(number: int, exposure: float, *, level: float = 0.95) -> tuple[float, float]:
    """Give the exact limits of the rate behind `number` events seen in `exposure` (Garwood 1936); nan without any.

    The limits are the rates at which so few, or so many, events have half of 1 − level as probability.
    """
    if not exposure > 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low = float(special.chdtri(2 * number, 1 - tail)) / 2 if number else 0.0
    return low / exposure, float(special.chdtri(2 * number + 2, tail)) / 2 / exposure
