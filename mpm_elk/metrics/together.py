"""Several features together, windows beside their references: what the metrics of the subject `features` come from.

The last row is the window that is measured; the rows before it are its history, as in `subject.py`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Flags, Floats, components, dispersion
from mpm_elk.metrics.components import Reconstruction
from mpm_elk.metrics.correlation import Moments, Shift, moments, normal_p, shift
from mpm_elk.metrics.dispersion import Dispersion
from mpm_elk.metrics.measured import HISTORY_MIN, Learning
from mpm_elk.metrics.metric import CORRELATION, MEANS, RECONSTRUCTION
from mpm_elk.metrics.multiplicity import adjust
from mpm_elk.metrics.subject import Tested
from mpm_elk.profiles.joint_windows import JointWindows

CONFIDENCE = 0.95
"""Of the limits of all pairs together."""

_MOVED = 0.01
"""The adjusted p (Benjamini–Hochberg over pairs) up to which a pair is counted as moved."""


@dataclass(frozen=True)
class Pair:
    """The pair of features that has surely moved most: which, its shift, and what past windows teach about it.

    `half` is the half-width of its limits in standard errors, `p` is adjusted over all `pairs` that were tested.
    """

    features: tuple[str, str]
    shift: Shift
    half: float
    learnt: Dispersion
    p: float
    pairs: int
    moved: int


@dataclass(frozen=True)
class _Standardised:
    """Windows against references in standard deviations of the references, for v usable features.

    `difference` (T, v) of means; covariances (T, v, v) of the window, of the reference, and of `difference`. `sizes`
    (T,) of both sides. `usable` (T,) marks windows that have all.
    """

    difference: Floats
    window: Floats
    reference: Floats
    noise: Floats
    sizes: tuple[Floats, Floats]
    usable: Flags


@dataclass(frozen=True, eq=False)
class Together:
    """Windows (T rows) of several features, references row by row beside them.

    `usual` (T,) marks windows that show how much everything varies; `level` is the p, adjusted over the subject's
    tests, that is evidence.
    """

    names: tuple[str, ...]
    windows: JointWindows
    references: JointWindows
    learning: Learning
    usual: Flags
    level: float

    @cached_property
    def moments(self) -> tuple[Moments, Moments]:
        """The moments of pairs of windows and references, (T, d, d) each."""
        window, reference = (
            moments(side.count, side.count_squares, side.total, side.squares, side.products)
            for side in (self.windows, self.references)
        )
        return window, reference

    @cached_property
    def _above(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        first, second = np.triu_indices(len(self.names), 1)
        return first, second

    @cached_property
    def pair(self) -> Pair | None:
        """The pair that has surely moved most; None where no pair can be compared.

        That is the one whose limits, which hold for all pairs together, are furthest from no shift; so a pair of few
        rows is not chosen for its noise.
        """
        first, second = self._above
        now, before = self.moments
        sizes = now.size[:, first, second], before.size[:, first, second]
        found = shift(now.correlation[:, first, second], before.correlation[:, first, second], *sizes)
        enough = (sizes[0] >= HISTORY_MIN) & self.usual[:, np.newaxis]
        learnt = self.learning.learn(CORRELATION, found.ratio.T, 1.0, enough.T)
        last = Shift(found.window[-1], found.reference[-1], found.error[-1])
        p = dispersion.widen(normal_p(last.z), last.ratio, 1.0, learnt)
        # While nothing is known of how pairs vary, chance alone orders them.
        comparable = np.isfinite(p) if np.isfinite(p).any() else np.isfinite(last.z)
        pairs = int(comparable.sum())
        if pairs == 0:
            return None
        half = np.sqrt(_critical((1 - CONFIDENCE) / pairs, learnt))
        place = int(np.argmax(np.where(comparable, _surely(last, half), -np.inf)))
        return Pair(
            (self.names[first[place]], self.names[second[place]]),
            last.at(place),
            float(half[place]),
            Dispersion(*(part[place] for part in (learnt.mean, learnt.variance, learnt.windows, learnt.df))),
            float(np.minimum(1.0, pairs * p[place])),
            pairs,
            int((adjust(p) <= _MOVED).sum()),
        )

    @cached_property
    def _standardised(self) -> _Standardised | None:
        """Standardise; None where fewer than two features vary in the reference and are there in the window."""
        now, before = self.moments
        count = np.diagonal(self.windows.count, axis1=1, axis2=2)
        sd = np.sqrt(np.diagonal(before.variance, axis1=1, axis2=2))
        fit = (count > 0) & (sd > 0)
        at = np.flatnonzero(fit[-1])
        if len(at) < 2:
            return None
        square = np.ix_(np.arange(len(sd)), at, at)
        scale = np.where(sd > 0, sd, 1.0)[:, at]
        by_both = scale[:, :, np.newaxis] * scale[:, np.newaxis, :]
        means = [np.diagonal(side.mean, axis1=1, axis2=2)[:, at] for side in (now, before)]
        window, reference = (_known(side.covariance[square] / by_both) for side in (now, before))
        noise = reference * (_shared(self.windows)[square] + _shared(self.references)[square])
        sizes = [np.diagonal(side.size, axis1=1, axis2=2)[:, at].mean(axis=1) for side in (now, before)]
        return _Standardised(
            _known((means[0] - means[1]) / scale),
            window,
            reference,
            noise,
            (sizes[0], sizes[1]),
            fit[:, at].all(axis=1) & (sizes[0] >= HISTORY_MIN) & self.usual,
        )

    @cached_property
    def reconstruction(self) -> Tested[Reconstruction] | None:
        """How well the reference's principal components describe the window."""
        found = self._standardised
        if found is None:
            return None
        errors = components.reconstruction(found.reference, found.window, found.difference, *found.sizes)
        learnt = self.learning.learn(RECONSTRUCTION, errors.ratio, 1.0, found.usable)
        own = components.chi2_p(errors.ratio[-1], 1.0)
        p = float(dispersion.widen(own, errors.ratio[-1], 1.0, learnt))
        return Tested(Reconstruction(errors.window[-1], errors.reference[-1], errors.ratio[-1]), learnt, p)

    @cached_property
    def distance(self) -> Tested[tuple[float, float]] | None:
        """The distance of all means: Mahalanobis' squared, and its mean by chance alone."""
        found = self._standardised
        if found is None:
            return None
        statistic, df = components.hotelling(found.noise, found.difference)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = statistic / df
        learnt = self.learning.learn(MEANS, ratio, df[-1], found.usable)
        own = components.chi2_p(statistic[-1], df[-1])
        p = float(dispersion.widen(own, ratio[-1], df[-1], learnt))
        squared = float(components.mahalanobis(found.reference[-1], found.difference[-1]))
        phi = float(learnt.phi) if learnt.known else 1.0
        n, m = (float(side[-1]) for side in found.sizes)
        return Tested((squared, phi * float(df[-1]) * (1 / n + 1 / m)), learnt, p)

    @cached_property
    def evidence(self) -> dict[str, float]:
        """Give the p-value of each test."""
        found = {
            CORRELATION: self.pair.p if self.pair else np.nan,
            RECONSTRUCTION: self.reconstruction.p if self.reconstruction else np.nan,
            MEANS: self.distance.p if self.distance else np.nan,
        }
        return {test: p for test, p in found.items() if np.isfinite(p)}


def _critical(level: float, learnt: Dispersion) -> Floats:
    """Give the ratio beyond which a pair's p is below `level`, by chance alone and by what past windows teach."""
    return np.fmax(dispersion.critical(level, np.ones_like(learnt.mean)), dispersion.critical(level, 1.0, learnt))


def _surely(found: Shift, half: Floats) -> Floats:
    """Say how far a pair has moved at least; where limits hold no shift, how near they are to that, below zero."""
    lower, upper = found.limits(half)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(found.z) > half, np.maximum(lower, -upper), np.abs(found.z) / half - 1)


def _shared(side: JointWindows) -> Floats:
    """Give by how much of a covariance two means vary together: Σw² over rows with both, by (Σw)² of each."""
    own = np.diagonal(side.count, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _known(side.count_squares / (own[:, :, np.newaxis] * own[:, np.newaxis, :]))


def _known(values: Floats) -> Floats:
    """Take what no rows tell for zero: a covariance of features that are never there together."""
    return np.where(np.isfinite(values), values, 0.0)
