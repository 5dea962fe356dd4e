"""The ratio of standard deviations: against the rows, and how often its limits hold."""

import numpy as np
import pytest
from scipy import stats

from mpm_elk.metrics import Floats
from mpm_elk.metrics.moments import Moments, moments
from mpm_elk.metrics.spread import kurtosis, sd_ratio
from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.cut import cut_numeric


def _of(rows: Floats) -> Moments:
    return moments(rows.size, rows.sum(), np.square(rows).sum())


def _draw(law: stats.rv_continuous, size: int, rng: np.random.Generator) -> Floats:
    return np.asarray(law.rvs(size=size, random_state=rng), dtype=np.float64)


def _kurtosis(rows: Floats, cells: NumericCells) -> float:
    return float(kurtosis(cells.count(rows), cells.edges, _of(rows)))


def test_the_ratio_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(3, 1.3, 500), rng.normal(0, 1, 9_000)
    found = sd_ratio(_of(x), _of(y), (3.0, 3.0))
    assert found.value == pytest.approx(x.std(ddof=1) / y.std(ddof=1), rel=1e-9)
    error = np.sqrt(2 / 500 + 2 / 9_000) / 2
    assert found.upper == pytest.approx(found.value * np.exp(stats.norm.ppf(0.975) * error))
    assert found.lower == pytest.approx(found.value * np.exp(-stats.norm.ppf(0.975) * error))
    wider = sd_ratio(_of(x), _of(y), (3.0, 3.0), 4.0)
    assert np.log(wider.upper / wider.value) == pytest.approx(2 * np.log(found.upper / found.value))


def test_kurtosis_of_whole_numbers_is_that_of_the_rows() -> None:
    rows = np.random.default_rng(2).binomial(12, 0.3, 5_000).astype(np.float64)
    cells = cut_numeric(rows, "x")
    assert _kurtosis(rows, cells) == pytest.approx(stats.kurtosis(rows, fisher=False), rel=0.01)


@pytest.mark.parametrize(
    ("law", "low", "high"),
    [(stats.norm(), 3.0, 3.6), (stats.uniform(), 1.75, 1.85), (stats.expon(), 8.0, 14.0)],
    ids=["normal", "uniform", "exponential"],
)
def test_kurtosis_of_fine_cells_is_not_too_small(law: stats.rv_continuous, low: float, high: float) -> None:
    rng = np.random.default_rng(3)
    cells = cut_numeric(_draw(law, 20_000, rng), "x")
    assert low < _kurtosis(_draw(law, 50_000, rng), cells) < high


def test_wild_values_beyond_the_fences_are_seen() -> None:
    rng = np.random.default_rng(4)
    cells = cut_numeric(rng.normal(size=20_000), "x")
    rows = np.append(rng.normal(size=5_000), [1e4, -1e4])
    assert _kurtosis(rows, cells) == pytest.approx(stats.kurtosis(rows, fisher=False), rel=0.01)


@pytest.mark.parametrize(
    "law", [stats.norm(), stats.expon(), stats.lognorm(0.7), stats.t(6)], ids=["normal", "expon", "lognorm", "t6"]
)
def test_limits_hold_about_as_often_as_they_say(law: stats.rv_continuous) -> None:
    rng = np.random.default_rng(5)
    held = 0
    reference = _draw(law, 50_000, rng)
    cells = cut_numeric(reference, "x")
    before, known = _of(reference), _kurtosis(reference, cells)
    true = 1.2 * law.std() / reference.std()  # the reference's own error is taken out, for one draw serves all
    for _ in range(400):
        rows = 1.2 * _draw(law, 1_000, rng)
        found = sd_ratio(_of(rows), before, (_kurtosis(rows, cells), known))
        held += bool(found.lower <= true <= found.upper)
    assert held / 400 > 0.9


def test_constant_sides() -> None:
    still, moving = _of(np.full(50, 5.0)), _of(np.arange(50.0))
    assert np.isnan(sd_ratio(moving, still, (3.0, np.nan)).value)
    gone = sd_ratio(still, moving, (np.nan, 1.8))
    assert gone.value == 0
    assert np.isnan(gone.lower)
    assert np.isnan(sd_ratio(_of(np.array([])), moving, (np.nan, 1.8)).value)
    assert np.isnan(kurtosis([0, 50, 0], [5.0, 6.0], still))
