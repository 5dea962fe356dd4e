"""`mpm-elk captures`: turn payloads of other platforms into predictions, and see what became of them."""

import os
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, print_json

if TYPE_CHECKING:
    from mpm_elk.intake.capture_status import EndpointStatus
    from mpm_elk.intake.conversion_report import ConversionReport

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def command() -> None:
    """Turn payloads of other platforms into predictions."""


@command.command()
@click.option("--dry-run", is_flag=True, help="Convert everything, write nothing, say what would be written.")
@click.option("--failed", "retry", is_flag=True, help="Also try those again that failed under the same mapping.")
@_JSON
@click.pass_context
def convert(ctx: click.Context, *, dry_run: bool, retry: bool, as_json: bool) -> None:
    """Convert the captures that are new, or whose mapping has changed; `mpm-elk run` does it first of all.

    Exits 0 when done, 1 when a call could not be converted, 75 while another run converts.
    """
    from mpm_elk.intake.convert import convert as convert_all  # noqa: PLC0415 — the client is heavy
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    app: App = ctx.obj
    holder = f"captures-{socket.gethostname()}-{os.getpid()}"
    report = convert_all(app.client, app.config, run_id=holder, now_ms=to_ms(app.now), dry_run=dry_run, retry=retry)
    if as_json:
        print_json(report.to_document())
    else:
        _print(report)
    ctx.exit(1 if report.failed else 0)


def _print(report: "ConversionReport") -> None:
    counted = [
        (report.converted, "calls converted"),
        (report.expired, "calls without an answer"),
        (report.waiting, "calls waiting for their other half"),
        (report.failed, "calls failed"),
        (report.written, "documents written"),
        (report.removed, "documents removed"),
        (report.unmapped, "captures of endpoints without a mapping"),
    ]
    said = ", ".join(f"{count:,} {what}" for count, what in counted if count) or "nothing to do"
    click.echo(f"dry run, nothing was written: {said}" if report.dry_run else said)
    for notice in report.notices:
        click.echo(notice, err=True)


@command.command()
@_JSON
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Say, endpoint by endpoint, what became of the captures."""
    from mpm_elk.intake.capture_status import status as status_of  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    app: App = ctx.obj
    found = status_of(app.client, app.config, now_ms=to_ms(app.now))
    if as_json:
        print_json([asdict(one) | {"failed": one.failed} for one in found])
        return
    if not found:
        click.echo("there are no captures")
    for one in found:
        _show(one)


def _show(one: "EndpointStatus") -> None:
    title = f"{one.endpoint} ({one.platform})"
    if one.model is None:
        click.echo(f"{title}: {one.captures:,} captures, not mapped: `captures` in mpm.yml has no entry for it")
        return
    click.echo(f"{title} → {one.model}: {one.captures:,} captures")
    rows = [
        (one.converted, "calls converted"),
        (one.failed, "calls failed"),
        (one.repeated, "captures that repeat another"),
        (one.unsupported, "captures of a kind that nothing is made of yet"),
        (one.new, "captures not looked at yet"),
        (one.outdated, "captures to convert again: the mapping has changed"),
    ]
    for count, what in rows:
        if count:
            click.echo(f"{count:>9,}  {what}")
    for part, ages in sorted(one.lone.items()):
        split = ", ".join(f"{count:,} {age}" for age, count in ages.items() if count)
        click.echo(f"{sum(ages.values()):>9,}  lone {part}s: {split}")
    for group in one.failures:
        click.echo(f"{group.count:>9,}  failed, {group.reason_code}: {group.reason} (call {group.call})")
