"""Measure what the dashboards cost on 100 models × a year of documents.

    python -m benchmarks.dashboards [--models 100] [--days 365] [--rounds 3] [--node NAME] [--keep] [--no-load]

Starts a node of its own (`--heap`), and fills it (`fleet.py`): metrics, counts, alerts with all that happened to them,
runs of every hour, and quarantine. Then the searches of each dashboard are sent together, as a reader: over the time
that it shows when it is opened, and over the whole year; where it is about one model, of one, too. Before each,
Elasticsearch's caches are cleared; `cold` is also after a restart of the node, with its files dropped from the page
cache. Nothing is answered from the request cache. Prints wall time, the node's CPU with what it does by itself in a
second, what Elasticsearch says the slowest panel took, and the most buckets of a panel; with `--panels` each panel.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from elasticsearch import Elasticsearch

from benchmarks import fleet
from benchmarks.fleet_load import load
from benchmarks.report import node_cpu, settle
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.dev.state import Folder
from mpm_elk.cluster.setup import install
from mpm_elk.contract.roles import ROLES
from mpm_elk.timespan import DAY_MS, milliseconds, parse_span
from mpm_elk.views.dashboards.preview.draw import ask
from mpm_elk.views.dashboards.requests import Scope, buckets
from mpm_elk.views.dashboards.saved import Bundle, Dashboard

NODE = "benchmark-dashboards"
LIMIT_S = 2.0


@dataclass
class Case:
    """A dashboard over a time: of all models or one; and what each round took (s)."""

    dashboard: Dashboard
    span: str
    scope: Scope
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    took: dict[str, int] = field(default_factory=dict)
    buckets: dict[str, int] = field(default_factory=dict)
    indices: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Name the dashboard."""
        return self.dashboard.id.removeprefix("mpm-elk-")


def cases(bundle: Bundle, days: int, end: int) -> list[Case]:
    """List what is measured."""
    found = []
    for dashboard in bundle.dashboards:
        default = str(dashboard.attributes["timeFrom"])
        back = milliseconds(parse_span(default.removeprefix("now-").partition("/")[0]))
        one = "version" in dashboard.controls
        chosen = [{"term": {"mpm.model.name": fleet.name_of(3)}}] if one else []
        for name, length in ((default, back), ("a year", days * DAY_MS)):
            found.append(Case(dashboard, name, Scope(end - length - end % DAY_MS, end, ())))
            if one:
                found.append(Case(dashboard, f"{name}, one model", Scope(end - length - end % DAY_MS, end, chosen)))
    return found


def measure(admin: Elasticsearch, reader: Elasticsearch, bundle: Bundle, case: Case) -> float:
    """Send the searches of a dashboard together, with empty caches; returns the wall time (s)."""
    admin.indices.clear_cache(index="mpm-*")
    used, began = node_cpu(admin), time.perf_counter()
    answers = ask(reader, case.dashboard, bundle, case.scope)
    wall = time.perf_counter() - began
    case.wall.append(wall)
    case.cpu.append(node_cpu(admin) - used)
    for panel, found in answers.items():
        case.took[panel] = sum(int(answer["took"]) for _, answer in found)
        case.buckets[panel] = sum(buckets(answer.get("aggregations", {})) for _, answer in found)
        case.indices |= {request.index for request, _ in found}
    return wall


def forget(folder: Path) -> None:
    """Drop a stopped node's files from the page cache."""
    os.sync()
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def restarted(name: str, heap: str) -> dev.Node:
    """Stop the node, forget its files, and start it again."""
    dev.down(name, keep_data=True)
    forget(Folder.of(name).path)
    return dev.up(name, heap=heap, roles=ROLES)


def table(found: list[Case], cold: dict[str, float]) -> str:
    """Write what was measured."""
    header = [
        "dashboard",
        "time",
        "wall s",
        "Elasticsearch CPU s",
        "cold s",
        "slowest panel",
        "it took ms",
        "most buckets",
    ]
    rows = []
    for case in found:
        slowest = max(case.took, key=lambda name: case.took[name])
        largest = max(case.buckets, key=lambda name: case.buckets[name])
        first = cold.get(f"{case.name} {case.span}")
        wall, cpu = statistics.median(case.wall), statistics.median(case.cpu)
        rows.append(
            [
                *(case.name, case.span, f"{wall:.2f}", f"{cpu:.2f}", f"{first:.2f}" if first else ""),
                *(slowest, str(case.took[slowest]), f"{case.buckets[largest]:,} ({largest})"),
            ]
        )
    return markdown(header, rows)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--heap", default="4g")
    parser.add_argument("--node", default=NODE)
    parser.add_argument("--keep", action="store_true", help="leave the node up")
    parser.add_argument("--no-load", action="store_true", help="the node is filled already")
    parser.add_argument("--no-cold", action="store_true", help="do not restart the node")
    parser.add_argument("--shared", action="store_true", help="all models in one index a kind and month: a trial")
    parser.add_argument("--panels", action="store_true", help="print each panel")
    arguments = parser.parse_args()
    node = dev.up(arguments.node, heap=arguments.heap, roles=ROLES)
    bundle, now = Bundle.shipped(), int(time.time() * 1000)
    start = now - now % DAY_MS - arguments.days * DAY_MS
    try:
        admin = connect(node.settings("admin"))
        if not arguments.no_load:
            install(admin)
            number = load(node, arguments.models, arguments.days, start, shared=arguments.shared)
            admin.options(request_timeout=600).indices.refresh(index="mpm-*")
            print(f"{number:,} documents", file=sys.stderr, flush=True)
        reader = connect(node.settings("reader"))
        found = cases(bundle, arguments.days, now)
        settle(admin)
        for _ in range(arguments.rounds):
            for case in found:
                measure(admin, reader, bundle, case)
        cold: dict[str, float] = {}
        for case in cases(bundle, arguments.days, now) if not arguments.no_cold else ():
            node = restarted(arguments.node, arguments.heap)
            admin, reader = connect(node.settings("admin")), connect(node.settings("reader"))
            admin.cluster.health(wait_for_status="yellow", timeout="300s")
            cold[f"{case.name} {case.span}"] = measure(admin, reader, bundle, case)
        print(table(found, cold))
        if arguments.panels:
            print(json.dumps({f"{c.name} {c.span}": c.took for c in found}, indent=1), file=sys.stderr)
    finally:
        if not arguments.keep:
            dev.down(arguments.node)


if __name__ == "__main__":
    main()
