"""The time since the last event, through empty windows."""

import numpy as np

from mpm_elk.metrics.freshness import silence


def test_the_last_event_is_that_of_the_latest_window_with_events() -> None:
    ends, counts, last = [10, 20, 30, 40, 50], [0, 3, 0, 0, 1], [0, 17, 0, 0, 50]
    np.testing.assert_array_equal(silence(ends, counts, last), [np.nan, 3, 13, 23, 0])


def test_what_is_not_known_is_not_guessed_from_what_came_before() -> None:
    found = silence([10, 20, 30, 40], [5, 5, 0, 5], [9, 0, 0, 31])
    np.testing.assert_array_equal(found, [1, np.nan, np.nan, 9])
    assert silence([], [], []).shape == (0,)
