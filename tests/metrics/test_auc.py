"""The AUC and DeLong's variance, against scikit-learn and a plain count of pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from mpm_elk.metrics import Floats
from mpm_elk.metrics.auc import Auc, auc, difference, mean, placements

SCORES = st.lists(st.integers(0, 8), min_size=2, max_size=30).map(lambda some: np.array(some, dtype=np.float64))


def by_pairs(window: Floats, reference: Floats) -> tuple[float, float]:
    """DeLong, DeLong and Clarke-Pearson (1988), as they write it: ψ of every pair, and its means by row and column."""
    psi = np.where(window[:, None] > reference, 1.0, np.where(window[:, None] == reference, 0.5, 0.0))
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    s10 = np.square(v10 - psi.mean()).sum() / (len(v10) - 1)
    s01 = np.square(v01 - psi.mean()).sum() / (len(v01) - 1)
    return float(psi.mean()), float(s10 / len(v10) + s01 / len(v01))


@given(SCORES, SCORES)
def test_is_that_of_scikit_learn_with_the_variance_of_delong(window: Floats, reference: Floats) -> None:
    found = auc(window, reference)
    y = np.repeat([1, 0], [len(window), len(reference)])
    assert found.value == pytest.approx(roc_auc_score(y, np.concatenate([window, reference])), abs=1e-12)
    assert (found.value, found.variance) == pytest.approx(by_pairs(window, reference), abs=1e-12)


@given(SCORES, SCORES)
def test_p_is_that_of_mann_and_whitney(window: Floats, reference: Floats) -> None:
    found = auc(window, reference)
    if len(np.unique(np.concatenate([window, reference]))) == 1:
        assert found.p == 1.0
        return
    theirs = stats.mannwhitneyu(window, reference, False, "greater", method="asymptotic")
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-12)


def test_agrees_with_a_published_value() -> None:
    # Ratings of 51 abnormal and 58 normal images, Hanley and McNeil (1982), table I: the area is 0.893.
    # Their normal images rated 1 … 5: 33, 6, 6, 11, 2; the abnormal ones 3, 2, 2, 11, 33.
    grades = np.arange(1.0, 6)
    found = auc(np.repeat(grades, [3, 2, 2, 11, 33]), np.repeat(grades, [33, 6, 6, 11, 2]))
    assert round(found.value, 3) == 0.893
    assert found.variance**0.5 == pytest.approx(0.032, abs=0.002)


@given(SCORES, SCORES)
def test_a_scoring_less_itself_is_nothing(window: Floats, reference: Floats) -> None:
    both = placements(window, reference)
    assert difference(both, both) == Auc(0.0, 0.0, 0.0)


def test_the_variance_of_a_difference_allows_for_the_same_rows() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        truth = rng.normal(size=200) + np.repeat([0.5, 0], 100)
        one, two = (truth + rng.normal(0, 0.5, 200) for _ in range(2))
        found.append(difference(placements(one[:100], one[100:]), placements(two[:100], two[100:])))
    spread = np.std([one.value for one in found])
    assert spread == pytest.approx(np.mean([one.variance**0.5 for one in found]), rel=0.15)


def test_a_mean_of_parts_weighs_them_by_their_rows() -> None:
    parts = [Auc(0.6, 0.01, 0.02), Auc(0.8, 0.03, 0.04)]
    found = mean(parts, [(10, 10), (30, 30)])
    assert (found.value, found.variance, found.null_variance) == pytest.approx(
        (0.75, 0.01 / 16 + 0.03 * 9 / 16, 0.02 / 16 + 0.04 * 9 / 16)
    )


def test_limits_stay_between_0_and_1() -> None:
    assert Auc(0.99, 0.01, 0.01).limits() == pytest.approx((0.99 - 1.96 * 0.1, 1.0), abs=1e-3)
