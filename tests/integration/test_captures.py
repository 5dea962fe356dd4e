"""Captures on a real Elasticsearch, converted as the user of the job: one prediction a row, whatever happens."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, part
from mpm_elk.intake.capture_status import EndpointStatus, status
from mpm_elk.registry.baseline import from_window
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from tests.integration.sent import START, Endpoint, request, response

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

ClientFor = Callable[[str], Elasticsearch]

ROWS = [41, 2, 310.5], [29, 0, 87.0]
SCORES = 0.8312, 0.1177
MONTH = 31 * DAY_MS


@pytest.fixture
def endpoint(client_for: ClientFor) -> Endpoint:
    return Endpoint(client_for)


def status_of(endpoint: Endpoint, config: Config, now_ms: int) -> EndpointStatus:
    [found] = [
        one for one in status(endpoint.client_for("job"), config, now_ms=now_ms) if endpoint.word in one.endpoint
    ]
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(["request", "response", "again"])), ids=" ".join)
@pytest.mark.parametrize("convert_between", [False, True])
def test_halves_in_any_order_twice_and_hours_apart_are_one_prediction_a_row(
    endpoint: Endpoint, order: tuple[str, ...], *, convert_between: bool
) -> None:
    halves = {
        "request": [endpoint.half("c", "request", request(*ROWS), START)],
        "response": [endpoint.half("c", "response", response(*SCORES), START + 50)],
        # Delivered once more in another month: documents of their own, with the same ids.
        "again": [
            endpoint.half("c", "request", request(*ROWS), START + MONTH),
            endpoint.half("c", "response", response(*SCORES), START + MONTH),
        ],
    }
    now = START + MONTH
    for name in order:
        endpoint.send(halves[name])
        if convert_between:
            endpoint.convert(endpoint.mapping(), now)
            now += 600_000
    report = endpoint.convert(endpoint.mapping(), now)
    found = endpoint.predictions()
    assert sorted(found) == ["c:0", "c:1"]
    features = [found[f"c:{row}"]["_source"]["mpm"]["features"]["numeric"] for row in (0, 1)]
    assert [list(each.values()) for each in features] == [list(row) for row in ROWS]
    assert [found[f"c:{row}"]["_source"]["mpm"]["prediction"]["score"] for row in (0, 1)] == list(SCORES)
    assert set(endpoint.states()) == {"converted"}
    # The time is that of the first request at the first conversion, and stays.
    first = START if not convert_between or order.index("request") < order.index("again") else START + MONTH
    assert {hit["_source"]["@timestamp"] for hit in found.values()} == {iso(first)}
    assert report.failed == 0
    again = endpoint.convert(endpoint.mapping(), now + HOUR_MS)
    assert (again.converted, again.written, again.removed) == (0, 0, 0)


def test_a_repeated_half_does_not_touch_predictions(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START)])
    endpoint.convert(endpoint.mapping(), START)
    before = {name: hit["_seq_no"] for name, hit in endpoint.predictions().items()}
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START - HOUR_MS * 24 * 31)])
    endpoint.send([endpoint.half("c", "response", response(0.5, 0.5), START + HOUR_MS)])
    endpoint.convert(endpoint.mapping(), START + HOUR_MS)
    after = {name: hit["_seq_no"] for name, hit in endpoint.predictions().items()}
    assert before == after
    assert status_of(endpoint, endpoint.mapping(), START + HOUR_MS).repeated == 2


def test_a_lone_request_becomes_a_failed_inference_and_a_late_response_mends_it(endpoint: Endpoint) -> None:
    config = endpoint.mapping(failed_after="1h")
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    report = endpoint.convert(config, START + HOUR_MS - 1)
    assert (report.waiting, endpoint.states()) == (1, ["waiting"])
    assert endpoint.convert(config, START + HOUR_MS - 1).waiting == 0
    assert status_of(endpoint, config, START + 1).lone == {"request": {"under 1h": 1, "1h to 1d": 0, "over 1d": 0}}
    report = endpoint.convert(config, START + HOUR_MS)
    assert (report.expired, report.written) == (1, 2)
    failed = endpoint.said()
    assert sorted(failed) == ["c:0", "c:1"]
    assert failed["c:0"]["event"]["outcome"] == "failure"
    assert failed["c:0"]["error"] == {"type": "no_response", "message": "no response was captured within 1h"}
    assert failed["c:0"]["mpm"]["features"]["numeric"] == {"age": 41, "late": 2, "income": 310.5}
    assert endpoint.convert(config, START + 2 * HOUR_MS).expired == 0
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START + 3 * HOUR_MS)])
    assert endpoint.convert(config, START + 3 * HOUR_MS).converted == 1
    mended = endpoint.said()
    assert {name: one["event"]["outcome"] for name, one in mended.items()} == {"c:0": "success", "c:1": "success"}
    assert mended["c:0"]["@timestamp"] == iso(START)
    assert "error" not in mended["c:0"]


def test_a_failed_inference_without_a_version_goes_when_the_response_names_one(endpoint: Endpoint) -> None:
    config = endpoint.mapping(version=None)
    endpoint.send([endpoint.half("c", "request", request(ROWS[0]), START)])
    endpoint.convert(config, START + HOUR_MS)
    assert endpoint.said()["c"]["mpm"]["model"]["version"] == "unknown"
    endpoint.send([endpoint.half("c", "response", response(0.9, version="7"), START)])
    report = endpoint.convert(config, START + HOUR_MS)
    assert (report.written, report.removed) == (1, 1)
    assert endpoint.said()["c"]["mpm"]["model"]["version"] == "7"


def test_an_unreadable_lone_request_is_one_failed_inference(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", b'{"instances": [[1,', START)])
    endpoint.convert(endpoint.mapping(), START + HOUR_MS)
    assert endpoint.said()["c"]["event"]["outcome"] == "failure"


def test_a_lone_response_makes_nothing_and_is_counted(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START)])
    report = endpoint.convert(endpoint.mapping(), START + HOUR_MS)
    assert (report.expired, report.written, endpoint.states()) == (1, 0, ["expired"])
    found = status_of(endpoint, endpoint.mapping(), START + 2 * DAY_MS)
    assert found.lone == {"response": {"under 1h": 0, "1h to 1d": 0, "over 1d": 1}}
    assert endpoint.captures()[0]["conversion"]["reason"] == "no request was captured within 1h"


MISTAKES: dict[str, dict[str, Any]] = {
    "model": {"model": "wrong-model"},
    "version": {"version": "2"},
    "environment": {"environment": "staging"},
    "features": {"features": ["late", "age", "income"]},
    "ids": {"prediction_id": 0},
    "output": {"output": {"value": 0}},
    "columns": {"features": ["age", "late"]},
    "segment": {"segment": {"group": 0}},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mending_a_wrong_mapping_gives_the_right_predictions_without_duplicates(
    endpoint: Endpoint, client_for: ClientFor, mistake: str
) -> None:
    change = dict(MISTAKES[mistake])
    if "model" in change:
        change["model"] = f"{endpoint.word}-wrong"
    straight = Endpoint(client_for)
    for one in (endpoint, straight):
        for call in range(5):
            one.send([one.half(f"c{call}", "request", request(*ROWS), START + call)])
            one.send([one.half(f"c{call}", "response", response(*SCORES), START + call)])
    wrong, right = endpoint.mapping(**change), endpoint.mapping()
    report = endpoint.convert(wrong, START + HOUR_MS)
    assert report.failed == (5 if mistake == "columns" else 0)
    report = endpoint.convert(right, START + 2 * HOUR_MS)
    assert report.written == 10
    straight.convert(straight.mapping(), START)

    def comparable(documents: dict[str, dict[str, Any]], word: str) -> list[str]:
        return [str(documents[name]).replace(word, "model") for name in sorted(documents)]

    assert comparable(endpoint.said(), endpoint.word) == comparable(straight.said(), straight.word)
    assert endpoint.predictions(f"{endpoint.word}-wrong") == {}
    assert status_of(endpoint, right, START).outdated == 0
    assert endpoint.convert(right, START + 3 * HOUR_MS).written == 0


def test_a_mapping_that_fails_keeps_what_an_earlier_one_made(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START)])
    endpoint.convert(endpoint.mapping(), START)
    before = endpoint.said()
    report = endpoint.convert(endpoint.mapping(features=["age"]), START)
    assert (report.failed, report.removed) == (1, 0)
    assert endpoint.said() == before
    report = endpoint.convert(endpoint.mapping(version="4"), START)
    assert (report.written, report.removed) == (2, 2)


def test_failures_stop_nobody_and_say_why(endpoint: Endpoint) -> None:
    bodies: dict[str, tuple[Any, Any]] = {
        "good": (request(*ROWS), response(*SCORES)),
        "rows": (request(*ROWS), response(0.5)),
        "binary": ({"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64",
                                "parameters": {"binary_data_size": 24}}]}, response(0.5)),
        "json": (request(ROWS[0]), b"<html>"),
        "form": (request(ROWS[0]), {"strData": "x"}),
        "text": (request(ROWS[0]), {"predictions": ["high"]}),
    }  # fmt: skip
    for call, (asked, said) in bodies.items():
        endpoint.send([endpoint.half(call, "request", asked, START), endpoint.half(call, "response", said, START)])
    report = endpoint.convert(endpoint.mapping(), START)
    assert (report.converted, report.failed) == (1, 5)
    found = {group.reason_code: group for group in status_of(endpoint, endpoint.mapping(), START).failures}
    assert {code: group.call for code, group in found.items()} == {
        "row_counts": "rows", "binary_tensors": "binary", "not_json": "json", "unknown_payload": "form",
        "row_rejected": "text",
    }  # fmt: skip
    assert found["row_counts"].reason == "the request holds 2 rows and the response 1"
    assert sorted(endpoint.predictions()) == ["good:0", "good:1"]
    assert endpoint.convert(endpoint.mapping(), START).failed == 0
    assert endpoint.convert(endpoint.mapping(), START, retry=True).failed == 5


def test_what_elasticsearch_refuses_fails_its_call_only(endpoint: Endpoint) -> None:
    for call in ("good", "x" * 500 + "é" * 12):
        endpoint.send([endpoint.half(call, "request", request(ROWS[0]), START)])
        endpoint.send([endpoint.half(call, "response", response(0.5), START)])
    report = endpoint.convert(endpoint.mapping(), START)
    assert report.converted == 2
    assert len(endpoint.predictions()) == 2


def test_other_parts_are_kept_and_nothing_is_made_of_them(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "drift", {"data": {"is_drift": 1}}, START)])
    report = endpoint.convert(endpoint.mapping(), START)
    assert (set(report.counts.values()) - {report.unmapped}, endpoint.states()) == ({0}, ["unsupported"])
    assert status_of(endpoint, endpoint.mapping(), START).unsupported == 1


def test_a_run_as_of_an_earlier_time_fails_no_call(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START)])
    report = endpoint.convert(endpoint.mapping(), START - 30 * DAY_MS)
    assert (report.converted, report.failed) == (1, 0)


def test_a_dry_run_writes_nothing(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    endpoint.send([endpoint.half("c", "response", response(*SCORES), START)])
    report = endpoint.convert(endpoint.mapping(), START, dry_run=True)
    assert (report.converted, report.written) == (1, 2)
    assert endpoint.predictions() == {}
    assert endpoint.states() == ["new", "new"]


def test_endpoints_without_a_mapping_are_counted_and_left_alone(endpoint: Endpoint) -> None:
    endpoint.send([endpoint.half("c", "request", request(*ROWS), START)])
    report = endpoint.convert(endpoint.mapping(endpoint="another"), START)
    assert report.unmapped >= 1
    assert endpoint.states() == ["new"]
    assert status_of(endpoint, endpoint.mapping(endpoint="another"), START).model is None


def test_many_calls_and_long_batches(endpoint: Endpoint) -> None:
    calls = 1300
    captures = [
        half
        for call in range(calls)
        for half in (
            endpoint.half(f"c{call:05}", "request", request(ROWS[0]), START + call),
            endpoint.half(f"c{call:05}", "response", response(0.5), START + call),
        )
    ]
    endpoint.send(captures)
    assert endpoint.convert(endpoint.mapping(), START + HOUR_MS).converted == calls
    assert len(endpoint.predictions()) == calls
    assert endpoint.convert(endpoint.mapping(version="4"), START + HOUR_MS).removed == calls
    found = endpoint.predictions()
    assert len(found) == calls
    assert {hit["_index"] for hit in found.values()} == {
        f"mpm-predictions-v1-captures.{part(endpoint.word)}-production-{START_MONTH}"
    }


START_MONTH = iso(START)[:7].replace("-", ".")


def test_sagemaker_lines_become_predictions_and_ground_truth(endpoint: Endpoint) -> None:
    config = endpoint.mapping(
        platform="sagemaker", endpoint=f"{endpoint.word}/*", features=["age", "late", "income", "zone"]
    )
    half = {"observedContentType": "text/csv; charset=utf-8", "encoding": "CSV"}
    line = {
        "captureData": {
            "endpointInput": {**half, "data": "41,2,310.5,harbour\n"},
            "endpointOutput": {**half, "data": "0.8312\n"},
        },
        "eventMetadata": {"eventId": "e1", "inferenceId": "loan-417", "inferenceTime": iso(START)},
    }
    truth = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "loan-417"}}
    endpoint.send([endpoint.line(line, now_ms=START), endpoint.line(truth, now_ms=START + DAY_MS)])
    report = endpoint.convert(config, START + DAY_MS)
    assert (report.converted, report.written) == (2, 2)
    [prediction] = endpoint.said().values()
    assert prediction["mpm"]["prediction"]["id"] == "loan-417"
    assert prediction["mpm"]["features"]["categorical"] == {"zone": "harbour"}
    [stored] = endpoint.found(Index.GROUND_TRUTH, "mpm.model.name", endpoint.word)
    assert stored["_index"].startswith("mpm-ground-truth-v1-captures.")
    assert stored["_source"]["mpm"]["prediction"] == {"id": "loan-417"}
    assert stored["_source"]["mpm"]["ground_truth"] == {"value": 1, "source": "sagemaker"}
    assert endpoint.convert(config, START + DAY_MS).written == 0


def test_a_baseline_counts_what_was_made_of_captures(endpoint: Endpoint) -> None:
    for call in range(60):
        asked = request([20 + call, call % 3, 300.5 + call])
        endpoint.send([endpoint.half(f"c{call}", "request", asked, START + call)])
        endpoint.send([endpoint.half(f"c{call}", "response", response(call / 60), START + call)])
    endpoint.convert(endpoint.mapping(), START)
    version = ModelKey("production", endpoint.word).version("3")
    made = from_window(endpoint.client_for("admin"), version, START, START + HOUR_MS, now_ms=START + HOUR_MS)
    assert made.baseline.counts.count == 60
