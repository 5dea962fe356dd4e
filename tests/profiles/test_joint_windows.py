import numpy as np

from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.joint import Joint
from mpm_elk.profiles.joint_windows import JointWindows, joint_windows

CELLS = {f"features.{n}": NumericCells(n, np.array([0.0, 1.0, 2.0]), np.array([0, 1, 2])) for n in ("a", "b")}
HASHES = {name: cells.hash for name, cells in CELLS.items()}


def joint(rows: int, share: int, seed: int) -> Joint:
    rng = np.random.default_rng(seed)
    return Joint.of(CELLS, {name: rng.normal(1, 2, rows) for name in CELLS}, rows, share)


JOINTS = [joint(20, 1000, 1), joint(30, 500, 2), joint(10, 1000, 3) + joint(7, 8, 4)]
WINDOWS = joint_windows(HASHES, [JOINTS[0], None, *JOINTS[1:]])


def equal(a: JointWindows, b: JointWindows) -> None:
    np.testing.assert_array_equal(a.events, b.events)
    for x, y in zip(a.sums, b.sums, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_row_weighs_as_many_as_it_stands_for() -> None:
    assert WINDOWS.events.tolist() == [20, 0, 30, 17]
    assert WINDOWS.count[:, 0, 1].tolist() == [20, 0, 60, 10 + 7 * 125]
    assert WINDOWS.count_squares[:, 0, 1].tolist() == [20, 0, 120, 10 + 7 * 125**2]
    np.testing.assert_array_equal(WINDOWS.products[2], 2 * JOINTS[1].samples[500].products)


def test_sums_of_windows_are_windows_of_sums() -> None:
    members = np.array([[True, True, False, True], [True, True, True, True]])
    merged = [JOINTS[0] + JOINTS[2], JOINTS[0] + JOINTS[1] + JOINTS[2]]
    equal(WINDOWS.pool(members), joint_windows(HASHES, merged))
    equal(WINDOWS.pool(members).less(WINDOWS.take(slice(0, 2))).take(slice(1, 2)), joint_windows(HASHES, merged[1:]))
    equal(WINDOWS.take(slice(0, 1)).stack(WINDOWS.take(slice(1, 4))), WINDOWS)


def test_what_is_counted_in_other_cells_is_missing() -> None:
    found = joint_windows({**HASHES, "features.b": "other", "features.c": "new"}, [JOINTS[0]])
    assert found.events.tolist() == [20]
    assert found.count[0].tolist() == [[20, 0, 0], [0, 0, 0], [0, 0, 0]]
