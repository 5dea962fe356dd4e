"""Sampled rows, feature by feature: what is read of events, files and tables where aggregates do not suffice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mpm_elk.profiles.cells import Floats, Ints

_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True)
class Rows:
    """Sampled rows: numbers by feature, nan where missing; texts by feature, None where missing; the hours (ms)."""

    size: int
    numbers: Mapping[str, Floats] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    hours: Ints | None = None

    def take(self, kept: npt.NDArray[np.bool_]) -> "Rows":
        """Keep some rows."""
        at = np.flatnonzero(kept).tolist()
        return Rows(
            len(at),
            {name: values[kept] for name, values in self.numbers.items()},
            {name: [values[i] for i in at] for name, values in self.texts.items()},
            None if self.hours is None else self.hours[kept],
        )


def mixed(values: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Mix whole numbers well (splitmix64): the order of what comes out is as good as chance, and always the same."""
    first, second, third = (np.uint64(part) for part in _MIX)
    found = np.asarray(values).astype(np.uint64) * first
    found = (found ^ (found >> np.uint64(30))) * second
    found = (found ^ (found >> np.uint64(27))) * third
    return np.asarray(found ^ (found >> np.uint64(31)), dtype=np.uint64)
