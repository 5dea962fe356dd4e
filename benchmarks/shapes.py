"""Measure in which shape Elasticsearch counts a day cheapest: how many subjects a search, what stands outside, what in.

    python -m benchmarks.shapes [--events 1000000] [--rounds 3]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. A day of events with 30 features (`planted.py`) is
counted hour by hour, in all shapes in turn; the first turn of all is not counted. Prints Elasticsearch's CPU (the least
and the median) and the client's. A node tells its CPU in steps of 10 ms, and uses some of it for itself.
"""

import argparse
import copy
import secrets
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import node_cpu, settle
from benchmarks.stored_day import HOURS_OF_DAY, Subject, delete, prepare
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.cluster.setup import install
from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.roles import ROLES
from mpm_elk.profiles.cells import CellSet, NumericCells
from mpm_elk.profiles.requests import hours_query, subject_requests
from mpm_elk.timespan import HOUR_MS

Body = dict[str, Any]
_AT_ONCE = 8
GROUPS = (1, 2, 3, 4, 6, 10)


def bodies(version: VersionKey, cells: CellSet, width: int) -> list[Body]:
    """Ask for the cells of so many subjects a search, in the aggregations of the roll-up."""
    events = dict.fromkeys(HOURS_OF_DAY, 100_000)
    single = [subject_requests(version, events, cells.only([name]))[0].body for name in cells.subjects]
    return [_joined(single[at : at + width]) for at in range(0, len(single), width)]


def _joined(some: Sequence[Body]) -> Body:
    whole = copy.deepcopy(some[0])
    inner = {f"{at}_{name}": a for at, body in enumerate(some) for name, a in body["aggs"]["hour"]["aggs"].items()}
    whole["aggs"]["hour"]["aggs"] = inner
    return whole


def an_hour_each(version: VersionKey, some: Sequence[Body]) -> list[Body]:
    """Ask for each hour by a search of its own."""
    queries = [hours_query(version, [hour], succeeded=True) for hour in HOURS_OF_DAY]
    return [{**body, "query": query, "aggs": body["aggs"]["hour"]["aggs"]} for body in some for query in queries]


def outside(some: Sequence[Body]) -> list[Body]:
    """Put filters for the hours outside, in place of a date histogram."""
    hours = {
        str(hour): {"range": {"@timestamp": {"gte": hour, "lt": hour + HOUR_MS, "format": "epoch_millis"}}}
        for hour in HOURS_OF_DAY
    }
    found = []
    for body in some:
        aggregations = {"hour": {"filters": {"filters": hours}, "aggs": body["aggs"]["hour"]["aggs"]}}
        found.append({**body, "aggs": aggregations})
    return found


def without(some: Sequence[Body], kind: str) -> list[Body]:
    """Leave out the aggregations of a kind."""
    found = copy.deepcopy(list(some))
    for body in found:
        inner = body["aggs"]["hour"]["aggs"]
        body["aggs"]["hour"]["aggs"] = {name: a for name, a in inner.items() if kind not in a}
    return found


def shapes(version: VersionKey, cells: CellSet) -> dict[str, list[Body]]:
    """List what is measured."""
    numeric = CellSet({name: entry for name, entry in cells.subjects.items() if isinstance(entry, NumericCells)})
    others = cells.only([name for name in cells.subjects if name not in numeric.subjects])
    usual, numbers, categories = (bodies(version, some, 3) for some in (cells, numeric, others))
    return {
        **{f"groups of {width}": bodies(version, cells, width) for width in GROUPS},
        "groups of 3, filters outside": outside(usual),
        "groups of 3, a search an hour": an_hour_each(version, usual),
        "groups of 3, numbers only": numbers,
        "groups of 3, numbers only, without moments": without(numbers, "extended_stats"),
        "groups of 3, numbers only, without cells": without(numbers, "range"),
        "groups of 3, categories only": categories,
    }


def measure(
    run: Callable[[list[Body]], None], cpu: Callable[[], float], some: Mapping[str, list[Body]], rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Let the shapes take turns: shape → CPU of Elasticsearch and of the client (s), round by round."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for turn in range(rounds + 1):
        for name, searches in some.items():
            before, client = cpu(), time.process_time()
            run(searches)
            client = time.process_time() - client
            if turn:
                found[name].append((cpu() - before, client))
            else:
                cpu()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with dev.elasticsearch(roles=ROLES) as node, tempfile.TemporaryDirectory() as folder:
        admin = connect(node.settings("admin"))
        install(admin)
        subject = Subject(node.settings("job"), ModelKey("production", f"benchmark-{secrets.token_hex(4)}"))
        job = connect(subject.settings)

        def run(searches: list[Body]) -> None:
            for at in range(0, len(searches), _AT_ONCE):
                search_all(job, [Search(subject.index, body) for body in searches[at : at + _AT_ONCE]])

        try:
            cells = prepare(admin, subject, arguments.events, 100_000, Path(folder))
            settle(admin)
            found = measure(run, lambda: node_cpu(admin), shapes(subject.model.version("1"), cells), arguments.rounds)
        finally:
            delete(admin, subject.model)
    rows = []
    for name, costs in found.items():
        nodes, clients = zip(*costs, strict=True)
        rows.append([name, *(f"{x:.2f}" for x in (min(nodes), statistics.median(nodes), statistics.median(clients)))])
    print(markdown(["", "Elasticsearch CPU s, least", "median", "client CPU s"], rows))


if __name__ == "__main__":
    main()
