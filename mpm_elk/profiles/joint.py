"""Sums of several features together: from them come correlations, principal components and the distance of means.

A value counts by its score: the number of its coarse cell, less the middle one. Cells hold about equally many values,
so scores are ranks: no outlier weighs more than its rank, and all sums are whole numbers, the same in whatever order
and wherever they are counted. A row counts for the pairs of which it has both values: a correlation from these sums is
that of the rows with both, as in pandas' `corr`.

Rows are a sample where an hour holds many: those whose hash bucket is below `share`, of 1000. Sums are kept by share,
so that a window weighs every hour by its events, and not by how much of it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from mpm_elk.contract.ids import BUCKETS
from mpm_elk.profiles.cells import FEATURE_PREFIX, CellSet, Floats, Ints, NumericCells

FEATURES_MAX = 30
"""How many features are counted together: pairs grow with the square."""

WHOLE = BUCKETS
"""The share of a sample that holds every row."""


def paired(cells: CellSet) -> dict[str, NumericCells]:
    """Choose the features to count together: the first numeric ones by name; none where there is no pair."""
    numeric = {
        name: entry
        for name, entry in sorted(cells.subjects.items())
        if isinstance(entry, NumericCells) and name.startswith(FEATURE_PREFIX)
    }
    return dict(list(numeric.items())[:FEATURES_MAX]) if len(numeric) > 1 else {}


def scores(cells: NumericCells, values: Floats) -> Floats:
    """Give each value's coarse cell, counted from the middle one; nan, a missing value, stays nan."""
    walls = cells.edges[cells.coarse]
    found = np.searchsorted(walls, values, side="right").astype(np.float64) - len(walls) // 2
    return np.where(np.isnan(values), np.nan, found)


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows for each pair (i, j) of d features, (d, d) each; row i, column j is about the rows with both.

    `count` counts these rows, `total` and `squares` add i's scores and their squares, `products` i's times j's. The
    diagonals are those of single features. `rows` counts all rows.
    """

    rows: int
    count: Ints
    total: Ints
    squares: Ints
    products: Ints

    @classmethod
    def of(cls, values: Floats) -> "Sums":
        """Add up scores (N, d), nan where one is missing."""
        # Products of matrices of whole numbers are exact in float64, and use BLAS.
        there = (~np.isnan(values)).astype(np.float64)
        known = np.where(np.isnan(values), 0.0, values)
        pairs = (there.T @ there, known.T @ there, np.square(known).T @ there, known.T @ known)
        return cls(len(values), *(np.rint(sums).astype(np.int64) for sums in pairs))

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.rows + other.rows,
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            self.products + other.products,
        )

    def arranged(self, places: npt.NDArray[np.intp], size: int) -> "Sums":
        """Put feature i at `places[i]` among `size` features; those that come new are missing in every row."""

        def spread(sums: Ints) -> Ints:
            wide = np.zeros((size, size), dtype=np.int64)
            wide[np.ix_(places, places)] = sums
            return wide

        return Sums(self.rows, *map(spread, (self.count, self.total, self.squares, self.products)))

    def taken(self, kept: npt.NDArray[np.intp]) -> "Sums":
        """Keep some features."""
        at = np.ix_(kept, kept)
        return Sums(self.rows, self.count[at], self.total[at], self.squares[at], self.products[at])

    def to_document(self) -> dict[str, Any]:
        """Write the diagonals, the products above theirs, and of each feature what the rows `without` it add up to.

        Rows with i and without j, for all i, make up the difference of i's own sums and of those beside j. Where every
        row without j has all the other features, their count `n` is left out.
        """
        upper = np.triu_indices(len(self.count), 1)
        n, s, q = (np.diagonal(sums) for sums in (self.count, self.total, self.squares))
        document: dict[str, Any] = {"rows": self.rows, "s": s.tolist(), "q": q.tolist()}
        document["p"] = self.products[upper].tolist()
        if np.any(n != self.rows):
            document["n"] = n.tolist()
        without = {}
        for j in np.flatnonzero((n > 0) & (n < self.rows)).tolist():
            less = n - self.count[:, j], s - self.total[:, j], q - self.squares[:, j]
            entry = {"s": less[1].tolist(), "q": less[2].tolist()}
            others = np.arange(len(n)) != j
            if np.any(less[0][others] != self.rows - n[j]):
                entry["n"] = less[0].tolist()
            without[str(j)] = entry
        if without:
            document["without"] = without
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Sums":
        """Read the sums from JSON."""
        rows, s, q = document["rows"], np.array(document["s"], np.int64), np.array(document["q"], np.int64)
        size = len(s)
        n = np.array(document.get("n", [rows] * size), np.int64)
        count, total, squares = (np.repeat(own[:, np.newaxis], size, axis=1) for own in (n, s, q))
        for place, entry in document.get("without", {}).items():
            j = int(place)
            gone = np.array(entry.get("n", [rows - n[j]] * size), np.int64)
            gone[j] = 0
            count[:, j] -= gone
            total[:, j] -= np.array(entry["s"], np.int64)
            squares[:, j] -= np.array(entry["q"], np.int64)
        absent = n == 0
        for sums in (count, total, squares):
            sums[:, absent] = 0
        products = np.zeros((size, size), dtype=np.int64)
        products[np.triu_indices(size, 1)] = document["p"]
        products += products.T
        products[np.diag_indices(size)] = q
        return cls(rows, count, total, squares, products)


@dataclass(frozen=True, eq=False)
class Joint:
    """Sums of several features together: `features` (subject → hash of its cells, by name), sums by share."""

    features: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[int, Sums] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.samples)

    @classmethod
    def of(cls, cells: Mapping[str, NumericCells], columns: Mapping[str, Floats], rows: int, share: int) -> "Joint":
        """Add up the values of `rows` rows, feature by feature (N,), nan where one is missing.

        A feature without any value is left out.
        """
        held = {name: entry for name, entry in cells.items() if not np.isnan(columns.get(name, np.nan)).all()}
        found = [scores(entry, columns[name]) for name, entry in held.items()]
        sums = Sums.of(np.stack(found, axis=1) if found else np.empty((rows, 0)))
        return cls({name: entry.hash for name, entry in held.items()}, {share: sums} if rows else {})

    def __add__(self, other: "Joint") -> "Joint":
        if not self or not other:
            return self or other
        for name in self.features.keys() & other.features.keys():
            if self.features[name] != other.features[name]:
                msg = f"unlike cells never merge: {name} in {self.features[name]} and in {other.features[name]}"
                raise ValueError(msg)
        features = dict(sorted({**self.features, **other.features}.items()))
        sides = [side.arranged(list(features)) for side in (self, other)]
        shares = sorted({share for side in sides for share in side})
        return Joint(
            features,
            {share: reduce(Sums.__add__, [side[share] for side in sides if share in side]) for share in shares},
        )

    def arranged(self, names: list[str]) -> Mapping[int, Sums]:
        """Give the sums with these features, in this order; those that come new are missing in every row."""
        if list(self.features) == names:
            return self.samples
        places = np.array([names.index(name) for name in self.features], dtype=np.intp)
        return {share: sums.arranged(places, len(names)) for share, sums in self.samples.items()}

    def only(self, hashes: Mapping[str, str]) -> "Joint":
        """Keep the features that are counted in these cells (subject → hash)."""
        kept = [at for at, (name, cells) in enumerate(self.features.items()) if hashes.get(name) == cells]
        if len(kept) == len(self.features):
            return self
        names = list(self.features)
        places = np.array(kept, dtype=np.intp)
        return Joint(
            {names[at]: self.features[names[at]] for at in kept},
            {share: sums.taken(places) for share, sums in self.samples.items()},
        )

    def to_document(self) -> dict[str, Any]:
        """Write the names, without `features.`, and the sums; hashes stand with the subjects of the same profile."""
        return {
            "features": [name.removeprefix(FEATURE_PREFIX) for name in self.features],
            "samples": {str(share): sums.to_document() for share, sums in self.samples.items()},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], hashes: Mapping[str, str]) -> "Joint":
        """Read the sums from JSON; `hashes` are those of the profile's subjects."""
        names = [FEATURE_PREFIX + name for name in document["features"]]
        samples = {int(share): Sums.from_document(sums) for share, sums in document["samples"].items()}
        return cls({name: hashes[name] for name in names}, samples)
