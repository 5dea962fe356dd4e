"""`mpm-elk model`: register versions, and look at what the registry knows."""

import re
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.adopt import adopt
from mpm_elk.cli.app import App, print_json
from mpm_elk.cli.keys import DEFAULT_ENVIRONMENT, check_version, model_key
from mpm_elk.errors import RegistryError, UsageError
from mpm_elk.timespan import iso, to_ms

if TYPE_CHECKING:
    from mpm_elk.registry.store import ModelEntry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_ENVIRONMENT = click.option("--environment", default=DEFAULT_ENVIRONMENT, show_default=True, help="Where it serves.")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@click.group()
def command() -> None:
    """Register models and versions."""


command.add_command(adopt)


@command.command()
@click.argument("name")
@click.option("--version", required=True, help="The version, as its events carry it.")
@_ENVIRONMENT
@click.option(
    "--type", "model_type", type=click.Choice(["binary", "multiclass", "regression", "ranking"]), help="What it says."
)
@click.option("--owner", help="Who answers for it.")
@click.option("--description", help="What it is for.")
@click.option("--training-data", help="What it was trained on, in words or as an address.")
@click.option("--artifact-sha256", help="The SHA-256 of the model's file, in hexadecimal.")
@_JSON
@click.pass_context
def register(
    ctx: click.Context,
    name: str,
    *,
    version: str,
    environment: str,
    model_type: str | None,
    owner: str | None,
    description: str | None,
    training_data: str | None,
    artifact_sha256: str | None,
    as_json: bool,
) -> None:
    """Register a version of the model NAME.

    Facts can be added later by calling it again. A fact that is known does not change: a changed model is a new
    version.
    """
    from mpm_elk.registry.store import save_version  # noqa: PLC0415 — the client is heavy

    if artifact_sha256 is not None and not _SHA256.fullmatch(artifact_sha256.lower()):
        message = "--artifact-sha256 must be 64 hexadecimal digits"
        raise UsageError(message, remedy="take it from `sha256sum FILE`")
    facts = {
        "type": model_type,
        "owner": owner,
        "description": description,
        "training_data": training_data,
        "artifact_sha256": artifact_sha256 and artifact_sha256.lower(),
    }
    facts = {key: value for key, value in facts.items() if value is not None}
    key = model_key(name, environment).version(check_version(version))
    app: App = ctx.obj
    written = save_version(app.client, key, facts, to_ms(app.now))
    if as_json:
        print_json({"model": name, "version": version, "environment": environment, "facts": facts, "written": written})
    else:
        click.echo(f"version {version} of {key.model}: {'registered' if written else 'nothing new'}")


@command.command("list")
@_JSON
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the models that are registered, or have cells from their traffic."""
    from mpm_elk.registry.store import list_models, load  # noqa: PLC0415

    app: App = ctx.obj
    entries = [load(app.client, model) for model in list_models(app.client)]
    if as_json:
        print_json([_summary(entry) for entry in entries])
        return
    if not entries:
        click.echo("no model is registered: `mpm-elk model register NAME --version V`")
    for entry in entries:
        about = _summary(entry)
        versions = ", ".join(about["versions"]) or "none registered"
        click.echo(f"{entry.model}")
        click.echo(f"  versions   {versions}")
        click.echo(f"  cells      {about['subjects']} subjects, {about['provisional']} of them provisional")
        click.echo(f"  baselines  {about['baselines']}")


def _summary(entry: "ModelEntry") -> dict[str, Any]:
    return {
        "model": entry.model.name,
        "environment": entry.model.environment,
        "versions": sorted(entry.versions),
        "subjects": len(entry.cells.cells.subjects) if entry.cells else 0,
        "provisional": len(entry.cells.provisional) if entry.cells else 0,
        "baselines": len(entry.baselines),
    }


@command.command()
@click.argument("name")
@_ENVIRONMENT
@_JSON
@click.pass_context
def show(ctx: click.Context, name: str, *, environment: str, as_json: bool) -> None:
    """Show a model: its versions, the cells of each subject, its baselines."""
    from mpm_elk.registry.store import load  # noqa: PLC0415

    app: App = ctx.obj
    entry = load(app.client, model_key(name, environment))
    if not entry.versions and entry.cells is None and not entry.baselines and entry.learning is None:
        message = f"the registry knows nothing of {entry.model}"
        raise RegistryError(message, remedy="`mpm-elk model list` lists what it knows; environments are apart")
    about = _details(entry)
    if as_json:
        print_json(about)
        return
    click.echo(f"{entry.model}")
    for version, facts in about["versions"].items():
        click.echo(f"version {version}")
        for key, value in facts.items():
            click.echo(f"  {key.replace('_', ' '):<16} {value}")
    if about["cells"]:
        click.echo(f"cells {about['cells_hash']}")
    width = max((len(cell["subject"]) for cell in about["cells"]), default=0)
    for cell in about["cells"]:
        mark = "  (provisional, cut from traffic)" if cell["provisional"] else ""
        click.echo(f"  {cell['subject']:<{width}}  {cell['kind']:<11}  {cell['cells']}{mark}")
    if about["learning"]:
        over = to_ms(app.now) >= entry.quiet_until
        click.echo(
            f"live since {about['learning']['until']}" if over else f"learning until {about['learning']['until']}"
        )
    for baseline in about["baselines"]:
        click.echo(f"baseline {baseline['id']}")
        click.echo(f"  {baseline['count']:,} rows of {baseline['source']}, version {baseline['version']}")


def _details(entry: "ModelEntry") -> dict[str, Any]:
    from mpm_elk.registry.training import describe  # noqa: PLC0415

    cells, provisional = (entry.cells.cells, entry.cells.provisional) if entry.cells else (None, frozenset())
    learning = entry.learning
    return {
        "model": entry.model.name,
        "environment": entry.model.environment,
        "learning": {"since": iso(learning.since), "until": iso(learning.until)} if learning else None,
        "versions": {version: source["mpm"]["schema"] for version, source in sorted(entry.versions.items())},
        "cells_hash": cells.hash if cells else None,
        "cells": [
            {"subject": subject, "kind": kind, "cells": text, "provisional": subject in provisional}
            for subject, kind, text in (describe(cells) if cells else ())
        ],
        "baselines": [
            {
                "id": baseline.id,
                "version": baseline.version.version,
                "source": baseline.source,
                "count": baseline.counts.count,
                "days": len(baseline.days),
                "cells_hash": baseline.cells_hash,
                "created": baseline.created,
            }
            for baseline in entry.baselines
        ],
    }
