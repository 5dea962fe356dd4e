"""Measure what one more hour costs after 1, 30 and 180 days of history: promise 1 says that history does not matter.

    python -m benchmarks.next_hour [--rows 40] [--days 1 30 180]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. A model of 30 features gets ROWS events an hour.
After the history has been judged in one run, two days follow hour by hour, and each run is measured: those that only
add an hour, and the two whose hour ends a day, which judge every feature against 28 days. Prints the median of each
and the ratio of the client's CPU after the longest history to that after the others. More than 1.2 in the mean of a
day's hours is a failure (exit 1). The node's CPU holds what it does by itself in a second.
"""

import argparse
import statistics
import sys
from dataclasses import astuple

from benchmarks.hourly_model import Cost, HourlyModel
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.setup import install
from mpm_elk.contract.roles import ROLES

FOLLOWING = 48
ALLOWED = 1.2


def hours_after(model: HourlyModel, days: int) -> tuple[Cost, Cost]:
    """Give the median cost of a plain hour and of an hour that ends a day, after so many days."""
    model.send(0, days * 24)
    model.run(days * 24)
    plain: list[Cost] = []
    ending: list[Cost] = []
    for hour in range(days * 24, days * 24 + FOLLOWING):
        model.send(hour, hour + 1)
        with model.measured(node=(hour + 1) % 8 == 0) as cost:
            model.run(hour + 1)
        (ending if (hour + 1) % 24 == 0 else plain).append(cost)
    return median(plain), median(ending)


def median(costs: list[Cost]) -> Cost:
    """Give the median of each number."""
    columns = ([x for x in column if x == x] for column in zip(*map(astuple, costs), strict=True))  # noqa: PLR0124 — nan
    return Cost(*(statistics.median(column) for column in columns))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--days", type=int, nargs="+", default=[1, 30, 180])
    arguments = parser.parse_args()
    found: dict[int, tuple[Cost, Cost]] = {}
    with dev.elasticsearch(roles=ROLES) as node:
        admin, job = connect(node.settings("admin")), connect(node.settings("job"))
        install(admin)
        print("history  hour        client CPU   wall     node CPU  requests  read")
        for days in arguments.days:
            model = HourlyModel(admin, job, arguments.rows)
            try:
                found[days] = hours_after(model, days)
            finally:
                model.delete()
            for name, cost in zip(("plain", "ends a day"), found[days], strict=True):
                print(
                    f"{days:>4} d   {name:<10}  {cost.cpu * 1000:>7.0f} ms  {cost.wall * 1000:>5.0f} ms  "
                    f"{cost.node_cpu * 1000:>5.0f} ms  {cost.requests:>8.0f}  {cost.bytes / 1000:>6.0f} kB"
                )
    sys.exit(0 if within(found) else 1)


def within(found: dict[int, tuple[Cost, Cost]]) -> bool:
    """Print how the cost of the longest history compares with the others; tell whether a mean hour is within bounds."""
    longest, fine = max(found), True
    for days in sorted(set(found) - {longest}):
        kinds = zip(("plain", "ends a day", "mean of a day"), cpu(found[longest]), cpu(found[days]), strict=True)
        ratios = {name: after / before for name, after, before in kinds}
        fine &= ratios["mean of a day"] <= ALLOWED
        for name, ratio in ratios.items():
            print(f"{name}: client CPU after {longest} days is {ratio:.2f} × that after {days}")
    return fine


def cpu(costs: tuple[Cost, Cost]) -> tuple[float, float, float]:
    """Give the client's CPU of a plain hour, of one that ends a day, and of a day's hours in the mean."""
    plain, ending = (cost.cpu for cost in costs)
    return plain, ending, (23 * plain + ending) / 24


if __name__ == "__main__":
    main()
