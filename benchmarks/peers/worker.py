"""Serve one peer: read requests from standard input, one JSON object a line, and answer on standard output.

Runs in the peers' environment, without mpm-elk: `python -m benchmarks.peers.worker evidently`. Requests are
`{"learn": FILE, "rows": n}` (the reference; how many rows a window will have, or null), `{"alarms": FILE, "columns":
[...]}` (a window; which columns are asked for, or null), and for a database `{"query": SQL}`. Answers hold what alarms,
by column of the report, or the rows found, and what the work cost: CPU of the process (s), wall time (s), and its peak
memory so far (MB).
"""

import importlib
import json
import os
import sys
import time
import warnings
from typing import Any, Protocol

from benchmarks.memory import peak_mb

# Whatever a library prints must not get between the answers.
_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ |= {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}


class Peer(Protocol):
    """What an adapter's `PEER` does; `rows` is a table of pandas."""

    def learn(self, rows: Any, window_rows: int | None) -> None:
        """Take the reference."""

    def alarms(self, rows: Any, columns: list[str] | None) -> dict[str, list[str]]:
        """Name the features that alarm."""

    def query(self, text: str) -> list[list[Any]]:
        """Answer a query."""


def serve(name: str) -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    peer: Peer = importlib.import_module(f"benchmarks.peers.{name}").Adapter()
    import pandas as pd  # noqa: PLC0415 — the peers' environment has it

    _answer({"ready": name})
    for line in sys.stdin:
        request = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        found: dict[str, list[str]] | list[list[Any]] = {}
        if "query" in request:
            found = peer.query(request["query"])
        elif "learn" in request:
            peer.learn(pd.read_parquet(request["learn"]), request["rows"])
        else:
            found = peer.alarms(pd.read_parquet(request["alarms"]), request["columns"])
        cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "memory": peak_mb()}
        _answer({"found": found, **cost})


def _answer(answer: dict[str, Any]) -> None:
    _ANSWERS.write(json.dumps(answer) + "\n")
    _ANSWERS.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
