from itertools import islice

import numpy as np
import pytest

from benchmarks.planted import CATEGORICAL, DRIFTS, FEATURES, NUMERIC, Drift, Table, Traffic

ROWS = 100_000
BY_NAME = {drift.name: drift for drift in DRIFTS}


@pytest.fixture(scope="module")
def table() -> Table:
    return Traffic(np.random.default_rng(3)).draw(ROWS)


def drifted(table: Table, name: str) -> Table:
    return BY_NAME[name].change(table, np.random.default_rng(4))


def unlike(table: Table, other: Table) -> set[str]:
    numbers = {n for n in NUMERIC if not np.array_equal(table.numeric[n], other.numeric[n], equal_nan=True)}
    return numbers | {n for n in CATEGORICAL if not np.array_equal(table.categorical[n], other.categorical[n])}


def test_the_same_seed_makes_the_same_rows() -> None:
    first, second = (Traffic(np.random.default_rng(5), clustered=True).draw(500) for _ in range(2))
    assert not unlike(first, second)
    assert first.rows == 500
    assert {*first.numeric, *first.categorical} == {*FEATURES}


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.name)
def test_a_drift_changes_its_features_and_no_other(drift: Drift, table: Table) -> None:
    changed = unlike(table, drift.change(table, np.random.default_rng(4)))
    assert changed
    assert changed <= {*drift.features}


def test_drifts_are_as_large_as_their_names_say(table: Table) -> None:
    before = table.numeric["x2"]
    assert np.mean(drifted(table, "mean +0.2 sd").numeric["x2"]) - np.mean(before) == pytest.approx(0.2)
    wider = drifted(table, "spread × 1.25").numeric["x3"]
    assert np.nanstd(wider) / np.nanstd(table.numeric["x3"]) == pytest.approx(1.25)
    zeros = (np.mean(t.numeric["x14"] == 0) for t in (drifted(table, "zeros +5 % of rows"), table))
    assert next(zeros) - next(zeros) == pytest.approx(0.05, abs=0.004)
    mixed = drifted(table, "mix: 10% of rows").categorical["k5"]
    assert np.mean(mixed == 1) - np.mean(table.categorical["k5"] == 1) == pytest.approx(0.1, abs=0.005)
    new = drifted(table, "new category 2.0%").categorical["k6"]
    assert np.mean(new == CATEGORICAL["k6"]) == pytest.approx(0.02, abs=0.003)
    assert np.all(table.categorical["k6"] < CATEGORICAL["k6"])
    missing = drifted(table, "missing +5 % of rows").categorical["k4"]
    assert np.mean(missing < 0) - np.mean(table.categorical["k4"] < 0) == pytest.approx(0.05, abs=0.004)


def test_lost_correlation_leaves_the_margins(table: Table) -> None:
    other = drifted(table, "correlation 0.6 → 0")
    assert np.array_equal(np.sort(other.numeric["x1"]), np.sort(table.numeric["x1"]))
    for some, wanted in ((table, 0.6), (other, 0.0)):
        known = ~np.isnan(some.numeric["x0"])
        found = np.corrcoef(some.numeric["x0"][known], some.numeric["x1"][known])[0, 1]
        assert found == pytest.approx(wanted, abs=0.02)


def test_clustered_rows_hang_together_from_window_to_window() -> None:
    def spread_of_means(*, clustered: bool) -> float:
        traffic = Traffic(np.random.default_rng(6), clustered=clustered)
        return float(np.std([window.numeric["x2"].mean() for window in islice(traffic.windows(1_000), 40)]))

    assert spread_of_means(clustered=False) == pytest.approx(1 / np.sqrt(1_000), rel=0.4)
    assert spread_of_means(clustered=True) > 0.3


def test_rows_become_a_chunk_with_none_for_what_is_missing(table: Table) -> None:
    chunk = table.to_chunk()
    assert chunk.size == ROWS
    assert sum(value is None for value in chunk.subjects["features.x0"]) == np.isnan(table.numeric["x0"]).sum() > 0
    assert sum(value is None for value in chunk.subjects["features.k1"]) == (table.categorical["k1"] < 0).sum() > 0
    assert chunk.subjects["features.k0"][0] == f"c{table.categorical['k0'][0]}"
