"""`mpm-elk alerts`: look at alerts, and say what is done about them."""

import getpass
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import click

from mpm_elk.cli.app import App, draw, instant, print_json
from mpm_elk.cli.keys import span
from mpm_elk.errors import UsageError

Deed = Callable[..., None]

_PIPE_WIDTH = 120
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_MODELS = click.option(
    "--model", "models", multiple=True, metavar="M", help="Of these models only; `*` stands for any."
)
_ENVIRONMENT = click.option("--environment", metavar="E", help="Where the models serve. [default: all]")
# An id may begin with a dash; an unknown option is then taken for an id, and said to be none.
_IDS: dict[str, Any] = {"ignore_unknown_options": True}


@click.group()
def command() -> None:
    """Look at alerts, and say what is done about them."""


@command.command("list")
@_MODELS
@click.option("--rule", "rules", multiple=True, metavar="R", help="Of these rules only; `*` stands for any.")
@_ENVIRONMENT
@click.option(
    "--status", type=click.Choice(["active", "recovered", "all"]), default="active", show_default=True,
    help="Whether the condition still holds.",
)  # fmt: skip
@click.option("--workflow", type=click.Choice(["open", "acknowledged", "closed"]), help="What people have done.")
@click.option("--severity", type=click.Choice(["warning", "critical"]), help="The worst that it was.")
@click.option("--owner", metavar="O", help="Of rules of this owner.")
@click.option("--since", callback=span, metavar="SPAN", help="Detected in the last 12h, 7d, … [default: any time]")
@_JSON
@click.pass_context
def list_(ctx: click.Context, /, *, status: str, since: timedelta | None, as_json: bool, **filters: Any) -> None:
    """List alerts, newest first."""
    from mpm_elk.timespan import milliseconds, to_ms  # noqa: PLC0415
    from mpm_elk.views.alerts import Wanted, listed  # noqa: PLC0415 — the client is heavy

    app: App = ctx.obj
    now = to_ms(app.now)
    wanted = Wanted(
        status=None if status == "all" else status,
        since=None if since is None else now - milliseconds(since),
        **filters,
    )
    found = listed(app.client, wanted)
    if as_json:
        print_json([dict(alert.source) for alert in found])
    elif found:
        from mpm_elk.views.alert_tables import alerts  # noqa: PLC0415 — rich is heavy

        draw(alerts(found, now), _PIPE_WIDTH)
    else:
        click.echo("no alerts" if status == "all" else f"no {status} alerts")


@command.command(context_settings=_IDS)
@click.argument("identity", metavar="ID")
@_JSON
@click.pass_context
def show(ctx: click.Context, identity: str, *, as_json: bool) -> None:
    """Show one alert: its numbers, what it goes with, and what happened to it. The start of its id is enough."""
    from mpm_elk.alerts.act import find  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415
    from mpm_elk.views.alerts import history, one  # noqa: PLC0415
    from mpm_elk.views.causes import causes  # noqa: PLC0415

    app: App = ctx.obj
    [uuid] = find(app.client, [identity])
    found = one(app.client, uuid)
    events = history(app.client, found)
    with_it = causes(app.client, app.config, found)
    if as_json:
        print_json({**found.source, "events": events, "goes_with": with_it.to_document()})
        return
    from mpm_elk.views.alert_tables import alert  # noqa: PLC0415

    draw(alert(found, events, with_it, to_ms(app.now)), _PIPE_WIDTH)


def _deed(function: Deed) -> Deed:
    """Add what every deed takes: ids, who, why."""
    options: tuple[Callable[[Deed], Deed], ...] = (
        click.argument("ids", metavar="ID...", nargs=-1, required=True),
        click.option("--note", metavar="TEXT", help="Why; kept in the alert's trail."),
        click.option("--by", metavar="NAME", help="Who does it. [default: the user of this machine]"),
        _JSON,
    )
    for option in reversed(options):
        function = option(function)
    return click.pass_context(function)


@command.command(context_settings=_IDS)
@_deed
def ack(ctx: click.Context, /, **about: Any) -> None:
    """Say that somebody looks after the alerts."""
    _do(ctx, "acknowledged", **about)


@command.command(context_settings=_IDS)
@click.option("--to", "assignee", required=True, metavar="NAME", help="Who shall look after them.")
@_deed
def assign(ctx: click.Context, /, *, assignee: str, **about: Any) -> None:
    """Give the alerts to somebody."""
    _do(ctx, "assigned", assignee=assignee, **about)


@command.command(context_settings=_IDS)
@click.option("--for", "length", callback=span, metavar="SPAN", help="How long, such as 4h or 2d.")
@click.option("--until", callback=instant, metavar="TIME", help="Until when, in UTC.")
@_deed
def mute(ctx: click.Context, /, *, length: timedelta | None, until: datetime | None, **about: Any) -> None:
    """Keep the alerts quiet for a time: `run --fail-on` passes them over."""
    from mpm_elk.timespan import milliseconds, to_ms  # noqa: PLC0415

    if (length is None) == (until is None):
        message = "say how long"
        raise UsageError(message, remedy="give --for 4h or --until 2026-11-24T18:00")
    end = to_ms(until) if until else to_ms(ctx.obj.now) + milliseconds(length or timedelta())
    _do(ctx, "muted", until=end, **about)


@command.command(context_settings=_IDS)
@_deed
def unmute(ctx: click.Context, /, **about: Any) -> None:
    """End the quiet of alerts."""
    _do(ctx, "unmuted", **about)


@command.command(context_settings=_IDS)
@click.option(
    "--verdict", required=True, type=click.Choice(["real", "expected", "false"]),
    help="real: something was wrong. expected: it changed, and was meant to. false: nothing had changed.",
)  # fmt: skip
@_deed
def close(ctx: click.Context, /, *, verdict: str, **about: Any) -> None:
    """Close alerts with what they turned out to be."""
    from mpm_elk.alerts.people import Verdict  # noqa: PLC0415

    _do(ctx, "closed", verdict=Verdict(verdict), **about)


@command.command(context_settings=_IDS)
@_deed
def reopen(ctx: click.Context, /, **about: Any) -> None:
    """Take back that alerts are closed, and their verdict."""
    _do(ctx, "reopened", **about)


def _do(ctx: click.Context, deed: str, *, ids: tuple[str, ...], by: str | None, as_json: bool, **more: Any) -> None:
    from mpm_elk.alerts.act import act  # noqa: PLC0415
    from mpm_elk.alerts.people import Action, Deed  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    app: App = ctx.obj
    action = Action(Deed(deed), by or getpass.getuser(), to_ms(app.now), **more)
    done = act(app.client, ids, action)
    if as_json:
        print_json([{"uuid": entry.uuid, "changed": entry.changed, **entry.source["mpm"]["alert"]} for entry in done])
        return
    for entry in done:
        name = f"{entry.source['mpm']['model']['name']} {entry.source['rule']['id']}"
        click.echo(f"{entry.uuid}  {name}: {deed if entry.changed else 'nothing to do'}")


@command.command()
@_MODELS
@_ENVIRONMENT
@click.option("--since", callback=span, default="90d", show_default=True, metavar="SPAN", help="How far back.")
@_JSON
@click.pass_context
def ledger(
    ctx: click.Context, *, models: tuple[str, ...], environment: str | None, since: timedelta, as_json: bool
) -> None:
    """Count the alerts by verdict, and the false ones a month beside those that are allowed."""
    from mpm_elk.timespan import milliseconds, to_ms  # noqa: PLC0415
    from mpm_elk.views.alerts import Wanted  # noqa: PLC0415
    from mpm_elk.views.alerts import ledger as account  # noqa: PLC0415

    app: App = ctx.obj
    allowed = app.config.job.false_alarms_per_month
    wanted = Wanted(models=models, environment=environment, status=None)
    found = account(app.client, wanted, to_ms(app.now) - milliseconds(since), allowed)
    if as_json:
        print_json([entry.to_document() for entry in found])
    elif found:
        from mpm_elk.views.alert_tables import ledger as table  # noqa: PLC0415

        draw(table(found), _PIPE_WIDTH)
    else:
        click.echo("no model was judged in that time")
