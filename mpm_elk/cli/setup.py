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
    """Install templates, lifecycle policies and roles in Elasticsearch, and the dashboards where mpm.yml names Kibana.

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
    dashboards = None if remove else _dashboards(app, dry_run=dry_run)
    if as_json:
        document = {"dry_run": dry_run, "changes": [asdict(change) for change in changes]}
        print_json(document | ({"dashboards": dashboards} if dashboards else {}))
    else:
        _print(changes, dry_run=dry_run)
        if dashboards:
            done = "would be imported" if dry_run else f"{dashboards['objects']} objects imported"
            click.echo(f"dashboards: {done} into {dashboards['url']}, space {dashboards['space']}")


def _dashboards(app: App, *, dry_run: bool) -> dict[str, object] | None:
    """Import the dashboards where mpm.yml says where Kibana is."""
    if app.config.kibana is None:
        return None
    from mpm_elk.cli import dashboards  # noqa: PLC0415 — only where it is wanted

    where = dashboards.settings(app)
    if dry_run:
        return {"url": where.url, "space": where.space or "default"}
    return asdict(dashboards.install_into(where))


def _print(changes: "list[Change]", *, dry_run: bool) -> None:
    """Print what changed, one line each, and how many are as they were."""
    for change in changes:
        if change.action != "unchanged":
            detail = f": {change.detail}" if change.detail else ""
            click.echo(f"{change.action:9} {change.kind} {change.name}{detail}")
    counts = Counter(change.action.value for change in changes)
    summary = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing is installed"
    click.echo(f"{'would be: ' if dry_run else ''}{summary}")
