"""Which rows are read of an hour, and how they are added up."""

from dataclasses import replace

import numpy as np
import pytest

from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.source import EVENTS
from mpm_elk.errors import ClusterError
from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.joint import WHOLE, Joint
from mpm_elk.profiles.sampling import ROWS_AN_HOUR, SHARES, SampleRequest, read_samples, sample_requests, share_of
from mpm_elk.timespan import HOUR_MS

VERSION = ModelKey("production", "m").version("1")
CELLS = {
    f"features.{n}": NumericCells(f"mpm.features.numeric.{n}", np.array([0.0, 1.0, 2.0]), np.array([0, 1, 2]))
    for n in "ab"
}


def test_small_hours_are_read_whole_and_large_ones_in_part() -> None:
    assert [share_of(n) for n in (0, 1, 500, 501, 1_000, 1_001, 100_000)] == [1000, 1000, 1000, 500, 500, 250, 5]
    assert share_of(10**9) == 1
    for events in range(1, 500_000, 977):
        assert ROWS_AN_HOUR / 2.5 < events * share_of(events) / WHOLE <= ROWS_AN_HOUR or events < ROWS_AN_HOUR
    assert all(WHOLE % share == 0 for share in SHARES)


def test_hours_of_the_same_share_are_read_together_as_far_as_they_fit() -> None:
    events = {at * HOUR_MS: 400 for at in range(6)} | {10 * HOUR_MS: 900, 11 * HOUR_MS: 40_000}
    requests = sample_requests(VERSION, events, CELLS)
    assert [(r.share, [hour // HOUR_MS for hour in r.hours]) for r in requests] == [
        (10, [11]), (500, [10]), (1000, [0, 1, 2, 3, 4]), (1000, [5]),
    ]  # fmt: skip
    few, some, every, _ = (request.body for request in requests)
    assert {"range": {"mpm.prediction.bucket": {"lt": 10}}} in few["query"]["bool"]["filter"]
    assert {"range": {"mpm.prediction.bucket": {"lt": 500}}} in some["query"]["bool"]["filter"]
    assert "bucket" not in str(every["query"])
    assert every["query"]["bool"]["must_not"] == [{"term": {"event.outcome": "failure"}}]
    assert sample_requests(VERSION, events, {}) == []


def test_a_source_without_buckets_is_sampled_by_a_hash() -> None:
    source = replace(EVENTS, bucket=None, id="call")
    [request] = sample_requests(VERSION, {0: 1_000}, CELLS, source)
    found = request.body["query"]["function_score"]
    assert found["random_score"] == {"seed": 0, "field": "call"}
    assert (found["min_score"], found["boost_mode"]) == (0.5, "replace")


def _answer(*rows: tuple[int, float | None, float | None], total: int | None = None) -> dict[str, object]:
    hits = [
        {
            "fields": {"@timestamp": [str(time)]}
            | {f"mpm.features.numeric.{n}": [x] for n, x in zip("ab", values, strict=True) if x is not None}
        }
        for time, *values in rows
    ]
    return {"hits": {"total": {"value": len(rows) if total is None else total}, "hits": hits}}


def _request() -> SampleRequest:
    [request] = sample_requests(VERSION, {0: 600, HOUR_MS: 700, 2 * HOUR_MS: 700}, CELLS)
    return request


def test_rows_are_added_up_by_hour() -> None:
    answer = _answer((5, 0.5, 1.5), (HOUR_MS, None, 9.0), (HOUR_MS - 1, -1.0, None))
    found = read_samples(answer, _request(), CELLS)
    assert found is not None
    assert sorted(found) == [0, HOUR_MS]
    first = {"features.a": np.array([0.5, -1.0]), "features.b": np.array([1.5, np.nan])}
    assert found[0].to_document() == Joint.of(CELLS, first, 2, 500).to_document()
    assert list(found[HOUR_MS].features) == ["features.b"]


def test_an_answer_that_lacks_rows_is_none() -> None:
    assert read_samples(_answer((5, 0.5, 1.5), total=2), _request(), CELLS) is None


def test_a_document_with_several_values_is_refused() -> None:
    answer = _answer((5, 0.5, 1.5))
    answer["hits"]["hits"][0]["fields"]["mpm.features.numeric.a"].append(2.0)  # type: ignore[index]
    with pytest.raises(ClusterError, match="several values"):
        read_samples(answer, _request(), CELLS)
