"""The frozen cells of a subject: what every profile counts in.

A *subject* is a feature (`features.temp`) or an output (`prediction.score`, `prediction.label`, `prediction.value`).
Its cells belong to the model, are cut once, and carry a hash; counts in unlike cells never meet.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCORE = "prediction.score"
LABEL = "prediction.label"
VALUE = "prediction.value"
OUTPUTS = (SCORE, LABEL, VALUE)
FEATURE_PREFIX = "features."


@lru_cache(maxsize=10_000)
def feature_subject(name: str) -> str:
    """Name the subject of the feature `name`."""
    return FEATURE_PREFIX + name


def _hash(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class NumericCells:
    """Cells of numbers: (−∞, e₀), [e₀, e₁), …, [e₋₁, ∞) for the strictly rising `edges` e of length K: K+1 cells.

    `coarse` holds the positions in `edges` where a coarse cell begins; the first and the last edge are among them, so
    the outermost cells (fences: below and above all that the cells were cut from) stay apart in the coarse grid too.
    `other_field` counts values of the wrong type: an event whose number arrived as text.
    """

    kind: ClassVar[str] = "numeric"

    field: str
    edges: Floats
    coarse: Ints
    other_field: str | None = None

    def __post_init__(self) -> None:
        if len(self.edges) == 0 or not np.all(np.isfinite(self.edges)) or np.any(self.edges[1:] <= self.edges[:-1]):
            msg = "edges must be finite and strictly rising"
            raise ValueError(msg)
        if self.coarse[0] != 0 or self.coarse[-1] != len(self.edges) - 1 or np.any(np.diff(self.coarse) <= 0):
            msg = "coarse edges must rise from the first edge to the last"
            raise ValueError(msg)

    @property
    def size(self) -> int:
        """The number of fine cells."""
        return len(self.edges) + 1

    @property
    def single(self) -> npt.NDArray[np.bool_]:
        """Tell which fine cells hold one value only, (K+1,)."""
        inner = self.edges[1:] <= np.nextafter(self.edges[:-1], np.inf)
        return np.concatenate([[False], inner, [False]])

    @cached_property
    def hash(self) -> str:
        """A hash of everything that decides what is counted where."""
        return _hash(self.to_document())

    def locate(self, values: Floats) -> Ints:
        """Give each value's cell; a value on an edge belongs to the cell above, as in Elasticsearch's `range`."""
        return np.searchsorted(self.edges, values, side="right")

    def coarsened(self) -> "NumericCells":
        """Give the coarse cells as cells of their own."""
        return NumericCells(self.field, self.edges[self.coarse], np.arange(len(self.coarse)), self.other_field)

    def count(self, values: Floats) -> Ints:
        """Count finite values, shape (N,), per fine cell, shape (K+1,)."""
        return np.bincount(self.locate(values), minlength=self.size)

    def to_coarse(self, counts: Ints) -> Ints:
        """Add fine counts, shape (…, K+1), to coarse ones, shape (…, C+1): first and last are the fences."""
        return np.add.reduceat(counts, np.concatenate(([0], self.coarse + 1)), axis=-1)

    def coarse_labels(self) -> list[str]:
        """Say what each coarse cell holds: `< 10`, `10 … 20`, `≥ 90`; a cell of one value is that value."""
        edges = self.edges[self.coarse]
        inner = [_interval(a, b) for a, b in pairwise(edges)]
        return [f"< {edges[0]:g}", *inner, f"≥ {edges[-1]:g}"]

    def to_document(self) -> dict[str, Any]:
        """Write the cells as JSON; floats keep every bit."""
        return {
            "kind": self.kind,
            "field": self.field,
            "other_field": self.other_field,
            "edges": self.edges.tolist(),
            "coarse": self.coarse.tolist(),
        }


@dataclass(frozen=True, eq=False)
class CategoricalCells:
    """Cells of categories: one for each of `values`, then `other` (known, rare: `rest`), then `unseen`.

    Where the vocabulary was too large to keep (`closed` is false), `other` holds everything that is not in `values`,
    and `unseen` stays empty.
    """

    kind: ClassVar[str] = "categorical"

    field: str
    values: tuple[str, ...]
    rest: tuple[str, ...] = ()
    closed: bool = True
    other_field: str | None = None
    _positions: dict[str, int] = dataclasses.field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for position, value in enumerate(self.values):
            self._positions[value] = position
        for value in self.rest:
            self._positions[value] = self.other
        if len(self._positions) != len(self.values) + len(self.rest):
            msg = "a category stands twice"
            raise ValueError(msg)

    @property
    def size(self) -> int:
        """The number of cells."""
        return len(self.values) + 2

    @property
    def other(self) -> int:
        """The position of the cell `other`."""
        return len(self.values)

    @property
    def unseen(self) -> int:
        """The position of the cell `unseen`."""
        return len(self.values) + 1

    @cached_property
    def hash(self) -> str:
        """A hash of everything that decides what is counted where."""
        return _hash(self.to_document())

    def coarsened(self) -> "CategoricalCells":
        """Give the cells as they are: categories have no finer grid."""
        return self

    def count(self, values: Iterable[str]) -> Ints:
        """Count categories per cell, shape (V+2,)."""
        counts = np.zeros(self.size, dtype=np.int64)
        strange = self.unseen if self.closed else self.other
        for value, number in Counter(values).items():
            counts[self._positions.get(value, strange)] += number
        return counts

    def count_terms(self, terms: Mapping[str, int], present: int) -> Ints:
        """Make cells of the counts of known `terms` and the number of events that carry any category."""
        counts = np.zeros(self.size, dtype=np.int64)
        for value, number in terms.items():
            counts[self._positions[value]] += number
        counts[self.unseen if self.closed else self.other] += present - sum(terms.values())
        return counts

    def to_coarse(self, counts: Ints) -> Ints:
        """Give the counts as they are: categories have no finer grid."""
        return counts

    def coarse_labels(self) -> list[str]:
        """Say what each cell holds."""
        return [*self.values, "(other)", "(unseen)"]

    def to_document(self) -> dict[str, Any]:
        """Write the cells as JSON."""
        return {
            "kind": self.kind,
            "field": self.field,
            "other_field": self.other_field,
            "values": list(self.values),
            "rest": list(self.rest),
            "closed": self.closed,
        }


Cells = NumericCells | CategoricalCells


def _interval(low: float, high: float) -> str:
    return f"{low:g}" if high <= np.nextafter(low, np.inf) else f"{low:g} … {high:g}"


def cells_from(document: Mapping[str, Any]) -> Cells:
    """Read cells from JSON."""
    if document["kind"] == NumericCells.kind:
        return NumericCells(
            field=document["field"],
            edges=np.array(document["edges"], dtype=np.float64),
            coarse=np.array(document["coarse"], dtype=np.int64),
            other_field=document["other_field"],
        )
    return CategoricalCells(
        field=document["field"],
        values=tuple(document["values"]),
        rest=tuple(document["rest"]),
        closed=document["closed"],
        other_field=document["other_field"],
    )


@dataclass(frozen=True, eq=False)
class CellSet:
    """The cells of all subjects of one model."""

    subjects: Mapping[str, Cells]

    @cached_property
    def hash(self) -> str:
        """A hash over the cells of all subjects."""
        return _hash({name: cells.hash for name, cells in self.subjects.items()})

    def only(self, subjects: Sequence[str]) -> "CellSet":
        """Keep the named subjects that have cells."""
        return CellSet({name: self.subjects[name] for name in subjects if name in self.subjects})

    def coarsened(self) -> "CellSet":
        """Give the coarse cells of all subjects."""
        return CellSet({name: cells.coarsened() for name, cells in self.subjects.items()})

    def to_document(self) -> dict[str, Any]:
        """Write the cells as JSON, subject by subject."""
        return {name: cells.to_document() for name, cells in self.subjects.items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CellSet":
        """Read the cells of all subjects from JSON."""
        return cls({name: cells_from(entry) for name, entry in document.items()})
