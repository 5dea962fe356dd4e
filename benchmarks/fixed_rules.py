"""Fixed rules of thumb, written by hand: PSI > 0.2, Jensen–Shannon distance > 0.1, and p < 0.05.

They stand for what the built-in monitors of cloud platforms amount to: a distance to the training data in a few cells
(SageMaker: L∞; Azure: JS, PSI, Wasserstein, two-sample KS; Vertex: JS and L∞) against a constant. Cells are ten of
equal frequency in the reference, or the categories; shares below 0.0001 are raised to that; missing values are left
out. p is that of the two-sample KS test on the values, of the χ² test on categories.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import special, stats

from benchmarks.planted import CATEGORICAL, NUMERIC, Table
from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import Ints

PSI, JS, P = "PSI > 0.2", "JS > 0.1", "KS p < 0.05"
_LIMITS = {PSI: 0.2, JS: 0.1}
_CELLS, _LEAST, _LEVEL = 10, 1e-4, 0.05


class FixedRules:
    """The rules of thumb."""

    def learn(self, reference: Table, history: Iterable[Table]) -> None:  # noqa: ARG002 — they know no history
        """Sort the reference."""
        self._sorted = {name: np.sort(_present(reference.numeric[name])) for name in NUMERIC}
        self._codes = {name: reference.categorical[name] for name in CATEGORICAL}

    def alarms(
        self,
        window: Table,
        *,
        keep: bool = False,  # noqa: ARG002 — it knows no history
        only: tuple[str, ...] | None = None,  # noqa: ARG002 — it is fast
    ) -> Mapping[str, set[str]]:
        """Name the features that cross each rule."""
        found: dict[str, set[str]] = {column: set() for column in (PSI, JS, P)}
        for name, values in self._sorted.items():
            now = np.sort(_present(window.numeric[name]))
            edges = np.unique(values[np.arange(1, _CELLS) * len(values) // _CELLS])
            counts = [
                np.bincount(np.searchsorted(edges, some, "right"), minlength=len(edges) + 1) for some in (now, values)
            ]
            _note(found, name, counts, ks_p(now, values))
        for name, codes in self._codes.items():
            most = int(max(codes.max(), window.categorical[name].max())) + 1
            counts = [np.bincount(some[some >= 0], minlength=most) for some in (window.categorical[name], codes)]
            table = np.array(counts)[:, np.sum(counts, axis=0) > 0]
            _note(found, name, counts, float(stats.chi2_contingency(table, correction=False).pvalue))
        return found


def _note(found: dict[str, set[str]], name: str, counts: list[Ints], p: float) -> None:
    q, r = (np.maximum(side / side.sum(), _LEAST) for side in counts)
    values = {PSI: float(((q - r) * np.log(q / r)).sum()), JS: _js(q, r)}
    for column, limit in _LIMITS.items():
        if values[column] > limit:
            found[column].add(name)
    if p < _LEVEL:
        found[P].add(name)


def _js(q: Floats, r: Floats) -> float:
    q, r = q / q.sum(), r / r.sum()
    middle = (q + r) / 2
    return float(np.sqrt((special.rel_entr(q, middle) + special.rel_entr(r, middle)).sum() / (2 * np.log(2))))


def ks_p(now: Floats, before: Floats) -> float:
    """Give the asymptotic p of the two-sample KS test of two sorted samples; the gap is largest at one.

    As `scipy.stats.ks_2samp(method="asymp")` but for its small-sample law, without sorting the reference each time.
    """
    n, m = len(now), len(before)
    above = np.searchsorted(now, now, "right") / n - np.searchsorted(before, now, "right") / m
    below = np.searchsorted(now, now, "left") / n - np.searchsorted(before, now, "left") / m
    distance = max(float(above.max()), float(-below.min()), 0.0)
    return float(special.kolmogorov(distance * np.sqrt(n * m / (n + m))))


def _present(values: Floats) -> Floats:
    return values[~np.isnan(values)]
