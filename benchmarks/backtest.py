"""Measure a backtest of 20 rules on 180 days of a model with 30 features, from stored profiles.

    python -m benchmarks.backtest [--days 180] [--profile]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. Profiles of made traffic (20 numbers, 10 categories
of 8 values, 2,000 events a day; three days in which two features move) are stored as runs store them: all days, and the
hours of the last 90. A reader's backtest is then timed. Traffic is made without features together, so rules about them
have nothing to judge. `--profile` prints where the time goes.
"""

import argparse
import cProfile
import pstats
import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk

from benchmarks.memory import peak_mb
from benchmarks.tables import markdown
from mpm_elk.alerts.trial.traffic import Traffic
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.config.rule_tests import ModelOfTests, RuleTest
from mpm_elk.contract.roles import ROLES
from mpm_elk.job.backtest import Question, backtest
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.store import DAY, ProfileKey, to_document
from mpm_elk.registry.store import ModelCells, save_cells
from mpm_elk.timespan import DAY_MS

KEPT_HOURS = 90
_ROLLING, _HOURLY = {"against": "rolling 28d"}, {"window": "1h", "against": "rolling 7d", "min_samples": 30}
RULES: list[dict[str, Any]] = [
    {"id": "psi", "metric": "drift.psi_adjusted", "warning": 0.004, "critical": 0.1, **_ROLLING},
    {"id": "psi-twice", "metric": "drift.psi_adjusted", "warning": 0.01, "for": 2, **_ROLLING},
    {"id": "mean", "metric": "drift.mean_shift", "warning": 0.1, **_ROLLING},
    {"id": "sd", "metric": "drift.sd_ratio", "warning": 1.3, **_ROLLING},
    {"id": "ks", "metric": "drift.ks", "warning": 0.1, **_ROLLING},
    {"id": "variation", "metric": "drift.total_variation", "warning": 0.1, **_ROLLING},
    {"id": "js", "metric": "drift.js_adjusted", "warning": 0.05, **_ROLLING},
    {"id": "largest-cell", "metric": "drift.l_infinity", "warning": 0.05, **_ROLLING},
    {"id": "missing", "metric": "quality.missing_increase", "warning": 0.01, **_ROLLING},
    {"id": "missing-rate", "metric": "quality.missing_rate", "warning": 0.1, **_ROLLING},
    {"id": "types", "metric": "quality.type_violation_increase", "warning": 0.001, **_ROLLING},
    {"id": "unseen", "metric": "quality.unseen_increase", "warning": 0.002, **_ROLLING},
    {"id": "range", "metric": "quality.out_of_range_increase", "warning": 0.01, **_ROLLING},
    {"id": "constant", "metric": "quality.became_constant", "warning": 1, **_ROLLING},
    {"id": "traffic", "metric": "traffic.count_ratio", "warning": 0.5, **_ROLLING},
    {"id": "slow", "metric": "traffic.duration_ratio", "warning": 1.5, **_ROLLING},
    {"id": "failing", "metric": "traffic.failure_increase", "warning": 0.01, **_ROLLING},
    {"id": "failing-now", "metric": "traffic.failure_increase", "warning": 0.02, **_HOURLY},
    {"id": "traffic-now", "metric": "traffic.count_ratio", "warning": 0.2, **_HOURLY},
    {"id": "slow-now", "metric": "traffic.duration_ratio", "warning": 2, **_HOURLY},
]


def made(days: int) -> Traffic:
    """Make the traffic, as a test of rules has it."""
    numbers = {f"n{at}": {"normal": [at, 1]} for at in range(20)}
    categories = {f"c{at}": {f"v{k}": 10 - k for k in range(8)} for at in range(10)}
    model = ModelOfTests.model_validate(
        {"name": f"benchmark-{secrets.token_hex(4)}", "features": numbers | categories, "missing": {"n0": 0.02}}
    )
    moved = [
        {"from": f"{days - 30}d", "to": f"{days - 27}d", "feature": name, "shift": "0.5 sd"} for name in ("n1", "n2")
    ]
    test = RuleTest.model_validate(
        {
            "name": "benchmark", "events_per_hour": 2000 / 24, "baseline": "1d", "span": f"{days}d", "changes": moved,
            "expect": [{"rule": "psi", "state": "active"}],
        }
    )  # fmt: skip
    return Traffic(model, test)


def store(client: Elasticsearch, traffic: Traffic) -> None:
    """Store what runs would have: cells, days, and the hours that are kept."""
    save_cells(client, traffic.key, ModelCells(traffic.cells), traffic.begin)
    for _ in streaming_bulk(client, _actions(traffic), chunk_size=200):
        pass
    client.indices.refresh(index="mpm-*")


def _actions(traffic: Traffic) -> Iterator[dict[str, Any]]:
    days: dict[ProfileKey, Profile] = {}
    for arrival in traffic.arrivals():
        key = ProfileKey(arrival.key.version, arrival.key.segment, DAY, arrival.key.start - arrival.key.start % DAY_MS)
        days[key] = days[key] + arrival.profile if key in days else arrival.profile
        if arrival.key.start >= traffic.end - KEPT_HOURS * DAY_MS:
            yield _action(arrival.key, arrival.profile)
    for key, profile in days.items():
        yield _action(key, profile)


def _action(key: ProfileKey, profile: Profile) -> dict[str, Any]:
    document = to_document(key, profile, "benchmark")
    return {"_op_type": "index", "_index": document.index, "_id": document.id, "_source": document.source}


def main() -> None:
    """Store, backtest, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    arguments = parser.parse_args()
    with dev.elasticsearch(roles=ROLES) as node:
        admin, reader = connect(node.settings("admin")), connect(node.settings("reader"))
        install(admin)
        traffic = made(arguments.days)
        store(admin, traffic)
        config = Config.model_validate({"rules": RULES})
        question = Question(traffic.end - arguments.days * DAY_MS, traffic.end, (traffic.model.name,))
        profiler = cProfile.Profile()
        before, began, cpu = peak_mb(), time.perf_counter(), time.process_time()
        if arguments.profile:
            profiler.enable()
        [past] = backtest(reader, config, question)
        profiler.disable()
        wall, cpu, peak = time.perf_counter() - began, time.process_time() - cpu, peak_mb()
    if arguments.profile:
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumulative").print_stats(45)
    alerts = sum(len(rule.rehearsed.episodes) for rule in past.rules)
    row = [str(arguments.days), str(len(past.rules)), f"{cpu:.1f}", f"{wall:.1f}", f"{before:.0f}", f"{peak:.0f}"]
    names = ["days", "rules", "CPU s", "wall s", "MB before", "MB peak", "alerts"]
    sys.stdout.write(markdown(names, [[*row, str(alerts)]]) + "\n")
    sys.stdout.writelines(f"{sentence}\n" for sentence in past.limits)


if __name__ == "__main__":
    main()
