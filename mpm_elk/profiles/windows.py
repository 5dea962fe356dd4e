"""Windows: profiles of equal length side by side, as arrays that metrics are computed from.

A row is a window. References are sums of windows, so a matrix of zeros and ones that says which windows belong to which
reference makes all references of a subject in one multiplication.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mpm_elk.profiles.cells import Cells, Floats, Ints
from mpm_elk.profiles.profile import Profile, SubjectProfile

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SubjectWindows:
    """One subject's counts in T windows: fine cells (T, K); missing, type violations, moments each (T,)."""

    cells: Ints
    missing: Ints
    type_violations: Ints
    count: Ints
    sum: Floats
    sum_sq: Floats

    @property
    def present(self) -> Ints:
        """Events that carried a value of the right type, (T,)."""
        present: Ints = self.cells.sum(axis=-1)
        return present

    @property
    def events(self) -> Ints:
        """All events in which the subject could have been, (T,)."""
        return self.present + self.missing + self.type_violations

    def pool(self, members: Flags) -> "SubjectWindows":
        """Add windows up: `members` (W, T) says which windows belong to each of W sums."""
        # Counts stay exact in float64 up to 2^53; a matrix product of integers would not use BLAS.
        weights = members.astype(np.float64)

        def add(values: Ints) -> Ints:
            return np.rint(weights @ values.astype(np.float64)).astype(np.int64)

        return SubjectWindows(
            add(self.cells),
            add(self.missing),
            add(self.type_violations),
            add(self.count),
            _pool_floats(weights, self.sum),
            _pool_floats(weights, self.sum_sq),
        )

    def take(self, rows: slice | npt.NDArray[np.intp]) -> "SubjectWindows":
        """Choose windows."""
        return SubjectWindows(*(column[rows] for column in self.columns))

    def less(self, other: "SubjectWindows") -> "SubjectWindows":
        """Take windows, which are a part of these, away from them."""
        pairs = zip(self.columns, other.columns, strict=True)
        with np.errstate(invalid="ignore"):  # sums that overflowed
            return SubjectWindows(*(mine - theirs for mine, theirs in pairs))

    def stack(self, other: "SubjectWindows") -> "SubjectWindows":
        """Put windows after these."""
        pairs = zip(self.columns, other.columns, strict=True)
        return SubjectWindows(*(np.concatenate(pair) for pair in pairs))

    @property
    def columns(self) -> "tuple[npt.NDArray[Any], ...]":
        """All arrays, in order."""
        return self.cells, self.missing, self.type_violations, self.count, self.sum, self.sum_sq


def _pool_floats(weights: Floats, values: Floats) -> Floats:
    """Add sums up; one that overflowed spoils only the pools that hold it (zero times infinity is no number).

    The extra digits of long doubles make the rounded sum the same in whatever order, and on however long a timeline,
    the windows are added: a window that is judged again then gives the same document.
    """
    finite = np.isfinite(values)
    pooled = (weights.astype(np.longdouble) @ np.where(finite, values, 0.0).astype(np.longdouble)).astype(np.float64)
    pooled[(weights[:, ~finite] > 0).any(axis=1)] = np.nan
    return pooled


def subject_windows(cells: Cells, profiles: Sequence[SubjectProfile | None]) -> SubjectWindows:
    """Stand profiles side by side; a window without a profile, or counted in unlike cells, is all zero."""
    known = [p if p is not None and p.cells_hash == cells.hash else None for p in profiles]
    at = np.flatnonzero([p is not None for p in known])
    found = [p for p in known if p is not None]
    size = len(profiles)
    counts = np.zeros((size, cells.size), dtype=np.int64)
    if found:
        counts[at] = np.stack([p.cells for p in found])

    def whole(numbers: list[int]) -> Ints:
        column = np.zeros(size, dtype=np.int64)
        column[at] = numbers
        return column

    def real(numbers: list[float]) -> Floats:
        column = np.zeros(size)
        column[at] = numbers
        return column

    return SubjectWindows(
        cells=counts,
        missing=whole([p.missing for p in found]),
        type_violations=whole([p.type_violations for p in found]),
        count=whole([p.moments.count for p in found]),
        sum=real([p.moments.sum for p in found]),
        sum_sq=real([p.moments.sum_sq for p in found]),
    )


@dataclass(frozen=True, eq=False)
class TrafficWindows:
    """Events, failed inferences, and sum, sum of squares and number of durations (ns) in T windows, each (T,).

    `last` (T,) is the time (ms) of the last event, 0 where it is not known.
    """

    count: Ints
    failures: Ints
    duration_sum: Floats
    duration_sum_sq: Floats
    duration_count: Ints
    last: Ints

    def take(self, rows: slice) -> "TrafficWindows":
        """Choose windows."""
        return TrafficWindows(
            self.count[rows],
            self.failures[rows],
            self.duration_sum[rows],
            self.duration_sum_sq[rows],
            self.duration_count[rows],
            self.last[rows],
        )

    def pool(self, members: Flags) -> "TrafficWindows":
        """Add windows up, as `SubjectWindows.pool`."""
        weights = members.astype(np.int64)
        return TrafficWindows(
            weights @ self.count,
            weights @ self.failures,
            _pool_floats(weights.astype(np.float64), self.duration_sum),
            _pool_floats(weights.astype(np.float64), self.duration_sum_sq),
            weights @ self.duration_count,
            (weights * self.last).max(axis=1, initial=0),
        )


def traffic_windows(profiles: Sequence[Profile | None]) -> TrafficWindows:
    """Stand the traffic of profiles side by side; a window without a profile is zero."""
    some = [profile or Profile() for profile in profiles]
    return TrafficWindows(
        np.array([p.count for p in some], dtype=np.int64),
        np.array([p.failures for p in some], dtype=np.int64),
        np.array([p.duration.sum for p in some], dtype=np.float64),
        np.array([p.duration.sum_sq for p in some], dtype=np.float64),
        np.array([p.duration.count for p in some], dtype=np.int64),
        np.array([p.last or 0 for p in some], dtype=np.int64),
    )
