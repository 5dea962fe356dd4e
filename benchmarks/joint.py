"""Measure two ways to what features do together in an hour: a sample of its rows, and nested aggregations of them all.

    python -m benchmarks.joint [--rows 40 400 4000] [--times 20]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. Either way gives the sums of products of 20 numeric
features, so 190 pairs. *Sample* is what the roll-up does: rows chosen by hash bucket, read as doc values, and added up
by the client. *All rows* reads every row in the same way. *Nested* asks, feature by feature, for the sums of the 19
others in each of its 22 cells, which is exact over all rows. Prints what one hour costs; the node's CPU holds what it
does by itself, some ms a time. The power to find a shift grows with the rows that were read: at 40 and 400 rows an hour
all three read the same ones, at 4,000 *all rows* and *nested* do.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.hourly_model import NUMERIC, START, HourlyModel
from benchmarks.tables import markdown
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.cluster.setup import install
from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.names import Index
from mpm_elk.contract.roles import ROLES
from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.cut import cut_numeric
from mpm_elk.profiles.joint import WHOLE
from mpm_elk.profiles.requests import hours_query
from mpm_elk.profiles.sampling import SampleRequest, read_samples, sample_requests

EVENTS = Index.PREDICTIONS.pattern


def make_cells() -> dict[str, NumericCells]:
    """Cut the cells of the made model's numeric features."""
    rng = np.random.default_rng(1)
    fields = {f"features.number_{at}": f"mpm.features.numeric.number_{at}" for at in range(NUMERIC)}
    return {name: cut_numeric(rng.normal(size=20_000), field) for name, field in sorted(fields.items())}


def sample(model: HourlyModel, request: SampleRequest, cells: dict[str, NumericCells]) -> int:
    """Read an hour's sample, and add it up; returns how many rows that were."""
    [answer] = search_all(model.job, [Search(EVENTS, request.body)])
    found = read_samples(answer, request, cells)
    return sum(sums.rows for joint in (found or {}).values() for sums in joint.samples.values())


def nested(model: HourlyModel, version: VersionKey, cells: dict[str, NumericCells]) -> int:
    """Ask for the sums of all others in the cells of each feature; returns how many numbers came."""
    query = hours_query(version, [START], succeeded=True)
    searches = []
    for name, entry in cells.items():
        others = {other: {"stats": {"field": some.field}} for other, some in cells.items() if other != name}
        by_cell = {"range": {"field": entry.field, "keyed": True, "ranges": _ranges(entry)}, "aggs": others}
        searches.append(Search(EVENTS, {"size": 0, "track_total_hits": False, "query": query, "aggs": {"c": by_cell}}))
    answers = search_all(model.job, searches)
    return sum(len(cell) for answer in answers for cell in answer["aggregations"]["c"]["buckets"].values())


def _ranges(cells: NumericCells) -> list[dict[str, Any]]:
    walls = cells.edges[cells.coarse].tolist()
    pairs = zip([None, *walls], [*walls, None], strict=True)
    return [
        {"key": str(at)} | {name: wall for name, wall in (("from", low), ("to", high)) if wall is not None}
        for at, (low, high) in enumerate(pairs)
    ]


def cost(model: HourlyModel, work: Callable[[], int], times: int) -> tuple[float, float]:
    """Give client and node CPU of one hour, in ms."""
    work()
    with model.measured(node=True) as spent:
        for _ in range(times):
            work()
    return 1000 * spent.cpu / times, 1000 * spent.node_cpu / times


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[40, 400, 4_000])
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    cells, lines = make_cells(), []
    with dev.elasticsearch(roles=ROLES) as node:
        admin, job = connect(node.settings("admin")), connect(node.settings("job"))
        install(admin)
        for rows in arguments.rows:
            model = HourlyModel(admin, job, rows)
            model.send(0, 1)
            admin.indices.refresh(index=EVENTS)
            version = ModelKey("production", model.name).version("1")
            [chosen] = sample_requests(version, {START: rows}, cells)
            [every] = sample_requests(version, {START: 1}, cells)
            ways = {
                f"sample ({chosen.share / WHOLE:.3g} of the rows)": lambda m=model, r=chosen: sample(m, r, cells),
                "all rows": lambda m=model, r=every: sample(m, r, cells),
                "nested aggregations": lambda m=model, v=version: nested(m, v, cells),
            }
            for way, work in ways.items():
                client, server = cost(model, work, arguments.times)
                lines.append([f"{rows:,}", way, f"{client:.1f}", f"{server:.1f}", f"{client + server:.0f}"])
                print(*lines[-1], sep="\t", flush=True)
            for index in admin.indices.get(index=f"mpm-predictions-*{version.name.replace('-', '_')}*"):
                admin.indices.delete(index=index)
    print(markdown(["rows an hour", "way", "client CPU ms", "node CPU ms", "together ms"], lines))


if __name__ == "__main__":
    main()
