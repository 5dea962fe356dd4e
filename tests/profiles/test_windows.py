import numpy as np
import pytest

from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.windows import subject_windows, traffic_windows

CELLS = NumericCells("x", np.array([0.0, 1.0, 2.0]), np.array([0, 2]))


def profile(values: list[float], missing: int = 0, wrong: int = 0) -> SubjectProfile:
    array = np.array(values)
    return SubjectProfile(CELLS.hash, CELLS.count(array), missing, wrong, Moments.of(array))


def test_profiles_stand_side_by_side() -> None:
    windows = subject_windows(CELLS, [profile([0.5, 1.5], 3, 1), None, profile([-1.0])])
    assert windows.cells.tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert windows.present.tolist() == [2, 0, 1]
    assert windows.events.tolist() == [6, 0, 1]
    assert windows.sum.tolist() == [2.0, 0.0, -1.0]


def test_counts_in_unlike_cells_do_not_take_part() -> None:
    stranger = SubjectProfile("other", np.array([1, 1, 1, 1]), 0, 0)
    assert subject_windows(CELLS, [stranger]).events.tolist() == [0]


def test_a_pool_is_the_sum_of_its_members() -> None:
    rng = np.random.default_rng(0)
    profiles = [profile(rng.normal(size=9).tolist(), at, 2 * at) for at in range(5)]
    windows = subject_windows(CELLS, profiles)
    members = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    pooled = windows.pool(members)
    merged = profiles[0] + profiles[1] + profiles[4]
    assert pooled.cells[0].tolist() == merged.cells.tolist()
    assert (pooled.missing[0], pooled.type_violations[0]) == (merged.missing, merged.type_violations)
    assert pooled.sum_sq[0] == pytest.approx(merged.moments.sum_sq, rel=1e-14)
    assert pooled.events.tolist() == [windows.events[[0, 1, 4]].sum(), 0, windows.events.sum()]


def test_a_sum_that_overflowed_spoils_only_the_pools_that_hold_it() -> None:
    windows = subject_windows(CELLS, [profile([1.0]), profile([1e308, 1e308]), profile([3.0])])
    pooled = windows.pool(np.array([[True, False, True], [False, True, True]]))
    assert pooled.sum_sq[0] == 10.0
    assert np.isnan(pooled.sum_sq[1])


def test_large_counts_stay_exact() -> None:
    big = SubjectProfile(CELLS.hash, np.array([2**52, 1, 0, 0]), 0, 0)
    pooled = subject_windows(CELLS, [big, profile([0.5])]).pool(np.array([[True, True]]))
    assert pooled.cells[0].tolist() == [2**52, 2, 0, 0]


def test_taking_windows() -> None:
    windows = subject_windows(CELLS, [profile([0.5]), profile([1.5]), profile([9.0])])
    assert windows.take(slice(1, None)).cells.tolist() == windows.cells[1:].tolist()


def test_traffic() -> None:
    windows = traffic_windows([Profile(5, 1, Moments(4, 8.0, 16.0, 2.0, 2.0), last=70), None, Profile(2, last=90)])
    assert windows.count.tolist() == [5, 0, 2]
    pooled = windows.pool(np.array([[True, True, True]]))
    assert (pooled.count[0], pooled.failures[0], pooled.duration_sum[0], pooled.duration_count[0]) == (7, 1, 8.0, 4)
    assert (pooled.duration_sum_sq[0], pooled.last[0]) == (16.0, 90)
    assert windows.take(slice(0, 1)).count.tolist() == [5]


def test_no_windows_at_all() -> None:
    windows = subject_windows(CELLS, [])
    assert windows.cells.shape == (0, 4)
    assert windows.pool(np.zeros((1, 0), dtype=bool)).events.tolist() == [0]
