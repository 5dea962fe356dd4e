"""`mpm-elk drift`: look at what was measured, in numbers and in bars."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, draw, print_json
from mpm_elk.cli.keys import DEFAULT_ENVIRONMENT, check_version, model_key
from mpm_elk.errors import UsageError

if TYPE_CHECKING:
    from mpm_elk.config.references import Reference
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


@command.command()
@click.argument("name", metavar="MODEL")
@click.option("--window", default="latest", show_default=True, metavar="W", help="A day, or START/END, in UTC.")
@click.option("--against", metavar="R", help="A reference, as in a rule. [default: rolling 28d]")
@click.option("--reference", "file", type=click.Path(path_type=Path), metavar="FILE", help="A file of rows instead.")
@click.option("--exclude", multiple=True, metavar="COL", help="A column of FILE that is no feature.")
@click.option("--timestamp-column", metavar="COL", help="The time of a row of FILE. [default: @timestamp]")
@click.option("--version", metavar="V", help="One version. [default: all together]")
@click.option("--segment", "segments", multiple=True, metavar="NAME=VALUE", help="Only such events; may be repeated.")
@click.option("--rows", type=click.IntRange(200, 100_000), default=5_000, show_default=True, help="Rows of each side.")
@click.option("--environment", default=DEFAULT_ENVIRONMENT, show_default=True, help="Where it serves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def classify(
    ctx: click.Context,
    name: str,
    *,
    window: str,
    against: str | None,
    file: Path | None,
    exclude: tuple[str, ...],
    timestamp_column: str | None,
    version: str | None,
    segments: tuple[str, ...],
    rows: int,
    environment: str,
    as_json: bool,
) -> None:
    """Tell a window of MODEL's events from its reference by a classifier, and say by which features.

    Reads a sample of both, and of 14 past windows, which show how well windows can be told apart without drift. It
    takes from seconds to a minute, and writes nothing. Needs scikit-learn: pip install 'mpm-elk[classify]'.
    """
    from mpm_elk.cluster.sources import of_model  # noqa: PLC0415 — the client is heavy
    from mpm_elk.registry.rows import TIME, Columns, kind_of  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415
    from mpm_elk.views.classification import Wanted  # noqa: PLC0415
    from mpm_elk.views.classification import classify as ask  # noqa: PLC0415

    key = model_key(name, environment)
    if file is not None and against is not None:
        message = "--reference and --against both say what to compare with"
        raise UsageError(message, remedy="give one of them")
    if file is None and (exclude or timestamp_column):
        message = "--exclude and --timestamp-column are about a file"
        raise UsageError(message, remedy="give it with --reference FILE")
    if file is not None:
        kind_of(file)
    columns = Columns(timestamp=timestamp_column or TIME, exclude=frozenset(exclude))
    wanted = Wanted(
        key,
        window,
        _against(against),
        file,
        columns,
        check_version(version) if version is not None else None,
        _segment(segments),
        rows,
    )
    app: App = ctx.obj
    shown = sys.stderr.isatty()
    found = ask(
        app.client,
        wanted,
        now_ms=to_ms(app.now),
        source=of_model(app.client, app.config.sources, key),
        say=lambda text: click.echo(f"{text} …", err=True) if shown else None,
    )
    if as_json:
        print_json(found.to_document())
        return
    from mpm_elk.views.classification_tables import classification  # noqa: PLC0415
    from mpm_elk.views.terminal import PIPE_WIDTH  # noqa: PLC0415

    draw(classification(found), PIPE_WIDTH)


def _against(text: str | None) -> "Reference | None":
    from mpm_elk.config.references import parse_reference  # noqa: PLC0415

    if text is None:
        return None
    try:
        return parse_reference(text)
    except ValueError as error:
        raise UsageError(f"--against: {error}", remedy="write it as in a rule of mpm.yml") from None


def _segment(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            message = f"--segment {text!r} names no value"
            raise UsageError(message, remedy="write it as region=EU")
        found[name] = value
    return found
