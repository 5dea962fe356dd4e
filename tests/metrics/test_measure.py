"""Metrics of one subject against scipy and numpy on the raw rows."""

import numpy as np
import pytest
from scipy import stats

from mpm_elk.metrics import Flags, Floats
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import measure_subject, measure_traffic
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import DISTRIBUTION, FAILURE, MISSING, RANGE, TYPE, UNSEEN, VOLUME
from mpm_elk.profiles.cells import CategoricalCells, NumericCells
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.windows import subject_windows, traffic_windows

CELLS = cut_numeric(np.random.default_rng(1).normal(size=20_000), "x")
COLOURS = cut_categorical({"red": 50, "green": 30, "blue": 20}, "colour")


def numbers(values: Floats, missing: int = 0, wrong: int = 0, cells: NumericCells = CELLS) -> SubjectProfile:
    return SubjectProfile(cells.hash, cells.count(values), missing, wrong, Moments.of(values))


def colours(values: list[str], missing: int = 0) -> SubjectProfile:
    return SubjectProfile(COLOURS.hash, COLOURS.count(values), missing, 0)


def measured(
    windows: list[SubjectProfile | None],
    reference: SubjectProfile | list[SubjectProfile | None] | None,
    cells: NumericCells | CategoricalCells = CELLS,
    *,
    in_sample: Flags | None = None,
    flagged: Flags | None = None,
    learn_from: Flags | None = None,
) -> Measured:
    references = reference if isinstance(reference, list) else [reference] * len(windows)
    return measure_subject(
        cells,
        subject_windows(cells, windows),
        subject_windows(cells, references),
        np.zeros(len(windows) - 1, dtype=np.bool_) if flagged is None else flagged,
        in_sample=np.zeros(len(windows), dtype=np.bool_) if in_sample is None else in_sample,
        learn_from=learn_from,
    )


def history(rng: np.random.Generator, windows: int = MIN_WINDOWS, rows: int = 1_000) -> list[SubjectProfile | None]:
    return [numbers(rng.normal(size=rows), missing=10) for _ in range(windows)]


def test_every_number_is_that_of_the_raw_rows() -> None:
    rng = np.random.default_rng(2)
    now, before = rng.normal(0.3, 1.1, 3_000), rng.normal(size=50_000)
    found = measured([numbers(now, missing=60, wrong=5)], numbers(before, missing=500, wrong=1)).values
    edges = CELLS.edges[CELLS.coarse]
    b, a = (np.bincount(np.digitize(rows, edges), minlength=len(edges) + 1) for rows in (now, before))
    used = (a > 0) | (b > 0)
    q, p = b[used] + 0.5, a[used] + 0.5
    q, p = q / q.sum(), p / p.sum()
    psi = float(((q - p) * np.log(q / p)).sum())
    noise = (used.sum() - 1) * (1 / 3_000 + 1 / 50_000)
    assert found["drift.psi"] == pytest.approx(psi, rel=1e-9)
    assert found["drift.psi_adjusted"] == pytest.approx(psi - noise, rel=1e-9)
    js = _js(b / b.sum(), a / a.sum())
    assert found["drift.js"] == pytest.approx(js, rel=1e-9)
    assert found["drift.js_adjusted"] == pytest.approx(np.sqrt(js**2 - noise / (8 * np.log(2))), rel=1e-9)
    assert found["drift.total_variation"] == pytest.approx(np.abs(b / 3_000 - a / 50_000).sum() / 2, rel=1e-9)
    exact = stats.ks_2samp(now, before, method="asymp").statistic
    assert found["drift.ks"] <= exact <= found["drift.ks_upper"]
    assert found["drift.mean"] == pytest.approx(now.mean(), rel=1e-9)
    assert found["drift.mean_reference"] == pytest.approx(before.mean(), rel=1e-9)
    assert found["drift.mean_shift"] == pytest.approx((now.mean() - before.mean()) / before.std(ddof=1), rel=1e-9)
    assert found["quality.missing_rate"] == pytest.approx(60 / 3_065)
    assert found["quality.missing_rate_reference"] == pytest.approx(500 / 50_501)
    assert found["quality.missing_increase"] == pytest.approx(60 / 3_065 - 500 / 50_501)
    assert found["quality.type_violation_rate"] == pytest.approx(5 / 3_065)
    outside = (now < edges[0]) | (now >= edges[-1])
    assert found["quality.out_of_range_rate"] == pytest.approx(outside.mean())


def _js(q: Floats, p: Floats) -> float:
    middle = (q + p) / 2
    return float(np.sqrt((stats.entropy(q, middle, base=2) + stats.entropy(p, middle, base=2)) / 2))


def test_chi2_is_scipys_where_no_cell_is_pooled() -> None:
    rng = np.random.default_rng(3)
    now, before = rng.normal(0.2, 1, 4_000), rng.normal(size=40_000)
    inside = (CELLS.edges[0], np.nextafter(CELLS.edges[-1], -np.inf))
    now, before = np.clip(now, *inside), np.clip(before, *inside)
    found = measured([numbers(now)], numbers(before)).values
    table = np.stack([CELLS.to_coarse(CELLS.count(rows))[1:-1] for rows in (now, before)])
    expected = stats.chi2_contingency(table, correction=False)
    assert found["drift.chi2"] == pytest.approx(expected.statistic, rel=1e-9)
    assert found["drift.chi2_df"] == expected.dof


def test_without_history_there_is_no_evidence_but_every_number() -> None:
    rng = np.random.default_rng(4)
    found = measured(history(rng, 4), numbers(rng.normal(size=20_000), missing=200))
    assert found.p == {}
    assert dict(found.learning) == dict.fromkeys((DISTRIBUTION, MISSING, TYPE, RANGE), 3)
    assert found.values["drift.psi_adjusted_lower"] == 0.0
    assert "dispersion.phi" not in found.values
    assert found.values["dispersion.windows"] == 3


def test_with_history_every_test_has_a_p_and_a_shift_is_seen() -> None:
    rng = np.random.default_rng(5)
    reference = numbers(rng.normal(size=100_000), missing=1_000)
    same = measured([*history(rng), numbers(rng.normal(size=1_000), missing=11)], reference)
    assert same.learning == {}
    assert set(same.p) == {DISTRIBUTION, MISSING, TYPE, RANGE}
    assert min(same.p.values()) > 0.001
    moved = measured([*history(rng), numbers(rng.normal(0.5, 1, size=1_000), missing=100)], reference)
    assert moved.p[DISTRIBUTION] < 1e-6
    assert moved.p[MISSING] < 1e-6
    assert moved.p[TYPE] == 1.0


@pytest.mark.parametrize("kind", ["numbers", "colours"])
def test_limits_contain_their_value_and_nothing_is_infinite(kind: str) -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        n = int(rng.integers(0, 400))
        if kind == "numbers":
            windows = [*history(rng, 30, 200), numbers(rng.normal(rng.normal(), 1, n), int(rng.integers(0, 50)))]
            found = measured(windows, numbers(rng.normal(size=5_000), 50))
        else:
            sizes = [*[200] * 30, n, 5_000]
            *made, reference = [colours(rng.choice(["red", "green", "pink"], size).tolist(), 3) for size in sizes]
            found = measured([*made], reference, COLOURS)
        assert all(np.isfinite(v) for v in (*found.values.values(), *found.p.values()))
        assert all(0 <= p <= 1 for p in found.p.values())
        for name, value in found.values.items():
            if f"{name}_lower" in found.values and name != "drift.psi_adjusted":
                assert found.values[f"{name}_lower"] <= value <= found.values[f"{name}_upper"], name
        if "drift.psi_adjusted_lower" in found.values:
            assert 0 <= found.values["drift.psi_adjusted_lower"] <= found.values["drift.psi_adjusted_upper"]


def test_psi_limits_hold_the_adjusted_value_where_there_is_drift() -> None:
    rng = np.random.default_rng(7)
    found = measured([numbers(rng.normal(0.4, 1, 2_000))], numbers(rng.normal(size=50_000))).values
    assert found["drift.psi_adjusted_lower"] < found["drift.psi_adjusted"] < found["drift.psi_adjusted_upper"]


def test_an_empty_window_has_no_numbers_of_its_own() -> None:
    rng = np.random.default_rng(8)
    found = measured([*history(rng), None], numbers(rng.normal(size=5_000), missing=50))
    assert (found.window, found.reference, found.culprit) == (0, 5_050, None)
    assert found.p == {}
    assert found.learning == {}
    assert not any(name.startswith("drift.psi") for name in found.values)
    assert found.values["quality.missing_rate_reference"] == pytest.approx(50 / 5_050)
    assert "quality.missing_rate" not in found.values


def test_an_empty_reference_leaves_the_windows_own_rates() -> None:
    found = measured([numbers(np.array([0.1, 0.2]), missing=2)], None)
    assert (found.window, found.reference, found.culprit, found.p) == (4, 0, None, {})
    assert found.values["quality.missing_rate"] == 0.5
    assert found.values["drift.mean"] == pytest.approx(0.15)
    assert "drift.mean_shift" not in found.values


def test_all_missing_is_only_missing() -> None:
    rng = np.random.default_rng(9)
    found = measured([*history(rng), numbers(np.array([]), missing=500)], numbers(rng.normal(size=5_000), missing=50))
    assert found.values["quality.missing_rate"] == 1.0
    assert found.p[MISSING] < 1e-9
    assert DISTRIBUTION not in found.p
    assert RANGE not in found.p
    assert "drift.psi" not in found.values


def test_one_value() -> None:
    rng = np.random.default_rng(10)
    found = measured([*history(rng), numbers(np.array([0.3]))], numbers(rng.normal(size=5_000)))
    assert found.window == 1
    assert "drift.mean_shift_p" not in found.values
    assert found.p[DISTRIBUTION] > 0.01


def test_a_reference_without_variance_has_no_effect_in_sd_but_is_judged() -> None:
    cells = cut_numeric(np.full(100, 5.0), "x")
    still: list[SubjectProfile | None] = [numbers(np.full(200, 5.0), cells=cells) for _ in range(MIN_WINDOWS)]
    reference = numbers(np.full(6_000, 5.0), cells=cells)
    same = measured([*still, still[0]], reference, cells)
    assert same.p[DISTRIBUTION] == 1.0
    assert same.values["drift.psi_adjusted"] == 0.0
    assert same.culprit is None
    other = measured([*still, numbers(np.full(200, 6.0), cells=cells)], reference, cells)
    assert "drift.mean_shift" not in other.values
    assert other.p[DISTRIBUTION] < 1e-6
    assert other.p[RANGE] < 1e-6
    assert other.culprit == "5"  # all that was there has gone


def test_a_constant_category_is_judged_when_it_changes_and_when_it_does_not() -> None:
    reds: list[SubjectProfile | None] = [colours(["red"] * 200) for _ in range(MIN_WINDOWS)]
    reference = colours(["red"] * 5_600)
    same = measured([*reds, colours(["red"] * 200)], reference, COLOURS)
    assert same.p[DISTRIBUTION] == 1.0
    flipped = measured([*reds, colours(["green"] * 200)], reference, COLOURS)
    assert flipped.p[DISTRIBUTION] < 1e-6
    assert flipped.p[UNSEEN] == 1.0
    assert flipped.culprit == "red"


def test_a_nearly_constant_category_keeps_an_exact_level() -> None:
    rng = np.random.default_rng(11)
    few = 0
    for _ in range(300):
        days = rng.binomial(200, 0.002, MIN_WINDOWS + 1)
        windows: list[SubjectProfile | None] = [colours(["red"] * (200 - k) + ["green"] * k) for k in days]
        total = int(days[:-1].sum())
        reference = colours(["red"] * (200 * MIN_WINDOWS - total) + ["green"] * total)
        found = measured(windows, reference, COLOURS)
        few += found.p[DISTRIBUTION] < 0.05
    assert few <= 25  # 15 expected at most, sd 4


def test_a_window_too_small_for_any_cell_says_nothing_of_dispersion() -> None:
    rng = np.random.default_rng(12)
    small: list[SubjectProfile | None] = [numbers(rng.normal(size=20)) for _ in range(40)]
    found = measured([*small, numbers(rng.normal(size=1_000))], numbers(rng.normal(size=9_000)))
    assert found.learning[DISTRIBUTION] == 0


def test_one_part_that_knows_is_enough_for_the_test() -> None:
    rng = np.random.default_rng(13)
    overflowed: list[SubjectProfile | None] = [
        SubjectProfile(p.cells_hash, p.cells, p.missing, 0, Moments(1_000, 0.0, float("inf")))
        for p in history(rng)
        if p is not None
    ]
    found = measured([*overflowed, numbers(rng.normal(size=1_000))], numbers(rng.normal(size=20_000)))
    assert "drift.mean_shift_p" not in found.values
    assert DISTRIBUTION in found.p
    assert found.learning == {}


def test_in_sample_windows_teach_nothing_of_range_and_unseen() -> None:
    rng = np.random.default_rng(14)
    windows = [*history(rng), numbers(rng.normal(size=1_000))]
    in_sample = np.append(np.ones(MIN_WINDOWS, dtype=np.bool_), False)
    found = measured(windows, numbers(rng.normal(size=20_000)), in_sample=in_sample)
    assert found.learning == {RANGE: 0}
    assert DISTRIBUTION in found.p


def test_learn_from_chooses_the_windows() -> None:
    rng = np.random.default_rng(15)
    wild: list[SubjectProfile | None] = [numbers(rng.normal(rng.normal(), 1, 1_000)) for _ in range(MIN_WINDOWS)]
    windows = [*history(rng), *wild, numbers(rng.normal(0.4, 1, size=1_000))]
    calm = np.arange(len(windows)) < MIN_WINDOWS
    reference = numbers(rng.normal(size=50_000))
    everything, chosen = measured(windows, reference), measured(windows, reference, learn_from=calm)
    assert everything.values["dispersion.phi"] > 20
    assert chosen.values["dispersion.phi"] < 2
    assert everything.p[DISTRIBUTION] > 0.01
    assert chosen.p[DISTRIBUTION] < 1e-6
    assert chosen.values["dispersion.windows"] == MIN_WINDOWS


def test_an_incident_of_the_past_does_not_blind() -> None:
    rng = np.random.default_rng(16)
    incident: list[SubjectProfile | None] = [numbers(rng.normal(2, 1, 1_000)) for _ in range(5)]
    windows = [*history(rng), *incident, numbers(rng.normal(0.5, 1, 1_000))]
    reference = numbers(rng.normal(size=50_000))
    flagged = np.arange(len(windows) - 1) >= MIN_WINDOWS
    assert measured(windows, reference).p[DISTRIBUTION] > 0.001
    assert measured(windows, reference, flagged=flagged).p[DISTRIBUTION] < 1e-6


def test_the_culprit_and_the_distributions() -> None:
    found = measured([colours(["red", "pink", "pink"])], colours(["red", "green"]), COLOURS)
    assert found.culprit == "(unseen)"
    assert found.distributions == {
        "cells": ["red", "green", "blue", "(other)", "(unseen)"],
        "window": [1, 0, 0, 0, 2],
        "reference": [1, 1, 0, 0, 0],
    }
    assert found.values["quality.unseen_rate"] == pytest.approx(2 / 3)


def _traffic(counts: list[int], failures: list[int] | None = None, rows: slice | None = None) -> Measured:
    size = len(counts)
    profiles = [
        Profile(n, k, Moments(n, n * 2e6, n * 5e12, 1e6, 3e6))
        for n, k in zip(counts, failures or [0] * size, strict=True)
    ]
    distance = np.arange(size)[:, None] - np.arange(size)[None, :]
    members = np.asarray((distance >= 1) & (distance <= 28) & (np.array(counts) > 0)[None, :], dtype=np.bool_)
    rows = rows or slice(0, size)
    flagged = np.zeros(len(counts[rows]) - 1, dtype=np.bool_)
    return measure_traffic(traffic_windows(profiles), members, rows, flagged, ends=range(len(profiles)))


def test_traffic_that_stops_is_seen_and_ordinary_days_are_not() -> None:
    counts = np.random.default_rng(17).poisson(10_000, 60).tolist()
    usual = _traffic(counts)
    assert usual.p[VOLUME] > 0.001
    assert usual.values["traffic.count_expected"] == pytest.approx(np.mean(counts[-29:-1]))
    assert usual.values["traffic.duration_mean"] == pytest.approx(2e6)
    stopped = _traffic([*counts, 0])
    assert stopped.values["traffic.count_ratio"] == 0.0
    assert stopped.p[VOLUME] < 1e-6
    assert "traffic.failure_rate" not in stopped.values
    assert "traffic.duration_mean" not in stopped.values
    assert stopped.window == 0


def test_failures_are_compared_with_those_of_the_reference() -> None:
    rng = np.random.default_rng(18)
    counts = [10_000] * 60
    failures = rng.binomial(10_000, 0.01, 60).tolist()
    assert _traffic(counts, failures).p[FAILURE] > 0.001
    failures[-1] = 500
    found = _traffic(counts, failures)
    assert found.p[FAILURE] < 1e-6
    assert found.values["traffic.failure_increase"] == pytest.approx(0.05 - sum(failures[-29:-1]) / 280_000)


def test_the_first_window_of_all() -> None:
    found = _traffic([500])
    assert found.p == {}
    assert found.learning == {FAILURE: 0}
    assert found.reference == 0
    assert "traffic.count_ratio" not in found.values


def test_rows_choose_the_history_but_not_the_references() -> None:
    counts = np.random.default_rng(19).poisson(1_000, 70).tolist()
    whole, part = _traffic(counts), _traffic(counts, rows=slice(40, 70))
    assert whole.values["traffic.count_expected"] == part.values["traffic.count_expected"]
    assert part.reference == sum(counts[-29:-1])
