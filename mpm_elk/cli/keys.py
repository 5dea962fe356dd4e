"""Models, versions and spans of time as they are named on the command line."""

from datetime import timedelta

import click

from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.limits import ENVIRONMENT_MAX, MODEL_NAME_MAX, VERSION_MAX
from mpm_elk.errors import UsageError

DEFAULT_ENVIRONMENT = "production"
_NO_LEARNING = ("0", "0d", "none")


def model_key(name: str, environment: str) -> ModelKey:
    """Name a model, as an event could; raises UsageError for names that no event can carry."""
    for what, text, limit in (("name", name, MODEL_NAME_MAX), ("environment", environment, ENVIRONMENT_MAX)):
        _check_length(what, text, limit)
    return ModelKey(environment, name)


def check_version(version: str) -> str:
    """Give the version back; raises UsageError for one that no event can carry."""
    _check_length("version", version, VERSION_MAX)
    return version


def _check_length(what: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        message = f"the {what} must have 1 to {limit} characters"
        raise UsageError(message, remedy="give it as the events carry it")


def span(_ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a span such as `28d`; where the option may be nothing, `none` is no time at all."""
    from mpm_elk.timespan import parse_span  # noqa: PLC0415 — pydantic is heavy

    if value is None:
        return None
    if param.name == "learn" and value.strip().lower() in _NO_LEARNING:
        return timedelta(0)
    try:
        return parse_span(value)
    except ValueError as error:
        raise UsageError(f"{param.opts[0]}: {error}", remedy="write it as 28d") from None
