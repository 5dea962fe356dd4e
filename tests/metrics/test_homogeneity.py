"""The tests of homogeneity: against scipy on tables and rows, and their laws without drift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from mpm_elk.metrics import Counts, dispersion, homogeneity

CELLS = 7
cell_counts = hnp.arrays(np.int64, CELLS, elements=st.one_of(st.integers(0, 12), st.integers(0, 5_000))).filter(
    lambda counts: counts.sum() > 0
)


def _pooled_table(window: Counts, reference: Counts) -> list[tuple[int, int]]:
    """Pool as the docstring says, cell by cell."""
    n, m = int(window.sum()), int(reference.sum())
    kept: list[tuple[int, int]] = []
    pool = (0, 0)
    for b, a in zip(window.tolist(), reference.tolist(), strict=True):
        if (a + b) * min(n, m) / (n + m) >= 5:
            kept.append((b, a))
        else:
            pool = (pool[0] + b, pool[1] + a)
    if sum(pool) * min(n, m) / (n + m) >= 5:
        kept.append(pool)
    elif kept:
        smallest = min(range(len(kept)), key=lambda index: sum(kept[index]))
        kept[smallest] = (kept[smallest][0] + pool[0], kept[smallest][1] + pool[1])
    return kept


@given(cell_counts, cell_counts)
def test_g_is_scipys_on_the_pooled_table(window: Counts, reference: Counts) -> None:
    found, chi2 = homogeneity.g(window, reference), homogeneity.chi2(window, reference)
    assert found.df == chi2.df
    table = _pooled_table(window, reference)
    if len(table) < 2:
        assert np.isnan(found.statistic)
        return
    expected = stats.chi2_contingency(np.array(table).T, correction=False, lambda_="log-likelihood")
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6, abs=1e-8)
    assert homogeneity.chi2_p(found.statistic, found.df) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert homogeneity.g(reference, window).statistic == pytest.approx(found.statistic, rel=1e-6, abs=1e-8)


def test_g_of_nothing_is_nan_without_a_warning() -> None:
    found = homogeneity.g([0, 0, 0], [5, 6, 7])
    assert np.isnan(found.statistic)
    assert found.df == 0


@given(cell_counts, cell_counts)
def test_chi2_is_scipys_on_the_pooled_table(window: Counts, reference: Counts) -> None:
    found = homogeneity.chi2(window, reference)
    table = _pooled_table(window, reference)
    if len(table) < 2:
        assert found.df == 0
        assert np.isnan(found.statistic)
        assert np.isnan(homogeneity.chi2_p(found.statistic, found.df))
        return
    expected = stats.chi2_contingency(np.array(table).T, correction=False)
    assert found.df == expected.dof
    assert found.statistic == pytest.approx(float(expected.statistic), rel=1e-9, abs=1e-9)
    assert found.ratio == pytest.approx(float(expected.statistic) / expected.dof, rel=1e-9, abs=1e-9)
    assert homogeneity.chi2_p(found.statistic, found.df) == pytest.approx(float(expected.pvalue), rel=1e-6, abs=1e-12)


@given(cell_counts, cell_counts)
def test_chi2_is_symmetric_and_ignores_empty_cells(window: Counts, reference: Counts) -> None:
    one = homogeneity.chi2(window, reference)
    other = homogeneity.chi2(np.append(0, reference), np.append(0, window))
    assert one.statistic == pytest.approx(float(other.statistic), rel=1e-9, abs=1e-9, nan_ok=True)
    assert one.df == other.df


def test_a_few_rows_in_a_new_cell_do_not_make_a_chi2_of_hundreds() -> None:
    window, reference = np.array([500, 500, 1]), np.array([50_000, 50_000, 0])
    assert homogeneity.chi2(window, reference).statistic < 1


@pytest.mark.parametrize(("n", "m"), [(1_000, 1_000), (1_000, 100_000)])
def test_chi2_without_drift_has_its_law(n: int, m: int) -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.full(20, 1.0))
    found = homogeneity.chi2(rng.multinomial(n, shares, 5_000), rng.multinomial(m, shares, 5_000))
    assert np.nanmean(found.ratio) == pytest.approx(1, abs=0.02)
    p = homogeneity.chi2_p(found.statistic, found.df)
    assert float((p < 0.05).mean()) == pytest.approx(0.05, abs=0.012)
    assert float((p < 0.001).mean()) < 0.004


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_ks_brackets_the_distance_of_the_rows(shift: float) -> None:
    rng = np.random.default_rng(11)
    for cells in (10, 50, 256):
        edges = np.quantile(rng.standard_normal(20_000), np.linspace(0, 1, cells + 1)[1:-1])
        for _ in range(20):
            window, reference = rng.normal(shift, 1, 800), rng.standard_normal(3_000)
            exact = float(stats.ks_2samp(window, reference, method="asymp").statistic)
            counts = [
                np.bincount(np.searchsorted(edges, x, side="right"), minlength=cells) for x in (window, reference)
            ]
            found = homogeneity.ks(*counts)
            assert found.lower - 1e-12 <= exact <= found.upper + 1e-12
            widest = max(counts[0].max() / 800, counts[1].max() / 3_000)
            assert found.upper - found.lower <= widest + 1e-12


@given(cell_counts, cell_counts)
def test_ks_is_exact_when_each_value_has_its_cell(window: Counts, reference: Counts) -> None:
    rows, others = np.repeat(np.arange(CELLS), window), np.repeat(np.arange(CELLS), reference)
    exact = float(stats.ks_2samp(rows, others, method="asymp").statistic)
    found = homogeneity.ks(window, reference, single=np.ones(CELLS, dtype=bool))
    assert found.lower == pytest.approx(exact, abs=1e-12)
    assert found.upper == pytest.approx(exact, abs=1e-12)


def test_ks_p_is_the_kolmogorov_law() -> None:
    lower, n, m = np.array([0.01, 0.05, 0.1]), 800, 3_000
    expected = special.kolmogorov(lower * np.sqrt(n * m / (n + m)))
    np.testing.assert_allclose(homogeneity.ks_p(lower, n, m), expected)


def test_ks_ratio_has_mean_one_and_the_spread_of_its_df() -> None:
    rng = np.random.default_rng(13)
    flat = np.full(4_000, 1 / 4_000)
    ratio = homogeneity.ks(rng.multinomial(20_000, flat, 3_000), rng.multinomial(20_000, flat, 3_000)).ratio
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert ratio.var() == pytest.approx(2 / homogeneity.KS_DF, rel=0.12)


def test_dispersion_makes_p_larger() -> None:
    rng = np.random.default_rng(17)
    past = 6 * rng.chisquare(19, 60) / 19
    learnt = dispersion.estimate(past, 19)
    assert homogeneity.chi2_p(70.0, 19, learnt) > 0.5
    assert homogeneity.chi2_p(70.0, 19) < 0.001
    known = dispersion.estimate(6 * rng.chisquare(5, 60) / 5, homogeneity.KS_DF)
    assert homogeneity.ks_p(0.05, 5_000, 50_000, known) > 0.05
    assert homogeneity.ks_p(0.05, 5_000, 50_000) < 1e-6


def test_empty_windows_give_nan_and_broadcasting_is_a_loop() -> None:
    rng = np.random.default_rng(19)
    windows, references = rng.integers(0, 60, (4, 1, 5)), rng.integers(0, 900, (3, 5))
    windows[0] = 0
    chi2, ks = homogeneity.chi2(windows, references), homogeneity.ks(windows, references)
    assert np.isnan(chi2.statistic[0]).all()
    assert np.isnan(ks.lower[0]).all()
    assert np.isnan(ks.upper[0]).all()
    assert np.isnan(homogeneity.ks_p(ks.lower[0], 0, 100)).all()
    for i, j in np.ndindex(4, 3):
        alone = homogeneity.chi2(windows[i, 0], references[j])
        assert chi2.statistic[i, j] == pytest.approx(float(alone.statistic), nan_ok=True)
        assert ks.lower[i, j] == pytest.approx(float(homogeneity.ks(windows[i, 0], references[j]).lower), nan_ok=True)
