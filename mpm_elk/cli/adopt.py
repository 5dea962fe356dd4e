"""`mpm-elk model adopt`: monitor a model that is in traffic already."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.app import App, draw, instant, print_json
from mpm_elk.cli.keys import DEFAULT_ENVIRONMENT, check_version, model_key, span
from mpm_elk.errors import UsageError

if TYPE_CHECKING:
    from mpm_elk.contract.keys import ModelKey
    from mpm_elk.job.adopt import Adopted, Plan

_PIPE_WIDTH = 140


@click.command()
@click.argument("name", metavar="MODEL")
@click.option("--environment", default=DEFAULT_ENVIRONMENT, show_default=True, help="Where it serves.")
@click.option("--version", help="Whose events become the baseline. [default: the version with most]")
@click.option("--since", callback=span, default="56d", show_default=True, help="How far to look back.")
@click.option("--learn", callback=span, help="How long to stay silent; `none` is live at once. [default: 28d]")
@click.option("--recut", multiple=True, metavar="PATTERN", help="Cut frozen cells of such subjects anew.")
@click.option("--live", is_flag=True, help="End the learning time now, and do nothing else.")
@click.option("--at", callback=instant, metavar="TIME", help="Adopt as of this time instead of now.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def adopt(
    app: App,
    *,
    name: str,
    environment: str,
    version: str | None,
    since: timedelta,
    learn: timedelta | None,
    recut: tuple[str, ...],
    live: bool,
    at: datetime | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Monitor the model MODEL, whose predictions flow already.

    Looks at its events, proposes cells for each feature and output, measures how days and hours vary, and tells how
    many alerts a month the rules would have raised. Then it freezes the cells, makes a baseline of the time looked at,
    and lets the model learn: windows are judged, and open no alert until the learning time ends. Doing it twice changes
    nothing.
    """
    from mpm_elk.timespan import to_ms  # noqa: PLC0415 — pydantic is heavy

    key, now_ms = model_key(name, environment), to_ms(at or app.now)
    if live:
        _go_live(app, key, now_ms, as_json=as_json)
        return
    if not (dry_run or yes) and (as_json or not sys.stdin.isatty()):
        raise UsageError("there is nobody to ask", remedy="say --yes to do it, or --dry-run to look only")
    from mpm_elk.job.adopt import Wish, context_for, plan  # noqa: PLC0415 — heavy
    from mpm_elk.job.adopt import adopt as carry_out  # noqa: PLC0415

    wish = Wish(check_version(version) if version is not None else None, since, learn, recut)
    with _context(app, key, now_ms, context_for) as context:
        found = plan(context, wish)
    if not as_json:
        _draw(found)
    if dry_run or not found.changes:
        _tell(found, None, as_json=as_json)
        return
    if not yes:
        click.confirm("Adopt it so?", abort=True)
    _tell(found, carry_out(app.client, found, now_ms), as_json=as_json)


@contextmanager
def _context(app: App, key: "ModelKey", now_ms: int, make: Any) -> Iterator[Any]:
    """Make the plan's context, and show what is being done on a terminal, nothing on a pipe."""
    context = make(app.client, app.config, key, now_ms)
    if not sys.stderr.isatty():
        yield context
        return
    from rich.console import Console  # noqa: PLC0415 — heavy

    with Console(stderr=True).status(f"looking at {key}") as status:
        context.progress = status.update
        yield context


def _draw(found: "Plan") -> None:
    from mpm_elk.views.adoption import draw as table  # noqa: PLC0415 — heavy

    draw(table(found), _PIPE_WIDTH)


def _tell(found: "Plan", done: "Adopted | None", *, as_json: bool) -> None:
    """Say what was done; without `done`, nothing was."""
    if as_json:
        from mpm_elk.views.adoption import to_document  # noqa: PLC0415 — heavy

        what = None
        if done is not None:
            baseline = done.baseline.baseline.id if done.baseline else None
            what = {"cells": list(done.cells), "baseline": baseline, "learning": done.learning}
        print_json({**to_document(found), "done": what})
    elif done is not None:
        click.echo(f"{found.model} is adopted")
        if done.baseline is not None:
            click.echo(f"baseline {done.baseline.baseline.id}" + ("" if done.baseline.new else ": stored already"))


def _go_live(app: App, key: "ModelKey", now_ms: int, *, as_json: bool) -> None:
    from mpm_elk.registry.learning import end_learning  # noqa: PLC0415 — heavy
    from mpm_elk.registry.store import load  # noqa: PLC0415

    ended = end_learning(app.client, key, load(app.client, key).learning, now_ms)
    if as_json:
        print_json({"model": key.name, "environment": key.environment, "learning": None, "ended": ended})
    else:
        click.echo(f"{key} is live" + ("" if ended else " already"))
