"""Measure what a day costs by the number of features, of segment values, and of shards.

    python -m benchmarks.scale [--events 20000] [--features 10 30 100 300] [--values 0 5 50] [--shards 1 3]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. Each model has a history of `HISTORY` small days;
then one run reads a day of so many events, 24 hours of it, merges them and judges the day by the default rules. A third
of the features are categories (8 values). One thing is varied at a time: the others are 30 features, no segment, 1
shard. That model is measured first, too, and left out: Elasticsearch compiles what it runs often. Prints the cost of
the run, and its CPU as a multiple of that model's. A node's CPU holds what it does by itself in a second.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk

from benchmarks.hourly_model import SETTLED, START, Cost, HourlyModel
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.contract.ids import bucket, prediction_id
from mpm_elk.contract.names import Index, monthly
from mpm_elk.contract.roles import ROLES
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.job import Options, run
from mpm_elk.timespan import DAY_MS, from_ms, iso

HISTORY = 8
"""Days: a rolling reference of 28 days needs 7."""
_SMALL_DAY = 1_000
_SEGMENT = "region"


@dataclass(frozen=True)
class Shape:
    """What a model is like."""

    features: int = 30
    values: int = 0
    shards: int = 1

    def __str__(self) -> str:
        segment = f"{self.values} segment values" if self.values else "no segment"
        return f"{self.features} features, {segment}, {self.shards} shard{'s'[: self.shards > 1]}"


def actions(name: str, index: str, shape: Shape, days: range, rows: int) -> Iterator[dict[str, Any]]:
    """Make the documents that intake would make of so many events a day, faster than intake does."""
    rng = np.random.default_rng([11, days.start])
    few = shape.features // 3
    first = {
        "@timestamp": iso(START),
        "mpm": {
            "model": {"name": name, "version": "1"},
            "prediction": {"id": "0", "score": 0.5, "label": "y"},
            "features": {"x": 1.0},
        },
        "event": {"duration": 5_000_000, "outcome": "success"},
    }
    pattern = normalise(json.dumps(first).encode(), now_ms=START + DAY_MS, limits=Limits(max_age_ms=None)).document
    for day in days:
        times = np.sort(rng.integers(START + day * DAY_MS, START + (day + 1) * DAY_MS, rows)).tolist()
        for at, time in enumerate(times):
            identity = f"{day}-{at}"
            score = rng.random()
            numbers = rng.normal(size=shape.features - few).round(6).tolist()
            texts = rng.choice(list("abcdefgh"), few).tolist()
            prediction = {"id": identity, "score": score, "label": "yn"[score < 0.5], "bucket": bucket(identity)}
            features = {
                "numeric": {f"number_{i}": x for i, x in enumerate(numbers)},
                "categorical": {f"category_{i}": x for i, x in enumerate(texts)},
            }
            mpm = {**pattern["mpm"], "prediction": prediction, "features": features}
            if shape.values:
                mpm["segment"] = {_SEGMENT: f"v{rng.integers(shape.values)}"}
            source = {**pattern, "@timestamp": iso(time), "mpm": mpm}
            key = prediction_id("production", name, "1", identity, time)
            yield {"_op_type": "create", "_index": index, "_id": key, "_source": source}


def measure(admin: Elasticsearch, job: Elasticsearch, shape: Shape, events: int) -> Cost:
    """Make a model of this shape, and measure the run that reads and judges its last day."""
    model = HourlyModel(admin, job, 0, f"benchmark-{secrets.token_hex(4)}")
    index = monthly(Index.PREDICTIONS, model.name, "production", START)
    segments = [_SEGMENT] if shape.values else []
    config = Config.model_validate({"models": [{"name": model.name, "segments": segments}]})

    def work(days: int) -> None:
        [entry] = run(job, config, Options(from_ms(START + days * DAY_MS + SETTLED), (model.name,))).models
        if entry.error:
            raise entry.error

    try:
        admin.indices.create(index=index, settings={"number_of_shards": shape.shards})
        for days, rows in ((range(HISTORY), _SMALL_DAY), (range(HISTORY, HISTORY + 1), events)):
            for _ in streaming_bulk(admin, actions(model.name, index, shape, days, rows), chunk_size=500):
                pass
            if days.start:
                model.settle()
                with model.measured(node=True) as cost:
                    work(days.stop)
            else:
                work(days.stop)
        return cost
    finally:
        model.delete()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--features", type=int, nargs="+", default=[10, 30, 100, 300])
    parser.add_argument("--values", type=int, nargs="+", default=[0, 5, 50])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 3])
    arguments = parser.parse_args()
    usual = Shape()
    shapes = [
        usual,
        *(replace(usual, features=number) for number in arguments.features),
        *(replace(usual, values=number) for number in arguments.values),
        *(replace(usual, shards=number) for number in arguments.shards),
    ]
    costs: dict[Shape, Cost] = {}
    with dev.elasticsearch(roles=ROLES) as node:
        admin, job = connect(node.settings("admin")), connect(node.settings("job"))
        install(admin)
        measure(admin, job, usual, arguments.events)
        for shape in dict.fromkeys(shapes):
            costs[shape] = measure(admin, job, shape, arguments.events)
            print(f"{shape}: {costs[shape]}", file=sys.stderr, flush=True)
    print(table(costs, costs[usual]))


def table(costs: dict[Shape, Cost], usual: Cost) -> str:
    """Write the costs, and how many times the usual model's each is."""
    header = ["", "client CPU s", "Elasticsearch CPU s", "requests", "read", "client ×", "Elasticsearch ×"]
    rows = [
        [
            str(shape),
            f"{cost.cpu:.2f}",
            f"{cost.node_cpu:.2f}",
            f"{cost.requests:.0f}",
            f"{cost.bytes / 1e6:.1f} MB",
            f"{cost.cpu / usual.cpu:.2g}",
            f"{cost.node_cpu / usual.node_cpu:.2g}",
        ]
        for shape, cost in costs.items()
    ]
    return markdown(header, rows)


if __name__ == "__main__":
    main()
