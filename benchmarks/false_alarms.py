"""Count the false alarms of the default rules, and of the usual fixed thresholds, on made traffic without drift.

Run: python benchmarks/false_alarms.py [--windows 400]. Seeded; under three minutes.

A model with ten numeric and five categorical features is judged day by day, each day against the 28 before it. A day
counts as an alarm where any subject alarms. "evidence" is what our rules would do without thresholds, by the adjusted
p alone. The fixed thresholds see the same counts in the same cells. The number after ≤ is the upper end of the exact
95 % interval. Days are

    random     every row by itself
    clustered  a third of the features move with a factor that the rows of a day share, AR(1) 0.6 from day to day, and
               the shares of the categories of two features vary from day to day

Then one feature of 15 is shifted on one day, and the share of such days that alarm is the power.
"""

import argparse
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from scipy import special

from mpm_elk.contract.keys import EVERYTHING, ModelKey
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import chance_per_look
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, Judgement, Known, monitors
from mpm_elk.timespan import DAY_MS

PROMISED = 0.1
"""False alarms a month, the default of `job.false_alarms_per_month`."""
WARM_UP = 84
MODEL = ModelKey("production", "benchmark")
VERSION = MODEL.version("1")
NUMERIC, CATEGORICAL, CATEGORIES = 10, 5, 8
NAMES = [f"c{at}" for at in range(CATEGORIES)]
SHARES = np.arange(CATEGORIES, 0, -1) / np.arange(1, CATEGORIES + 1).sum()
THRESHOLDS = {"PSI > 0.1": ("drift.psi", 0.1), "PSI > 0.2": ("drift.psi", 0.2), "JS > 0.1": ("drift.js", 0.1)}
LEVEL = chance_per_look(PROMISED, timedelta(days=1))
OURS, EVIDENCE = "mpm-elk", "evidence"
COLUMNS = (OURS, EVIDENCE, *THRESHOLDS)
SHIFTED = "features.x9"
"""The subject of planted shifts: one whose rows do not hang together."""


def make_cells(rng: np.random.Generator) -> CellSet:
    """Cut the cells of all features from 50,000 rows of training data."""
    numeric = {f"features.x{at}": cut_numeric(rng.normal(size=50_000), f"x{at}") for at in range(NUMERIC)}
    counts = dict(zip(NAMES, (SHARES * 50_000).astype(int).tolist(), strict=True))
    return CellSet(numeric | {f"features.k{at}": cut_categorical(counts, f"k{at}") for at in range(CATEGORICAL)})


def days(cells: CellSet, kind: str, rows: int, rng: np.random.Generator) -> Iterator[Profile]:
    """Make day after day of traffic."""
    factor = 0.0
    while True:
        factor = 0.6 * factor + 0.8 * rng.normal()
        yield day(cells, rows, rng, factor=0.3 * factor if kind == "clustered" else 0.0, wild=kind == "clustered")


def day(
    cells: CellSet, rows: int, rng: np.random.Generator, *, factor: float = 0.0, wild: bool = False, shift: float = 0.0
) -> Profile:
    """Make one day's counts; `shift` (sd) moves the planted feature."""
    subjects: dict[str, SubjectProfile] = {}
    for at, (name, own) in enumerate(cells.subjects.items()):
        missing = int(rng.binomial(rows, 0.01))
        if isinstance(own, NumericCells):
            moved = (factor if at % 3 == 0 and name != SHIFTED else 0.0) + (shift if name == SHIFTED else 0.0)
            values = rng.normal(moved, 1, rows - missing)
            subjects[name] = SubjectProfile(own.hash, own.count(values), missing, 0, Moments.of(values))
        elif isinstance(own, CategoricalCells):
            shares = rng.dirichlet(SHARES * 300) if wild and at >= NUMERIC + CATEGORICAL - 2 else SHARES
            drawn = rng.multinomial(rows - missing, shares).tolist()
            counts = own.count_terms(dict(zip(NAMES, drawn, strict=True)), rows - missing)
            subjects[name] = SubjectProfile(own.hash, counts, missing, 0)
    return Profile(rows, 0, Moments(), subjects)


def judge_of(cells: CellSet, profiles: list[Profile]) -> Judge:
    """Make the judge of the default daily rules on these days."""
    [monitor] = [monitor for monitor in monitors(DEFAULT_RULES) if monitor.length.days == 1]
    line = Timeline(20_000 * DAY_MS, DAY_MS, len(profiles))
    line.windows[VERSION, EVERYTHING] = [*profiles]
    return Judge(monitor, Known(MODEL, cells), line, Alarms(), PROMISED)


def crossed(judgements: list[Judgement]) -> set[str]:
    """Name the columns in which a day alarms."""
    found = {OURS} if any(j.status.alarming for j in judgements) else set()
    if any(j.p_adjusted is not None and j.p_adjusted <= LEVEL for j in judgements):
        found.add(EVIDENCE)
    for name, (metric, threshold) in THRESHOLDS.items():
        if any(j.measured.values.get(metric, 0.0) > threshold for j in judgements):
            found.add(name)
    return found


def false_alarms(cells: CellSet, kind: str, rows: int, windows: int, rng: np.random.Generator) -> dict[str, int]:
    """Count the alarm days of undrifted traffic."""
    traffic = days(cells, kind, rows, rng)
    judge = judge_of(cells, [next(traffic) for _ in range(WARM_UP + windows)])
    counts = dict.fromkeys(COLUMNS, 0)
    for at in range(WARM_UP, WARM_UP + windows):
        judgements = judge.judge(at)
        judge.alarms.note(judge.timeline.time(at)[0], judgements)
        for name in crossed(judgements):
            counts[name] += 1
    return counts


def power(
    cells: CellSet, kind: str, rows: int, shift: float, rng: np.random.Generator, *, trials: int
) -> dict[str, float]:
    """Give the share of days with a planted shift on which the shifted feature itself alarms."""
    traffic = days(cells, kind, rows, rng)
    past = [next(traffic) for _ in range(WARM_UP)]
    only = cells.only([SHIFTED, "features.x1", "features.k0"])
    counts = dict.fromkeys(COLUMNS, 0)
    for _ in range(trials):
        judgements = judge_of(only, [*past, day(cells, rows, rng, shift=shift)]).judge(WARM_UP)
        for name in crossed([j for j in judgements if j.key.subject == SHIFTED]):
            counts[name] += 1
    return {name: count / trials for name, count in counts.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    cells = make_cells(rng)
    header = f"{'':26}" + "".join(f"{name:>15}" for name in COLUMNS)
    print(f"Alarm days per model and month without drift, {arguments.windows} days; promised: {PROMISED:g}\n{header}")
    for kind, rows in (("random", 500), ("random", 5_000), ("clustered", 5_000)):
        found = false_alarms(cells, kind, rows, arguments.windows, rng)
        months = arguments.windows / 30
        limits = {name: float(special.chdtri(2 * count + 2, 0.025)) / 2 for name, count in found.items()}
        rates = (f"{count / months:8.2f} ≤{limits[name] / months:5.2f}" for name, count in found.items())
        print(f"{kind:12}{rows:8,} rows  " + "".join(rates), flush=True)
    print(f"\nShare of shifted days on which the shifted feature alarms\n{header}")
    for rows, shift in ((500, 0.3), (500, 0.5), (5_000, 0.1), (5_000, 0.3), (5_000, 0.4)):
        shares = power(cells, "random", rows, shift, rng, trials=40)
        print(f"{shift:g} sd{rows:12,} rows     " + "".join(f"{rate:15.2f}" for rate in shares.values()), flush=True)


if __name__ == "__main__":
    main()
