"""Who is told of alerts, and by what way: the `notifications` part of `mpm.yml`."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from mpm_elk.config.parts import Strict, Texts, as_tuple
from mpm_elk.timespan import Span, format_span, parse_span

Told = Literal[
    "opened", "escalated", "eased", "recovering", "relapsed", "recovered", "flapping", "settled", "withdrawn",
    "reinstated",
]  # fmt: skip


class Rate(BaseModel):
    """So many in a span of time."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    span: Span

    def __str__(self) -> str:
        """Write it as in `mpm.yml`."""
        return f"{self.number} per {format_span(self.span)}"


def _rate(value: object) -> object:
    if isinstance(value, str):
        if match := re.fullmatch(r"(\d+)\s+per\s+(\S+)", value.strip()):
            return Rate(number=int(match[1]), span=parse_span(match[2]))
        msg = f"{value!r} is no rate: write a number and a time span, such as 10 per 1h"
        raise ValueError(msg)
    return value


class Channel(Strict):
    """One way to somebody: an Apprise URL, and what goes there."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    url: SecretStr
    at_least: Literal["warning", "critical"] = "warning"
    tell: Annotated[tuple[Told, ...], BeforeValidator(as_tuple)] = (
        "opened", "escalated", "recovered", "flapping", "settled", "withdrawn", "reinstated",
    )  # fmt: skip
    at_most: Annotated[Rate, BeforeValidator(_rate)] = Rate(number=10, span=timedelta(hours=1))


class Notifications(Strict):
    """All channels, and which of them rules use that name none."""

    channels: tuple[Channel, ...] = ()
    default: Texts = ()
    max_age: Span = Field(default=timedelta(days=2), description="Windows that ended longer ago are not told of")
    give_up: Span = Field(default=timedelta(days=1), description="How long a notification is tried")

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [channel.id for channel in self.channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"two channels are called {twice[0]!r}: a channel's id must be its own"
            raise ValueError(msg)
        if unknown := [name for name in self.default if name not in names]:
            msg = f"there is no channel {unknown[0]!r}; channels are: {', '.join(names) or 'none'}"
            raise ValueError(msg)
        return self
