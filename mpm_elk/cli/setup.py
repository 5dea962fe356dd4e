"""`mpm-elk setup`: install what the cluster needs to know about our documents."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, print_json

if TYPE_CHECKING:
    from mpm_elk.cluster.setup import Change


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Take out what setup installed. Indices and their documents stay.")
@click.option("--force", is_flag=True, help="Overwrite templates of our names that mpm-elk did not install.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(ctx: click.Context, *, dry_run: bool, remove: bool, force: bool, as_json: bool) -> None:
    """Install templates, lifecycle policies and roles in Elasticsearch.

    Running it again brings an older version up to date and leaves the rest alone. Your own `mpm-*@custom` component
    templates are never touched.
    """
    from mpm_elk.cluster import setup  # noqa: PLC0415 — the client is heavy

    app: App = ctx.obj
    if remove and force:
        message = "--force belongs to installing; removing never touches what mpm-elk did not install"
        raise click.UsageError(message)
    if remove:
        changes = setup.remove(app.client, dry_run=dry_run)
    else:
        changes = setup.install(app.client, dry_run=dry_run, force=force)
    if as_json:
        print_json({"dry_run": dry_run, "changes": [asdict(change) for change in changes]})
    else:
        _print(changes, dry_run=dry_run)


def _print(changes: "list[Change]", *, dry_run: bool) -> None:
    """Print what changed, one line each, and how many are as they were."""
    for change in changes:
        if change.action != "unchanged":
            detail = f": {change.detail}" if change.detail else ""
            click.echo(f"{change.action:9} {change.kind} {change.name}{detail}")
    counts = Counter(change.action.value for change in changes)
    summary = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing is installed"
    click.echo(f"{'would be: ' if dry_run else ''}{summary}")
