"""Sums of features together in windows side by side, as arrays that metrics are computed from.

Every sampled row stands for as many as its hour's share says, so the sums here are those of the whole window,
estimated; `count_squares`, the sum of the squared weights, says how many rows of equal weight they are worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpm_elk.profiles.cells import Floats, Ints
from mpm_elk.profiles.joint import WHOLE, Joint
from mpm_elk.profiles.windows import Flags


@dataclass(frozen=True, eq=False)
class JointWindows:
    """Weighted sums of d features in T windows, (T, d, d) each, as in `Sums`; `events` (T,) counts the sampled ones.

    All are whole numbers, exact up to 2^53.
    """

    events: Ints
    count: Floats
    count_squares: Floats
    total: Floats
    squares: Floats
    products: Floats

    @property
    def sums(self) -> tuple[Floats, ...]:
        """All sums, in order."""
        return self.count, self.count_squares, self.total, self.squares, self.products

    def take(self, rows: slice | npt.NDArray[np.intp]) -> "JointWindows":
        """Choose windows."""
        return JointWindows(self.events[rows], *(sums[rows] for sums in self.sums))

    def pool(self, members: Flags) -> "JointWindows":
        """Add windows up: `members` (W, T) says which windows belong to each of W sums."""
        weights = members.astype(np.float64)
        return JointWindows(members.astype(np.int64) @ self.events, *(np.tensordot(weights, s, 1) for s in self.sums))

    def stack(self, other: "JointWindows") -> "JointWindows":
        """Put windows after these."""
        pairs = zip(self.sums, other.sums, strict=True)
        return JointWindows(np.concatenate([self.events, other.events]), *(np.concatenate(pair) for pair in pairs))

    def less(self, other: "JointWindows") -> "JointWindows":
        """Take windows, which are a part of these, away from them."""
        pairs = zip(self.sums, other.sums, strict=True)
        return JointWindows(self.events - other.events, *(mine - theirs for mine, theirs in pairs))


def joint_windows(hashes: Mapping[str, str], joints: Sequence[Joint | None]) -> JointWindows:
    """Stand windows side by side; what is counted in other cells than `hashes` (subject → hash) is missing there."""
    names = list(hashes)
    size = len(names)
    events = np.zeros(len(joints), dtype=np.int64)
    sums = np.zeros((5, len(joints), size, size))
    for at, joint in enumerate(joints):
        if joint is None:
            continue
        known = joint.only(hashes)
        places = np.array([names.index(name) for name in known.features], dtype=np.intp)
        here = np.ix_(places, places)
        for share, some in known.samples.items():
            events[at] += some.rows
            weight = WHOLE / share
            weighted = [weight * values for values in (some.count, some.total, some.squares, some.products)]
            for part, values in zip(sums, [weighted[0], weight * weighted[0], *weighted[1:]], strict=True):
                part[at][here] += values
    return JointWindows(events, *sums)
