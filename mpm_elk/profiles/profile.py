"""Profiles: mergeable counts of one stretch of time, of one model version, in the model's cells.

Profiles of disjoint events add up: the profile of a union is the sum of the profiles. Counts are exact; sums of doubles
differ by the order of addition only (a few units in the last place).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpm_elk.profiles.cells import Ints
from mpm_elk.profiles.joint import Joint
from mpm_elk.timespan import iso, parse_instant, to_ms

_DENSE = 2
"""A position takes about as much room as a count and its comma, a zero half of it."""


def _to_json(number: float) -> float | str:
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


@dataclass(frozen=True)
class Moments:
    """Count, sum, sum of squares, smallest and largest of numbers."""

    count: int = 0
    sum: float = 0.0
    sum_sq: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.count + other.count,
            self.sum + other.sum,
            self.sum_sq + other.sum_sq,
            min(self.min, other.min),
            max(self.max, other.max),
        )

    @classmethod
    def of(cls, values: "np.typing.NDArray[np.float64]") -> "Moments":
        """Take the moments of finite values, shape (N,).

        Sums are rounded once, as Elasticsearch's compensated ones nearly are: relative to the variance an error of the
        sum of squares is (mean/sd)² times as large.
        """
        if len(values) == 0:
            return cls()
        low, high = float(values.min()), float(values.max())
        with np.errstate(over="ignore", invalid="ignore"):  # squares above 1e308 are infinite here as in Elasticsearch
            squares = np.square(values)
            try:
                return cls(len(values), math.fsum(values.tolist()), math.fsum(squares.tolist()), low, high)
            except OverflowError:
                return cls(len(values), float(values.sum()), float(squares.sum()), low, high)

    def to_document(self) -> list[float | str]:
        """Write the moments as `[count, sum, sum_sq, min, max]`; nothing counted is `[]`.

        JSON has no infinity: a sum that overflowed is a text, as Elasticsearch writes it.
        """
        numbers = (self.sum, self.sum_sq, self.min, self.max)
        return [self.count, *(_to_json(number) for number in numbers)] if self.count else []

    @classmethod
    def from_document(cls, document: Sequence[float | str]) -> "Moments":
        """Read moments from JSON."""
        if not document:
            return cls()
        count, *numbers = document
        return cls(int(count), *map(float, numbers))


@dataclass(frozen=True, eq=False)
class SubjectProfile:
    """One subject's counts: fine cells (K,), and the events in which it was missing or of the wrong type."""

    cells_hash: str
    cells: Ints
    missing: int
    type_violations: int
    moments: Moments = field(default_factory=Moments)

    @property
    def present(self) -> int:
        """How many events carried a value of the right type."""
        return int(self.cells.sum())

    def __add__(self, other: "SubjectProfile") -> "SubjectProfile":
        if self.cells_hash != other.cells_hash:
            msg = f"unlike cells never merge: {self.cells_hash} and {other.cells_hash}"
            raise ValueError(msg)
        return SubjectProfile(
            self.cells_hash,
            self.cells + other.cells,
            self.missing + other.missing,
            self.type_violations + other.type_violations,
            self.moments + other.moments,
        )

    def to_document(self) -> dict[str, Any]:
        """Write the counts `n` of the cells that hold anything, and their positions `at`.

        Where most cells hold something `at` is left out: the counts are those of all cells up to the last that does.
        """
        at = np.flatnonzero(self.cells)
        document: dict[str, Any] = {"cells_hash": self.cells_hash, "size": len(self.cells)}
        if len(at) and at[-1] < _DENSE * len(at):
            document["n"] = self.cells[: at[-1] + 1].tolist()
        else:
            document |= {"at": at.tolist(), "n": self.cells[at].tolist()}
        if self.missing:
            document["missing"] = self.missing
        if self.type_violations:
            document["type_violations"] = self.type_violations
        if self.moments.count:
            document["moments"] = self.moments.to_document()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "SubjectProfile":
        """Read counts from JSON."""
        size, counts = document["size"], document["n"]
        if len(counts) == size:
            cells = np.array(counts, dtype=np.int64)
        else:
            cells = np.zeros(size, dtype=np.int64)
            cells[document.get("at", slice(len(counts)))] = counts
        return cls(
            document["cells_hash"],
            cells,
            document.get("missing", 0),
            document.get("type_violations", 0),
            Moments.from_document(document["moments"]) if "moments" in document else Moments(),
        )


@dataclass(frozen=True, eq=False)
class Profile:
    """The counts of one stretch of time: events, failed inferences, durations (ns), each subject, and the last event.

    Subjects are counted over the events that did not fail, features together (`joint`) over a sample of them. `last` is
    the time (ms) of the last event, failed or not; None where there is none, or where a part with events does not tell
    (profiles that an earlier version wrote).
    """

    count: int = 0
    failures: int = 0
    duration: Moments = field(default_factory=Moments)
    subjects: Mapping[str, SubjectProfile] = field(default_factory=dict)
    last: int | None = None
    joint: Joint = field(default_factory=Joint)

    def __add__(self, other: "Profile") -> "Profile":
        names = [*self.subjects, *(name for name in other.subjects if name not in self.subjects)]
        return Profile(
            self.count + other.count,
            self.failures + other.failures,
            self.duration + other.duration,
            {name: _add(self.subjects.get(name), other.subjects.get(name)) for name in names},
            _later(self, other),
            self.joint + other.joint,
        )

    def to_document(self) -> dict[str, Any]:
        """Write the profile as JSON."""
        return {
            **({} if self.last is None else {"last": iso(self.last)}),
            "count": self.count,
            "failures": self.failures,
            "duration": self.duration.to_document(),
            "subjects": {name: subject.to_document() for name, subject in self.subjects.items()},
            **({"joint": self.joint.to_document()} if self.joint else {}),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Profile":
        """Read a profile from JSON; those of earlier versions hold nothing of features together."""
        subjects = {name: SubjectProfile.from_document(entry) for name, entry in document["subjects"].items()}
        together = Joint()
        if "joint" in document:
            together = Joint.from_document(document["joint"], {name: s.cells_hash for name, s in subjects.items()})
        return cls(
            document["count"],
            document["failures"],
            Moments.from_document(document["duration"]),
            subjects,
            to_ms(parse_instant(document["last"])) if "last" in document else None,
            together,
        )


def _later(a: Profile, b: Profile) -> int | None:
    known = [side.last for side in (a, b) if side.count]
    return None if None in known else max((last for last in known if last is not None), default=None)


def _add(a: SubjectProfile | None, b: SubjectProfile | None) -> SubjectProfile:
    if a is None or b is None:
        present = a or b
        assert present is not None  # noqa: S101 — the name came from one of the two
        return present
    return a + b
