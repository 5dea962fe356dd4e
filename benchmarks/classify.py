"""Count the false alarms of telling windows apart by a classifier, and what finding a drift takes.

    python -m benchmarks.classify [--runs 300] [--days 40] [--rows 500]

*Random rows*: both sides are drawn from one distribution of ten features. A ring is cross-validation as usual, each
fold scored by a classifier that has learnt from all others; a chain is what mpm-elk does. Both with DeLong's variance.
*Clustered*: days of 24 hours whose rows share the weather of hour and day, each day told apart from the 28 before: with
rows dealt into folds one by one, by the hour, and beside 14 days of the past. *Drift*: correlations that are lost, a
mean that moves. Prints what share of runs without drift has p below 0.05 and 0.01, and the power.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.tables import markdown
from mpm_elk.metrics import Floats
from mpm_elk.metrics.auc import Auc, auc, mean
from mpm_elk.metrics.classifier import TREES, Told, tell_apart
from mpm_elk.metrics.classifier_rows import FOLDS, prepare
from mpm_elk.metrics.told_apart import HISTORY, ToldApart
from mpm_elk.profiles.rows import Rows
from mpm_elk.rules.classification import without
from mpm_elk.timespan import DAY_MS, HOUR_MS

FEATURES = 10
DAYS_BEFORE = 28


def random_rows(rng: np.random.Generator, size: int, *, correlation: float = 0.0, shift: float = 0.0) -> Rows:
    """Draw rows of independent normal features; `x0` and `x1` may hang together, `x2` may be shifted."""
    values = rng.normal(size=(size, FEATURES))
    values[:, 1] = correlation * values[:, 0] + (1 - correlation**2) ** 0.5 * values[:, 1]
    values[:, 2] += shift
    return Rows(size, {f"x{at}": values[:, at] for at in range(FEATURES)})


def clustered_day(rng: np.random.Generator, day: int, size: int) -> Rows:
    """Draw a day: two features share much of the hour's and the day's weather, the others are each row's own."""
    hours = np.sort(rng.integers(0, 24, size))
    values = rng.normal(size=(size, FEATURES))
    for at in range(2):
        values[:, at] += rng.normal(0, 0.5) + rng.normal(0, 0.7, 24)[hours]
    return Rows(size, {f"x{at}": values[:, at] for at in range(FEATURES)}, {}, (day * 24 + hours) * HOUR_MS)


def joined(days: Sequence[Rows], size: int, rng: np.random.Generator) -> Rows:
    """Take so many rows of several days."""
    names = days[0].numbers
    whole = Rows(
        sum(day.size for day in days),
        {name: np.concatenate([day.numbers[name] for day in days]) for name in names},
        {},
        np.concatenate([day.hours for day in days if day.hours is not None]),
    )
    return whole.take(rng.permutation(whole.size) < size)


def ring(window: Rows, reference: Rows) -> Auc:
    """Cross-validate as usual."""
    sides = prepare(window, reference)
    parts, sizes = [], []
    for fold in range(FOLDS):
        known: list[Floats] = [sides.window[sides.window_folds != fold], sides.reference[sides.reference_folds != fold]]
        model = HistGradientBoostingClassifier(**TREES)
        model.fit(np.concatenate(known), np.repeat([1, 0], [len(side) for side in known]))
        tested = sides.window[sides.window_folds == fold], sides.reference[sides.reference_folds == fold]
        first, second = (model.decision_function(rows) for rows in tested)
        parts.append(auc(first, second))
        sizes.append((len(first), len(second)))
    return mean(parts, sizes)


def chain(window: Rows, reference: Rows) -> Auc:
    """Tell apart as mpm-elk does."""
    told = tell_apart(window, reference, explain=False)
    if told is None:
        raise ValueError("too few rows")
    return told.found


def without_drift(runs: int, size: int) -> list[list[str]]:
    """Count alarms of random rows."""
    lines = []
    for name, way in (("ring", ring), ("chain", chain)):
        rng = np.random.default_rng(1)
        found = [way(random_rows(rng, size), random_rows(rng, size)) for _ in range(runs)]
        strays = np.array([(one.value - 0.5) / one.null_variance**0.5 for one in found])
        covered = np.mean([one.limits()[0] <= 0.5 <= one.limits()[1] for one in found])
        p = np.array([one.p for one in found])
        lines.append([f"random rows, {name}", f"{strays.std():.2f}", *_shares(p), f"{covered:.1%}"])
        print(*lines[-1], sep="\t", flush=True)
    return lines


def _shares(p: Floats) -> list[str]:
    return [f"{(p < level).mean():.1%}" for level in (0.05, 0.01)]


def clustered(days: int, size: int) -> list[list[str]]:
    """Count alarms of days that share their weather."""
    rng = np.random.default_rng(2)
    made = [clustered_day(rng, day, size) for day in range(DAYS_BEFORE + days)]
    found: dict[str, list[float]] = {}
    values: dict[str, list[float]] = {}
    for at in range(DAYS_BEFORE, len(made)):
        window, before = made[at], made[at - DAYS_BEFORE : at]
        reference = joined(before, size, rng)
        for name, as_dealt in (("rows", _without_hours), ("hours", lambda rows: rows)):
            told = Told(chain(as_dealt(window), as_dealt(reference)), name == "hours")
            past = [chain(as_dealt(day), as_dealt(_others(reference, day))).value for day in before[-HISTORY:]]
            both = ToldApart(told).p_rows, ToldApart(told, tuple(past)).p or 0.0
            for way, p in zip(("", f", beside {HISTORY} past days"), both, strict=True):
                found.setdefault(f"clustered, folds by {name}{way}", []).append(p)
                values.setdefault(f"clustered, folds by {name}{way}", []).append(told.found.value)
    lines = [[name, f"AUC {np.mean(values[name]):.2f}", *_shares(np.array(p)), ""] for name, p in found.items()]
    for line in lines:
        print(*line, sep="\t", flush=True)
    return lines


def _without_hours(rows: Rows) -> Rows:
    return replace(rows, hours=None)


def _others(rows: Rows, day: Rows) -> Rows:
    """Leave the rows of a day out."""
    start = int(day.hours.min()) // DAY_MS * DAY_MS if day.hours is not None else 0
    return without(rows, (start, start + DAY_MS))


def power(sizes: Sequence[int], runs: int) -> list[list[str]]:
    """Count how often a drift is found."""
    drifts = {"correlation 0.6 → 0": {"correlation": 0.6}, "mean by 0.1 sd": {"shift": 0.1},
              "mean by 0.2 sd": {"shift": 0.2}}  # fmt: skip
    lines = []
    for size in sizes:
        for name, how in drifts.items():
            rng = np.random.default_rng(3)
            started = time.process_time()
            found = [tell_apart(random_rows(rng, size), random_rows(rng, size, **how)) for _ in range(runs)]
            spent = (time.process_time() - started) / runs
            known = [one for one in found if one is not None]
            wanted = {"x0", "x1"} if "correlation" in how else {"x2"}
            named = np.mean([wanted <= {i.feature for i in one.importance if i.sure} for one in known])
            values = np.mean([one.found.value for one in known])
            sure = np.mean([one.found.p < 0.001 for one in known])
            lines.append([f"{size:,}", name, f"{values:.3f}", f"{sure:.0%}", f"{named:.0%}", f"{spent:.1f}"])
            print(*lines[-1], sep="\t", flush=True)
    return lines


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--power-runs", type=int, default=20)
    given = parser.parse_args()
    with threadpool_limits(limits=1):
        lines = without_drift(given.runs, given.rows) + clustered(given.days, given.rows)
        drifts = power((1_000, 5_000), given.power_runs)
    head = ["way", "sd of z, or mean AUC", "p < 0.05", "p < 0.01", "95 % limits cover 0.5"]
    print(markdown(head, lines))
    print(markdown(["rows a side", "drift", "mean AUC", "p < 0.001", "culprits named", "CPU s"], drifts))


if __name__ == "__main__":
    main()
