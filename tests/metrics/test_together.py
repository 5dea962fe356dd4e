"""What several features do together, against what pandas, scikit-learn, and the rows themselves give."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA

from mpm_elk.metrics import Floats, components
from mpm_elk.metrics.correlation import moments, shift
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import measure_together
from mpm_elk.metrics.measured import Learning, Measured
from mpm_elk.metrics.together import Together
from mpm_elk.profiles.joint import Joint
from mpm_elk.profiles.joint_windows import JointWindows, joint_windows
from tests.metrics.made_joint import HASHES, NAMES, draw, joint, scores

SIZE = MIN_WINDOWS + 6
ROWS = 400


def side(*joints: Joint | None) -> JointWindows:
    return joint_windows(HASHES, joints)


def one(rows: dict[str, Floats]) -> JointWindows:
    return side(joint(rows))


def everything_before(windows: JointWindows) -> JointWindows:
    return windows.pool(np.tri(len(windows.events), k=-1, dtype=np.bool_))


def measure(rng: np.random.Generator, last: dict[str, Floats], gone: float = 0.0) -> Measured:
    past = [joint(draw(rng, ROWS, gone=gone)) for _ in range(SIZE)]
    windows = side(*past, joint(last))
    return measure_together(NAMES, windows, everything_before(windows), np.zeros(SIZE, dtype=np.bool_))


@pytest.mark.parametrize("gone", [0.0, 0.2])
def test_correlations_are_those_of_the_rows_with_both(gone: float) -> None:
    rows = draw(np.random.default_rng(1), 3_000, gone=gone)
    sums = one(rows)
    found = moments(sums.count, sums.count_squares, sums.total, sums.squares, sums.products)
    expected = pd.DataFrame(scores(rows)).corr().to_numpy()
    np.testing.assert_allclose(found.correlation[0], expected, atol=1e-12)
    np.testing.assert_array_equal(found.size, sums.count)
    if not gone:
        np.testing.assert_allclose(found.correlation[0], np.corrcoef(scores(rows).T), atol=1e-12)
        np.testing.assert_allclose(found.covariance[0], np.cov(scores(rows).T, bias=True), rtol=1e-12, atol=1e-12)


def test_without_ties_it_would_be_spearmans() -> None:
    rows = draw(np.random.default_rng(2), 20_000)
    sums = one(rows)
    found = moments(sums.count, sums.count_squares, sums.total, sums.squares, sums.products).correlation[0]
    assert found[0, 1] == pytest.approx(stats.spearmanr(rows["features.a"], rows["features.b"]).statistic, abs=0.003)


def test_z_is_fishers() -> None:
    found = shift(np.array([0.2]), np.array([0.6]), np.array([103.0]), np.array([1003.0]))
    assert found.z[0] == pytest.approx((np.arctanh(0.2) - np.arctanh(0.6)) / np.sqrt(1.06 * (1 / 100 + 1 / 1000)))
    lower, upper = found.limits(1.96)
    assert lower[0] < found.value[0] < upper[0]
    alone = shift(np.array([1.0, 0.5]), np.array([1.0, 0.5]), np.array([3.0, 100.0]), np.array([1003.0, 3.0]))
    assert np.isnan(alone.z).all()


def test_two_features_that_are_one_have_not_moved() -> None:
    assert shift(np.array([1.0]), np.array([1.0]), np.array([100.0]), np.array([1000.0])).z[0] == 0


def test_the_noise_of_z_is_that_of_fisher_and_ranks() -> None:
    rng = np.random.default_rng(3)
    sums = side(*(joint(draw(rng, 200)) for _ in range(800)))
    found = moments(sums.count, sums.count_squares, sums.total, sums.squares, sums.products)
    correlations = found.correlation[:, [0, 0], [1, 4]]
    z = np.arctanh(correlations).std(axis=0) * np.sqrt(197 / 1.06)
    np.testing.assert_allclose(z, 1.0, atol=0.08)


def test_the_reconstruction_error_is_that_of_sklearn() -> None:
    rng = np.random.default_rng(4)
    reference, window = scores(draw(rng, 5_000)), scores(draw(rng, 700, correlation=-0.3))
    mean, sd = reference.mean(axis=0), reference.std(axis=0)
    pca = PCA(components.KEPT, svd_solver="full").fit((reference - mean) / sd)
    expected = []
    for rows in (window, reference):
        standard = (rows - mean) / sd
        again = pca.inverse_transform(pca.transform(standard))
        expected.append(float(np.square(standard - again).sum(axis=1).mean()))
    difference = (window.mean(axis=0) - mean) / sd
    correlation = np.asarray(np.corrcoef(reference.T))
    covariance = np.cov(window.T, bias=True) / np.outer(sd, sd)
    found = components.reconstruction(correlation, covariance, difference, 700, 5_000)
    assert (float(found.window), float(found.reference)) == pytest.approx(tuple(expected), rel=1e-9)


def test_what_is_measured_is_that_error() -> None:
    rows = draw(np.random.default_rng(5), 5_000), draw(np.random.default_rng(6), 700, correlation=-0.3)
    measured = measure_together(NAMES, one(rows[1]), one(rows[0]), np.zeros(0, dtype=np.bool_)).values
    before, now = map(scores, rows)
    standard = [(some - before.mean(axis=0)) / before.std(axis=0) for some in (before, now)]
    pca = PCA(components.KEPT, svd_solver="full").fit(standard[0])
    error = np.square(standard[1] - pca.inverse_transform(pca.transform(standard[1]))).sum(axis=1).mean()
    assert measured["drift.pca_error"] == pytest.approx(error, rel=1e-9)


def test_the_distance_of_means_is_mahalanobis() -> None:
    rng = np.random.default_rng(7)
    rows = draw(rng, 5_000), draw(rng, 700)
    before, now = map(scores, rows)
    difference = now.mean(axis=0) - before.mean(axis=0)
    squared = difference @ np.linalg.inv(np.cov(before.T, bias=True)) @ difference
    measured = measure_together(NAMES, one(rows[1]), one(rows[0]), np.zeros(0, dtype=np.bool_)).values
    assert measured["drift.mahalanobis"] == pytest.approx(np.sqrt(squared), rel=1e-9)
    noise = (1 / 700 + 1 / 5_000) * np.cov(before.T, bias=True)
    statistic, df = components.hotelling(noise, difference)
    assert float(statistic) == pytest.approx(squared / (1 / 700 + 1 / 5_000), rel=1e-9)
    assert df == 5
    assert measured["drift.mahalanobis_adjusted"] == pytest.approx(
        np.sqrt(max(0.0, squared - 5 * (1 / 700 + 1 / 5_000))), rel=1e-9
    )


def test_t_squared_has_its_law_with_missing_values_too() -> None:
    rng = np.random.default_rng(8)
    reference = one(draw(rng, 200_000, gone=0.3))
    windows = side(*(joint(draw(rng, 300, gone=0.3)) for _ in range(400)))
    beside = reference.take(np.zeros(400, dtype=np.intp))
    nothing = np.zeros(399, dtype=np.bool_)
    standard = Together(NAMES, windows, beside, Learning(nothing), np.ones(400, dtype=np.bool_), 0.01)._standardised
    assert standard is not None
    statistic, df = components.hotelling(standard.noise, standard.difference)
    assert np.all(df == 5)
    assert stats.kstest(statistic, stats.chi2(5).cdf).pvalue > 0.01


def test_what_does_not_vary_is_left_out() -> None:
    rows = draw(np.random.default_rng(9), 500)
    rows["features.e"] = np.zeros(500)
    measured = measure_together(NAMES, one(rows), one(rows), np.zeros(0, dtype=np.bool_)).values
    assert measured["drift.correlations_moved_pairs"] == 6
    assert measured["drift.mahalanobis"] == 0
    assert measured["drift.pca_error"] == pytest.approx(measured["drift.pca_error_reference"])


def test_a_lost_correlation_is_found_and_named() -> None:
    rng = np.random.default_rng(10)
    found = measure(rng, draw(rng, ROWS, correlation=0.0))
    assert found.culprit == "a and b"
    assert found.values["drift.correlation_reference"] == pytest.approx(0.58, abs=0.02)
    assert found.values["drift.correlation"] == pytest.approx(0.0, abs=0.15)
    assert found.values["drift.correlation_shift_upper"] < -0.3
    assert found.p["correlation"] < 1e-6
    assert found.values["drift.correlations_moved"] == 1


def test_without_drift_evidence_is_rare() -> None:
    rng = np.random.default_rng(11)
    past = [joint(draw(rng, ROWS)) for _ in range(SIZE)]
    p = []
    for _ in range(100):
        windows = side(*past, joint(draw(rng, ROWS)))
        p.append(measure_together(NAMES, windows, everything_before(windows), np.zeros(SIZE, dtype=np.bool_)).p)
    for test in ("correlation", "reconstruction", "means"):
        assert np.mean([entry[test] < 0.05 for entry in p]) <= 0.11, test


def test_values_that_go_missing_are_no_shift_of_a_correlation() -> None:
    rng = np.random.default_rng(12)
    found = measure(rng, draw(rng, ROWS, gone=0.6), gone=0.01)
    assert found.p["correlation"] > 0.05
    assert found.p["means"] > 0.01
    assert abs(found.values["drift.correlation_shift"]) < 0.3


def test_a_window_that_is_half_as_often_read_counts_as_much() -> None:
    rng = np.random.default_rng(13)
    quiet, busy = draw(rng, 400, correlation=0.0), draw(rng, 400, correlation=0.9)
    sums = side(joint(quiet) + joint(busy, 100))
    every = moments(sums.count, sums.count_squares, sums.total, sums.squares, sums.products)
    assert sums.events[0] == 800
    weights = np.repeat([1.0, 10.0], 400)
    stacked = np.concatenate([scores(quiet), scores(busy)])[:, :2]
    expected = np.cov(stacked.T, aweights=weights, bias=True)
    np.testing.assert_allclose(every.covariance[0, :2, :2], expected, rtol=1e-9)
    assert every.size[0, 0, 1] == pytest.approx(4_400**2 / (400 + 400 * 100))


def test_too_little_history_is_said() -> None:
    rng = np.random.default_rng(14)
    windows = side(*(joint(draw(rng, ROWS)) for _ in range(5)))
    found = measure_together(NAMES, windows, everything_before(windows), np.zeros(4, dtype=np.bool_))
    assert found.p == {}
    assert found.learning == {"correlation": 3, "reconstruction": 3, "means": 3}
    assert "drift.correlation_shift" in found.values
    assert "drift.correlations_moved" not in found.values
