"""`mpm-elk ship`: send events from files or standard input."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.app import App, print_json
from mpm_elk.errors import ClusterError, InputError, MpmError

if TYPE_CHECKING:
    from mpm_elk.intake.ship import ShipReport, Source


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["auto", "mpm", "kserve", "seldon", "sagemaker"]),
    default="auto",
    show_default=True,
    help="What the lines are. auto: events and captures by their form, and other lines of a log pass by. "
    "With a format named, every other line goes to quarantine.",
)
@click.option("--backfill", is_flag=True, help="Accept events of any age since 1970. The limit ahead of now stays.")
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on where an interrupted call was acknowledged. Sending again is harmless, and only takes time.",
)
@click.option("--fail-on-quarantine", is_flag=True, help="Exit with 1 when a line went to quarantine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    wanted: str,
    backfill: bool,
    resume: bool,
    fail_on_quarantine: bool,
    as_json: bool,
) -> None:
    """Send events from FILES (`-` is standard input), one JSON object a line; plain, gzip or zstd.

    Events are predictions, ground truth, and the captures of other platforms, which the job turns into predictions
    (`mpm-elk captures`). One that is sent twice is stored once. One that breaks a rule goes to quarantine with its
    reason: `mpm-elk quarantine list`. Lines of a log that hold no event pass by, and are counted. Exit code 0: every
    event is stored or in quarantine. 1: something could not be sent or read; run the same command again.
    """
    from mpm_elk.intake.limits import Limits  # noqa: PLC0415 — everything below is heavy
    from mpm_elk.intake.ship import ship  # noqa: PLC0415

    app: App = ctx.obj
    limits = Limits.from_config(app.config.intake)
    sources = _sources(files)
    with _progress(sources) as progress:
        report = ship(
            app.client,
            sources,
            limits=limits.for_backfill() if backfill else limits,
            resume=resume,
            progress=progress,
            wanted=None if wanted == "auto" else wanted,
        )
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report)
    if problem := _problem(report):
        raise problem
    if fail_on_quarantine and report.quarantined:
        ctx.exit(1)


def _sources(files: tuple[str, ...]) -> "list[Source]":
    from mpm_elk.intake.lines import standard_input  # noqa: PLC0415
    from mpm_elk.intake.ship import Source  # noqa: PLC0415

    if files.count("-") > 1:
        message = "`-` can be named once: standard input can be read once"
        raise click.UsageError(message)
    return [Source("stdin", standard_input()) if file == "-" else Source.of(Path(file)) for file in files]


@contextmanager
def _progress(sources: "list[Source]") -> "Iterator[Callable[[ShipReport, int], None] | None]":
    """Show a bar on standard error while it is a terminal; nothing on a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("shipping", total=_plain_bytes(sources))

        def show(report: "ShipReport", handled: int) -> None:
            bad = f", {report.quarantined:,} quarantined" if report.quarantined else ""
            bar.update(task, completed=handled, description=f"{report.events:,} events{bad}")

        yield show


def _plain_bytes(sources: "list[Source]") -> int | None:
    """Add up the sizes of the files; None where one is compressed or a stream, so that nobody knows."""
    from mpm_elk.intake.lines import is_compressed  # noqa: PLC0415

    total = 0
    for source in sources:
        if not isinstance(source.origin, Path) or not source.origin.is_file() or is_compressed(source.origin):
            return None
        total += source.origin.stat().st_size
    return total


def _print(report: "ShipReport") -> None:
    for name, line in report.resumed.items():
        click.echo(f"{name}: went on after line {line:,}, where an earlier call was interrupted", err=True)
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    rate = f" in {report.seconds:.1f} s ({report.events / report.seconds:,.0f} events/s)" if report.seconds >= 1 else ""
    click.echo(
        f"{report.events:,} events: {report.created:,} stored, {report.duplicates:,} were stored already, "
        f"{report.quarantined:,} in quarantine{rate}"
    )
    if report.passed:
        click.echo(f"{report.passed:,} lines passed by: they hold no `mpm` object and no capture", err=True)
    for reason in sorted(report.reasons.values(), key=lambda reason: -reason.count):
        places = ", ".join(reason.places) + (", …" if reason.count > len(reason.places) else "")
        click.echo(f"  {reason.count:>9,}  {reason.code}: {reason.example}", err=True)
        click.echo(f"  {'':>9}  at {places}", err=True)
    if report.reasons:
        click.echo("look at them with `mpm-elk quarantine list`; mend, then `mpm-elk quarantine retry`", err=True)


def _as_json(report: "ShipReport") -> dict[str, Any]:
    counts = {"events": report.events, "quarantined": report.quarantined, "complete": report.complete}
    return {**asdict(report), **counts, "reasons": [asdict(reason) for reason in report.reasons.values()]}


def _problem(report: "ShipReport") -> MpmError | None:
    """Say what kept lines from being handled."""
    if report.failure:
        return ClusterError(
            f"Elasticsearch took {report.events:,} events, and then no more: {report.failure}",
            remedy="mend that, then run the same command again: it goes on there, and nothing is stored twice",
        )
    if report.damaged:
        return InputError("\n".join(report.damaged), remedy="get whole copies, and send them again")
    return None
