"""What every command shares: the configuration, the connection, the time, and how results are printed."""

import json
import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch
    from rich.console import RenderableType

    from mpm_elk.config import Config

_DEFAULT_FILE = Path("mpm.yml")


class App:
    """The state of one call of the command line; everything heavy is made when it is first used."""

    def __init__(self, config_path: Path | None, *, debug: bool = False) -> None:
        self._config_path = config_path
        self.debug = debug

    @property
    def config_path(self) -> Path | None:
        """Where the configuration is, if there is one."""
        return self._config_path or (_DEFAULT_FILE if _DEFAULT_FILE.exists() else None)

    @cached_property
    def config(self) -> "Config":
        """The configuration; the connection may come from the environment (`MPM_ES_URL` and its companions)."""
        from mpm_elk.config import Config, load  # noqa: PLC0415 — pydantic is heavy

        config = load(self.config_path) if self.config_path else Config()
        if config.elasticsearch is None and (settings := _connection_from(os.environ)):
            try:
                config = Config.model_validate({**dict(config), "elasticsearch": settings})
            except ValueError as error:
                raise ConfigError(
                    f"the connection in the environment (MPM_ES_URL and its companions) is wrong: {_say(error)}",
                    remedy="mend the variables, or write `elasticsearch:` into mpm.yml",
                ) from None
        return config

    @cached_property
    def client(self) -> "Elasticsearch":
        """A client whose cluster has answered."""
        from mpm_elk.cluster.client import check, connect  # noqa: PLC0415 — the client is heavy

        if self.config.elasticsearch is None:
            raise ConfigError(
                "no Elasticsearch is named",
                remedy="write `elasticsearch: {hosts: [...]}` into mpm.yml, set MPM_ES_URL, or try `mpm-elk dev up` "
                'and `eval "$(mpm-elk dev env)"`',
            )
        client = connect(self.config.elasticsearch)
        check(client)
        return client

    @property
    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(tz=UTC)


def _say(error: ValueError) -> str:
    """Say what pydantic found, without the values: there may be a password among them."""
    from pydantic import ValidationError  # noqa: PLC0415

    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(entry["msg"].removeprefix("Value error, ") for entry in found)


def _connection_from(environment: "os._Environ[str]") -> dict[str, Any] | None:
    url = environment.get("MPM_ES_URL")
    if not url:
        return None
    names = {
        "username": "MPM_ES_USERNAME",
        "password": "MPM_ES_PASSWORD",
        "api_key": "MPM_ES_API_KEY",
        "ca_certs": "MPM_ES_CA_CERTS",
        "ca_fingerprint": "MPM_ES_CA_FINGERPRINT",
    }
    return {"hosts": [url]} | {key: environment[name] for key, name in names.items() if environment.get(name)}


def draw(content: "RenderableType", pipe_width: int) -> None:
    """Print for a person: as wide as the terminal; on a pipe without colour, `pipe_width` or COLUMNS columns wide."""
    from rich.console import Console  # noqa: PLC0415 — heavy

    from mpm_elk.views.terminal import as_text  # noqa: PLC0415

    console = Console(highlight=False)
    if console.is_terminal:
        console.print(content)
    else:
        click.echo(as_text(content, console.width if "COLUMNS" in os.environ else pipe_width))


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def instant(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Read a time given on the command line; without a zone it is UTC."""
    from mpm_elk.timespan import parse_instant  # noqa: PLC0415

    if value is None:
        return None
    try:
        return parse_instant(value)
    except ValueError:
        message = f"{value!r} is no time"
        raise UsageError(message, remedy="write it as 2026-11-23T10:00:00Z") from None


def instants(
    ctx: click.Context, param: click.Parameter, value: tuple[str, str] | None
) -> tuple[datetime, datetime] | None:
    """Read two times given on the command line."""
    if not value:
        return None
    found = [instant(ctx, param, text) for text in value]
    assert found[0] is not None  # noqa: S101 — both were given
    assert found[1] is not None  # noqa: S101
    return found[0], found[1]
