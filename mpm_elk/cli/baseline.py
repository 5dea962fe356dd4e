"""`mpm-elk baseline`: store training data, or a window of traffic, as what later windows are compared with."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.app import App, print_json
from mpm_elk.cli.keys import DEFAULT_ENVIRONMENT, check_version, model_key, span
from mpm_elk.errors import RegistryError, UsageError
from mpm_elk.timespan import iso, milliseconds, parse_instant, to_ms

if TYPE_CHECKING:
    from mpm_elk.registry.baseline import Made
    from mpm_elk.registry.store import Baseline

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_ENVIRONMENT = click.option("--environment", default=DEFAULT_ENVIRONMENT, show_default=True, help="Where it serves.")


@click.group()
def command() -> None:
    """Store training data, or a window of traffic, as a baseline."""


@command.command()
@click.argument("name")
@click.option("--version", required=True, help="The version, as its events carry it.")
@_ENVIRONMENT
@click.option("--from", "path", type=click.Path(path_type=Path), help="A .parquet, .csv, .ndjson or .jsonl file.")
@click.option("--from-window", "window", nargs=2, metavar="A B", help="Events from A up to B, whole hours, UTC.")
@click.option("--timestamp-column", help="The time of a row. [default: @timestamp, where there is one]")
@click.option("--score-column", help="The model's score, not the truth. [default: score, where there is one]")
@click.option("--label-column", help="The label the model gave, not the truth. [default: label, where there is one]")
@click.option("--value-column", help="The number the model predicted. [default: value, where there is one]")
@click.option("--exclude", multiple=True, metavar="COL", help="A column that is no feature: the target, an id.")
@click.option("--keep-ids", is_flag=True, help="Keep columns of texts that differ in every row.")
@click.option("--learn", callback=span, metavar="SPAN", help="Open no alert for so long. [default: live at once]")
@_JSON
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    *,
    version: str,
    environment: str,
    path: Path | None,
    window: tuple[str, str] | None,
    timestamp_column: str | None,
    score_column: str | None,
    label_column: str | None,
    value_column: str | None,
    exclude: tuple[str, ...],
    keep_ids: bool,
    learn: timedelta | None,
    as_json: bool,
) -> None:
    """Count training data, or a window of traffic, in the cells of the model NAME.

    Cells are cut for every feature that has none yet, and frozen; provisional ones are replaced by those of a file.
    Every column is a feature but the time, the outputs, and what is excluded; columns of texts that differ in every row
    (ids) are left out. A version that is not registered is registered, without facts. Doing it twice stores it once.
    """
    key = model_key(name, environment).version(check_version(version))
    columns = {"timestamp": timestamp_column, "score": score_column, "label": label_column, "value": value_column}
    given = {part: column for part, column in columns.items() if column is not None}
    app: App = ctx.obj
    if (path is None) == (not window):
        message = "say what the baseline is made from"
        raise UsageError(message, remedy="give one of --from FILE and --from-window A B")
    if path is not None:
        from mpm_elk.cluster.sources import of_model  # noqa: PLC0415
        from mpm_elk.profiles.cells import LABEL, SCORE, VALUE  # noqa: PLC0415 — numpy is heavy
        from mpm_elk.registry.baseline import from_file  # noqa: PLC0415
        from mpm_elk.registry.rows import TIME, Columns, kind_of  # noqa: PLC0415

        kind_of(path)  # before anything is sent
        subjects = {"timestamp": TIME, "score": SCORE, "label": LABEL, "value": VALUE}
        made = from_file(
            app.client,
            key,
            path,
            Columns(exclude=frozenset(exclude), **given),
            now_ms=to_ms(app.now),
            named=frozenset(subjects[part] for part in given),
            keep_ids=keep_ids,
            source=of_model(app.client, app.config.sources, key.model),
            say=_progress(),
        )
    else:
        from mpm_elk.cluster.sources import of_model  # noqa: PLC0415
        from mpm_elk.registry.baseline import from_window  # noqa: PLC0415

        if given or exclude or keep_ids:
            message = "options about columns go with --from FILE"
            raise UsageError(message, remedy="leave them out with --from-window")
        assert window is not None  # noqa: S101 — one of the two is given
        start, end = (_time(text) for text in window)
        pool = app.config.intake.pool
        source = of_model(app.client, app.config.sources, key.model)
        made = from_window(
            app.client, key, start, end, now_ms=to_ms(app.now), pool=pool, source=source, say=_progress()
        )
    if learn is not None:
        from mpm_elk.registry.learning import learn_for  # noqa: PLC0415

        learn_for(app.client, key.model, milliseconds(learn), to_ms(app.now))
    _print(made, as_json=as_json)


def _time(text: str) -> int:
    try:
        return to_ms(parse_instant(text))
    except ValueError:
        message = f"{text!r} is no time"
        raise UsageError(message, remedy="write it as 2026-11-23T10:00:00Z") from None


def _progress() -> Callable[[str], None]:
    """Say what is done on a terminal, nothing on a pipe."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: click.echo(f"{text} …", err=True)


def _print(made: "Made", *, as_json: bool) -> None:
    from mpm_elk.registry.training import describe  # noqa: PLC0415

    about = _summary(made.baseline)
    subjects = list(describe(made.cells))
    if as_json:
        cells = [
            {"subject": name, "kind": kind, "cells": text, "fresh": name in made.fresh} for name, kind, text in subjects
        ]
        left_out = {"ids": made.ids, "empty": made.empty}
        done = {"new": made.new, "version_registered": made.registered}
        print_json({**about, **done, "cells": cells, "left_out": left_out, "wrong_type": made.unlike})
        return
    click.echo(f"baseline {about['id']}" + ("" if made.new else ": stored already"))
    click.echo(f"{about['count']:,} rows of {about['source']}, {about['days']} days, cells {about['cells_hash']}")
    width = max(len(name) for name, _, _ in subjects)
    for name, kind, text in subjects:
        click.echo(f"  {name:<{width}}  {kind:<11}  {text}" + ("" if name in made.fresh else "  (known cells)"))
    if made.registered:
        click.echo("the version was not registered, and is now: `mpm-elk model register` adds what it is")
    notes = {
        "left out, every row has another text (--keep-ids keeps them)": made.ids,
        "left out, no value at all": made.empty,
        "most values are of another type than the model's cells": made.unlike,
    }
    for note, names in notes.items():
        if names:
            click.secho(f"note: {note}: {', '.join(names)}", fg="yellow", err=True)


def _summary(baseline: "Baseline") -> dict[str, Any]:
    days = sorted(baseline.days)
    return {
        "id": baseline.id,
        "model": baseline.version.name,
        "version": baseline.version.version,
        "environment": baseline.version.environment,
        "source": baseline.source,
        "count": baseline.counts.count,
        "days": len(days),
        "first_day": iso(days[0])[:10] if days else None,
        "last_day": iso(days[-1])[:10] if days else None,
        "cells_hash": baseline.cells_hash,
        "created": baseline.created,
    }


@command.command("list")
@click.argument("name", required=False)
@_ENVIRONMENT
@_JSON
@click.pass_context
def list_(ctx: click.Context, name: str | None, *, environment: str, as_json: bool) -> None:
    """List the baselines of the model NAME, or of all models in all environments."""
    from mpm_elk.registry.store import list_models, load  # noqa: PLC0415

    app: App = ctx.obj
    models = [model_key(name, environment)] if name else list_models(app.client)
    found = [_summary(baseline) for model in models for baseline in load(app.client, model).baselines]
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("no baseline is stored: `mpm-elk baseline create NAME --version V --from FILE`")
    for about in found:
        click.echo(f"{about['id']}  {about['model']} ({about['environment']}), version {about['version']}")
        click.echo(f"  {about['count']:,} rows of {about['source']}, created {about['created']}")


@command.command()
@click.argument("identity", metavar="ID")
@_JSON
@click.pass_context
def show(ctx: click.Context, identity: str, *, as_json: bool) -> None:
    """Show one baseline: what it was counted from, and each subject's counts."""
    from mpm_elk.registry.store import find_baseline  # noqa: PLC0415

    app: App = ctx.obj
    baseline = find_baseline(app.client, identity)
    if baseline is None:
        message = f"there is no baseline {identity}"
        raise RegistryError(message, remedy="`mpm-elk baseline list` lists them")
    if as_json:
        days = {iso(day)[:10]: profile.count for day, profile in sorted(baseline.days.items())}
        print_json({**_summary(baseline), "counts": baseline.counts.to_document(), "rows_by_day": days})
        return
    for key, value in _summary(baseline).items():
        click.echo(f"{key.replace('_', ' '):<12} {value}")
    for name, counts in baseline.counts.subjects.items():
        wrong = f", {counts.type_violations:,} of another type" if counts.type_violations else ""
        click.echo(f"  {name}: {counts.present:,} values, {counts.missing:,} missing{wrong}")
