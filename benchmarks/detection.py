"""Measure false alarms and power: ours, those of peers with their defaults, and those of fixed rules of thumb.

    python -m benchmarks.detection [--methods ours,fixed,nannyml,…] [--scale 1] [--peers FOLDER] [--json FILE]

Seeded. Windows of 10,000 rows of 30 features (`planted.py`) are compared with references of 100,000 rows, 20 draws of
them. Measured are

    undrifted   the share of windows without drift in which any feature alarms
    clustered   the same where features hang together by the hour
    month       how many hours of a month alarm when 1,000 rows are looked at every hour, without drift
    power       the share of windows with a planted drift in which a drifted feature (or the whole) alarms

Ours learns the dispersion from the windows before, as the job does (`judged.py`). Peers run in an environment of their
own, which is made in `.venv-peers` (or FOLDER) where there is none. All together takes hours of one core, so what is
slow is asked less often (`SIZES`); the intervals say what that costs. `--methods` runs a part, `--json` adds its
results to a file of results, and the tables are made of all that the file holds.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.fixed_rules import FixedRules
from benchmarks.judged import Judged
from benchmarks.peers.host import ENVIRONMENT, Peer, environment
from benchmarks.planted import DRIFTS, FEATURES, HOURS, Table, Traffic
from benchmarks.tables import Share, markdown
from mpm_elk.rules.judgement import HISTORY

REFERENCE, WINDOW, HOURLY = 100_000, 10_000, 1_000
DAYS = REFERENCE // WINDOW
LOOKS_A_MONTH = 30 * 24
OURS, FIXED = "ours", "fixed"
UNDRIFTED, CLUSTERED, MONTH, POWER = "undrifted", "clustered", "month", "power"


class Detector(Protocol):
    """What says which features of a window have drifted."""

    def learn(self, reference: Table, history: Iterable[Table]) -> None:
        """Take a reference, and what was seen since."""

    def alarms(
        self, window: Table, *, keep: bool = False, only: tuple[str, ...] | None = None
    ) -> Mapping[str, set[str]]:
        """Name the features that alarm, by column; `only` some need be looked at, and `keep` says to remember it."""


@dataclass(frozen=True)
class Sizes:
    """How much a method is asked: draws of the reference, and windows a draw of each kind."""

    undrifted: tuple[int, int] = (20, 100)
    clustered: tuple[int, int] = (10, 30)
    month: tuple[int, int] = (10, LOOKS_A_MONTH)
    power: tuple[int, int] = (20, 2)


SIZES = {
    OURS: Sizes(),
    FIXED: Sizes(month=(10, 100)),
    "nannyml": Sizes(month=(10, 100)),
    "alibi_detect": Sizes(undrifted=(20, 25), clustered=(10, 10), month=(10, 25), power=(20, 1)),
    "whylogs": Sizes(undrifted=(20, 10), clustered=(10, 5), month=(10, 10), power=(20, 1)),
    "evidently": Sizes(undrifted=(20, 3), clustered=(10, 3), month=(10, 3), power=(20, 1)),
}


@dataclass
class Results:
    """Shares by measure and column; drifts are measures too. What a file holds gives way to what is measured anew."""

    file: Path | None = None
    shares: dict[str, dict[str, Share]] = field(default_factory=lambda: defaultdict(dict))
    _new: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.file and self.file.exists():
            for measure, columns in json.loads(self.file.read_text()).items():
                self.shares[measure] = {column: Share(*numbers) for column, numbers in columns.items()}

    def note(self, measure: str, column: str, *, hit: bool) -> None:
        """Count one window."""
        known = self.shares[measure].get(column, Share()) if (measure, column) in self._new else Share()
        self._new.add((measure, column))
        self.shares[measure][column] = known + Share(int(hit), 1)

    def save(self, done: str) -> None:
        """Write what is known so far to the file, and say what is done."""
        print(done, file=sys.stderr, flush=True)
        if self.file:
            shares = {m: {c: [s.hits, s.of] for c, s in columns.items()} for m, columns in self.shares.items()}
            self.file.write_text(json.dumps(shares))


def traffic_of(seed: int, draw: int, measure: str) -> Traffic:
    """Make the traffic of one draw: the same for every method."""
    kind = (UNDRIFTED, CLUSTERED, MONTH).index(measure)
    return Traffic(np.random.default_rng([seed, kind, draw]), clustered=measure == CLUSTERED)


def false_alarms(detector: Detector, measure: str, size: tuple[int, int], seed: int, results: Results) -> None:
    """Look at windows without drift."""
    draws, windows = size
    rows, hours = (HOURLY, 1) if measure == MONTH else (WINDOW, HOURS)
    for draw in range(draws):
        traffic = traffic_of(seed, draw, measure)
        history = _learn(detector, traffic, rows, hours)
        for window in islice(history, windows):
            for column, alarms in detector.alarms(window, keep=True).items():
                results.note(measure, column, hit=bool(alarms))
        results.save(f"{measure}, draw {draw + 1} of {draws}")


def power(detector: Detector, size: tuple[int, int], seed: int, results: Results) -> None:
    """Look at windows with a planted drift."""
    draws, trials = size
    for draw in range(draws):
        traffic = traffic_of(seed + 1, draw, UNDRIFTED)
        windows = _learn(detector, traffic, WINDOW, HOURS)
        for drift in DRIFTS:
            for window in islice(windows, trials):
                found = detector.alarms(drift.change(window, traffic.rng), only=drift.features)
                for column, alarms in found.items():
                    # An alarm about another feature is no detection; one about the whole is.
                    hit = bool(alarms - (set(FEATURES) - set(drift.features)))
                    results.note(drift.name, column, hit=hit)
        results.save(f"power, draw {draw + 1} of {draws}")


def _learn(detector: Detector, traffic: Traffic, rows: int, hours: int) -> Iterator[Table]:
    """Give the detector a reference and the windows after it; returns those after them, the same for every method."""
    reference = traffic.draw(REFERENCE, DAYS * HOURS)
    history = islice(traffic.windows(rows, hours), HISTORY)
    detector.learn(reference, history)
    for _ in history:
        pass  # what the detector did not take
    return traffic.windows(rows, hours)


@contextmanager
def started(method: str, measure: str, peers: Path) -> Iterator[Detector]:
    """Start a method for a measure."""
    if method == OURS:
        yield Judged(timedelta(hours=1)) if measure == MONTH else Judged()
    elif method == FIXED:
        yield FixedRules()
    else:
        with Peer(environment(peers), method, HOURLY if measure == MONTH else WINDOW) as peer:
            yield peer


def measure_method(method: str, measures: str, results: Results, *, scale: float, seed: int, peers: Path) -> None:
    """Measure one method; `measures` are names with commas between."""
    for measure in measures.split(","):
        print(f"{method}: {measure}", file=sys.stderr)
        draws, windows = getattr(SIZES[method], measure)
        size = max(1, round(scale * draws)), windows
        with started(method, measure, peers) as detector:
            if measure == POWER:
                power(detector, size, seed, results)
            else:
                false_alarms(detector, measure, size, seed, results)


def tables(results: Results) -> str:
    """Write the results in Markdown."""
    columns = list(dict.fromkeys(column for measure in results.shares.values() for column in measure))

    def share(measure: str, column: str) -> Share:
        return results.shares.get(measure, {}).get(column, Share())

    lines = []
    for column in columns:
        powers = [share(drift.name, column).value for drift in DRIFTS]
        known = [share(measure, column).text() for measure in (UNDRIFTED, CLUSTERED)]
        lines.append([column, *known, _a_month(share(MONTH, column)), _plain(float(np.mean(powers)))])
    header = [
        "",
        "undrifted windows that alarm",
        "clustered windows that alarm",
        "alarming hours a month",
        "mean power",
    ]
    drifts = [[drift.name, *(_plain(share(drift.name, column).value) for column in columns)] for drift in DRIFTS]
    trials = ["windows each", *(str(share(DRIFTS[0].name, column).of) for column in columns)]
    return f"{markdown(header, lines)}\n\n{markdown(['power', *columns], [*drifts, trials])}\n"


def _plain(share: float) -> str:
    return "–" if np.isnan(share) else f"{share:.2f}"


def _a_month(looks: Share) -> str:
    """Write how many of a month's looks alarm, with the interval, and how many there were."""
    if not looks.of:
        return "–"
    number, low, high = (f"{LOOKS_A_MONTH * share:.3g}" for share in (looks.value, *looks.interval()))
    return f"{number} ({low}–{high}; {looks.of:,})"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(SIZES), help=f"of {', '.join(SIZES)}")
    parser.add_argument("--measures", default=",".join((UNDRIFTED, POWER, CLUSTERED, MONTH)))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the draws of the reference")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--peers", type=Path, default=ENVIRONMENT, help="folder of the peers' virtual environment")
    parser.add_argument("--json", type=Path, help="file of results to add to")
    arguments = parser.parse_args()
    results = Results(arguments.json)
    for method in filter(None, arguments.methods.split(",")):
        how = {"scale": arguments.scale, "seed": arguments.seed, "peers": arguments.peers}
        measure_method(method, arguments.measures, results, **how)
    print(tables(results))


if __name__ == "__main__":
    main()
