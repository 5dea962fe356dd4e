"""`mpm-elk dashboards`: install, export, check and draw the Kibana dashboards."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mpm_elk.cli.app import App, instant, print_json
from mpm_elk.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from mpm_elk.config.kibana import KibanaSettings
    from mpm_elk.views.dashboards.kibana import Imported

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Install, check and draw the Kibana dashboards that come with mpm-elk."""


def _connected(function: _Command) -> _Command:
    """Add the options by which Kibana is found."""
    for option in (
        click.option("--space", metavar="S", help="The space. [default: the default one]"),
        click.option("--kibana", "url", metavar="URL", help="Where Kibana is. [default: `kibana:` in mpm.yml]"),
    ):
        function = option(function)
    return function


@command.command()
@_connected
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def install(ctx: click.Context, *, url: str | None, space: str | None, as_json: bool) -> None:
    """Import dashboards, data views and saved searches into Kibana.

    Doing it again overwrites them: copy a dashboard before you change it. Credentials come from `kibana:` in mpm.yml,
    from MPM_KIBANA_USERNAME and MPM_KIBANA_PASSWORD, or MPM_KIBANA_API_KEY; without any, from those of Elasticsearch.
    """
    done = install_into(settings(ctx.obj, url=url, space=space))
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"imported  {done.objects} objects into {done.url}, space {done.space}")


def install_into(where: "KibanaSettings") -> "Imported":
    """Import what is shipped."""
    from mpm_elk.views.dashboards.kibana import Kibana  # noqa: PLC0415 — urllib3 is heavy
    from mpm_elk.views.dashboards.saved import shipped_text  # noqa: PLC0415

    return Kibana(where).install(shipped_text())


@command.command()
@_connected
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file. [default: print]")
@click.pass_context
def export(ctx: click.Context, *, url: str | None, space: str | None, out: Path | None) -> None:
    """Read our dashboards back from Kibana, with all that they refer to, as it would import them again."""
    from mpm_elk.views.dashboards.kibana import Kibana  # noqa: PLC0415
    from mpm_elk.views.dashboards.saved import Bundle  # noqa: PLC0415

    wanted = [("dashboard", dashboard.id) for dashboard in Bundle.shipped().dashboards]
    text = Kibana(settings(ctx.obj, url=url, space=space)).export(wanted)
    if out is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        out.write_text(text, encoding="utf-8")


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(ctx: click.Context, *, files: tuple[Path, ...], as_json: bool) -> None:
    """Look for what would fail an import or empty a panel, in what is shipped or in FILES of saved objects.

    Versions, keys, places on the grid, columns, references, and every field that is named, against the fields that our
    documents have. Exits 1 where something is wrong.
    """
    from mpm_elk.views.dashboards import checks  # noqa: PLC0415
    from mpm_elk.views.dashboards.saved import Bundle, shipped_text  # noqa: PLC0415

    text = "".join(file.read_text(encoding="utf-8") for file in files) if files else shipped_text()
    bundle = Bundle.read(text)
    problems = checks.check(bundle)
    if as_json:
        print_json({"objects": len(bundle.objects), "problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{len(bundle.objects)} objects, {len(bundle.dashboards)} dashboards: {len(problems)} problems")
    ctx.exit(1 if problems else 0)


@command.command()
@click.argument("names", metavar="[DASHBOARD]...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dashboards"),
    show_default=True,
    help="The folder for the pages.",
)
@click.option("--from", "start", callback=instant, metavar="TIME", help="[default: as the dashboard is set]")
@click.option("--to", "end", callback=instant, metavar="TIME", help="[default: now]")
@click.option("--model", metavar="MODEL", help="Choose a model, as its control does.")
@click.option(
    "--theme",
    type=click.Choice(["light", "dark", "both"]),
    default="both",
    show_default=True,
    help="With both, the reader's own setting decides.",
)
@click.pass_context
def preview(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    out: Path,
    start: datetime | None,
    end: datetime | None,
    model: str | None,
    theme: str,
) -> None:
    """Draw the dashboards without Kibana: one HTML page each, from the same objects and your data.

    DASHBOARD is the end of an id, such as drift; without any, all are drawn.
    """
    from mpm_elk.timespan import to_ms  # noqa: PLC0415
    from mpm_elk.views.dashboards.preview.draw import draw  # noqa: PLC0415
    from mpm_elk.views.dashboards.preview.page import THEMES  # noqa: PLC0415
    from mpm_elk.views.dashboards.requests import Scope  # noqa: PLC0415
    from mpm_elk.views.dashboards.saved import Bundle  # noqa: PLC0415

    app: App = ctx.obj
    bundle = Bundle.shipped()
    known = {dashboard.id.removeprefix("mpm-elk-"): dashboard for dashboard in bundle.dashboards}
    if unknown := sorted(set(names) - set(known)):
        raise UsageError(f"there is no dashboard {', '.join(unknown)}", remedy=f"there are: {', '.join(known)}")
    themes = [THEMES[name] for name in (THEMES if theme == "both" else (theme,))]
    filters = [{"term": {"mpm.model.name": model}}] if model else []
    until = end or app.now
    out.mkdir(parents=True, exist_ok=True)
    for name in names or known:
        since = start or until - _span(str(known[name].attributes["timeFrom"]))
        if since >= until:
            raise UsageError(f"the time from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} is empty")
        page = out / f"{known[name].id}.html"
        has_models = "model" in known[name].controls
        scope = Scope(to_ms(since), to_ms(until), filters if has_models else [])
        page.write_text(draw(app.client, known[name], bundle, scope, themes), encoding="utf-8")
        click.echo(str(page))


def _span(text: str) -> timedelta:
    """Read how far back a dashboard looks: `now-30d/d`."""
    from mpm_elk.timespan import parse_span  # noqa: PLC0415

    return parse_span(text.removeprefix("now-").partition("/")[0])


def settings(app: App, *, url: str | None = None, space: str | None = None) -> "KibanaSettings":
    """Find Kibana: by options, environment, `kibana:` in mpm.yml; without credentials those of Elasticsearch hold."""
    from mpm_elk.config.kibana import KibanaSettings  # noqa: PLC0415

    known = {name: value for name, value in dict(app.config.kibana or {}).items() if value is not None}
    given = {**known, **from_environment(os.environ)}
    given |= {name: value for name, value in (("url", url), ("space", space)) if value}
    if "url" not in given:
        raise ConfigError(
            "no Kibana is named",
            remedy="give --kibana URL, set MPM_KIBANA_URL, or write `kibana: {url: …}` into mpm.yml",
        )
    elastic = app.config.elasticsearch
    if elastic and not {"api_key", "username"} & set(given):
        names = ("api_key", "username", "password")
        given |= {name: value for name in names if (value := getattr(elastic, name)) is not None}
    try:
        return KibanaSettings.model_validate(given)
    except ValueError as error:
        raise ConfigError(f"the connection to Kibana is wrong: {_say(error)}", remedy="mend what names it") from None


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Read MPM_KIBANA_URL and its companions."""
    names = ("url", "space", "username", "password", "api_key", "ca_certs")
    return {name: value for name in names if (value := environment.get(f"MPM_KIBANA_{name.upper()}"))}


def _say(error: ValueError) -> str:
    """Say what pydantic found, without the values: there may be a password among them."""
    from pydantic import ValidationError  # noqa: PLC0415

    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in found
    )
