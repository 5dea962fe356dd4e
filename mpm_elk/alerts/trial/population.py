"""A distribution as a population: points of equal weight, so that whatever happens to values happens to points. Pure.

The points are the quantiles (i + ½)/N of the law. Cells of a model are cut from them, and the chance of each cell, with
the means and squares of the values in it, is counted from them: hours are drawn as counts, never as rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import special

from mpm_elk.config.rule_tests import Change, Distribution
from mpm_elk.profiles.cells import SCORE, CategoricalCells, Cells, CellSet, Floats
from mpm_elk.profiles.cut import FINE, SCORE_FINE, cut_categorical, cut_numeric
from mpm_elk.registry.training import fields_of

POINTS = 1 << 16
_UNSEEN = "\x00never seen"


@cache
def quantiles(law: str, parameters: tuple[float, ...]) -> Floats:
    """Give the points of a law of numbers, in order, (N,)."""
    u = (np.arange(POINTS) + 0.5) / POINTS
    a, b = (*parameters, 0.0)[:2]
    found: np.ndarray[Any, Any]
    if law == "normal":
        found = np.asarray(a + b * special.ndtri(u), dtype=np.float64)
    elif law == "lognormal":
        found = np.exp(a + b * special.ndtri(u))
    elif law == "uniform":
        found = a + (b - a) * u
    elif law == "beta":
        found = special.betaincinv(a, b, u)
    elif law == "gamma":
        found = special.gammaincinv(a, u) * b
    elif law == "exponential":
        found = -np.log1p(-u) * a
    else:
        found = np.maximum(np.ceil(special.pdtrik(u, a)), 0.0)
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Population:
    """What the values of a subject are like: `points` with `weights` (N,) that add up to 1, or weights of categories.

    Of all events a share is `missing`, and a share of those that are not has the `wrong_type`.
    """

    points: Floats
    weights: Floats
    categories: Mapping[str, float]
    missing: float = 0.0
    wrong_type: float = 0.0

    @classmethod
    def of(cls, law: Distribution, missing: float = 0.0) -> "Population":
        """Make it of a law."""
        if law.numeric:
            points = quantiles(law.law, law.parameters)
            return cls(points, np.full(len(points), 1 / len(points)), {}, missing)
        total = sum(law.weights.values())
        return cls(np.empty(0), np.empty(0), {name: w / total for name, w in law.weights.items()}, missing)

    @property
    def sd(self) -> float:
        """The standard deviation of the points."""
        mean = float(self.points @ self.weights)
        return float(np.sqrt(np.square(self.points - mean) @ self.weights))

    def changed(self, change: Change, ordinary: "Population") -> "Population":
        """Give the population after a change; standard deviations are those of the `ordinary` one."""
        points, weights, categories = self.points, self.weights, dict(self.categories)
        if change.becomes is not None:
            other = Population.of(change.becomes)
            points, weights, categories = other.points, other.weights, dict(other.categories)
        if change.scale is not None:
            mean = points @ weights
            points = mean + (points - mean) * change.scale
        if change.shift is not None:
            by = change.in_sd * ordinary.sd if change.in_sd is not None else float(change.shift)
            points = points + by
        if change.unit is not None:
            points = points * change.unit
        if change.unseen is not None:
            categories = {name: w * (1 - change.unseen) for name, w in categories.items()} | {_UNSEEN: change.unseen}
        missing = self.missing if change.missing is None else change.missing
        wrong = self.wrong_type if change.wrong_type is None else change.wrong_type
        return self._mixed(Population(points, weights, categories, missing, wrong), change.share)

    def _mixed(self, other: "Population", share: float) -> "Population":
        """Mix: a `share` of the events is of the other population."""
        if share == 1:
            return other
        names = [*self.categories, *(name for name in other.categories if name not in self.categories)]
        mine, theirs = self.categories, other.categories
        return Population(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.weights * (1 - share), other.weights * share]),
            {name: mine.get(name, 0.0) * (1 - share) + theirs.get(name, 0.0) * share for name in names},
            self.missing * (1 - share) + other.missing * share,
            self.wrong_type * (1 - share) + other.wrong_type * share,
        )

    def cut(self, subject: str) -> Cells:
        """Cut the cells of a subject from it, as from training data."""
        if len(self.points):
            main, other = fields_of(subject, numeric=True)
            return cut_numeric(self.points, main, other_field=other, fine=SCORE_FINE if subject == SCORE else FINE)
        main, other = fields_of(subject, numeric=False)
        counts = {name: round(w * POINTS) for name, w in self.categories.items()}
        return cut_categorical({name: max(1, n) for name, n in counts.items()}, main, other_field=other)

    def in_cells(self, cells: Cells) -> "InCells":
        """Count it in cells."""
        if isinstance(cells, CategoricalCells):
            chances = np.zeros(cells.size)
            for name, weight in self.categories.items():
                chances[int(cells.count([name]).argmax())] += weight
            return InCells(chances / chances.sum(), None, self)
        at = cells.locate(self.points)

        def added(values: Floats) -> Floats:
            return np.bincount(at, values * self.weights, minlength=cells.size).astype(np.float64)

        chances = added(np.ones(len(at)))
        powers = [added(self.points**power) for power in (1, 2, 3, 4)]
        with np.errstate(invalid="ignore", divide="ignore"):
            m1, m2, m3, m4 = (np.where(chances > 0, power / chances, 0.0) for power in powers)
        spread = np.stack([m2 - m1**2, m3 - m1 * m2, m4 - m2**2])
        ends = np.full((2, cells.size), np.nan)
        order = np.argsort(self.points, kind="stable")
        ends[1, at[order]] = self.points[order]
        ends[0, at[order[::-1]]] = self.points[order[::-1]]
        return InCells(chances / chances.sum(), CellMoments(m1, m2, spread, ends), self)


@dataclass(frozen=True, eq=False)
class CellMoments:
    """Of the values in K cells: means, mean squares (K,); var x, cov(x, x²), var x² (3, K); both ends (2, K)."""

    mean: Floats
    square: Floats
    spread: Floats
    ends: Floats


@dataclass(frozen=True, eq=False)
class InCells:
    """A population in cells: the chance of each, (K,), and of numbers what the values in it add up to."""

    chances: Floats
    moments: CellMoments | None
    population: Population


def cut_all(populations: Mapping[str, Population]) -> CellSet:
    """Cut the cells of all subjects."""
    return CellSet({name: population.cut(name) for name, population in populations.items()})
