"""Telling rows apart: what is found and named, that it is repeatable, and that random rows are not told apart."""

import sys

import numpy as np
import pytest

from mpm_elk.errors import MpmError
from mpm_elk.metrics.classifier import MIN_ROWS, require, tell_apart
from mpm_elk.metrics.classifier_rows import CATEGORY_MIN, FOLDS, prepare
from mpm_elk.profiles.rows import Rows
from mpm_elk.timespan import HOUR_MS


def made(seed: int, size: int, *, correlation: float = 0.0, shift: float = 0.0, kinds: str = "abc") -> Rows:
    """Draw rows of six numbers and two categories; `x0` and `x1` may hang together, the mean of `x2` may be moved."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(size, 6))
    values[:, 1] = correlation * values[:, 0] + (1 - correlation**2) ** 0.5 * values[:, 1]
    values[:, 2] += shift
    values[rng.random(size) < 0.1, 3] = np.nan
    texts = {
        "kind": rng.choice(list(kinds), size).tolist(),
        "id": [f"{seed}-{at}" if at % 7 else None for at in range(size)],
    }
    hours = (np.arange(size) % 24 + 100 * seed) * HOUR_MS
    return Rows(size, {f"x{at}": values[:, at] for at in range(6)}, texts, hours)


def shuffled(rows: Rows) -> Rows:
    order = np.random.default_rng(9).permutation(rows.size)
    texts = {name: [values[at] for at in order.tolist()] for name, values in rows.texts.items()}
    numbers = {name: values[order] for name, values in reversed(list(rows.numbers.items()))}
    assert rows.hours is not None
    return Rows(rows.size, numbers, texts, rows.hours[order])


def test_a_lost_correlation_is_found_and_both_features_are_named() -> None:
    told = tell_apart(made(1, 3_000), made(2, 3_000, correlation=0.8))
    assert told is not None
    assert told.found.limits()[0] > 0.55
    assert told.found.p < 1e-6
    assert {one.feature for one in told.importance if one.sure} == {"x0", "x1"}


def test_a_new_category_is_found() -> None:
    told = tell_apart(made(1, 1_500, kinds="abcz"), made(2, 1_500))
    assert told is not None
    assert told.importance[0].feature == "kind"
    assert told.importance[0].sure


def test_missing_values_are_told_from_those_that_are_there() -> None:
    window = made(1, 1_500)
    window.numbers["x4"][:500] = np.nan
    told = tell_apart(window, made(2, 1_500))
    assert told is not None
    assert [one.feature for one in told.importance if one.sure] == ["x4"]


def test_the_same_rows_in_any_order_give_the_same_to_the_last_bit() -> None:
    window, reference = made(1, 700, shift=0.3), made(2, 900)
    told = tell_apart(window, reference)
    assert told == tell_apart(shuffled(window), shuffled(reference))


def test_random_rows_stray_no_further_than_their_variance_says_and_limits_cover_chance() -> None:
    # 40 runs: the sd of z is 1 ± 0.22 (2 standard errors); `benchmarks/classify.py` has more, and a ring of folds.
    found = []
    for seed in range(40):
        told = tell_apart(made(2 * seed, 200), made(2 * seed + 1, 200), explain=False)
        assert told is not None
        found.append(told.found)
    strays = [(one.value - 0.5) / one.null_variance**0.5 for one in found]
    assert abs(np.mean(strays)) < 0.4
    assert 0.75 < np.std(strays) < 1.25
    assert sum(one.limits()[0] <= 0.5 <= one.limits()[1] for one in found) >= 35


def test_hours_are_dealt_as_a_whole() -> None:
    window, reference = made(1, 600), made(2, 600)
    sides = prepare(window, reference)
    assert sides.by_hour
    assert sorted(np.unique(sides.window_folds).tolist()) == list(range(FOLDS))
    # A feature that is the hour itself: where rows are dealt one by one it tells all hours apart.
    for rows in (window, reference):
        assert rows.hours is not None
        rng = np.random.default_rng(int(rows.hours[0]) // HOUR_MS)
        weather = dict(zip(np.unique(rows.hours).tolist(), rng.normal(size=24).tolist(), strict=True))
        rows.numbers["x5"][:] = [weather[hour] for hour in rows.hours.tolist()]
    by_hour = tell_apart(window, reference)
    bare = [Rows(rows.size, rows.numbers, rows.texts) for rows in (window, reference)]
    by_row = tell_apart(bare[0], bare[1])
    assert by_hour is not None
    assert by_row is not None
    assert by_row.found.value > 0.85
    assert by_hour.found.value < 0.75


def test_what_is_the_same_in_all_rows_and_rare_categories_make_no_difference() -> None:
    window, reference = made(1, 300), made(2, 300)
    window.numbers["x0"][:], reference.numbers["x0"][:] = 3.0, 3.0
    sides = prepare(window, reference)
    assert "x0" not in sides.features
    at = sides.features.index("id")
    codes = np.concatenate([sides.window[:, at], sides.reference[:, at]])
    assert set(codes[~np.isnan(codes)]) == {0.0}  # no id comes CATEGORY_MIN times
    assert CATEGORY_MIN > 1


def test_rows_that_are_all_the_same_are_not_told_apart() -> None:
    same = Rows(MIN_ROWS, {"x": np.ones(MIN_ROWS)})
    told = tell_apart(same, same)
    assert told is not None
    assert (told.found.value, told.found.p, told.importance) == (0.5, 1.0, ())


def test_too_few_rows_are_no_answer() -> None:
    assert tell_apart(made(1, MIN_ROWS - 1), made(2, 1_000)) is None


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MpmError, match=r"mpm-elk\[classify\]"):
        require()
