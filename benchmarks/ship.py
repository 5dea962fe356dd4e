"""Measure `ship` against `helpers.parallel_bulk` of the same finished documents, on one cluster in one run.

    MPM_ES_URL=… MPM_ES_USERNAME=… MPM_ES_PASSWORD=… MPM_ES_CA_CERTS=… python benchmarks/ship.py [LINES] [ROUNDS]

Ship reads a file, normalises, sends and accounts for every line. `parallel_bulk(thread_count=4, chunk_size=1000)` gets
the same documents finished, in memory, and the time to make them is not counted. The two take turns, each in a
process of its own, into indices of its own, which are deleted afterwards. Prints events a second of each round, the
ratio of the best ones, and the peak memory (the helper's with all documents).
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk

from mpm_elk.contract.names import Index
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.intake.ship import Source, ship

SHIP_POOL = "benchmark_ship"
BULK_POOL = "benchmark_bulk"


def connect() -> Elasticsearch:
    """Connect with the variables of the environment."""
    return Elasticsearch(
        os.environ["MPM_ES_URL"],
        basic_auth=(os.environ["MPM_ES_USERNAME"], os.environ["MPM_ES_PASSWORD"]),
        ca_certs=os.environ["MPM_ES_CA_CERTS"],
        request_timeout=120,
    )


def write_lines(file: Path, count: int) -> None:
    """Write events with 14 numeric and 6 categorical features."""
    chance = random.Random(1)  # noqa: S311 — no secret
    start = datetime.now(tz=UTC) - timedelta(seconds=count)
    with file.open("w") as stream:
        for i in range(count):
            features: dict[str, Any] = {f"number_{k}": chance.gauss(0, 1) for k in range(14)}
            features |= {f"category_{k}": chance.choice("abcdef") for k in range(6)}
            event = {
                "@timestamp": (start + timedelta(seconds=i)).isoformat(),
                "message": "scored",
                "mpm": {
                    "model": {"name": "benchmark", "version": "1"},
                    "prediction": {"id": f"{i:012d}", "score": chance.random(), "label": "deny"},
                    "features": features,
                    "segment": {"region": chance.choice(["EU", "US"])},
                },
                "event": {"duration": chance.randrange(10**7), "outcome": "success"},
                "service": {"name": "api", "version": "1.0.0", "environment": "production"},
            }
            stream.write(json.dumps(event) + "\n")


def run_ship(file: str) -> int:
    """Ship the file."""
    report = ship(connect(), [Source.of(Path(file))], limits=Limits(pool=SHIP_POOL), resume=False)
    if not report.complete or report.quarantined:
        raise RuntimeError(report)
    return report.created


def run_bulk(actions: list[dict[str, Any]]) -> int:
    """Send the finished documents with the client's own helper."""
    return sum(ok for ok, _ in parallel_bulk(connect(), actions, thread_count=4, chunk_size=1000))


def finished(file: Path) -> list[dict[str, Any]]:
    """Normalise the file's lines to the actions that the helper takes."""
    limits = Limits(pool=BULK_POOL)
    now_ms = time.time_ns() // 1_000_000
    with file.open("rb") as lines:
        documents = (normalise(raw, now_ms=now_ms, limits=limits) for raw in lines)
        return [
            {"_op_type": "create", "_index": stored.index, "_id": stored.id, "_source": stored.document}
            for stored in documents
        ]


def measured(target: str, file: Path) -> tuple[float, float, int]:
    """Run in a fresh process: seconds, peak MB, documents."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, memory, count = pool.apply(_timed, (target, str(file)))
    return seconds, memory, count


def _timed(target: str, file: str) -> tuple[float, float, int]:
    actions = finished(Path(file)) if target == "bulk" else []
    began = time.perf_counter()
    count = run_bulk(actions) if target == "bulk" else run_ship(file)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, count


def clean(client: Elasticsearch) -> None:
    """Delete the benchmark's indices."""
    for pool in (SHIP_POOL, BULK_POOL):
        for index in client.indices.get(index=f"{Index.PREDICTIONS}-{pool}-*", allow_no_indices=True):
            client.indices.delete(index=index)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="?", type=int, default=200_000)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    arguments = parser.parse_args()
    client = connect()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.ndjson"
        write_lines(file, arguments.lines)
        best: dict[str, float] = {}
        try:
            for turn in range(arguments.rounds):
                for target in ("ship", "bulk") if turn % 2 == 0 else ("bulk", "ship"):
                    clean(client)
                    seconds, memory, count = measured(target, file)
                    if count != arguments.lines:
                        message = f"{target} stored {count} of {arguments.lines}"
                        raise RuntimeError(message)
                    rate = count / seconds
                    best[target] = max(rate, best.get(target, 0))
                    print(f"{target}  {rate:>8,.0f} events/s  {memory:>5.0f} MB peak")
        finally:
            clean(client)
    print(f"ratio {best['ship'] / best['bulk']:.2f} (at least 0.5 is wanted)")


if __name__ == "__main__":
    main()
