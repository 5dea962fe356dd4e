"""Measure the false alarms of the latency test, on made durations without a slow-down.

Run: python benchmarks/latency.py [--windows 25000]. Seeded; some minutes. The table in `mpm_elk/metrics/latency.py`
comes from here.

Each window is compared with the rolling 28 days before it (days of 5,000 events), or 7 days (hours of 200 events); what
is usual comes from the 56 windows before. All durations of a window share a factor:

    steady     none
    loads      lognormal, σ = 0.2, each window by itself
    queues     AR(1) 0.9 from window to window, σ = 0.2
    storms     AR(1) 0.7 with Student t(4) innovations, σ = 0.2

Single durations are lognormal (σ = 1 or 2), or Pareto (α = 1.8 without a variance, 1.2 nearly without a mean).
"""

import argparse
from collections.abc import Callable

import numpy as np

from mpm_elk.metrics import Floats
from mpm_elk.metrics.latency import slower
from mpm_elk.metrics.moments import moments

HISTORY, SERIES = 56, 500
WARNING = 1.5
LOOKS = {"day": (28, 5_000, (0.01, 0.0005)), "hour": (168, 200, (0.001, 0.000025))}
"""Windows of a reference, events of a window, and levels: of a test, and of one of three tests that share a look."""

_CORRELATION = {"queues": 0.9, "storms": 0.7}

DURATIONS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "lognormal 1": lambda rng, n: np.exp(rng.standard_normal(n)),
    "lognormal 2": lambda rng, n: np.exp(2 * rng.standard_normal(n)),
    "Pareto 1.8": lambda rng, n: rng.pareto(1.8, n) + 1,
    "Pareto 1.2": lambda rng, n: rng.pareto(1.2, n) + 1,
}


def factors(kind: str, windows: int, rng: np.random.Generator) -> Floats:
    """Make what the durations of each window have in common, (windows,)."""
    if kind == "steady":
        return np.ones(windows)
    shocks = rng.standard_t(4, windows) / np.sqrt(2) if kind == "storms" else rng.standard_normal(windows)
    correlation = _CORRELATION.get(kind, 0.0)
    state = shocks.copy()
    for at in range(1, windows):
        state[at] = correlation * state[at - 1] + np.sqrt(1 - correlation**2) * shocks[at]
    return np.exp(0.2 * state)


def sums(kind: str, durations: str, windows: int, events: int, rng: np.random.Generator) -> Floats:
    """Make sum and sum of squares of each window's durations, (2, windows)."""
    found = np.empty((2, windows))
    for at, factor in enumerate(factors(kind, windows, rng)):
        values = factor * DURATIONS[durations](rng, events)
        found[:, at] = values.sum(), np.square(values).sum()
    return found


def looks(found: Floats, width: int, events: int) -> tuple[Floats, Floats]:
    """Give p and ratio of every window that has a reference of `width` windows and a whole history."""
    total, squares = found
    added = np.concatenate([[0.0], total.cumsum()])
    reference = (added[width:-1] - added[: -width - 1]) / (width * events)
    means, own = total[width:] / events, moments(np.array(float(events)), total[width:], squares[width:])
    errors = np.sqrt(own.variance / events) / own.mean
    pairs = []
    for at in range(HISTORY, len(means)):
        rows = slice(at - HISTORY, at + 1)
        one = slower(means[rows], reference[rows], errors[at])
        pairs.append((float(one.p), float(one.ratio)))
    p, ratio = np.array(pairs).T
    return p, ratio


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    for look, (width, events, levels) in LOOKS.items():
        print(f"{look}: false alarms in % at p < {levels[0]:g} | {levels[1]:g} | the latter and ratio ≥ {WARNING}")
        for kind in ("steady", "loads", "queues", "storms"):
            for durations in DURATIONS:
                series = [
                    looks(sums(kind, durations, SERIES + width + HISTORY, events, rng), width, events)
                    for _ in range(-(-arguments.windows // SERIES))
                ]
                p, ratio = (np.concatenate(part) for part in zip(*series, strict=True))
                slow = (p < levels[1]) & (ratio >= WARNING)
                shares = " | ".join(f"{100 * hit.mean():.3f}" for hit in (p < levels[0], p < levels[1], slow))
                print(f"{kind:8}{durations:12} {shares}", flush=True)


if __name__ == "__main__":
    main()
