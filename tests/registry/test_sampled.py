"""Rows for a classifier out of chunks: kinds, what is missing, and how many are kept."""

import numpy as np
import pytest

from mpm_elk.profiles.rows import mixed
from mpm_elk.registry.rows import Chunk
from mpm_elk.registry.sampled import gather, share_for
from mpm_elk.timespan import HOUR_MS

KINDS = {"features.x": "numeric", "features.k": "categorical", "features.gone": "numeric"}


def chunk(start: int, size: int, *, timed: bool = True) -> Chunk:
    numbers: list[float | str | None] = [float(at) for at in range(start, start + size)]
    texts: list[float | str | None] = [f"v{at % 3}" for at in range(start, start + size)]
    times = [at * HOUR_MS // 2 for at in range(start, start + size)] if timed else None
    return Chunk(size, {"features.x": numbers, "features.k": texts}, times)


def test_values_of_the_wrong_type_are_missing_and_so_are_subjects_that_no_row_has() -> None:
    rows, seen = gather([Chunk(3, {"features.x": [1.0, "one", None], "features.k": ["a", 2.0, None]}, None)], KINDS)
    assert (seen, rows.size, rows.hours) == (3, 3, None)
    assert np.array_equal(rows.numbers["x"], [1.0, np.nan, np.nan], equal_nan=True)
    assert rows.texts["k"] == ["a", None, None]
    assert np.isnan(rows.numbers["gone"]).all()


def test_hours_are_those_of_the_times_and_none_where_a_row_has_no_time() -> None:
    rows, _ = gather([chunk(0, 3)], KINDS)
    assert rows.hours is not None
    assert rows.hours.tolist() == [0, 0, HOUR_MS]
    assert gather([chunk(0, 3), chunk(3, 3, timed=False)], KINDS)[0].hours is None


@pytest.mark.parametrize("size", [7, 40, 1_000])
def test_of_many_rows_those_of_the_least_hash_are_kept_in_whatever_chunks(size: int) -> None:
    chunks = [chunk(at, min(size, 1_000 - at)) for at in range(0, 1_000, size)]
    rows, seen = gather(chunks, KINDS, 50)
    assert (seen, rows.size) == (1_000, 50)
    least = np.sort(np.argsort(mixed(np.arange(1, 1_001)))[:50])
    assert np.sort(rows.numbers["x"]).tolist() == least.tolist()
    assert rows.texts["k"] == [f"v{int(at) % 3}" for at in rows.numbers["x"]]
    assert rows.hours is not None
    assert rows.hours.tolist() == [int(at) // 2 * HOUR_MS for at in rows.numbers["x"]]


def test_few_rows_are_all_kept_in_their_order() -> None:
    rows, _ = gather([chunk(0, 30), chunk(30, 20)], KINDS, 50)
    assert rows.numbers["x"].tolist() == list(range(50))


def test_a_sample_keeps_the_shares() -> None:
    rows, _ = gather([chunk(at, 10_000) for at in range(0, 100_000, 10_000)], KINDS, 5_000)
    assert abs(rows.numbers["x"].mean() - 50_000) < 3 * 100_000 / np.sqrt(12 * 5_000)


@pytest.mark.parametrize(("events", "share"), [(0, 1000), (4_000, 1000), (10_000, 500), (1_000_000, 5), (10**9, 1)])
def test_the_share_follows_the_events(events: int, share: int) -> None:
    assert share_for(events, 5_000) == share
