"""Distances: against scipy, the noise floor, the limits' coverage, and properties."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import spatial, stats

from mpm_elk.metrics import Counts, Floats, divergence, proportions

CELLS = 6
cell_counts = hnp.arrays(np.int64, CELLS, elements=st.integers(0, 10_000)).filter(lambda counts: counts.sum() > 0)
MEASURES = (
    divergence.psi,
    divergence.kl,
    divergence.jensen_shannon,
    divergence.hellinger,
    divergence.total_variation,
    lambda window, reference: divergence.l_infinity(window, reference).value,
)


def _loop_psi(window: Counts, reference: Counts) -> float:
    pairs = [(int(b), int(a)) for b, a in zip(window, reference, strict=True) if a or b]
    n, m = sum(b for b, _ in pairs) + len(pairs) / 2, sum(a for _, a in pairs) + len(pairs) / 2
    return float(sum(((b + 0.5) / n - (a + 0.5) / m) * np.log((b + 0.5) / n / ((a + 0.5) / m)) for b, a in pairs))


@given(cell_counts, cell_counts)
def test_psi_is_its_formula_written_as_a_loop(window: Counts, reference: Counts) -> None:
    assert divergence.psi(window, reference) == pytest.approx(_loop_psi(window, reference), rel=1e-9, abs=1e-12)


@given(cell_counts, cell_counts)
def test_distances_agree_with_scipy(window: Counts, reference: Counts) -> None:
    js = spatial.distance.jensenshannon(window, reference, base=2)
    assert divergence.jensen_shannon(window, reference) == pytest.approx(js, rel=1e-6, abs=1e-7)
    used = (window > 0) | (reference > 0)
    entropy = stats.entropy(window[used] + 0.5, reference[used] + 0.5)
    assert divergence.kl(window, reference) == pytest.approx(entropy, rel=1e-9, abs=1e-12)


@given(cell_counts, cell_counts)
def test_hellinger_is_its_formula(window: Counts, reference: Counts) -> None:
    q, p = window / window.sum(), reference / reference.sum()
    overlap = 1 - float(np.sqrt(q * p).sum())
    assert divergence.hellinger(window, reference) ** 2 == pytest.approx(overlap, rel=1e-9, abs=1e-12)


@given(cell_counts, cell_counts)
def test_cell_z_is_the_pooled_z_of_each_cell_against_the_others(window: Counts, reference: Counts) -> None:
    found = divergence.cell_z(window, reference)
    expected = proportions.pooled_z(window, window.sum(), reference, reference.sum())
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(divergence.cell_z(window, reference, 4.0), expected / 2, rtol=1e-9, atol=1e-9)


def test_hellinger_has_the_noise_that_is_removed() -> None:
    rng = np.random.default_rng(6)
    window, reference = (rng.multinomial(size, [0.05] * 20, 4_000) for size in (2_000, 10_000))
    distance = divergence.hellinger(window, reference)
    bias = float(divergence.psi_bias(2_000, 10_000, 20)) / 8
    assert (distance**2).mean() == pytest.approx(bias, rel=0.03)
    adjusted = divergence.hellinger_adjusted(0.3, 2_000, 10_000, 20)
    assert adjusted == pytest.approx(np.sqrt(0.09 - bias))
    assert divergence.hellinger_adjusted(0.001, 2_000, 10_000, 20) == 0


def test_hellinger_and_cell_z_of_nothing_are_nan_without_a_warning() -> None:
    empty, some = np.zeros(3, dtype=np.int64), np.array([1, 2, 0])
    for window, reference in ((empty, some), (some, empty), (empty, empty)):
        assert np.isnan(divergence.hellinger(window, reference))
        assert np.isnan(divergence.cell_z(window, reference)).all()


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.9, 0.99])
def test_noncentrality_inverts_the_law(probability: float) -> None:
    x, df = np.array([30.0, 200.0, 900.0, 4_900.0, 5_100.0]), np.array([5.0, 19.0, 100.0, 49.0, 49.0])
    found = divergence.noncentrality(x, df, probability)
    back = np.asarray(stats.ncx2.cdf(x, df, found))
    assert back == pytest.approx(probability, abs=2e-4)
    assert back[:4] == pytest.approx(probability, rel=1e-6)
    nothing = divergence.noncentrality(np.array([1.0, np.nan, 4.0]), np.array([19.0, 4.0, 0.0]), 0.99)
    np.testing.assert_array_equal(nothing, [0, np.nan, np.nan])


@given(cell_counts, cell_counts)
def test_psi_is_both_directions_of_kl(window: Counts, reference: Counts) -> None:
    both = divergence.kl(window, reference) + divergence.kl(reference, window)
    assert divergence.psi(window, reference) == pytest.approx(both, rel=1e-9, abs=1e-12)


@given(cell_counts, cell_counts, st.permutations(range(CELLS)))
def test_symmetry_permutation_and_empty_cells(window: Counts, reference: Counts, order: list[int]) -> None:
    for measure in MEASURES:
        value = measure(window, reference)
        assert value >= 0
        assert measure(window[order], reference[order]) == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert measure(np.append(window, 0), np.append(reference, 0)) == pytest.approx(value, rel=1e-9, abs=1e-12)
        if measure is not divergence.kl:
            assert measure(reference, window) == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(cell_counts)
def test_identical_counts_have_no_distance(counts: Counts) -> None:
    for measure in MEASURES:
        assert measure(counts, counts) == 0


@given(cell_counts, cell_counts)
def test_finer_cells_never_lower_an_unsmoothed_distance(window: Counts, reference: Counts) -> None:
    coarse = [side.reshape(-1, 2).sum(axis=1) for side in (window, reference)]
    for measure in (divergence.jensen_shannon, divergence.total_variation):
        assert measure(window, reference) >= measure(*coarse) - 1e-7


def test_disjoint_distributions_are_at_the_largest_distance() -> None:
    window, reference = np.array([10, 0]), np.array([0, 30])
    assert divergence.jensen_shannon(window, reference) == pytest.approx(1)
    assert divergence.total_variation(window, reference) == pytest.approx(1)
    assert np.isfinite(divergence.psi(window, reference))


def test_l_infinity_names_the_culprit() -> None:
    found = divergence.l_infinity([[10, 45, 45], [30, 30, 40], [0, 0, 0]], [30, 30, 40])
    assert found.value[:2] == pytest.approx([0.2, 0.0])
    assert np.isnan(found.value[2])
    assert found.cell.tolist() == [0, 0, -1]


def test_an_empty_side_gives_nan_without_a_warning() -> None:
    some, none = np.array([1, 2]), np.zeros(2, dtype=np.int64)
    for measure in MEASURES:
        assert np.isnan(measure(none, some))
        assert np.isnan(measure(some, none))
        assert np.isnan(measure(none, none))
    assert np.isnan(divergence.psi_adjusted(0.1, 0, 100, 5))
    assert np.isnan(divergence.js_adjusted(0.1, 0, 100, 5))
    assert np.isnan(divergence.psi_limits(np.nan, 0, 100, 5).lower)


def test_broadcasting_is_a_loop() -> None:
    rng = np.random.default_rng(3)
    windows, references = rng.integers(0, 50, (4, 1, 5)), rng.integers(0, 50, (3, 5))
    for measure in MEASURES:
        together = measure(windows, references)
        assert together.shape == (4, 3)
        for i, j in np.ndindex(4, 3):
            assert together[i, j] == pytest.approx(measure(windows[i, 0], references[j]), nan_ok=True)


@dataclass(frozen=True)
class Floor:
    """What two samples of one distribution show, the reference with 100,000 rows."""

    cells: int
    n: int
    psi_mean: float
    psi_q95: float | None
    psi_q999: float
    js_mean: float


@pytest.mark.parametrize(
    "floor",
    [
        Floor(10, 500, 0.018, 0.034, 0.057, 0.056),
        Floor(20, 1_000, 0.019, 0.030, 0.042, 0.058),
        Floor(20, 10_000, 0.0021, 0.0033, 0.0044, 0.019),
        Floor(20, 1_000_000, 0.0002, 0.0003, 0.0005, 0.006),
        Floor(50, 10_000, 0.0053, None, 0.0092, 0.031),
        Floor(100, 1_000, 0.095, None, 0.140, 0.136),
    ],
)
def test_noise_floor_without_drift(floor: Floor) -> None:
    cells, n, m, draws = floor.cells, floor.n, 100_000, 4_000
    rng = np.random.default_rng(cells + n)
    flat = np.full(cells, 1 / cells)
    window, reference = rng.multinomial(n, flat, draws), rng.multinomial(m, flat, draws)
    psi, js = divergence.psi(window, reference), divergence.jensen_shannon(window, reference)
    rounding = 0.00005 if floor.psi_mean < 0.001 else 0.0
    assert psi.mean() == pytest.approx(floor.psi_mean, rel=0.06, abs=rounding)
    assert js.mean() == pytest.approx(floor.js_mean, rel=0.06)
    if floor.psi_q95 is not None:
        assert np.quantile(psi, 0.95) == pytest.approx(floor.psi_q95, rel=0.06, abs=rounding)
    assert np.quantile(psi, 0.999) == pytest.approx(floor.psi_q999, rel=0.15)
    if n >= 20 * cells:
        assert divergence.psi_bias(n, m, cells) == pytest.approx(psi.mean(), rel=0.03)
        assert divergence.psi_bias(n, m, cells) / (8 * np.log(2)) == pytest.approx((js**2).mean(), rel=0.03)


def test_adjustment_formulas() -> None:
    s = 1 / 1_000 + 1 / 4_000
    assert divergence.psi_bias(1_000, 4_000, 20, 3) == pytest.approx(19 * s * 3)
    assert divergence.psi_adjusted([0.01, 0.1], 1_000, 4_000, 20) == pytest.approx([0, 0.1 - 19 * s])
    assert divergence.js_adjusted([0.01, 0.2], 1_000, 4_000, 20) == pytest.approx(
        [0, np.sqrt(0.04 - 19 * s / (8 * np.log(2)))]
    )
    assert divergence.occupied([[1, 0, 0], [0, 0, 0]], [1, 1, 0]).tolist() == [2, 2]


def _shifted(cells: int, shift: float) -> tuple[Floats, Floats, float]:
    edges = stats.norm.ppf(np.linspace(0, 1, cells + 1))
    p, q = np.full(cells, 1 / cells), np.diff(stats.norm.cdf(edges - shift))
    return p, q, float(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize(("n", "shift"), [(2_000, 0.0), (2_000, 0.1), (10_000, 0.1), (10_000, 0.3), (50_000, 0.3)])
def test_limits_cover_the_true_psi(n: int, shift: float) -> None:
    m, cells, draws = 100_000, 20, 4_000
    p, q, true = _shifted(cells, shift)
    rng = np.random.default_rng(n)
    psi = divergence.psi(rng.multinomial(n, q, draws), rng.multinomial(m, p, draws))
    limits = divergence.psi_limits(psi, n, m, cells)
    above, below = float((limits.lower > true).mean()), float((limits.upper < true).mean())
    assert above <= 0.017  # 1 % nominal; 4,000 draws have a standard error of 0.16 %
    assert below <= 0.017
    if shift:
        assert above + below >= 0.008


@pytest.mark.parametrize("cells", [2, 10, 20, 256])
def test_limits_invert_the_noncentral_chi2(cells: int) -> None:
    s = 1 / 5_000 + 1 / 50_000
    true = np.array([0.02, 0.1, 0.5, 2.0]) if cells < 256 else np.array([0.2, 0.5, 2.0])
    limits = divergence.psi_limits(true + (cells - 1) * s, 5_000, 50_000, cells)
    x = (true + (cells - 1) * s) / s
    assert (limits.lower > 0).all()
    np.testing.assert_allclose(stats.ncx2.sf(x, cells - 1, limits.lower / s), 0.01, rtol=2e-3)
    np.testing.assert_allclose(stats.ncx2.cdf(x, cells - 1, limits.upper / s), 0.01, rtol=2e-3)


def test_limits_are_monotone_and_ordered_up_to_huge_values() -> None:
    psi = np.concatenate([[0.0], np.geomspace(1e-6, 30, 4_000)])
    for n, m in ((500, 10_000), (10**6, 10**7), (10**9, 10**10)):
        limits = divergence.psi_limits(psi, n, m, 20)
        assert np.isfinite(limits.upper).all()
        assert (np.diff(limits.lower) >= -1e-12).all()
        assert (np.diff(limits.upper) >= -1e-12).all()
        assert (limits.lower <= divergence.psi_adjusted(psi, n, m, 20) + 1e-12).all()
        assert (limits.upper >= divergence.psi_adjusted(psi, n, m, 20) - 20 / n).all()


def test_limits_widen_with_dispersion_and_level() -> None:
    plain = divergence.psi_limits(0.1, 5_000, 50_000, 20)
    dispersed = divergence.psi_limits(0.1, 5_000, 50_000, 20, 4.0)
    stricter = divergence.psi_limits(0.1, 5_000, 50_000, 20, level=0.998)
    assert dispersed.lower < stricter.lower < plain.lower
    assert stricter.upper > plain.upper
    assert np.isnan(divergence.psi_limits(0.1, 5_000, 50_000, 1).lower)


@settings(max_examples=50)
@given(st.floats(0, 5), st.integers(20, 10**7), st.integers(2, 300), st.floats(1, 200))
def test_dispersion_counts_as_fewer_rows(psi: float, n: int, cells: int, phi: float) -> None:
    one = divergence.psi_limits(psi, n, n, cells, phi)
    other = divergence.psi_limits(psi, n / phi, n / phi, cells)
    assert one.lower == pytest.approx(float(other.lower), rel=1e-6, abs=1e-9)
    assert one.upper == pytest.approx(float(other.upper), rel=1e-6, abs=1e-9)
