"""Time spans such as `1h` and `28d`, and instants in whole milliseconds."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d+)\s*([smhdw])")


def parse_span(value: object) -> timedelta:
    """Read `15m`, `1h`, `28d` or `4w`; raises ValueError that names the form."""
    if isinstance(value, timedelta):
        return value
    match = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        msg = f"{value!r} is no time span: write a whole number and a unit, such as 15m, 1h, 28d or 4w"
        raise ValueError(msg)
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:
        msg = f"{value!r} is longer than any time span that can be reckoned with"
        raise ValueError(msg) from None


def format_span(span: timedelta) -> str:
    """Write a span in the largest unit that divides it: 86,400 s is `1d`."""
    seconds = int(span.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def in_words(seconds: float) -> str:
    """Write how long something took or is ago in its two largest units: `5 h 12 min`, `3 d 4 h`, `45 s`."""
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or parts:
            parts.append((number, unit))
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 s"


def milliseconds(span: timedelta) -> int:
    """Give a span in milliseconds."""
    return span // timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Give an instant in milliseconds since the epoch; an instant without a zone is UTC."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Give the UTC instant of milliseconds since the epoch."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """Write milliseconds since the epoch as `2026-11-23T10:00:00.123Z`."""
    # Not strftime: it writes the year 1 as `1`.
    return f"{from_ms(ms).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def parse_instant(value: str) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC. Raises ValueError."""
    instant = datetime.fromisoformat(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


Span = Annotated[timedelta, BeforeValidator(parse_span), PlainSerializer(format_span)]
