"""A model of 30 features that is monitored hour by hour, for the benchmarks of the job."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from elastic_transport import Transport
from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk

from mpm_elk.config import Config
from mpm_elk.contract.names import Index, part
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.job import Options, RunReport, run
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms, iso

START = 1_767_225_600_000
"""Midnight of 2026-01-01."""

NUMERIC, CATEGORICAL = 20, 10
SETTLED = 600_000
_STATS_AGE = 1.1
"""A node takes its own numbers once a second."""


@dataclass
class Cost:
    """What a stretch of work cost: client CPU and wall time (s), requests and bytes read, and the node's CPU (s).

    The node's CPU is nan where it was not measured.
    """

    cpu: float = 0.0
    wall: float = 0.0
    requests: int = 0
    bytes: int = 0
    node_cpu: float = float("nan")


@dataclass
class HourlyModel:
    """One model with so many events an hour; `admin` makes the traffic, `job` runs."""

    admin: Elasticsearch
    job: Elasticsearch
    rows: int
    name: str = field(default_factory=lambda: f"benchmark-{secrets.token_hex(4)}")

    def send(self, first_hour: int, last_hour: int) -> None:
        """Store the events of hours number `first_hour` up to `last_hour`."""
        for _ in streaming_bulk(self.admin, self._actions(first_hour, last_hour), chunk_size=1000):
            pass

    def _actions(self, first_hour: int, last_hour: int) -> Iterator[dict[str, Any]]:
        limits = Limits(max_age_ms=None)
        for hour in range(first_hour, last_hour):
            rng = np.random.default_rng([5, hour])
            numbers = rng.normal(size=(self.rows, NUMERIC)).round(6).tolist()
            texts = rng.choice(list("abcdefgh"), (self.rows, CATEGORICAL)).tolist()
            scores, times = rng.random(self.rows).tolist(), rng.integers(0, HOUR_MS, self.rows).tolist()
            for at in range(self.rows):
                features = {f"number_{i}": x for i, x in enumerate(numbers[at])}
                event = {
                    "@timestamp": iso(START + hour * HOUR_MS + times[at]),
                    "mpm": {
                        "model": {"name": self.name, "version": "1"},
                        "prediction": {"id": f"{hour}-{at}", "score": scores[at], "label": "yn"[scores[at] < 0.5]},
                        "features": features | {f"category_{i}": x for i, x in enumerate(texts[at])},
                    },
                    "event": {"duration": 5_000_000, "outcome": "success"},
                }
                stored = normalise(json.dumps(event).encode(), now_ms=START + 4000 * DAY_MS, limits=limits)
                yield {"_op_type": "create", "_index": stored.index, "_id": stored.id, "_source": stored.document}

    def run(self, hours: int) -> RunReport:
        """Run the job ten minutes after so many hours."""
        report = run(self.job, Config(), Options(from_ms(START + hours * HOUR_MS + SETTLED), (self.name,)))
        for entry in report.models:
            if entry.error:
                raise entry.error
        return report

    @contextmanager
    def measured(self, *, node: bool = False) -> Iterator[Cost]:
        """Measure the work inside the block, with `node` also what Elasticsearch did for it, which takes seconds."""
        cost, before = Cost(), self.node_cpu() if node else 0.0
        transport = self.job.transport
        with _counted(transport, cost):
            cpu, wall = time.process_time(), time.perf_counter()
            yield cost
            cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall
        if node:
            cost.node_cpu = self.node_cpu() - before

    def node_cpu(self) -> float:
        """Give the CPU that Elasticsearch has used (s)."""
        time.sleep(_STATS_AGE)
        nodes = self.admin.nodes.stats(metric="process")["nodes"]
        return float(sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values()) / 1000)

    def settle(self) -> None:
        """Store what was sent for good, so that this is not part of what is measured."""
        self.admin.indices.refresh(index=f"mpm-*-{part(self.name)}-*")
        self.admin.indices.flush(index=f"mpm-*-{part(self.name)}-*")

    def delete(self) -> None:
        """Delete the model's indices."""
        for index in self.admin.indices.get(index=f"mpm-*-{part(self.name)}-*"):
            self.admin.indices.delete(index=index)
        query = {"term": {"mpm.model.name": self.name}}
        for hit in self.admin.search(index=Index.MODELS, query=query)["hits"]["hits"]:
            self.admin.delete(index=hit["_index"], id=hit["_id"])


@contextmanager
def _counted(transport: Transport, cost: Cost) -> Iterator[None]:
    pool = transport.node_pool.all()
    originals = {node: node.perform_request for node in pool}
    for node, original in originals.items():

        def perform(*arguments: Any, original: Any = original, **named: Any) -> Any:
            answer = original(*arguments, **named)
            cost.requests += 1
            cost.bytes += len(answer.body)
            return answer

        node.perform_request = perform  # type: ignore[method-assign]
    try:
        yield
    finally:
        for node, original in originals.items():
            node.perform_request = original  # type: ignore[method-assign]
