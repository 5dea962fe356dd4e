"""Measure the false alarms of p-values under overdispersion, on made traffic without drift.

Run: python benchmarks/dispersion.py [--series 1500]. Seeded; well under a minute. The table in
`mpm_elk/metrics/dispersion.py` comes from here.

Each series is 124 days of 10,000 rows in 20 cells. A day is compared with the 28 days before it; its p-value
uses the ratios of the W days before it. What varies is how the rows of a day hang together:

    random     each row by itself
    sessions   Dirichlet-multinomial: small groups of like rows, φ ≈ 6
    weather    one factor moves all rows of the day, AR(1) 0.6 from day to day
    seasons    four such factors
    storms     two such factors with Student t(4) innovations
"""

import argparse

import numpy as np
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.metrics.dispersion import estimate, tail
from mpm_elk.metrics.homogeneity import KS_DF, chi2, ks
from mpm_elk.metrics.moments import mean_shift, moments

CELLS, DAYS, ROWS, REFERENCE_DAYS, LONGEST_HISTORY = 20, 124, 10_000, 28, 56
LEVELS = (0.01 / 11, 0.001, 0.01)
LAWS = ("chi2", "phi", "gamma", "F", "here")


def traffic(kind: str, series: int, rng: np.random.Generator) -> Floats:
    """Make cell counts (series, days, cells)."""
    flat = np.full(CELLS, 1 / CELLS)
    if kind == "random":
        shares = np.broadcast_to(flat, (series, DAYS, CELLS))
    elif kind == "sessions":
        shares = rng.dirichlet(flat * 2_000, size=(series, DAYS))
    else:
        factors = {"weather": 1, "seasons": 4, "storms": 2}[kind]
        size = (series, DAYS, factors)
        shocks = rng.standard_t(4, size) / np.sqrt(2) if kind == "storms" else rng.standard_normal(size)
        state = shocks.copy()
        for day in range(1, DAYS):
            state[:, day] = 0.6 * state[:, day - 1] + 0.8 * shocks[:, day]
        x = np.linspace(-1.5, 1.5, CELLS)
        loads = 0.15 * np.stack([x, x**2 - 1, np.sin(3 * x), np.cos(5 * x)])[:factors]
        weights = np.exp(state @ loads)
        shares = weights / weights.sum(axis=-1, keepdims=True)
    return rng.multinomial(ROWS, shares).astype(np.float64)


def ratios(counts: Floats) -> dict[str, tuple[Floats, float]]:
    """Give χ²/df, z² and scaled KS² of each day (series, days) against the rolling days before, with their df."""
    sums = np.concatenate([np.zeros_like(counts[:, :1]), counts.cumsum(axis=1)], axis=1)
    window, reference = counts[:, REFERENCE_DAYS:], sums[:, REFERENCE_DAYS:-1] - sums[:, : -REFERENCE_DAYS - 1]
    value = np.arange(CELLS, dtype=np.float64)
    own, other = (moments(side.sum(axis=-1), side @ value, side @ value**2) for side in (window, reference))
    return {
        "chi2": (chi2(window, reference).ratio, CELLS - 1.0),
        "z": (mean_shift(own, other).ratio, 1.0),
        "ks": (ks(window, reference).ratio, KS_DF),
    }


def p_values(now: Floats, past: Floats, df: float) -> dict[str, Floats]:
    """Give a day's p-values by each law, from its ratio and those of the days before."""
    known = estimate(past, df)
    shape = 2 * known.mean**2 / known.variance
    return {
        "chi2": tail(now, df),
        "phi": np.asarray(special.chdtrc(df, now * df / known.mean), dtype=np.float64),
        "gamma": np.asarray(special.chdtrc(shape, now * shape / known.mean), dtype=np.float64),
        "F": np.asarray(special.fdtrc(shape, known.windows * shape, now / known.mean), dtype=np.float64),
        "here": tail(now, df, known),
    }


def false_alarms(series: Floats, df: float, history: int) -> dict[str, list[float]]:
    """Give the share of alarms in % at each level, by law."""
    days = range(LONGEST_HISTORY, series.shape[1])
    found: dict[str, list[Floats]] = {law: [] for law in LAWS}
    for day in days:
        for law, p in p_values(series[:, day], series[:, day - history : day], df).items():
            found[law].append(p)
    return {law: [100 * float((np.stack(ps) < level).mean()) for level in LEVELS] for law, ps in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    print("false alarms in % at p < " + " | ".join(f"{level:.5f}" for level in LEVELS))
    for kind in ("random", "sessions", "weather", "seasons", "storms"):
        for test, (series, df) in ratios(traffic(kind, arguments.series, rng)).items():
            for history in (28, 56):
                alarms = false_alarms(series, df, history)
                cells = "  ".join(f"{law} " + "|".join(f"{a:.3f}" for a in alarms[law]) for law in LAWS)
                print(f"{kind:9}{test:5} W={history}  {cells}")


if __name__ == "__main__":
    main()
