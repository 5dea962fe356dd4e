import json
from typing import Any

import numpy as np
import pytest

from mpm_elk.contract.keys import VersionKey
from mpm_elk.profiles.cells import CategoricalCells, Cells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments
from mpm_elk.profiles.requests import (
    BUCKETS_MAX,
    HourlyRequest,
    hours_in,
    hours_query,
    read_moments,
    read_subjects,
    runs,
    subject_requests,
    traffic_requests,
)
from mpm_elk.profiles.slices import Slice
from mpm_elk.timespan import HOUR_MS

V = VersionKey("production", "m", "1")
T0 = 1_795_003_200_000


def numeric(size: int, field: str = "x") -> NumericCells:
    return NumericCells(field, np.arange(size - 1, dtype=np.float64), np.array([0, size - 2]), field + ".other")


def buckets(request: HourlyRequest) -> int:
    """Count the most buckets that the answer can hold: every range of every hour and segment value."""
    hours = sum((end - start) // HOUR_MS for start, end in stretches(request))
    each = sum(
        cells.size if isinstance(cells, NumericCells) else len(cells.values) + len(cells.rest)
        for cells in request.subjects.values()
    )
    return int(hours * each * (request.piece.width if request.piece else 1))


def stretches(request: HourlyRequest) -> list[tuple[int, int]]:
    when = request.body["query"]["bool"]["filter"][-1]
    ranges = when["bool"]["should"] if "bool" in when else [when]
    return [(ms(r["range"]["@timestamp"]["gte"]), ms(r["range"]["@timestamp"]["lt"])) for r in ranges]


def ms(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "ms").astype(np.int64))


@pytest.mark.parametrize("values", [0, 200])
@pytest.mark.parametrize("busy", [10, 100_000])
def test_no_search_can_exceed_the_bucket_limit(values: int, busy: int) -> None:
    piece = Slice("region", tuple((f"r{i}",) for i in range(values))) if values else None
    cells: dict[str, Cells] = {f"features.f{i}": numeric(148, f"f{i}") for i in range(60)}
    cells["features.c"] = CategoricalCells("c", tuple(f"v{i}" for i in range(50)), tuple(f"r{i}" for i in range(150)))
    events = {T0 + i * HOUR_MS: busy for i in range(24 * 5)}
    requests = subject_requests(V, events, CellSet(cells), piece)
    assert max(buckets(request) for request in requests) <= BUCKETS_MAX
    asked = [
        (name, hour) for r in requests for name in r.subjects for s, e in stretches(r) for hour in range(s, e, HOUR_MS)
    ]
    assert len(asked) == len(set(asked)) == len(cells) * len(events)


def test_busy_hours_are_asked_about_few_subjects_at_once() -> None:
    cells = CellSet({f"f{i}": numeric(10, f"f{i}") for i in range(7)})
    assert len(subject_requests(V, {T0: 100}, cells)) == 1
    assert [len(r.subjects) for r in subject_requests(V, {T0: 100_000}, cells)] == [3, 3, 1]


def test_nothing_to_ask() -> None:
    assert subject_requests(V, {}, CellSet({"f": numeric(10)})) == []
    assert subject_requests(V, {T0: 5}, CellSet({})) == []
    assert traffic_requests(V, []) == []


def test_hours_that_follow_each_other_are_one_stretch() -> None:
    hours = [T0 + 5 * HOUR_MS, T0, T0 + HOUR_MS]
    assert runs(hours) == [(T0, T0 + 2 * HOUR_MS), (T0 + 5 * HOUR_MS, T0 + 6 * HOUR_MS)]
    assert runs([]) == []


def test_scattered_hours_are_split_so_that_a_query_stays_short() -> None:
    hours = {T0 + i * 2 * HOUR_MS: 1 for i in range(450)}
    requests = subject_requests(V, hours, CellSet({"f": numeric(3)}))
    assert [len(stretches(request)) for request in requests] == [200, 200, 50]


def test_subjects_are_counted_where_inference_did_not_fail() -> None:
    assert "must_not" not in hours_query(V, [T0], succeeded=False)["bool"]
    assert hours_query(V, [T0], succeeded=True)["bool"]["must_not"] == [{"term": {"event.outcome": "failure"}}]


def test_a_hand_made_answer_is_read() -> None:
    cells: dict[str, Cells] = {
        "features.x": numeric(4),
        "features.c": CategoricalCells("c", ("a", "b"), ("rare",), other_field="c.other"),
        "prediction.label": CategoricalCells("l", ()),
    }
    bucket: dict[str, Any] = {
        "doc_count": 20,
        "0c": {"buckets": {"0": {"doc_count": 1}, "1": {"doc_count": 2}, "2": {"doc_count": 0}, "3": {"doc_count": 4}}},
        "0m": {"count": 7, "sum": 3, "sum_of_squares": "Infinity", "min": -1.5, "max": 9.0},
        "0w": {"value": 3},
        "1c": {"buckets": [{"key": "a", "doc_count": 5}, {"key": "rare", "doc_count": 2}]},
        "1p": {"value": 10},
        "1w": {"value": 1},
        "2p": {"value": 0},
    }
    x, c, label = read_subjects(bucket, cells).values()
    assert x.cells.tolist() == [1, 2, 0, 4]
    assert (x.missing, x.type_violations) == (10, 3)
    assert x.moments == Moments(7, 3.0, float("inf"), -1.5, 9.0)
    assert c.cells.tolist() == [5, 0, 2, 3]
    assert (c.missing, c.type_violations) == (9, 1)
    assert (label.cells.tolist(), label.missing) == ([0, 0], 20)


def test_moments_of_nothing() -> None:
    assert read_moments({"count": 0, "sum": 0.0, "sum_of_squares": None, "min": None, "max": None}) == Moments()


def test_an_answer_without_aggregations_has_no_hours() -> None:
    assert hours_in({"hits": {"hits": []}}) == []


def test_bodies_are_json() -> None:
    cells = CellSet({"features.x": NumericCells("x", np.array([-0.0, 5e-324, 0.1, 1.7e308]), np.array([0, 3]))})
    [request] = subject_requests(V, {T0: 1}, cells)
    ranges = json.loads(json.dumps(request.body, allow_nan=False))["aggs"]["hour"]["aggs"]["0c"]["range"]["ranges"]
    assert [r.get("from") for r in ranges] == [None, -0.0, 5e-324, 0.1, 1.7e308]
    assert [r["key"] for r in ranges] == ["0", "1", "2", "3", "4"]
