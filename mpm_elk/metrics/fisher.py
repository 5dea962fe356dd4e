"""Fisher's exact test of two shares, without `scipy.stats`, which takes 47 MB and a third of a second to import.

A run may take 150 MB in all.
"""

import numpy as np

_TIE = 1e-10
"""Tables whose probabilities differ by less than this share are equally likely; rounding makes less of a difference."""
_DEVIATIONS, _AT_LEAST = 40.0, 200.0
"""Counts further from the likeliest one than so many standard deviations, and so many rows more, have no weight in
double precision, in the longest tail that the law can have (that of Poisson's)."""


def fisher(k: int, n: int, k0: int, n0: int) -> float:
    """Give the two-sided p of k of n against k₀ of n₀: the probability of all tables no likelier than this one.

    As `scipy.stats.fisher_exact`. Given both totals, k is hypergeometric; the weights of neighbouring counts differ by
    a factor that is a fraction of four counts, so products from the likeliest count outwards give the whole law.
    Time goes with its width, not with the rows. Fisher (1922), "On the interpretation of χ² from contingency tables".
    """
    rows, hits = n + n0, k + k0
    low, high = max(0, hits - n0), min(n, hits)
    if low == high:
        return 1.0
    share = hits / rows
    likeliest = (n + 1) * (hits + 1) // (rows + 2)
    width = int(_DEVIATIONS * np.sqrt(n * share * (1 - share) * (n0 / max(rows - 1, 1))) + _AT_LEAST)
    low, high = max(low, likeliest - width), min(high, likeliest + width)
    if not low <= k <= high:
        return 0.0
    at = np.arange(low, high, dtype=np.float64)
    factors = (hits - at) * (n - at) / ((at + 1) * (n0 - hits + at + 1))
    middle = likeliest - low
    below, above = np.cumprod(1 / factors[:middle][::-1])[::-1], np.cumprod(factors[middle:])
    weights = np.concatenate([below, [1.0], above])
    unlikely = weights <= weights[k - low] * (1 + _TIE)
    return float(min(1.0, weights[unlikely].sum() / weights.sum()))
