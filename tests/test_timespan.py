from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.timespan import format_span, from_ms, in_words, iso, milliseconds, parse_instant, parse_span, to_ms


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("1h", 3600), ("28d", 28 * 86400), ("4w", 28 * 86400), (" 90 s ", 90)]
)
def test_spans_are_read(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "1", "h", "0d", "-1d", "1.5h", "1y", "1h30m", 5, None, True, "9" * 30 + "w"])
def test_what_is_no_span_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="time span"):
        parse_span(value)


@given(st.integers(1, 10**9))
def test_a_written_span_is_read_back(seconds: int) -> None:
    assert parse_span(format_span(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_the_largest_unit_is_written() -> None:
    assert [format_span(timedelta(seconds=s)) for s in (86400, 3600, 60, 61, 604800)] == ["1d", "1h", "1m", "61s", "7d"]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_keep_their_milliseconds(instant: datetime) -> None:
    ms = to_ms(instant)
    assert from_ms(ms) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert to_ms(parse_instant(iso(ms))) == ms


def test_zones_are_converted_and_no_zone_is_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert (
        to_ms(datetime(2026, 7, 1, 2, tzinfo=berlin))
        == to_ms(datetime(2026, 7, 1))  # noqa: DTZ001
        == to_ms(parse_instant("2026-07-01"))
    )
    assert parse_instant("2026-07-01T02:00+02:00") == parse_instant("2026-07-01T00:00:00Z")
    with pytest.raises(ValueError, match="soon"):
        parse_instant("soon")


def test_milliseconds_are_whole() -> None:
    assert milliseconds(timedelta(seconds=1.5)) == 1500
    assert iso(1_795_000_000_007) == "2026-11-18T11:06:40.007Z"
    assert iso(-1) == "1969-12-31T23:59:59.999Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (45, "45 s"), (60, "1 min"), (18_729, "5 h 12 min"), (3_600, "1 h"), (90_000, "1 d 1 h"),
     (86_400 + 59, "1 d")],
)  # fmt: skip
def test_how_long_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
