"""Measure one subject in one window: every metric that its counts allow, with limits and p-values. Pure.

The last row of the given windows is the one that is measured; the rows before it are its history, from which the
dispersion of each test is learnt. References stand row by row beside the windows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mpm_elk.metrics import Flags, Floats, dispersion, divergence, homogeneity, moments, proportions, volume
from mpm_elk.metrics.dispersion import Dispersion
from mpm_elk.metrics.multiplicity import min_p
from mpm_elk.profiles.cells import Cells, Ints, NumericCells
from mpm_elk.profiles.windows import SubjectWindows, TrafficWindows

DISTRIBUTION, MISSING, TYPE, UNSEEN, RANGE = "distribution", "missing", "type_violation", "unseen", "out_of_range"
VOLUME, FAILURE = "volume", "failure"

_HISTORY_MIN = 30
"""Past windows with fewer values than this say nothing about dispersion."""


@dataclass(frozen=True)
class Measured:
    """The metrics of one subject in one window.

    `values` maps names such as `drift.psi` to numbers, `p` maps each test to its p-value; what could not be computed is
    in neither. `learning` says of each test that has no p-value for want of history how many past windows are known,
    of `MIN_WINDOWS`. `culprit` is the cell whose share moved most.
    """

    values: Mapping[str, float]
    p: Mapping[str, float]
    window: int
    reference: int
    culprit: str | None = None
    learning: Mapping[str, int] = field(default_factory=dict)
    distributions: Mapping[str, list[float] | list[str]] = field(default_factory=dict)


class _Collector:
    """Gathers numbers; nan is what could not be computed and is left out."""

    def __init__(self, history: Flags) -> None:
        self.values: dict[str, float] = {}
        self.p: dict[str, float] = {}
        self.history = history
        self.learning: dict[str, int] = {}

    def put(self, name: str, value: object) -> None:
        number = float(np.asarray(value, dtype=np.float64))
        if np.isfinite(number):
            self.values[name] = number

    def test(self, name: str, p: object) -> None:
        number = float(np.asarray(p, dtype=np.float64))
        if np.isfinite(number):
            self.p[name] = number
            self.learning.pop(name, None)

    def learn(self, test: str, ratios: Floats, df: object, usable: Flags) -> Dispersion:
        """Learn a test's dispersion from the past rows of `ratios` (T,) that are `usable` (T,).

        A test of several parts is still learning where none of them knows enough.
        """
        past = np.where(usable[:-1], ratios[:-1], np.nan)
        found = dispersion.estimate(past, np.asarray(df, dtype=np.float64), flagged=self.history)
        if not found.known:
            self.learning[test] = max(self.learning.get(test, 0), int(found.windows))
        return found


def measure_subject(
    cells: Cells,
    windows: SubjectWindows,
    references: SubjectWindows,
    flagged: Flags,
    *,
    in_sample: Flags,
    learn_from: Flags | None = None,
) -> Measured:
    """Measure the last of `windows` (T rows) against the last of `references`; `flagged` (T−1,) marks past alerts.

    `in_sample` (T,) marks windows of the data that the cells were cut from: they have nothing out of range or unseen by
    construction, and so say nothing about how much that varies. `learn_from` (T,) chooses the windows that show how
    much everything else varies; without it all do.
    """
    out = _Collector(flagged)
    window, reference = cells.to_coarse(windows.cells), cells.to_coarse(references.cells)
    n, m = windows.present, references.present
    usual = np.ones(len(n), dtype=np.bool_) if learn_from is None else learn_from
    tests = [_chi2(out, window, reference, usual)]
    if isinstance(cells, NumericCells):
        tests += [_ks(out, cells, windows, references, usual), _mean(out, windows, references, usual)]
        strange, name = window[:, [0, -1]].sum(axis=1), RANGE
        strange_before = reference[:, [0, -1]].sum(axis=1)
    else:
        strange, strange_before, name = window[:, -1], reference[:, -1], UNSEEN
    out.test(DISTRIBUTION, min_p(np.array(tests)))
    missing = (windows.missing, windows.total), (references.missing, references.total)
    _share(out, "quality.missing", MISSING, *missing, usable=usual)
    violations = (windows.type_violations, windows.total), (references.type_violations, references.total)
    _share(out, "quality.type_violation", TYPE, *violations, usable=usual)
    _share(out, f"quality.{name}", name, (strange, n), (strange_before, m), usable=~in_sample)

    labels = cells.coarse_labels()
    moved = divergence.l_infinity(window[-1], reference[-1])
    return Measured(
        out.values,
        out.p,
        int(windows.total[-1]),
        int(references.total[-1]),
        culprit=labels[int(moved.cell)] if moved.value > 0 else None,
        learning=out.learning,
        distributions={"cells": labels, "window": window[-1].tolist(), "reference": reference[-1].tolist()},
    )


def _chi2(out: _Collector, window: Ints, reference: Ints, usual: Flags) -> float:
    """χ², and the divergences whose noise has its law: PSI and Jensen–Shannon."""
    chi2 = homogeneity.chi2(window, reference)
    n, m = window.sum(axis=-1), reference.sum(axis=-1)
    (k, k0), dominant = _largest_cell(window, reference)
    z_squared = np.where(dominant, proportions.pooled_z(k, n, k0, m) ** 2, np.nan)
    ratios, df = np.where(chi2.df > 0, chi2.ratio, z_squared), np.where(chi2.df > 0, chi2.df, 1.0)
    learnt = out.learn(DISTRIBUTION, ratios, df[-1], (n >= _HISTORY_MIN) & usual)
    p = float(homogeneity.chi2_p(chi2.statistic[-1], chi2.df[-1], learnt))
    if chi2.df[-1] == 0 and dominant[-1]:
        found = proportions.difference(k[-1], n[-1], k0[-1], m[-1])
        p = float(dispersion.widen(found.p, found.ratio, 1.0, learnt))
    now, before, size, base = window[-1], reference[-1], n[-1], m[-1]
    cells = divergence.occupied(now, before)
    psi, js = divergence.psi(now, before), divergence.jensen_shannon(now, before)
    out.put("drift.psi", psi)
    out.put("drift.js", js)
    out.put("drift.total_variation", divergence.total_variation(now, before))
    out.put("drift.chi2", chi2.statistic[-1])
    out.put("drift.chi2_df", chi2.df[-1])
    out.put("drift.chi2_p", p)
    # Where the dispersion is not known yet, noise is taken as that of random sampling.
    phi = np.where(learnt.known, learnt.phi, 1.0)
    out.put("drift.psi_adjusted", divergence.psi_adjusted(psi, size, base, cells, phi))
    out.put("drift.js_adjusted", divergence.js_adjusted(js, size, base, cells, phi))
    limits = divergence.psi_limits(psi, size, base, cells, phi)
    out.put("drift.psi_adjusted_lower", limits.lower)
    out.put("drift.psi_adjusted_upper", limits.upper)
    out.put("dispersion.phi", learnt.phi)
    out.put("dispersion.windows", learnt.windows)
    return p


def _largest_cell(window: Ints, reference: Ints) -> tuple[tuple[Ints, Ints], Flags]:
    """Give both sides' counts in the reference's largest cell, each (T,), and whether it holds more than half there.

    A feature that is constant, or nearly so, leaves the χ² one cell and no degrees of freedom. The share of that cell
    can be tested all the same; without it, the day on which such a feature changes, or changes back, is not judged.
    """
    largest = reference.argmax(axis=-1)[:, np.newaxis]
    k, k0 = (np.take_along_axis(side, largest, axis=-1)[:, 0] for side in (window, reference))
    return (k, k0), 2 * k0 > reference.sum(axis=-1)


def _ks(
    out: _Collector, cells: NumericCells, windows: SubjectWindows, references: SubjectWindows, usual: Flags
) -> float:
    ks = homogeneity.ks(windows.cells, references.cells, single=cells.single)
    n, m = windows.present, references.present
    learnt = out.learn(DISTRIBUTION, ks.ratio, homogeneity.KS_DF, (n >= _HISTORY_MIN) & usual)
    p = float(homogeneity.ks_p(ks.lower[-1], n[-1], m[-1], learnt))
    out.put("drift.ks", ks.lower[-1])
    out.put("drift.ks_upper", ks.upper[-1])
    out.put("drift.ks_p", p)
    return p


def _mean(out: _Collector, windows: SubjectWindows, references: SubjectWindows, usual: Flags) -> float:
    window = moments.moments(windows.count, windows.sum, windows.sum_sq)
    reference = moments.moments(references.count, references.sum, references.sum_sq)
    shift = moments.mean_shift(window, reference)
    learnt = out.learn(DISTRIBUTION, shift.ratio, 1.0, (windows.count >= _HISTORY_MIN) & usual)
    p = float(dispersion.widen(shift.p[-1], shift.ratio[-1], 1.0, learnt))
    out.put("drift.mean", window.mean[-1])
    out.put("drift.mean_reference", reference.mean[-1])
    # The limits widen with the dispersion, as the p-value does.
    wider = np.sqrt(np.where(learnt.known, learnt.phi, 1.0))
    effect = shift.effect[-1]
    out.put("drift.mean_shift", effect)
    out.put("drift.mean_shift_lower", effect - wider * (effect - shift.lower[-1]))
    out.put("drift.mean_shift_upper", effect + wider * (shift.upper[-1] - effect))
    out.put("drift.mean_shift_p", p)
    return p


_Share = tuple[Ints, Ints]


def _share(
    out: _Collector, name: str, test: str, window: _Share, reference: _Share, *, usable: Flags | None = None
) -> None:
    """Compare a share of events, (k, n) row by row, with that of the reference; `usable` rows show how it varies."""
    (k, n), (k0, n0) = window, reference
    ratios = proportions.pooled_z(k, n, k0, n0) ** 2
    enough = n >= _HISTORY_MIN
    learnt = out.learn(test, ratios, 1.0, enough if usable is None else enough & usable)
    found = proportions.difference(k[-1], n[-1], k0[-1], n0[-1])
    p = float(dispersion.widen(found.p, found.ratio, 1.0, learnt))
    if n[-1]:
        out.put(f"{name}_rate", k[-1] / n[-1])
    if n0[-1]:
        out.put(f"{name}_rate_reference", k0[-1] / n0[-1])
    out.put(f"{name}_increase", found.effect)
    out.put(f"{name}_increase_lower", found.lower)
    out.put(f"{name}_increase_upper", found.upper)
    out.put(f"{name}_p", p)
    out.test(test, p)


def measure_traffic(traffic: TrafficWindows, members: Flags, rows: slice, flagged: Flags) -> Measured:
    """Measure the traffic of the last window of `rows` (R of T windows).

    `members` (T, T) says which windows each is compared with, `flagged` (R−1,) which of the history raised an alert.
    """
    out = _Collector(flagged)
    windows, references = traffic.take(rows), traffic.pool(members[rows])
    count = int(windows.count[-1])
    out.put("traffic.count", count)
    out.put("traffic.failures", windows.failures[-1])
    found = volume.unusual(count, np.where(members[rows][-1], traffic.count, np.nan))
    out.put("traffic.count_expected", found.expected)
    out.put("traffic.count_ratio", found.ratio)
    out.put("traffic.count_ratio_lower", found.lower)
    out.put("traffic.count_ratio_upper", found.upper)
    out.put("traffic.count_p", found.p)
    out.test(VOLUME, found.p)
    failures = (windows.failures, windows.count), (references.failures, references.count)
    _share(out, "traffic.failure", FAILURE, *failures)
    if windows.duration_count[-1]:
        out.put("traffic.duration_mean", windows.duration_sum[-1] / windows.duration_count[-1])
    if references.duration_count[-1]:
        out.put("traffic.duration_mean_reference", references.duration_sum[-1] / references.duration_count[-1])
    return Measured(out.values, out.p, count, int(references.count[-1]), learning=out.learning)
