"""Read `@timestamp`: ISO 8601, or a number of seconds or milliseconds since 1970."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from mpm_elk.intake.limits import Limits
from mpm_elk.intake.reasons import Rejected, show
from mpm_elk.timespan import iso

# Exactly what the JSON Schema of an event lets through.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SECONDS_BELOW = 1e11
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, which is as far as ISO 8601 goes


def timestamp_ms(value: Any, *, now_ms: int, limits: Limits) -> int:
    """Give `@timestamp` in ms since 1970, rounded down; raises Rejected.

    A text without a zone is UTC. A number below 1e11 is in seconds, above in milliseconds; it is read to the
    microsecond first, so that the double next to `1763892000.123` does not lose a millisecond.
    Times before 1970 are never accepted.
    """
    ms = _from_text(value) if isinstance(value, str) else _from_number(value)
    if ms is None or ms > _LAST_MS:
        raise Rejected("bad_timestamp", found=show(value))
    if ms > now_ms + limits.max_ahead_ms:
        raise Rejected("timestamp_too_new", found=iso(ms), limit=iso(now_ms + limits.max_ahead_ms))
    oldest = 0 if limits.max_age_ms is None else max(0, now_ms - limits.max_age_ms)
    if ms < oldest:
        raise Rejected("timestamp_too_old", found=_say(ms, value), limit=iso(oldest))
    return ms


def _from_text(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, zone_hours, zone_minutes = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    ms = (moment - _EPOCH) // _MS + int((fraction or "0")[:3].ljust(3, "0"))
    if sign:
        if int(zone_hours) > 23 or int(zone_minutes or 0) > 59:
            return None
        offset = (int(zone_hours) * 60 + int(zone_minutes or 0)) * 60_000
        ms += offset if sign == "-" else -offset
    return ms


def _from_number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, int):
        return value * 1000 if abs(value) < _SECONDS_BELOW else value
    if not math.isfinite(value):
        return None
    microseconds = value * 1e6 if abs(value) < _SECONDS_BELOW else value * 1e3
    if math.isinf(microseconds):
        return None
    return math.floor(microseconds + 0.5) // 1000


def _say(ms: int, value: Any) -> str:
    try:
        return iso(ms)
    except OverflowError:
        return show(value)
