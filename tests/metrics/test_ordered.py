"""Distances along the axis: against scipy on middles and on raw rows, bounds, and properties."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from mpm_elk.metrics import Counts, Floats
from mpm_elk.metrics.ordered import cramer_von_mises, cramer_von_mises_p, wasserstein

CELLS = 6
cell_counts = hnp.arrays(np.int64, CELLS, elements=st.integers(0, 10_000)).filter(lambda counts: counts.sum() > 0)
edge_values = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=5, max_size=5, unique=True).map(sorted)
small_rows = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 50).map(lambda x: round(x, 2)))
some_edges = st.lists(st.integers(-40, 40).map(float), min_size=2, max_size=8, unique=True).map(sorted)


def count(rows: Floats, edges: Floats) -> Counts:
    return np.bincount(np.searchsorted(edges, rows, side="right"), minlength=len(edges) + 1)


def anderson(x: Floats, y: Floats) -> float:
    """Compute T by its definition, over all rows."""
    both = np.concatenate([x, y])
    d = (x[:, None] <= both).mean(axis=0) - (y[:, None] <= both).mean(axis=0)
    return float(len(x) * len(y) / len(both) ** 2 * (d**2).sum())


@given(cell_counts, cell_counts, edge_values)
def test_wasserstein_is_scipys_on_the_middles(window: Counts, reference: Counts, edges: list[float]) -> None:
    places = [edges[0], *((np.array(edges[1:]) + edges[:-1]) / 2), edges[-1]]
    expected = stats.wasserstein_distance(places, places, window, reference)
    assert wasserstein(window, reference, edges).value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(small_rows, small_rows, some_edges)
def test_the_wasserstein_bound_holds_for_the_rows(x: Floats, y: Floats, edges: list[float]) -> None:
    e = np.array(edges)
    window, reference = count(x, e), count(y, e)
    found = wasserstein(window, reference, e)
    exact = stats.wasserstein_distance(np.clip(x, e[0], e[-1]), np.clip(y, e[0], e[-1]))
    assert abs(found.value - exact) <= found.bound + 1e-9
    usual = (np.diff(e) * (window / window.sum() + reference / reference.sum())[1:-1]).sum() / 2
    assert found.bound <= usual + 1e-9


def test_the_wasserstein_bound_is_attained() -> None:
    found = wasserstein([0, 4, 4, 0], [0, 4, 4, 0], [0.0, 1.0, 2.0])
    apart = stats.wasserstein_distance([0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2, 2, 2])
    assert found.value == 0
    assert found.bound == apart


def test_wild_values_stand_at_the_fence() -> None:
    edges = np.linspace(-1, 1, 65)
    rows = np.random.default_rng(1).uniform(-1, 1, 1_000)
    wild = np.append(rows, [1e9] * 10)
    found = wasserstein(count(wild, edges), count(rows, edges), edges)
    assert found.value == pytest.approx(10 / 1_010, rel=0.05)


def test_fine_cells_are_far_better_than_their_bound() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.1, 1, 20_000), rng.normal(size=20_000)
    edges = np.quantile(y, np.linspace(0, 1, 129))
    found = wasserstein(count(x, edges), count(y, edges), edges)
    assert found.value == pytest.approx(stats.wasserstein_distance(x, y), abs=0.004)
    assert found.bound < 0.1


@given(hnp.arrays(np.int64, 40, elements=st.integers(0, 2)))
def test_cramer_von_mises_is_scipys_where_each_row_has_its_cell(owners: Counts) -> None:
    window, reference = (owners == 0).astype(np.int64), (owners == 1).astype(np.int64)
    assume(window.sum() > 1 and reference.sum() > 1)
    x, y = np.flatnonzero(window), np.flatnonzero(reference)
    expected = stats.cramervonmises_2samp(x, y, method="asymptotic")
    found = cramer_von_mises(window, reference, single=np.ones(40, dtype=np.bool_))
    assert found.value == pytest.approx(expected.statistic, rel=1e-9)
    assert found.bound == pytest.approx(0)
    assert cramer_von_mises_p(found.value, len(x), len(y)) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


@given(small_rows, small_rows, some_edges)
def test_the_cramer_von_mises_bound_holds_for_the_rows(x: Floats, y: Floats, edges: list[float]) -> None:
    e = np.array(edges)
    found = cramer_von_mises(count(x, e), count(y, e))
    assert abs(found.value - anderson(x, y)) <= found.bound + 1e-9


@pytest.mark.parametrize(("shift", "sizes"), [(0.0, (3_000, 30_000)), (0.05, (5_000, 5_000)), (0.3, (1_000, 9_000))])
def test_cramer_von_mises_of_fine_cells_is_near_that_of_the_rows(shift: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(shift, 1, sizes[0]), rng.normal(size=sizes[1])
    edges = np.quantile(y, np.linspace(0, 1, 129))
    found = cramer_von_mises(count(x, edges), count(y, edges))
    expected = stats.cramervonmises_2samp(x, y, method="asymptotic")
    assert found.value == pytest.approx(expected.statistic, rel=0.02, abs=0.01)
    assert cramer_von_mises_p(found.value, *sizes) == pytest.approx(expected.pvalue, rel=0.1, abs=1e-6)


@pytest.mark.parametrize("statistic", [0.0, 0.001, 0.02, 0.1666, 0.347, 0.461, 0.743, 1.168, 3.0, 40.0])
def test_the_law_is_scipys_at_one_sample_limits(statistic: float) -> None:
    """0.347, 0.461, 0.743 and 1.168 are the 10, 5, 1 and 0.1 % points of Anderson and Darling (1952, table 1)."""
    p = cramer_von_mises_p(statistic, 1e12, 1e12)
    table = {0.347: 0.1, 0.461: 0.05, 0.743: 0.01, 1.168: 0.001}
    if statistic in table:
        assert p == pytest.approx(table[statistic], rel=0.01)
    assert 0 <= p <= 1
    assert cramer_von_mises_p(statistic * 4, 1e12, 1e12, 4.0) == pytest.approx(p)


def test_p_without_drift_is_uniform() -> None:
    rng = np.random.default_rng(4)
    window, reference = rng.multinomial(2_000, [1 / 128] * 128, 2_000), rng.multinomial(5_000, [1 / 128] * 128, 2_000)
    p = cramer_von_mises_p(cramer_von_mises(window, reference).value, 2_000, 5_000)
    assert stats.kstest(p, "uniform").pvalue > 0.001


@given(cell_counts, cell_counts, edge_values)
def test_symmetry_and_zero_when_equal(window: Counts, reference: Counts, edges: list[float]) -> None:
    for measure in (lambda b, a: wasserstein(b, a, edges), cramer_von_mises):
        found, mirrored = measure(window, reference), measure(reference, window)
        assert found.value == pytest.approx(mirrored.value, rel=1e-9, abs=1e-12)
        assert found.bound == pytest.approx(mirrored.bound, rel=1e-9, abs=1e-12)
        assert measure(window, window).value == 0
        assert found.value >= 0
        assert found.bound >= 0


def test_nothing_is_nan_without_a_warning() -> None:
    empty, some = np.zeros(4, dtype=np.int64), np.array([0, 2, 1, 0])
    for window, reference in ((empty, some), (some, empty), (empty, empty)):
        assert np.isnan(wasserstein(window, reference, [0.0, 1.0, 2.0]).value)
        found = cramer_von_mises(window, reference)
        assert np.isnan(found.value)
        assert np.isnan(cramer_von_mises_p(found.value, window.sum(), reference.sum()))
    assert np.isnan(cramer_von_mises_p(0.2, 10, 10, np.nan))


def test_many_windows_at_once() -> None:
    rng = np.random.default_rng(5)
    windows, edges = rng.integers(1, 50, (3, 6)), np.arange(5.0)
    reference = rng.integers(1, 50, 6)
    for measure in (lambda b, a: wasserstein(b, a, edges), cramer_von_mises):
        together = measure(windows, reference)
        for at, window in enumerate(windows):
            assert together.value[at] == pytest.approx(measure(window, reference).value)
            assert together.bound[at] == pytest.approx(measure(window, reference).bound)
