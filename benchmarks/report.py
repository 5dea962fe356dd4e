"""Measure what a univariate report of 30 features costs: ours, peers with their defaults, and bare counting by duckdb.

    python -m benchmarks.report [--events 1000000] [--reference 100000] [--rounds 3] [--peers FOLDER]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. One day of events is compared with a reference
(`planted.py`):

    mpm-elk, stored profiles   reads the day's profile, those of 56 days before, and the baseline, and judges
    mpm-elk, rolled up first   first counts the day's 24 hours from its events in Elasticsearch and adds them up
    duckdb                     the same cells and moments of the same hours, from Parquet: only counting, no report
    peers                      read reference and day from Parquet, and make their report

Methods take turns, each round in a process of its own; imports are not counted. Prints medians: CPU of the client, CPU
of Elasticsearch, wall, peak memory of the client. The judging from stored profiles is done `REPEATED` times a round,
since Elasticsearch tells its CPU in steps. The profiles that are rolled up must be what duckdb counts.
"""

import argparse
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from benchmarks.counting_sql import counting_sql, read_counts
from benchmarks.judged import against_baseline
from benchmarks.memory import peak_mb
from benchmarks.peers.host import ENVIRONMENT, Peer, environment, versions
from benchmarks.stored_day import HOURS_OF_DAY, START, Subject, delete, prepare
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.contract.keys import EVERYTHING, ModelKey
from mpm_elk.contract.roles import ROLES
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.profiles.store import DAY, ProfileKey, Wanted, read
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.registry.store import load
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import HISTORY, Alarms, BaselineCounts, Known, monitors
from mpm_elk.timespan import DAY_MS, from_ms

REPEATED = 20
PEERS = {"evidently": "Evidently", "nannyml": "NannyML", "whylogs": "whylogs", "alibi_detect": "alibi-detect"}
STORED, ROLLED, DUCKDB = "mpm-elk, stored profiles", "mpm-elk, rolled up first", "duckdb, counting only"
_STATS_AGE = 1.1
"""A node takes its own numbers once a second."""


@dataclass(frozen=True)
class Cost:
    """CPU of the client and of Elasticsearch (s), wall (s), peak memory of the client (MB)."""

    client: float
    node: float
    wall: float
    memory: float

    @property
    def cpu(self) -> float:
        """All CPU."""
        return self.client + self.node


def report(client: Elasticsearch, subject: Subject, *, first_roll_up: bool) -> dict[int, Profile]:
    """Judge the day against its baseline, from profiles that are stored, or are made first; gives what was made."""
    model, version = subject.model, subject.model.version("1")
    entry = load(client, model)
    baseline = entry.newest_baseline
    if entry.cells is None or baseline is None:
        raise RuntimeError(entry)
    line = Timeline(START - HISTORY * DAY_MS, DAY_MS, HISTORY + 1)
    hourly: dict[int, Profile] = {}
    if first_roll_up:
        hourly = roll_up(client, subject.index, version, HOURS_OF_DAY, cells=entry.cells.cells).profiles[EVERYTHING]
        day = sum(hourly.values(), Profile())
        line.add([(ProfileKey(version, EVERYTHING, DAY, START), day)])
    line.add(read(client, model, Wanted(DAY, line.start, START + (0 if first_roll_up else DAY_MS), segments=False)))
    known = Known(model, entry.cells.cells, {"1": BaselineCounts(baseline.id, baseline.counts, {})})
    [monitor] = monitors(against_baseline(DEFAULT_RULES, from_ms(DAY_MS) - from_ms(0)))
    judgements = Judge(monitor, known, line, Alarms(), 0.1).judge(HISTORY)
    if len(judgements) != len(entry.cells.cells.subjects):
        raise RuntimeError(len(judgements))
    return hourly


def work(subject: Subject, *, first_roll_up: bool, times: int) -> tuple[Cost, dict[int, Any]]:
    """Make reports in this process; gives the cost of one, without Elasticsearch's part, and the profiles made."""
    before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    client = connect(subject.settings)
    for _ in range(times):
        hourly = report(client, subject, first_roll_up=first_roll_up)
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    made = {hour: profile.to_document() for hour, profile in hourly.items()}
    return Cost(cpu / times, 0.0, wall / times, peak_mb()), made


@dataclass
class Bench:
    """Everything that the methods work on."""

    admin: Elasticsearch
    subject: Subject
    cells: CellSet
    folder: Path
    python: Path

    def ours(self, *, first_roll_up: bool, times: int = 1) -> tuple[Cost, dict[int, Profile]]:
        """Measure ours, with what Elasticsearch does for it. Its cache of answers is emptied."""
        self.admin.indices.clear_cache(index="mpm-*", request=True)
        before = node_cpu(self.admin)
        with get_context("spawn").Pool(1) as pool:
            cost, made = pool.apply(work, (self.subject,), {"first_roll_up": first_roll_up, "times": times})
        used = (node_cpu(self.admin) - before) / times
        hourly = {hour: Profile.from_document(document) for hour, document in made.items()}
        return Cost(cost.client, used, cost.wall, cost.memory), hourly

    def peer(self, module: str) -> Cost:
        """Measure a peer."""
        with Peer(self.python, module, None) as peer:
            peer.learn_file(self.folder / "reference.parquet")
            first = peer.cost
            peer.alarms_file(self.folder / "day.parquet")
            second = peer.cost
        return Cost(first["cpu"] + second["cpu"], 0.0, first["wall"] + second["wall"], second["memory"])

    def duckdb(self) -> tuple[Cost, dict[int, Profile]]:
        """Measure the counting of the same cells."""
        columns = {name: name.removeprefix("features.") for name in self.cells.subjects}
        with Peer(self.python, "duckdb", None) as peer:
            rows = peer.query(counting_sql(self.folder / "timed.parquet", self.cells, columns))
            cost = peer.cost
        return Cost(cost["cpu"], 0.0, cost["wall"], cost["memory"]), dict(read_counts(row, self.cells) for row in rows)


def node_cpu(client: Elasticsearch) -> float:
    """Give the CPU that Elasticsearch has used (s)."""
    time.sleep(_STATS_AGE)
    nodes = client.nodes.stats(metric="process")["nodes"]
    return float(sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values()) / 1000)


def settle(client: Elasticsearch) -> float:
    """Wait until Elasticsearch has no more to do with what was stored; gives what it uses idle (s of CPU a second)."""
    idle = float("inf")
    for _ in range(60):
        before, began = node_cpu(client), time.perf_counter()
        time.sleep(4)
        used = (node_cpu(client) - before) / (time.perf_counter() - began)
        merging = client.nodes.stats(metric="indices", index_metric="merge")["nodes"]
        if used < 0.1 and not any(node["indices"]["merges"]["current"] for node in merging.values()):
            return used
        idle = used
    print("Elasticsearch does not come to rest", file=sys.stderr)
    return idle


def same(first: dict[int, Profile], second: dict[int, Profile]) -> bool:
    """Tell whether two counts of the same hours agree, in every cell."""
    return first.keys() == second.keys() and all(
        profile.subjects.keys() == second[hour].subjects.keys()
        and all(
            np.array_equal(own.cells, second[hour].subjects[name].cells)
            and own.missing == second[hour].subjects[name].missing
            for name, own in profile.subjects.items()
        )
        for hour, profile in first.items()
    )


def measure(bench: Bench, rounds: int, peers: list[str]) -> dict[str, list[Cost]]:
    """Let the methods take turns. The first round of all is not counted: Elasticsearch compiles what it runs often."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    for turn in range(rounds + 1):
        found: dict[str, Cost] = {}
        found[ROLLED], rolled = bench.ours(first_roll_up=True)
        found[DUCKDB], counted = bench.duckdb()
        if not same(rolled, counted):
            message = "Elasticsearch and duckdb count differently"
            raise RuntimeError(message)
        found[STORED], _ = bench.ours(first_roll_up=False, times=REPEATED)
        work: dict[str, Callable[[], Cost]] = {PEERS[name]: lambda name=name: bench.peer(name) for name in peers}  # type: ignore[misc]
        found |= {name: run() for name, run in work.items()} if turn else {}
        for name, cost in found.items():
            print(f"round {turn}: {name}: {cost}", file=sys.stderr, flush=True)
            if turn:
                costs[name].append(cost)
    return costs


def table(costs: dict[str, list[Cost]]) -> str:
    """Write the medians, and how many times ours each CPU is."""
    medians = {
        name: Cost(
            *(statistics.median(getattr(c, field) for c in some) for field in ("client", "node", "wall", "memory"))
        )
        for name, some in costs.items()
    }
    rows = []
    for name, cost in medians.items():
        ratios = (f"{cost.cpu / medians[ours].cpu:.2g} ×" for ours in (STORED, ROLLED))
        node = f"{cost.node:.2f}" if name in (STORED, ROLLED) else "–"
        rows.append([name, f"{cost.client:.2f}", node, f"{cost.wall:.2f}", f"{cost.memory:.0f}", *ratios])
    header = ["", "client CPU s", "Elasticsearch CPU s", "wall s", "peak MB", "CPU / stored", "CPU / rolled up"]
    return markdown(header, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--reference", type=int, default=100_000, help="rows of the reference")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(PEERS), help="peers to measure beside")
    parser.add_argument("--peers", type=Path, default=ENVIRONMENT, help="folder of the peers' virtual environment")
    arguments = parser.parse_args()
    python = environment(arguments.peers)
    with dev.elasticsearch(roles=ROLES) as node, tempfile.TemporaryDirectory() as name:
        admin = connect(node.settings("admin"))
        install(admin)
        model = ModelKey("production", f"benchmark-{secrets.token_hex(4)}")
        subject, folder = Subject(node.settings("job"), model), Path(name)
        try:
            cells = prepare(admin, subject, arguments.events, arguments.reference, folder)
            print(f"Elasticsearch idle uses {settle(admin):.3f} s of CPU a second", file=sys.stderr)
            bench = Bench(admin, subject, cells, folder, python)
            costs = measure(bench, arguments.rounds, list(filter(None, arguments.methods.split(","))))
            print(table(costs))
            print(versions(python, ("evidently", "nannyml", "whylogs", "alibi-detect", "duckdb", "pandas", "numpy")))
        finally:
            delete(admin, model)


if __name__ == "__main__":
    main()
