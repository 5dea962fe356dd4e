"""Measure the memory of `mpm-elk run` against the number of events: it shall not depend on it.

    python -m benchmarks.run_memory [--events 1000000 5000000] [--days 5]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. A model of 30 features (`planted.py`) gets so many
events, spread over the days, and one run in a process of its own cuts cells, counts every hour, merges days and judges.
Prints the peak memory of each run; more than 150 MB is a failure (exit 1).
"""

import argparse
import secrets
import sys
import time
from multiprocessing import get_context

import numpy as np
from elasticsearch import Elasticsearch

from benchmarks.memory import peak_mb
from benchmarks.planted import Traffic
from benchmarks.stored_day import START, Subject, delete, events
from mpm_elk.cluster import dev
from mpm_elk.cluster.bulk import Result, send
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.roles import ROLES
from mpm_elk.job import Options, run
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms

ALLOWED = 150
_SLICE = 200_000


def store(admin: Elasticsearch, subject: Subject, count: int, days: int) -> None:
    """Store so many events, in the order of their times."""
    traffic = Traffic(np.random.default_rng(17))
    length = days * DAY_MS * min(_SLICE, count) // count
    for first in range(0, count, _SLICE):
        rows = min(_SLICE, count - first)
        start = START + days * DAY_MS * first // count
        times = np.sort(traffic.rng.integers(start, start + length * rows // min(_SLICE, count), rows))
        for outcome in send(admin, events(traffic.draw(rows), times.tolist(), subject, first)):
            if outcome.result is not Result.CREATED:
                raise RuntimeError(outcome.reason)
    admin.indices.refresh(index=subject.index)


def work(subject: Subject, now_ms: int) -> tuple[float, float, int]:
    """Run the job in this process; gives its peak memory (MB), its CPU (s), and the hours that it read."""
    client = connect(subject.settings)
    cpu = time.process_time()
    [model] = run(client, Config(), Options(from_ms(now_ms), (subject.model.name,))).models
    if model.error:
        raise model.error
    return peak_mb(), time.process_time() - cpu, model.hours


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--days", type=int, default=5)
    arguments = parser.parse_args()
    worst = 0.0
    with dev.elasticsearch(roles=ROLES) as node:
        admin = connect(node.settings("admin"))
        install(admin)
        for count in arguments.events:
            subject = Subject(node.settings("job"), ModelKey("production", f"benchmark-{secrets.token_hex(4)}"))
            try:
                store(admin, subject, count, arguments.days)
                with get_context("spawn").Pool(1) as pool:
                    memory, cpu, hours = pool.apply(work, (subject, START + arguments.days * DAY_MS + HOUR_MS))
            finally:
                delete(admin, subject.model)
            print(f"{count:>10,} events  {hours:>4} hours  {memory:>5.0f} MB  {cpu:>5.2f} s of CPU", flush=True)
            worst = max(worst, memory)
    sys.exit(0 if worst <= ALLOWED else 1)


if __name__ == "__main__":
    main()
