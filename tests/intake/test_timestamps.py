from typing import Any

import pytest

from mpm_elk.intake.limits import Limits
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.timestamps import timestamp_ms

NOW_MS = 1_795_000_000_000  # 2026-11-18T11:06:40Z
LIMITS = Limits()


def read(value: Any, limits: Limits = LIMITS) -> int:
    return timestamp_ms(value, now_ms=NOW_MS, limits=limits)


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("2026-11-18T10:00:00.123Z", 1_794_996_000_123),
        ("2026-11-18T10:00:00.1239999Z", 1_794_996_000_123),
        ("2026-11-18T10:00:00,5", 1_794_996_000_500),
        ("2026-11-18 10:00:00", 1_794_996_000_000),
        ("2026-11-18T10:00", 1_794_996_000_000),
        ("2026-11-18T11:30:00+01:30", 1_794_996_000_000),
        ("2026-11-18T06:00:00-0400", 1_794_996_000_000),
        ("2026-11-18", 1_794_960_000_000),
        (1_794_996_000, 1_794_996_000_000),
        (1_794_996_000.123, 1_794_996_000_123),
        (1_794_996_000_123, 1_794_996_000_123),
        (1_794_996_000_123.9, 1_794_996_000_123),
    ],
)
def test_forms(value: Any, ms: int) -> None:
    assert read(value) == ms


@pytest.mark.parametrize("thousandth", range(1000))
def test_no_millisecond_is_lost_in_a_double(thousandth: int) -> None:
    assert read(1_794_996_000 + thousandth / 1000) == 1_794_996_000_000 + thousandth


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-18T24:00:00Z",
        "2026-11-18T10:00:00 Z",
        "1794996000",
        "2026-11-18T06-04",
        "2026-11-18T10:00:00Z\n",
        "٢٠٢٦-11-18",
        "2026-11-18T10:00:00+25:00",
        1.79e305,
        1.7976931348623157e308,
        True,
        None,
        [],
        {},
        float("nan"),
        float("inf"),
        10**400,
    ],
    ids=repr,
)
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(Rejected) as caught:
        read(value)
    assert caught.value.code == "bad_timestamp"


def test_the_reason_says_both_times() -> None:
    with pytest.raises(Rejected, match=r"1970-01-01T00:00:00.000Z, and before 2025-10-14T11:06:40.000Z") as caught:
        read("1970-01-01T00:00:00Z")
    assert caught.value.code == "timestamp_too_old"
    with pytest.raises(Rejected, match=r"2099-01-01T00:00:00.000Z, and after 2026-11-18T12:06:40.000Z") as caught:
        read("2099-01-01T00:00:00Z")
    assert caught.value.code == "timestamp_too_new"


def test_the_limits_are_inclusive() -> None:
    limits = Limits(max_age_ms=1000, max_ahead_ms=500)
    assert read(NOW_MS - 1000, limits) == NOW_MS - 1000
    assert read(NOW_MS + 500, limits) == NOW_MS + 500
    for beyond in (NOW_MS - 1001, NOW_MS + 501):
        with pytest.raises(Rejected):
            read(beyond, limits)


def test_a_backfill_has_no_age_limit_but_1970_and_the_limit_ahead() -> None:
    backfill = LIMITS.for_backfill()
    assert read("1970-01-01", backfill) == 0
    for beyond in ("1969-12-31T23:59:59.999Z", "0001-01-01", -1, -1e300, "2099-01-01"):
        with pytest.raises(Rejected, match=r"and (before|after) "):
            read(beyond, backfill)
