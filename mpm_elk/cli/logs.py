"""Log lines on standard error, for people or as ECS JSON."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

Log = Callable[[str, str, Mapping[str, Any]], None]
"""Writes one line: level, message, and the ECS fields that say more."""

_COLOURS = {"error": "red", "critical": "red", "warning": "yellow"}


def make_log(form: str) -> Log:
    """Give the writer for `text` or `ecs`."""
    return _ecs if form == "ecs" else _text


def _text(level: str, message: str, fields: Mapping[str, Any]) -> None:  # noqa: ARG001 — people read the message
    click.secho(f"{level}: ", fg=_COLOURS.get(level), nl=False, err=True)
    click.echo(message, err=True)


def _ecs(level: str, message: str, fields: Mapping[str, Any]) -> None:
    line = {
        "@timestamp": datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        "log.level": level,
        "message": message,
        "ecs.version": "9.4.0",
        "event.dataset": "mpm.run",
        **fields,
    }
    click.echo(json.dumps(line, ensure_ascii=False), err=True)
