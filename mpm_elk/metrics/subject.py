"""One subject's windows beside their references: what its metrics are computed from, each part computed once.

The last row is the window that is measured; the rows before it are its history, from which the dispersion of each test
is learnt. What needs the whole history is here; a metric of the last window alone is in its family.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from mpm_elk.metrics import Flags, dispersion, divergence, homogeneity, proportions
from mpm_elk.metrics.dispersion import Dispersion
from mpm_elk.metrics.homogeneity import ChiSquare, KolmogorovSmirnov
from mpm_elk.metrics.measured import HISTORY_MIN, Learning
from mpm_elk.metrics.metric import DISTRIBUTION, MISSING, RANGE, TYPE, UNSEEN
from mpm_elk.metrics.moments import MeanShift, Moments, last, mean_shift, moments
from mpm_elk.metrics.multiplicity import min_p
from mpm_elk.metrics.proportions import Difference
from mpm_elk.metrics.quantiles import QuantileShift, quantile_shift
from mpm_elk.profiles.cells import Cells, Ints, NumericCells
from mpm_elk.profiles.windows import SubjectWindows

Found = TypeVar("Found")

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Tested(Generic[Found]):
    """What a test found, the dispersion that past windows teach about it, and its p under both."""

    found: Found
    learnt: Dispersion
    p: float

    @property
    def phi(self) -> float:
        """The overdispersion; where it is not known yet, noise is taken as that of random sampling."""
        return float(self.learnt.phi) if self.learnt.known else 1.0


@dataclass(frozen=True)
class Share:
    """A share of events, k of n in the window, compared with that of the reference."""

    k: int
    n: int
    k0: int
    n0: int
    difference: Difference
    p: float


def compare_shares(
    learning: Learning, test: str, window: tuple[Ints, Ints], reference: tuple[Ints, Ints], usable: Flags | None = None
) -> Share:
    """Compare a share of events, (k, n) row by row, with that of the reference; `usable` rows show how it varies."""
    (k, n), (k0, n0) = window, reference
    ratios = proportions.pooled_z(k, n, k0, n0) ** 2
    enough = n >= HISTORY_MIN
    learnt = learning.learn(test, ratios, 1.0, enough if usable is None else enough & usable)
    found = proportions.difference(k[-1], n[-1], k0[-1], n0[-1])
    p = float(dispersion.widen(found.p, found.ratio, 1.0, learnt))
    return Share(int(k[-1]), int(n[-1]), int(k0[-1]), int(n0[-1]), found, p)


@dataclass(frozen=True, eq=False)
class Subject:
    """Windows (T rows) of a subject, references row by row beside them.

    `usual` (T,) marks windows that show how much everything varies; `in_sample` (T,) those of the data that the cells
    were cut from. `level` is the p, adjusted over the subject's tests, that is evidence.
    """

    cells: Cells
    windows: SubjectWindows
    references: SubjectWindows
    learning: Learning
    usual: Flags
    in_sample: Flags
    level: float

    @cached_property
    def coarse(self) -> tuple[Ints, Ints]:
        """Coarse counts of windows and references, (T, C) each."""
        return self.cells.to_coarse(self.windows.cells), self.cells.to_coarse(self.references.cells)

    @cached_property
    def present(self) -> tuple[Ints, Ints]:
        """How many events of windows and references carried a value, (T,) each."""
        return self.windows.present, self.references.present

    @property
    def sides(self) -> tuple[Ints, Ints]:
        """Coarse counts of the measured window and of its reference, (C,) each."""
        return self.coarse[0][-1], self.coarse[1][-1]

    @property
    def fine_sides(self) -> tuple[Ints, Ints]:
        """Fine counts of the measured window and of its reference, (K,) each."""
        return self.windows.cells[-1], self.references.cells[-1]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many events of the measured window and of its reference carried a value."""
        return int(self.present[0][-1]), int(self.present[1][-1])

    @cached_property
    def occupied(self) -> float:
        """The coarse cells that hold something on either side."""
        return float(divergence.occupied(*self.sides))

    @property
    def numeric(self) -> NumericCells:
        """The cells, where they are those of numbers."""
        assert isinstance(self.cells, NumericCells)  # noqa: S101 — metrics of numbers are asked for numbers only
        return self.cells

    @cached_property
    def chi2(self) -> Tested[ChiSquare]:
        """χ² of the coarse cells, or, where there are too few, the test of the largest cell's share."""
        (window, reference), (n, m) = self.coarse, self.present
        chi2 = homogeneity.chi2(window, reference)
        (k, k0), dominant = _largest_cell(window, reference)
        z_squared = np.where(dominant, proportions.pooled_z(k, n, k0, m) ** 2, np.nan)
        ratios, df = np.where(chi2.df > 0, chi2.ratio, z_squared), np.where(chi2.df > 0, chi2.df, 1.0)
        learnt = self.learning.learn(DISTRIBUTION, ratios, df[-1], (n >= HISTORY_MIN) & self.usual)
        p = float(homogeneity.chi2_p(chi2.statistic[-1], chi2.df[-1], learnt))
        if chi2.df[-1] == 0 and dominant[-1]:
            found = proportions.difference(k[-1], n[-1], k0[-1], m[-1])
            p = float(dispersion.widen(found.p, found.ratio, 1.0, learnt))
        now = ChiSquare(chi2.statistic[-1], chi2.df[-1], chi2.ratio[-1])
        return Tested(now, learnt, p)

    @cached_property
    def ks(self) -> Tested[KolmogorovSmirnov]:
        """The Kolmogorov–Smirnov distance at the fine cells' edges."""
        ks = homogeneity.ks(self.windows.cells, self.references.cells, single=self.numeric.single)
        n, m = self.present
        learnt = self.learning.learn(DISTRIBUTION, ks.ratio, homogeneity.KS_DF, (n >= HISTORY_MIN) & self.usual)
        p = float(homogeneity.ks_p(ks.lower[-1], n[-1], m[-1], learnt))
        return Tested(KolmogorovSmirnov(ks.lower[-1], ks.upper[-1], ks.ratio[-1]), learnt, p)

    @cached_property
    def all_moments(self) -> tuple[Moments, Moments]:
        """Means and variances of windows and references, (T,) each."""
        sides = (self.windows, self.references)
        window, reference = (moments(side.count, side.sum, side.sum_sq) for side in sides)
        return window, reference

    @property
    def last_moments(self) -> tuple[Moments, Moments]:
        """Means and variances of the measured window and of its reference."""
        window, reference = (last(side) for side in self.all_moments)
        return window, reference

    @property
    def reference_sd(self) -> float:
        """The reference's standard deviation; nan where it is constant."""
        sd = float(self.last_moments[1].sd)
        return sd if sd > 0 else np.nan

    @cached_property
    def quantile_shift(self) -> QuantileShift:
        """The shares below the reference's `QUANTILES`, against its own."""
        return quantile_shift(*self.fine_sides, self.numeric.edges, QUANTILES, self.ks.phi)

    @cached_property
    def mean(self) -> Tested[MeanShift]:
        """The shift of the mean."""
        shift = mean_shift(*self.all_moments)
        usable = (self.windows.count >= HISTORY_MIN) & self.usual
        learnt = self.learning.learn(DISTRIBUTION, shift.ratio, 1.0, usable)
        p = float(dispersion.widen(shift.p[-1], shift.ratio[-1], 1.0, learnt))
        now = (getattr(shift, name)[-1] for name in ("effect", "lower", "upper", "z", "p", "ratio"))
        return Tested(MeanShift(*now), learnt, p)

    @cached_property
    def missing(self) -> Share:
        """The share of events without the value."""
        return self._share(MISSING, self.windows.missing, self.references.missing)

    @cached_property
    def type_violations(self) -> Share:
        """The share of events whose value has the wrong type."""
        return self._share(TYPE, self.windows.type_violations, self.references.type_violations)

    def _share(self, test: str, k: Ints, k0: Ints) -> Share:
        sides = (k, self.windows.events), (k0, self.references.events)
        return compare_shares(self.learning, test, *sides, usable=self.usual)

    @property
    def strange_test(self) -> str:
        """What values that the cells do not know are: out of range, or unseen."""
        return RANGE if isinstance(self.cells, NumericCells) else UNSEEN

    @cached_property
    def strange(self) -> Share:
        """The share of values that the cells do not know."""
        sides = self.coarse
        at = [0, -1] if isinstance(self.cells, NumericCells) else [-1]
        k, k0 = (counts[:, at].sum(axis=1) for counts in sides)
        n, m = self.present
        # Data that the cells were cut from has nothing strange by construction: that says not how much it varies.
        return compare_shares(self.learning, self.strange_test, (k, n), (k0, m), usable=~self.in_sample)

    @property
    def _parts(self) -> list[float]:
        """The p-values that the test of the distribution is made of."""
        return [self.chi2.p, self.ks.p, self.mean.p] if isinstance(self.cells, NumericCells) else [self.chi2.p]

    @property
    def part_level(self) -> float:
        """The p that one part of the test of the distribution needs where it is the only one that tells."""
        return self.level / max(1, len(self.evidence)) / len(self._parts)

    @cached_property
    def evidence(self) -> dict[str, float]:
        """The p-value of each test."""
        found = {
            DISTRIBUTION: float(min_p(np.array(self._parts))),
            MISSING: self.missing.p,
            TYPE: self.type_violations.p,
            self.strange_test: self.strange.p,
        }
        return {test: p for test, p in found.items() if np.isfinite(p)}


def _largest_cell(window: Ints, reference: Ints) -> tuple[tuple[Ints, Ints], Flags]:
    """Give both sides' counts in the reference's largest cell, each (T,), and whether it holds more than half there.

    A feature that is constant, or nearly so, leaves the χ² one cell and no degrees of freedom. The share of that cell
    can be tested all the same; without it, the day on which such a feature changes, or changes back, is not judged.
    """
    largest = reference.argmax(axis=-1)[:, np.newaxis]
    k, k0 = (np.take_along_axis(side, largest, axis=-1)[:, 0] for side in (window, reference))
    return (k, k0), 2 * k0 > reference.sum(axis=-1)
