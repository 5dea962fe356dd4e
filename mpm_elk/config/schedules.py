"""Times by the clock of a place that come again, and times that come once: when a rule is judged, and when it is quiet.

A stretch by the clock covers every moment at which the clock shows a time in it. Where clocks are set back it lasts
from the first time that its start is shown to the last time that its end is; where they are set forward, a time that is
left out is the moment of the change.
"""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from mpm_elk.config.parts import Strict, Texts, as_tuple
from mpm_elk.timespan import from_ms, to_ms

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

_MIDNIGHT = 24 * 60
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def parse_clock(value: object) -> int:
    """Read `06:00` to `24:00` as minutes from midnight; raises ValueError that names the form."""
    if isinstance(value, int) and not isinstance(value, bool) and 60 <= value <= _MIDNIGHT:
        return value  # YAML 1.1 takes 22:00 without quotes for a number to the base of 60: minutes
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else _MIDNIGHT + 1
    if minutes > _MIDNIGHT:
        msg = f'{value!r} is no time of day: write one such as "06:00" or "22:30", in quotes; "24:00" is the day\'s end'
        raise ValueError(msg)
    return minutes


def format_clock(minutes: int) -> str:
    """Write minutes from midnight as `06:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        known = available_timezones()
        close = difflib.get_close_matches(value, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "write one such as Europe/Berlin or UTC"
        msg = f"{value!r} is no time zone: {hint}"
        if not known:
            msg = f"{value!r}: this machine knows no time zones; install the Python package tzdata"
        raise ValueError(msg) from None
    return value


def _moment(value: object) -> object:
    """Read a time of day (minutes), or a date or instant."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str) and re.match(r"\d{4}-", value.strip()):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            msg = f"{value!r} is no date or time: write one such as 2026-12-24 or 2026-12-24T18:00"
            raise ValueError(msg) from None
    return parse_clock(value)


def _write_moment(value: int | datetime | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None if value is None else format_clock(value)


Clock = Annotated[int, BeforeValidator(parse_clock), PlainSerializer(format_clock)]
Zone = Annotated[str, BeforeValidator(_zone)]
Days = Annotated[tuple[Day, ...], BeforeValidator(as_tuple)]
Moment = Annotated[int | datetime | None, BeforeValidator(_moment), PlainSerializer(_write_moment)]


class Hours(Strict):
    """Hours of days of the week, by the clock of a place. Without days they are those of every day."""

    days: Days = DAYS
    from_: Clock = Field(default=0, alias="from")
    to: Clock = _MIDNIGHT
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_hours(self.days, self.from_, self.to)
        return self

    def until(self, at: int) -> int | None:
        """Give when the stretch that covers an instant ends (ms); None where none does."""
        return _until(at, self.days, self.from_, self.to, ZoneInfo(self.timezone))

    def __str__(self) -> str:
        """Write the hours in words."""
        return _words(self.days, self.from_, self.to, self.timezone)


class Mute(Strict):
    """When alerts are kept, and told to nobody: hours that come again, or once from one time to another."""

    days: Days = DAYS
    from_: Moment = Field(default=None, alias="from")
    to: Moment = None
    timezone: Zone = "UTC"
    reason: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        start, end = self.from_, self.to
        if isinstance(start, datetime) and isinstance(end, datetime):
            if set(self.days) != set(DAYS):
                msg = "give `days` with times of day, or dates without `days`"
                raise ValueError(msg)
            if self._instant(start, last=False) >= self._instant(end, last=True):
                msg = f"the mute ends ({end.isoformat()}) before it begins ({start.isoformat()}): exchange the two"
                raise ValueError(msg)
        elif isinstance(start, datetime) or isinstance(end, datetime):
            msg = "give `from` and `to` alike: two dates for once, or two times of day for again and again"
            raise ValueError(msg)
        else:
            _check_hours(self.days, *self._clock)
        return self

    @property
    def _clock(self) -> tuple[int, int]:
        start, end = self.from_, self.to
        return start if isinstance(start, int) else 0, end if isinstance(end, int) else _MIDNIGHT

    def _instant(self, moment: datetime, *, last: bool) -> int:
        return to_ms(moment) if moment.tzinfo else _shown(moment, ZoneInfo(self.timezone), last=last)

    def until(self, at: int) -> int | None:
        """Give when the stretch that covers an instant ends (ms); None where none does."""
        if isinstance(self.from_, datetime) and isinstance(self.to, datetime):
            end = self._instant(self.to, last=True)
            return end if self._instant(self.from_, last=False) <= at < end else None
        return _until(at, self.days, *self._clock, ZoneInfo(self.timezone))

    def __str__(self) -> str:
        """Write the times in words, and the reason."""
        if isinstance(self.from_, datetime) and isinstance(self.to, datetime):
            text = f"{self.from_.isoformat()} to {self.to.isoformat()} {self.timezone}"
        else:
            text = _words(self.days, *self._clock, self.timezone)
        return f"{text}: {self.reason}" if self.reason else text


class Maintenance(Mute):
    """A mute of models and rules whose names match."""

    models: Texts = ("*",)
    rules: Texts = ("*",)

    def concerns(self, model: str, rule: str) -> bool:
        """Tell whether it mutes a rule on a model."""
        return _any(model, self.models) and _any(rule, self.rules)


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _check_hours(days: tuple[Day, ...], start: int, end: int) -> None:
    if not days:
        msg = f"`days` is empty: write some of {', '.join(DAYS)}"
        raise ValueError(msg)
    if start >= _MIDNIGHT:
        msg = '`from` is before "24:00": write "00:00" for the start of a day'
        raise ValueError(msg)
    if start == end:
        msg = f"`from` and `to` are both {format_clock(start)}: leave both out for whole days"
        raise ValueError(msg)
    if (start, end) == (0, _MIDNIGHT) and set(days) == set(DAYS):
        msg = "that is always: name `days`, or `from` and `to`"
        raise ValueError(msg)


def _words(days: tuple[Day, ...], start: int, end: int, timezone: str) -> str:
    which = "every day" if set(days) == set(DAYS) else ", ".join(days)
    hours = "" if (start, end) == (0, _MIDNIGHT) else f" {format_clock(start)} to {format_clock(end)}"
    return f"{which}{hours} {timezone}"


def _until(at: int, days: tuple[Day, ...], start: int, end: int, zone: ZoneInfo) -> int | None:
    """Give the end of the stretches that cover an instant, where one ends as the next begins."""
    found: int | None = None
    for _ in DAYS:
        moment = at if found is None else found
        ends = [stop for begin, stop in _stretches(moment, days, start, end, zone) if begin <= moment < stop]
        if not ends:
            break
        found = max(ends)
    return found


def _stretches(at: int, days: tuple[Day, ...], start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Give the stretches that begin on the day of an instant and on the day before."""
    today = from_ms(at).astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        if DAYS[day.weekday()] in days:
            until = end if end > start else end + _MIDNIGHT
            midnight = datetime.combine(day, time())
            yield (
                _shown(midnight + timedelta(minutes=start), zone, last=False),
                _shown(midnight + timedelta(minutes=until), zone, last=True),
            )


def last_shown(at: int, days: Sequence[Day], minutes: int, timezone: str) -> int | None:
    """Give the last instant (ms), at most a week before `at`, at which the clock showed a time on one of the days.

    Of a time that is shown twice, it is the first.
    """
    zone = ZoneInfo(timezone)
    today = from_ms(at).astimezone(zone).date()
    for back in range(-1, 9):
        day = today - timedelta(days=back)
        if DAYS[day.weekday()] in days:
            shown = _shown(datetime.combine(day, time()) + timedelta(minutes=minutes), zone, last=False)
            if shown <= at:
                return shown
    return None


def _shown(clock: datetime, zone: ZoneInfo, *, last: bool) -> int:
    """Give the instant (ms) at which a place's clock shows a time, first or last, or is set beyond it."""
    first, second = (to_ms(clock.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first <= second:
        return second if last else first
    # The time is left out: find the moment of the change, between the two readings of it.
    low, high = second, first
    after = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == after else (middle, high)
    return high


def _offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return from_ms(at).astimezone(zone).utcoffset()
