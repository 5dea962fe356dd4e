"""Measure a first run over a long history: its cost per million events, and the client's memory.

    python -m benchmarks.catch_up [--rows 200] [--days 30 90 365]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. A model of 30 features has ROWS events an hour for
so many days; nothing of it is read yet. One run of the job, in a process of its own, reads and judges all of it by the
default rules, and drops the hours that are too old. Prints client CPU, node CPU, wall time and the peak memory of that
process, for each length of history, as an installation without extras has it. The events are written as intake would
store them, without going through it.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks import WITHOUT_EXTRAS
from benchmarks.hourly_model import CATEGORICAL, NUMERIC, SETTLED, START, HourlyModel
from benchmarks.memory import peak_mb
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index, monthly
from mpm_elk.contract.roles import ROLES
from mpm_elk.job import Options, run
from mpm_elk.timespan import HOUR_MS, from_ms, iso

_BULK = 4 << 20


@dataclass(frozen=True)
class Found:
    """What one catch-up took: client CPU and wall (s), peak memory of the process (MB), and what it did."""

    cpu: float
    wall: float
    memory: float
    hours: int
    windows: int
    metrics: int
    node: float = float("nan")


def lines(name: str, hour: int, rows: int) -> Iterator[tuple[str, bytes]]:
    """Make the events of an hour as they are stored: the index, and the two lines of a bulk request."""
    rng = np.random.default_rng([6, hour])
    numbers, texts = rng.normal(size=(rows, NUMERIC)).round(4), rng.integers(0, 8, (rows, CATEGORICAL))
    scores, times = rng.random(rows).round(6), rng.integers(0, HOUR_MS, rows)
    start = START + hour * HOUR_MS
    index = monthly(Index.PREDICTIONS, name, "production", start)
    for at in range(rows):
        numeric = ",".join(f'"number_{i}":{x}' for i, x in enumerate(numbers[at].tolist()))
        texted = ",".join(f'"category_{i}":"{"abcdefgh"[x]}"' for i, x in enumerate(texts[at].tolist()))
        source = (
            f'{{"@timestamp":"{iso(start + int(times[at]))}","service":{{"environment":"production"}},'
            f'"event":{{"kind":"event","dataset":"mpm.prediction","duration":5000000,"outcome":"success"}},'
            f'"mpm":{{"model":{{"name":"{name}","version":"1"}},"prediction":{{"id":"{hour}-{at}",'
            f'"bucket":{(hour * 7 + at * 13) % 1000},"score":{scores[at]},"label":"{"yn"[int(scores[at] < 0.5)]}"}},'
            f'"features":{{"numeric":{{{numeric}}},"categorical":{{{texted}}}}}}}}}'
        )
        yield index, f'{{"create":{{"_index":"{index}","_id":"{name}-{hour}-{at}"}}}}\n{source}\n'.encode()


def send(model: HourlyModel, hours: int) -> None:
    """Store the events of so many hours."""
    pending, size = list[bytes](), 0
    for hour in range(hours):
        for _, line in lines(model.name, hour, model.rows):
            pending.append(line)
            size += len(line)
        if size >= _BULK or hour == hours - 1:
            answer = model.admin.perform_request(
                "POST",
                "/_bulk",
                params={"filter_path": "errors"},
                headers={"content-type": "application/x-ndjson", "accept": "application/json"},
                body=b"".join(pending),
            )
            if answer["errors"]:
                message = "Elasticsearch refused events"
                raise RuntimeError(message)
            pending, size = [], 0


def catch_up(name: str, hours: int, settings: ElasticsearchSettings) -> Found:
    """Run the job once, in this process."""
    import time  # noqa: PLC0415

    cpu, wall = time.process_time(), time.perf_counter()
    report = run(connect(settings), Config(), Options(from_ms(START + hours * HOUR_MS + SETTLED), (name,)))
    [entry] = report.models
    if entry.error:
        raise entry.error
    took = time.process_time() - cpu, time.perf_counter() - wall
    return Found(*took, peak_mb(), entry.hours, entry.windows, entry.metrics)


def in_a_process(model: HourlyModel, hours: int, settings: ElasticsearchSettings) -> Found:
    """Run the job once in another process, and measure the node meanwhile."""
    secret = settings.password.get_secret_value() if settings.password else ""
    ours = {
        "BENCH_HOST": settings.hosts[0],
        "BENCH_USERNAME": settings.username or "",
        "BENCH_PASSWORD": secret,
        "BENCH_CA_CERTS": str(settings.ca_certs or ""),
    }
    before = model.node_cpu()
    command = [sys.executable, "-m", "benchmarks.catch_up", "--child", model.name, "--hours", str(hours)]
    environment = {**os.environ, **ours, WITHOUT_EXTRAS: "yes"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 — ours
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Found(**{**json.loads(done.stdout), "node": model.node_cpu() - before})


def table(found: dict[int, Found], rows: int) -> str:
    """Write what was found."""
    header = [
        "history", "events", "client CPU s", "node CPU s", "wall s", "client CPU s / million", "node CPU s / million",
        "windows", "peak MB",
    ]  # fmt: skip
    lines = []
    for days, one in found.items():
        millions = days * 24 * rows / 1e6
        numbers = (one.cpu, one.node, one.wall, one.cpu / millions, one.node / millions)
        lines.append(
            [
                f"{days} d", f"{days * 24 * rows:,}", *(f"{x:.1f}" for x in numbers), f"{one.windows:,}",
                f"{one.memory:.0f}",
            ]
        )  # fmt: skip
    return markdown(header, lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--days", type=int, nargs="+", default=[30, 90, 365])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--hours", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        known = {name: os.environ[f"BENCH_{name.upper()}"] or None for name in ("username", "password", "ca_certs")}
        settings = ElasticsearchSettings.model_validate({"hosts": [os.environ["BENCH_HOST"]], **known})
        print(json.dumps(asdict(catch_up(arguments.child, arguments.hours, settings))))
        return
    found: dict[int, Found] = {}
    with dev.elasticsearch(roles=ROLES) as node:
        admin = connect(node.settings("admin"))
        install(admin)
        for days in arguments.days:
            name = f"benchmark-{secrets.token_hex(4)}"
            model = HourlyModel(admin, connect(node.settings("job")), arguments.rows, name)
            try:
                send(model, days * 24)
                admin.indices.refresh(index=f"{Index.PREDICTIONS}-*")
                found[days] = in_a_process(model, days * 24, node.settings("job"))
                print(f"{days} days: {found[days]}", file=sys.stderr, flush=True)
            finally:
                model.delete()
    print(table(found, arguments.rows))


if __name__ == "__main__":
    main()
