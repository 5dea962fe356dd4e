"""Times by the clock of a place: nights, weekends, days on which clocks are set."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mpm_elk.config.schedules import DAYS, Hours, Maintenance, Mute, parse_clock
from mpm_elk.timespan import from_ms, to_ms

MINUTE = 60_000


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def mute(**settings: Any) -> Mute:
    return Mute.model_validate(settings)


def stretches(settings: dict[str, Any], start: str, hours: int) -> list[tuple[str, str]]:
    """Give the stretches of a time minute by minute, in UTC."""
    some, found = mute(**settings), []
    begin: int | None = None
    for moment in range(at(start), at(start) + hours * 60 * MINUTE + 1, MINUTE):
        covered = some.until(moment) is not None
        if covered and begin is None:
            begin = moment
        elif not covered and begin is not None:
            found.append((f"{from_ms(begin):%d %H:%M}", f"{from_ms(moment):%d %H:%M}"))
            begin = None
    return found


BERLIN = {"timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("settings", "start", "expected"),
    [
        ({"from": "22:00", "to": "06:00"}, "2026-11-02T12:00Z", [("02 22:00", "03 06:00")]),
        ({"from": "22:00", "to": "06:00", **BERLIN}, "2026-11-02T12:00Z", [("02 21:00", "03 05:00")]),
        ({"from": "08:00", "to": "24:00"}, "2026-11-02T00:00Z", [("02 08:00", "03 00:00")]),
        # The night belongs to the day on which it begins: Saturday 7 November.
        ({"days": ["sat"], "from": "22:00", "to": "06:00"}, "2026-11-07T00:00Z", [("07 22:00", "08 06:00")]),
        ({"days": "sun", "from": "22:00", "to": "06:00"}, "2026-11-07T00:00Z", []),
        ({"days": ["sat"]}, "2026-11-06T12:00Z", [("07 00:00", "08 00:00")]),
        ({"days": ["sat"], **BERLIN}, "2026-11-06T12:00Z", [("06 23:00", "07 23:00")]),
        # Clocks are set back at 3:00 on 25 October 2026: the hour from 2 to 3 comes twice, 0:00 to 2:00 in UTC.
        ({"from": "02:15", "to": "02:45", **BERLIN}, "2026-10-24T20:00Z", [("25 00:15", "25 01:45")]),
        ({"from": "01:00", "to": "02:30", **BERLIN}, "2026-10-24T20:00Z", [("24 23:00", "25 01:30")]),
        ({"from": "02:30", "to": "04:00", **BERLIN}, "2026-10-24T20:00Z", [("25 00:30", "25 03:00")]),
        ({"days": ["sun"], **BERLIN}, "2026-10-24T12:00Z", [("24 22:00", "25 23:00")]),
        # Clocks are set forward at 2:00 on 29 March 2026: there is no time from 2 to 3; 1:00 in UTC.
        ({"from": "02:15", "to": "02:45", **BERLIN}, "2026-03-28T20:00Z", []),
        ({"from": "01:00", "to": "02:30", **BERLIN}, "2026-03-28T20:00Z", [("29 00:00", "29 01:00")]),
        ({"from": "02:30", "to": "04:00", **BERLIN}, "2026-03-28T20:00Z", [("29 01:00", "29 02:00")]),
        ({"days": ["sun"], **BERLIN}, "2026-03-28T12:00Z", [("28 23:00", "29 22:00")]),
        # Half an hour, set at midnight's other side: Lord Howe, 4 October 2026, 2:00 to 2:30.
        ({"from": "02:10", "to": "03:00", "timezone": "Australia/Lord_Howe"}, "2026-10-03T12:00Z",
         [("03 15:30", "03 16:00")]),
        # A day that was left out: Samoa went over the date line at the end of 29 December 2011, a Thursday.
        ({"days": ["fri"], "timezone": "Pacific/Apia"}, "2011-12-29T12:00Z", []),
    ],
)  # fmt: skip
def test_stretches_by_the_clock(settings: dict[str, Any], start: str, expected: list[tuple[str, str]]) -> None:
    set_clocks = "T20:00Z" in start or "Lord_Howe" in str(settings)
    assert stretches(settings, start, 24 if set_clocks else 36) == expected


def test_days_that_follow_each_other_are_one_stretch() -> None:
    weekend = mute(days=["sat", "sun"], **BERLIN)
    assert weekend.until(at("2026-11-07T10:00Z")) == at("2026-11-08T23:00Z")
    assert mute(days=list(DAYS[:6])).until(at("2026-11-03T00:00Z")) == at("2026-11-08T00:00Z")


@given(
    st.integers(0, 23 * 60), st.integers(1, 24 * 60), st.sets(st.sampled_from(DAYS), min_size=1, max_size=6),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Africa/Casablanca"]
    ),
    st.integers(0, 365 * 24 * 60),
)  # fmt: skip
def test_what_the_clock_shows_is_covered(start: int, end: int, days: set[str], zone: str, minute: int) -> None:
    if start == end:
        return
    some = Hours.model_validate({
        "days": sorted(days), "from": f"{start // 60:02}:{start % 60:02}", "to": f"{end // 60:02}:{end % 60:02}",
        "timezone": zone,
    })  # fmt: skip
    moment = at("2026-01-01T00:00Z") + minute * MINUTE
    local = datetime.fromtimestamp(moment / 1000, tz=UTC).astimezone(ZoneInfo(zone))
    shown, today, before = local.hour * 60 + local.minute, local.weekday(), (local - timedelta(days=1)).weekday()
    names = {DAYS.index(day) for day in some.days}
    if end > start:
        inside = today in names and start <= shown < end
    else:
        inside = (today in names and shown >= start) or (before in names and shown < end)
    until = some.until(moment)
    assert until is not None or not inside
    # What it covers beyond that is the hour that comes twice, between two times that are shown.
    if until is not None and not inside:
        offsets = {from_ms(moment + h * 60 * MINUTE).astimezone(ZoneInfo(zone)).utcoffset() for h in (-3, 3)}
        assert len(offsets) == 2
    assert until is None or (until > moment and some.until(until) is None)


def test_once_is_from_one_instant_to_another() -> None:
    once = mute(**{"from": "2026-12-24T00:00", "to": "2026-12-27", "timezone": "Europe/Berlin", "reason": "holidays"})
    assert once.until(at("2026-12-23T22:59Z")) is None
    assert once.until(at("2026-12-23T23:00Z")) == at("2026-12-26T23:00Z")
    assert once.until(at("2026-12-26T23:00Z")) is None
    assert str(once) == "2026-12-24T00:00:00 to 2026-12-27T00:00:00 Europe/Berlin: holidays"
    zoned = mute(**{"from": "2026-12-24T00:00+05:00", "to": "2026-12-24T01:00+05:00", "timezone": "Europe/Berlin"})
    assert zoned.until(at("2026-12-23T19:30Z")) == at("2026-12-23T20:00Z")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"from": "25:00", "to": "06:00"}, "is no time of day"),
        ({"from": "8", "to": "06:00"}, "is no time of day"),
        ({"from": 22, "to": "06:00"}, "is no time of day"),
        ({"from": "06:60", "to": "07:00"}, "is no time of day"),
        ({"from": "06:00", "to": "06:00"}, "leave both out for whole days"),
        ({"from": "24:00", "to": "06:00"}, 'write "00:00"'),
        ({}, "that is always"),
        ({"days": []}, "`days` is empty"),
        ({"days": ["saturday"]}, "'sat'"),
        ({"days": ["sat"], "timezone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
        ({"days": ["sat"], "timezone": "here"}, "is no time zone"),
        ({"from": "2026-12-24", "to": "06:00"}, "give `from` and `to` alike"),
        ({"from": "2026-12-24"}, "give `from` and `to` alike"),
        ({"from": "2026-12-27", "to": "2026-12-24"}, "exchange the two"),
        ({"from": "2026-13-27", "to": "2026-12-24"}, "is no date or time"),
        ({"days": ["sat"], "from": "2026-12-24", "to": "2026-12-27"}, "give `days` with times of day"),
        ({"day": ["sat"]}, "Extra inputs"),
    ],
)  # fmt: skip
def test_what_is_no_mute(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        mute(**settings)
    assert message in str(error.value)


def test_yaml_takes_a_time_without_quotes_for_minutes() -> None:
    assert parse_clock(22 * 60) == parse_clock("22:00") == 1320
    with pytest.raises(ValueError, match="is no time of day"):
        parse_clock(True)


def test_maintenance_is_of_models_and_rules() -> None:
    work = Maintenance.model_validate({"models": "credit-*", "rules": ["drift"], "days": "sat"})
    assert work.concerns("credit-risk", "drift")
    assert not work.concerns("credit-risk", "volume")
    assert not work.concerns("fraud", "drift")


@pytest.mark.parametrize(
    "settings",
    [{"days": ["sat"]}, {"from": "22:00", "to": "06:00", **BERLIN}, {"from": "2026-12-24", "to": "2026-12-27T06:00Z"}],
)
def test_a_mute_is_written_as_it_is_read(settings: dict[str, Any]) -> None:
    some = mute(**settings)
    assert mute(**some.model_dump(by_alias=True, mode="json")) == some
