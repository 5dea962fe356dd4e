"""`mpm-elk demo`: replay a year of real flights and watch it being monitored."""

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.app import print_json
from mpm_elk.errors import InputError

if TYPE_CHECKING:
    from mpm_elk.demo.run import Outcome
    from mpm_elk.demo.table import Discovery, Row

_MISSED = 1


@click.command()
@click.option("--full", is_flag=True, envvar="FULL", help="Replay until December instead of June. [env: FULL=1]")
@click.option("--days", type=click.IntRange(1, 275), help="Replay so many days instead.")
@click.option("--keep", is_flag=True, envvar="KEEP", help="Leave Elasticsearch up, to look around. [env: KEEP=1]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; all else goes to standard error.")
def command(*, full: bool, days: int | None, keep: bool, as_json: bool) -> int:
    """Replay a year of real flights and watch it being monitored.

    Trains a model that says whether a flight will be late, ships its predictions day by day, runs the job after each
    day, and lists the alerts. Exits 1 when an incident that the demo planted was not found.
    """
    try:
        from mpm_elk.demo import cluster as room  # noqa: PLC0415 — everything below is heavy
        from mpm_elk.demo import run as demo  # noqa: PLC0415
        from mpm_elk.demo.model import TRAINED_UNTIL  # noqa: PLC0415
        from mpm_elk.demo.show import Screen  # noqa: PLC0415
        from mpm_elk.demo.stopwatch import Stopwatch  # noqa: PLC0415
        from mpm_elk.demo.table import discoveries, rows  # noqa: PLC0415
        from mpm_elk.demo.traffic import KEY  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"the demo needs the Python library {error.name}"
        raise InputError(message, remedy="pip install 'mpm-elk[demo]'") from None
    from mpm_elk.cluster.dev import from_environment  # noqa: PLC0415

    began = time.perf_counter()
    screen, clock, config = Screen(stderr=as_json), Stopwatch(), demo.load_config()
    end = _end(days, demo.YEAR_END if full else demo.QUARTER_END, TRAINED_UNTIL)
    named = from_environment() is not None
    screen.plan(end, named=named, keep=keep)
    with room.opened(screen, clock, keep=keep) as (node, clients):
        with screen.replaying((end - TRAINED_UNTIL).days):
            outcome = demo.run(clients, config, end, screen, clock)
        hints = room.how_to_look(node, KEY, ours=not named) if keep or named else []
    table, found = rows(outcome.findings), discoveries(outcome.findings, outcome.end)
    total = time.perf_counter() - began
    screen.table(table)
    screen.incidents(found)
    screen.totals(outcome, clock.seconds, total)
    if hints:
        screen.line()
        screen.line("Elasticsearch stays up. Look at the documents:", style="bold")
        for hint in hints:
            screen.line(f"  {hint}")
    if as_json:
        print_json(_document(outcome, table, found, dict(clock.seconds), total))
    missed = [discovery.incident.name for discovery in found if discovery.missed]
    if missed:
        screen.line()
        screen.line(f"The demo failed: no alert speaks of what was planted: {', '.join(missed)}.", style="bold red")
        return _MISSED
    return 0


def _end(days: int | None, usual: datetime, start: datetime) -> datetime:
    return usual if days is None else start + timedelta(days=days)


def _document(
    outcome: "Outcome", table: "list[Row]", found: "list[Discovery]", seconds: dict[str, float], total: float
) -> dict[str, Any]:
    from mpm_elk.timespan import iso  # noqa: PLC0415

    return {
        "events": outcome.events,
        "quarantined": outcome.quarantined,
        "runs": outcome.days,
        "metric_documents": outcome.metrics,
        "alerts": [
            {
                "rule": finding.rule,
                "subject": finding.subject,
                "segment": finding.segment,
                "start": iso(finding.start),
                "end": None if finding.active else iso(finding.end),
                "severity": finding.severity,
                "value": finding.value,
                "p_adjusted": finding.p_adjusted,
                "opened": iso(finding.opened),
                "origin": row.origin,
            }
            for row in table
            for finding in row.findings
        ],
        "incidents": [
            {
                "name": discovery.incident.name,
                "expected": discovery.expected,
                "found": None if discovery.found is None else iso(discovery.found),
            }
            for discovery in found
        ],
        "notices": outcome.notices,
        "seconds": {part: round(taken, 2) for part, taken in seconds.items()} | {"total": round(total, 2)},
    }
