"""`mpm-elk drift`: look at what was measured, in numbers and in bars."""

import os
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, print_json
from mpm_elk.cli.keys import DEFAULT_ENVIRONMENT, model_key

if TYPE_CHECKING:
    from mpm_elk.views.drift import Found


@click.group()
def command() -> None:
    """Look at the drift of a model's features and predictions."""


@command.command()
@click.argument("name", metavar="MODEL")
@click.option(
    "--feature", "features", multiple=True, metavar="F", help="Draw its distributions; may be repeated, or a pattern."
)
@click.option("--version", metavar="V", help="One version. [default: those that had events in the window]")
@click.option("--segment", default="all", show_default=True, metavar="S", help="A segment's events, such as region=EU.")
@click.option(
    "--window", default="latest", show_default=True, metavar="DAY", help="A day, or a time within the window, in UTC."
)
@click.option("--against", metavar="R", help="One reference, such as baseline or 'rolling 28d'. [default: all]")
@click.option("--environment", default=DEFAULT_ENVIRONMENT, show_default=True, help="Where it serves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def show(
    ctx: click.Context,
    name: str,
    *,
    features: tuple[str, ...],
    version: str | None,
    segment: str,
    window: str,
    against: str | None,
    environment: str,
    as_json: bool,
) -> None:
    """Show what the last run measured of MODEL: each subject's effect with its limits, evidence, and verdict.

    With --feature the two distributions are drawn side by side, and the cell that moved most is marked. Outputs are
    features too: score, label, value.
    """
    from mpm_elk.views.drift import Wanted, find  # noqa: PLC0415 — the client is heavy

    key = model_key(name, environment)
    app: App = ctx.obj
    found = find(app.client, Wanted(key, features, version, segment, window, against))
    if as_json:
        print_json(found.to_document())
    else:
        _print(found)


def _print(found: "Found") -> None:
    """Print for a person: on a terminal as wide as it is; on a pipe without colour, 100 columns or COLUMNS wide."""
    from rich.console import Console  # noqa: PLC0415 — heavy

    from mpm_elk.views.terminal import PIPE_WIDTH, as_text, drift  # noqa: PLC0415

    console = Console(highlight=False)
    if console.is_terminal:
        console.print(drift(found, console.width))
    else:
        width = console.width if "COLUMNS" in os.environ else PIPE_WIDTH
        click.echo(as_text(drift(found, width), width))
