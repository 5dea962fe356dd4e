"""Measure what a model-day writes: documents and bytes, 30 features, hourly runs, no segments (budget: design §3.4).

    python -m benchmarks.volume [--rows 400] [--days 30]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. After DAYS days of history one day follows hour by
hour; everything that its 24 runs wrote is counted, and the JSON of each document as it was sent.
"""

import argparse
import json
from collections import defaultdict

from benchmarks.hourly_model import HourlyModel
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.contract.names import Index, part
from mpm_elk.contract.roles import ROLES


def written(model: HourlyModel, runs: list[str]) -> dict[str, list[int]]:
    """Give the size of each document that the runs wrote, by kind."""
    sizes: dict[str, list[int]] = defaultdict(list)
    for index in (Index.PROFILES, Index.METRICS, Index.ALERTS, Index.ALERT_EVENTS, Index.RUNS):
        model.admin.indices.refresh(index=f"{index}*")
        found = model.admin.search(
            index=f"{index}*", query={"terms": {"mpm.run.id": runs}}, size=10_000, allow_no_indices=True
        )
        for hit in found["hits"]["hits"]:
            kind = index.value.removeprefix("mpm-").removesuffix("-v1")
            if index is Index.PROFILES:
                kind += f" ({hit['_source']['mpm']['profile']['granularity']})"
            sizes[kind].append(len(json.dumps(hit["_source"], separators=(",", ":"))))
    return sizes


def on_disk(model: HourlyModel) -> float:
    """Give the bytes that a profile takes in Elasticsearch, all hours and days taken together."""
    pattern = f"{Index.PROFILES}-{part(model.name)}-*"
    model.admin.indices.forcemerge(index=pattern, max_num_segments=1)
    total = model.admin.indices.stats(index=pattern, metric="store,docs")["_all"]["primaries"]
    return float(total["store"]["size_in_bytes"] / total["docs"]["count"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--days", type=int, default=30)
    arguments = parser.parse_args()
    with dev.elasticsearch(roles=ROLES) as node:
        admin, job = connect(node.settings("admin")), connect(node.settings("job"))
        install(admin)
        model = HourlyModel(admin, job, arguments.rows)
        try:
            first = arguments.days * 24
            model.send(0, first)
            model.run(first)
            runs = []
            for hour in range(first, first + 24):
                model.send(hour, hour + 1)
                runs.append(model.run(hour + 1).id)
            for kind, sizes in written(model, runs).items():
                print(
                    f"{kind:<16} {len(sizes):>4} documents  {sum(sizes) / 1000:>7.0f} kB  "
                    f"mean {sum(sizes) / len(sizes) / 1000:.1f} kB  largest {max(sizes) / 1000:.1f} kB"
                )
            print(f"a profile takes {on_disk(model) / 1000:.1f} kB on disk")
        finally:
            model.delete()


if __name__ == "__main__":
    main()
