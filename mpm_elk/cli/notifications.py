"""`mpm-elk notifications`: try a channel, and look at what was told to whom."""

import click

from mpm_elk.cli.app import App, print_json
from mpm_elk.errors import UsageError

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def command() -> None:
    """Try a channel, and look at what was told to whom."""


@command.command()
@click.argument("name", metavar="CHANNEL")
@click.pass_context
def test(ctx: click.Context, name: str) -> int:
    """Send a message to CHANNEL that says that it is a test; exits 1 where it could not be sent."""
    import uuid  # noqa: PLC0415

    from mpm_elk.alerts.send import send  # noqa: PLC0415

    app: App = ctx.obj
    channels = {channel.id: channel for channel in app.config.notifications.channels}
    if name not in channels:
        message = f"there is no channel {name!r}"
        raise UsageError(message, remedy=f"channels are: {', '.join(channels) or 'none'}")
    words = {"title": "mpm-elk: a test", "body": f"Alerts come by this way (channel {name}).", "type": "info"}
    why = send(channels[name], words, f"test-{uuid.uuid4().hex[:12]}")
    if why is not None:
        click.echo(f"{name}: not sent: {why}", err=True)
        return 1
    click.echo(f"{name}: sent")
    return 0


@command.command("list")
@click.option("--model", "models", multiple=True, metavar="M", help="Of these models only; `*` stands for any.")
@click.option("--channel", metavar="C", help="Of this channel only.")
@click.option("--since", default="7d", show_default=True, metavar="SPAN", help="How far back.")
@_JSON
@click.pass_context
def list_(ctx: click.Context, models: tuple[str, ...], *, channel: str | None, since: str, as_json: bool) -> None:
    """List every decision: queued, sent, failed, delayed, given up, suppressed; oldest first."""
    from mpm_elk.timespan import milliseconds, parse_span, to_ms  # noqa: PLC0415
    from mpm_elk.views.notifications import decisions  # noqa: PLC0415 — the client is heavy

    app: App = ctx.obj
    try:
        start = to_ms(app.now) - milliseconds(parse_span(since))
    except ValueError as error:
        raise UsageError(str(error)) from None
    found = decisions(app.client, models, channel, start)
    if as_json:
        print_json(found)
        return
    for source in found:
        about, event = source["mpm"]["notification"], source["event"]
        words = event.get("reason") or about.get("message", {}).get("title", "")
        where = f"{source['mpm']['model']['name']} → {about['channel']}"
        click.echo(f"{event['created'][:19].replace('T', ' ')}  {event['action']:10}  {where}  {words}".rstrip())
    if not found:
        click.echo("nothing was decided in that time")
