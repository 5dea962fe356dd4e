"""Which windows a window is compared with."""

from datetime import timedelta

import numpy as np
import pytest

from mpm_elk.config.references import parse_reference
from mpm_elk.metrics import Flags
from mpm_elk.metrics.reference import members, reach

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def rows(against: str, length: timedelta, usable: list[int], clean: list[int] | None = None) -> list[list[int]]:
    """Give the members of each window's reference."""
    good = np.array(usable, dtype=np.bool_)
    quiet: Flags = np.ones_like(good) if clean is None else np.array(clean, dtype=np.bool_)
    found = members(parse_reference(against), length, good, quiet)
    assert found.shape == (len(usable), len(usable))
    assert found.dtype == np.bool_
    return [np.flatnonzero(row).tolist() for row in found]


def test_rolling_is_the_windows_before_and_never_the_window_itself() -> None:
    assert rows("rolling 3d", DAY, [1] * 6) == [[], [0], [0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_rolling_counts_windows_not_days() -> None:
    assert rows("rolling 3h", HOUR, [1] * 5)[4] == [1, 2, 3]
    assert rows("rolling 1d", timedelta(hours=12), [1] * 5)[4] == [2, 3]


def test_windows_without_events_are_no_members_but_keep_their_place() -> None:
    assert rows("rolling 3d", DAY, [1, 0, 1, 1, 0, 1])[5] == [2, 3]


def test_windows_with_an_alert_are_left_out() -> None:
    assert rows("rolling 4d", DAY, [1] * 6, [1, 1, 0, 1, 0, 1])[5] == [1, 3]


def test_where_most_raised_an_alert_the_new_state_is_usual() -> None:
    assert rows("rolling 4d", DAY, [1] * 6, [1, 1, 0, 0, 0, 1])[5] == [1, 2, 3, 4]
    # Exactly half is not more than half.
    assert rows("rolling 4d", DAY, [1] * 6, [1, 1, 1, 0, 0, 1])[5] == [1, 2]


def test_a_window_without_events_counts_neither_as_clean_nor_as_alert() -> None:
    assert rows("rolling 4d", DAY, [1, 0, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1])[5] == [4]
    assert rows("rolling 4d", DAY, [1, 0, 1, 1, 1, 1], [1, 1, 0, 0, 1, 1])[5] == [2, 3, 4]


@pytest.mark.parametrize(("busy", "enough"), [(6, False), (7, True)])
def test_a_quarter_of_a_rolling_reference_must_have_events(busy: int, enough: bool) -> None:
    found = rows("rolling 28d", DAY, [1] * busy + [0] * (28 - busy) + [1])
    assert found[28] == (list(range(busy)) if enough else [])


def test_whether_a_window_itself_is_usable_or_clean_does_not_matter_to_it() -> None:
    assert rows("rolling 2d", DAY, [1, 1, 0], [1, 1, 0])[2] == [0, 1]


def test_previous() -> None:
    assert rows("previous", DAY, [1, 1, 0, 1]) == [[], [0], [1], []]
    assert rows("previous", DAY, [1, 1, 1], [1, 0, 1])[2] == [1]  # an alert does not matter here


def test_same_time_last_week() -> None:
    assert rows("same-time-last-week", DAY, [1] * 9)[7:] == [[0], [1]]
    assert rows("same-time-last-week", DAY, [0] + [1] * 8)[7:] == [[], [1]]
    assert rows("same-time-last-week", HOUR, [1] * 170)[166:] == [[], [], [0], [1]]


@pytest.mark.parametrize("against", ["baseline", "version 2"])
def test_references_outside_the_own_windows_have_no_members(against: str) -> None:
    assert rows(against, DAY, [1] * 3) == [[], [], []]


def test_no_windows_at_all() -> None:
    assert rows("rolling 28d", DAY, []) == []


@pytest.mark.parametrize(
    ("against", "length", "windows"),
    [
        ("rolling 28d", DAY, 28),
        ("rolling 7d", HOUR, 168),
        ("previous", HOUR, 1),
        ("same-time-last-week", HOUR, 168),
        ("same-time-last-week", timedelta(weeks=1), 1),
        ("baseline", DAY, 0),
        ("version 2", DAY, 0),
    ],
)
def test_reach_is_how_far_members_go_back(against: str, length: timedelta, windows: int) -> None:
    reference = parse_reference(against)
    assert reach(reference, length) == windows
    size = windows + 5
    found = members(reference, length, np.ones(size, dtype=np.bool_), np.ones(size, dtype=np.bool_))
    back = [size - 1 - at for at in np.flatnonzero(found[-1])]
    assert max(back, default=0) == windows


def test_several_weeks_are_the_same_time_of_each() -> None:
    found = rows("same-time-last-weeks 3", DAY, [1] * 30)
    assert (found[29], found[8], found[6]) == ([8, 15, 22], [1], [])
    assert reach(parse_reference("same-time-last-weeks 3"), HOUR) == 3 * 168


def test_of_several_weeks_those_with_an_alert_are_left_out() -> None:
    clean = [at != 15 for at in range(30)]
    assert rows("same-time-last-weeks 3", DAY, [1] * 30, [int(c) for c in clean])[29] == [8, 22]
    clean = [at not in (15, 22) for at in range(30)]  # most of them: that is the new usual
    assert rows("same-time-last-weeks 3", DAY, [1] * 30, [int(c) for c in clean])[29] == [8, 15, 22]
