"""`mpm-elk quarantine`: look at events that were not accepted, retry or discard them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mpm_elk.cli.app import App, print_json
from mpm_elk.errors import UsageError

if TYPE_CHECKING:
    from mpm_elk.intake.quarantine import Item
    from mpm_elk.intake.repair import RepairReport

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_SHOWN_RAW = 4000


@click.group()
def command() -> None:
    """Look at events that were not accepted, and retry them."""


@command.command("list")
@click.option("--reason", help="Only this reason code.")
@click.option(
    "--state",
    type=click.Choice(["open", "retried", "discarded", "all"]),
    default="open",
    show_default=True,
    help="Only documents in this state.",
)
@_JSON
@click.pass_context
def list_(ctx: click.Context, *, reason: str | None, state: str, as_json: bool) -> None:
    """Count the quarantine by reason, with an example of each."""
    from mpm_elk.intake.quarantine import groups  # noqa: PLC0415 — the client is heavy

    app: App = ctx.obj
    found = groups(app.client, state=None if state == "all" else state, reason=reason)
    if as_json:
        print_json([asdict(group) for group in found])
        return
    if not found:
        click.echo("nothing is in quarantine" if state == "all" else f"nothing {state} is in quarantine")
    for group in found:
        click.echo(f"{group.count:>9,}  {group.reason_code} ({group.state}), {group.first} to {group.last}")
        example = group.example
        click.echo(f"{'':>9}  for example {example['id']} ({example['source']}:{example['line']})")
        click.echo(f"{'':>9}  {example['reason']}")


@command.command()
@click.argument("identity", metavar="ID")
@_JSON
@click.pass_context
def show(ctx: click.Context, identity: str, *, as_json: bool) -> None:
    """Show one document: the reason, where it came from, and the line as it came."""
    from mpm_elk.intake.quarantine import find  # noqa: PLC0415

    app: App = ctx.obj
    items = find(app.client, [identity])
    if as_json:
        print_json([{"_index": item.index, "_id": item.id, **item.document} for item in items])
        return
    for item in items:
        _show(item)


def _show(item: "Item") -> None:
    about = item.about
    click.echo(f"{item.id} in {item.index}")
    click.echo(f"reason    {about['reason_code']}: {item.document['error']['message']}")
    click.echo(f"from      {about['source']}, line {about['line']}, {about['bytes']:,} bytes")
    click.echo(f"state     {about['state']} since {about['updated']}, tried again {about.get('attempts', 0)} times")
    for key in ("because", "stored_as", "mended"):
        if key in about:
            click.echo(f"{key:9} {about[key]}")
    raw = item.raw
    text = raw[:_SHOWN_RAW].decode(errors="backslashreplace")
    click.echo(text + (f"… ({len(raw):,} bytes in all; --json shows them)" if len(raw) > _SHOWN_RAW else ""))


@command.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--reason", help="Retry all open documents with this reason code.")
@click.option("--all", "everything", is_flag=True, help="Retry all open documents.")
@click.option("--file", "mended", type=click.File("rb"), help="The mended event of one ID; `-`: standard input.")
@click.option("--backfill", is_flag=True, help="Accept events of any age since 1970.")
@_JSON
@click.pass_context
def retry(
    ctx: click.Context,
    ids: tuple[str, ...],
    *,
    reason: str | None,
    everything: bool,
    mended: BinaryIO | None,
    backfill: bool,
    as_json: bool,
) -> None:
    """Apply today's rules to the documents IDS, or to all of a reason, and store what passes.

    What still breaks a rule stays open with today's reason. Running it again does nothing twice.
    """
    from mpm_elk.intake.limits import Limits  # noqa: PLC0415
    from mpm_elk.intake.repair import retry_all, retry_some  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    if [bool(ids), reason is not None, everything].count(True) != 1:
        message = "say what to retry"
        raise UsageError(message, remedy="name ids, or one of --reason CODE and --all")
    if mended is not None and len(ids) != 1:
        message = "--file holds the mended event of one document"
        raise UsageError(message, remedy="name exactly one ID with --file")
    app: App = ctx.obj
    limits: Limits = Limits.from_config(app.config.intake)
    limits = limits.for_backfill() if backfill else limits
    now_ms = to_ms(app.now)
    if ids:
        text = None if mended is None else _one_line(mended.read())
        report = retry_some(app.client, list(ids), limits=limits, now_ms=now_ms, mended=text)
    else:
        report = retry_all(app.client, reason=reason, limits=limits, now_ms=now_ms)
    _print(report, as_json=as_json)
    ctx.exit(1 if report.bad else 0)


def _one_line(text: bytes) -> bytes:
    """Take a byte order mark and white space off; people write a mended event with an editor, over several lines."""
    return text.removeprefix(b"\xef\xbb\xbf").strip()


@command.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--because", required=True, help="Why they are not needed; kept with them.")
@_JSON
@click.pass_context
def discard(ctx: click.Context, ids: tuple[str, ...], *, because: str, as_json: bool) -> None:
    """Mark documents as not needed. Nothing is deleted."""
    from mpm_elk.intake.repair import discard as mark  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    app: App = ctx.obj
    _print(mark(app.client, list(ids), because=because, now_ms=to_ms(app.now)), as_json=as_json)


def _print(report: "RepairReport", *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = asdict(report)
        print_json(document)
        return
    parts = [
        (report.stored, "stored"),
        (report.duplicates, "were stored already"),
        (report.discarded, "discarded"),
        (report.skipped, "skipped: not open, or changed meanwhile"),
        (report.bad, "still bad"),
    ]
    click.echo(", ".join(f"{count:,} {what}" for count, what in parts if count) or "nothing to do")
    for code, count in report.still_bad.items():
        click.echo(f"{count:>9,}  {code}: {report.examples[code]}", err=True)
