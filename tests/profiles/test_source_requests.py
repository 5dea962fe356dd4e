"""The searches over a declared source: every field by its role, the cells unchanged."""

from typing import Any

import numpy as np
import pytest

from mpm_elk.contract.keys import VersionKey
from mpm_elk.contract.source import EVENTS, MARK, KeyPart, Source, SubjectField
from mpm_elk.errors import ClusterError, RegistryError
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments
from mpm_elk.profiles.requests import read_moments, read_subjects, subject_requests, traffic_requests
from mpm_elk.profiles.rollup import held
from mpm_elk.profiles.slices import Slice

V = VersionKey("production", "m", "1")
T0 = 1_795_003_200_000
SOURCE = Source(
    name="log",
    index="logs-*",
    time="ts",
    environment=KeyPart(text="production"),
    model=KeyPart("ml.model"),
    version=KeyPart("ml.version"),
    failed={"exists": {"field": "error"}},
    duration="took",
    duration_ns=1000,
    id=None,
    bucket=None,
    subjects={
        "features.x": SubjectField("in.x", True, ("float",)),
        "features.c": SubjectField("in.c", False, ("keyword",)),
        "features.b": SubjectField("in.b", False, ("boolean",)),
    },
    segments={"region": "geo"},
)
CELLS = CellSet(
    {
        "features.x": NumericCells("ours.x", np.array([0.1, 1e300]), np.array([0, 1]), "ours.x.other"),
        "features.c": CategoricalCells("ours.c", ("a",), other_field="ours.c.other"),
        "features.b": CategoricalCells("ours.b", ("true",), other_field="ours.b.other"),
    }
)


def aggregations(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["aggs"]["hour"]["aggs"]
    return found


def test_each_field_comes_from_the_source() -> None:
    [request] = subject_requests(V, {T0: 5}, CELLS, source=SOURCE)
    filters = request.body["query"]["bool"]
    assert filters["filter"][:2] == [{"term": {"ml.model": "m"}}, {"term": {"ml.version": "1"}}]
    assert list(filters["filter"][2]["range"]) == ["ts"]
    assert filters["must_not"] == [{"exists": {"field": "error"}}]
    assert request.body["aggs"]["hour"]["date_histogram"]["field"] == "ts"
    found = aggregations(request.body)
    assert found["0m"] == {"extended_stats": {"field": "in.x"}}
    edge = 0.10000000149011612
    ranges = found["0c"]["range"]["ranges"]
    assert ranges == [{"key": "0", "to": edge}, {"key": "1", "from": edge}]
    assert found["0w"] == {"filter": {"term": {"_ignored": "in.x"}}}
    assert found["1c"]["terms"]["field"] == "in.c"
    assert "1w" not in found
    assert found["2w"] == {"filter": {"term": {"_ignored": "in.b"}}}
    [by_region] = subject_requests(V, {T0: 5}, CELLS, Slice("region", (("EU",),)), SOURCE)
    assert aggregations(by_region.body)["value"]["terms"]["field"] == "geo"
    [traffic] = traffic_requests(V, [T0], SOURCE)
    assert aggregations(traffic) == {
        "last": {"max": {"field": "ts"}},
        "failures": {"filter": {"exists": {"field": "error"}}},
        "duration": {"extended_stats": {"field": "took"}},
    }
    bare = Source(**{**vars(SOURCE), "failed": None, "duration": None})
    [traffic] = traffic_requests(V, [T0], bare)
    assert aggregations(traffic) == {"last": {"max": {"field": "ts"}}}
    [request] = subject_requests(V, {T0: 5}, CELLS, source=bare)
    assert "must_not" not in request.body["query"]["bool"]


def test_answers_of_other_types_are_read() -> None:
    bucket = {
        "doc_count": 10,
        "0c": {"buckets": {"1": {"doc_count": 4}}},
        "0m": {"count": 4, "sum": 4.0, "sum_of_squares": 4.0, "min": 1.0, "max": 1.0},
        "0w": {"doc_count": 2},
        "1p": {"value": 0},
        "2p": {"value": 9},
        "2c": {"buckets": [{"key": 1, "key_as_string": "true", "doc_count": 7}]},
    }
    x, c, b = read_subjects(bucket, CELLS.subjects).values()
    assert (x.cells.tolist(), x.missing, x.type_violations) == ([0, 4, 0], 4, 2)
    assert (c.missing, b.cells.tolist(), b.missing) == (10, [7, 0, 2], 1)
    stats = {"count": 2, "sum": 3.0, "sum_of_squares": 5.0, "min": 1.0, "max": 2.0}
    assert read_moments(stats, 1000) == Moments(2, 3000.0, 5e6, 1000.0, 2000.0)


@pytest.mark.parametrize(("counted", "values"), [(11, 11), (4, 5)])
def test_several_values_in_a_document_are_noticed(counted: int, values: int) -> None:
    stats = {"count": values, "sum": 4.0, "sum_of_squares": 4.0, "min": 1.0, "max": 1.0}
    bucket = {"doc_count": 10, "0c": {"buckets": {"1": {"doc_count": counted}}}, "0m": stats}
    with pytest.raises(ClusterError, match=r"features\.x: documents hold several values"):
        read_subjects(bucket, CELLS.only(["features.x"]).subjects)


def test_only_what_the_source_holds_is_counted_and_in_cells_of_its_kind() -> None:
    more = CellSet({**CELLS.subjects, "features.gone": CELLS.subjects["features.x"]})
    assert list(held(more, SOURCE).subjects) == list(CELLS.subjects)
    assert list(held(more, EVENTS).subjects) == list(more.subjects)
    wrong = CellSet({"features.x": CELLS.subjects["features.c"]})
    with pytest.raises(RegistryError, match=r"features\.x are categorical"):
        held(wrong, SOURCE)


def test_a_mark_changes_with_what_is_counted() -> None:
    assert EVENTS.marks({"features.x": "h"}) == {"features.x": "h"}
    marks = SOURCE.marks({"features.x": "h"})
    assert marks["features.x"] == "h in.x"
    other = Source(**{**vars(SOURCE), "time": "other"})
    assert other.marks({})[MARK] != marks[MARK]
    assert EVENTS.key == ""
    assert SOURCE.key.startswith("log~")
    assert SOURCE.model.may_be("any")
    assert not SOURCE.environment.may_be("staging")
