"""Captures as they are stored: which form is which platform's, and what each document holds."""

import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest

from mpm_elk.contract.ids import digest
from mpm_elk.intake.capture import capture_of_event, capture_of_request, is_capture, structured
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.parse import parse
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.stored import ECS_VERSION, Stored
from mpm_elk.timespan import parse_instant, to_ms

NOW = to_ms(parse_instant("2026-03-04T12:00:00Z"))
KSERVE = {
    "ce-specversion": "1.0",
    "Ce-Id": "7b1f0b9a",
    "CE-Type": "org.kubeflow.serving.inference.request",
    "ce-source": "http://localhost:9081/",
    "ce-time": "2026-03-04T11:05:09.214883021Z",
    "ce-inferenceservicename": "credit-risk",
    "ce-namespace": "lending",
    "ce-component": "predictor",
    "ce-endpoint": "default",
    "ce-metadata": '{"X-Tenant":["north"]}',
    "Content-Type": "application/json",
}
SAGEMAKER = {
    "captureData": {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "41,2\n", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "0.8", "encoding": "CSV"},
    },
    "eventMetadata": {"eventId": "5f0c", "inferenceId": "loan-417", "inferenceTime": "2026-03-04T11:05:09Z"},
    "eventVersion": "0",
}
TRUTH = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "loan-417"}}
RECORD = {
    "Url": {"Scheme": "s3", "Host": "bucket", "Path": "/logs"},
    "Bytes": b64encode(b'{"instances":[[1]]}').decode(),
    "ContentType": "application/json",
    "ReqType": "org.kubeflow.serving.inference.response",
    "Id": "42",
    "SourceUri": {"Scheme": "http", "Host": "localhost:9081", "Path": "/"},
    "InferenceService": "credit-risk",
    "Namespace": "lending",
    "Component": "predictor",
    "Endpoint": "",
    "Metadata": None,
}


def of_request(headers: dict[str, str], body: bytes = b"{}", **limits: Any) -> Stored:
    return capture_of_request(headers, body, source="/", now_ms=NOW, limits=Limits(**limits))


def of_event(event: dict[str, Any] | bytes, source: str | None = None) -> Stored:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    parsed = parse(raw, depth=20)
    assert is_capture(parsed)
    return capture_of_event(parsed, raw, source=source, now_ms=NOW, limits=Limits())


def about(stored: Stored) -> dict[str, Any]:
    found: dict[str, Any] = stored.document["mpm"]["capture"]
    return found


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.code, caught.value.reason


def test_a_binary_cloud_event_of_kserve() -> None:
    body = '{"instances":[[41,"é"]]}'.encode()
    stored = of_request(KSERVE, body)
    assert stored.index == "mpm-captures-v1-kserve-2026.03"
    expected = hashlib.sha256(body).hexdigest()
    assert stored.id == digest(
        "capture", "kserve", "lending/credit-risk/predictor/default", "7b1f0b9a", "request", expected
    )
    assert stored.document == {
        "@timestamp": "2026-03-04T11:05:09.214Z",
        "event": {"kind": "event", "module": "mpm", "dataset": "mpm.capture", "ingested": "2026-03-04T12:00:00.000Z"},
        "ecs": {"version": ECS_VERSION},
        "mpm": {
            "capture": {
                "platform": "kserve",
                "part": "request",
                "call": {"id": "7b1f0b9a"},
                "endpoint": "lending/credit-risk/predictor/default",
                "content_type": "application/json",
                "attributes": {
                    "specversion": "1.0",
                    "id": "7b1f0b9a",
                    "type": "org.kubeflow.serving.inference.request",
                    "source": "http://localhost:9081/",
                    "time": "2026-03-04T11:05:09.214883021Z",
                    "inferenceservicename": "credit-risk",
                    "namespace": "lending",
                    "component": "predictor",
                    "endpoint": "default",
                    "metadata": '{"X-Tenant":["north"]}',
                },
                "source": "/",
                "payload": '{"instances":[[41,"é"]]}',
                "bytes": len(body),
            }
        },
    }


def test_the_structured_form_is_the_same_capture() -> None:
    body = b"\xff\x00binary"
    binary, event = of_request(KSERVE, body), of_event(structured(KSERVE, body), source="/")
    assert (binary.index, binary.id, binary.document) == (event.index, event.id, event.document)
    assert about(event)["payload_base64"] == b64encode(body).decode()
    assert "payload" not in about(event)


def test_data_of_a_structured_event_is_kept_byte_for_byte() -> None:
    raw = (
        b'{"specversion":"1.0","id":"1","type":"org.kubeflow.serving.inference.response","time":"2026-03-04",'
        b'"inferenceservicename":"m","data": {"outputs" : [1.50, 1e2]} }'
    )
    assert about(of_event(raw))["payload"] == '{"outputs" : [1.50, 1e2]}'
    assert about(of_event(raw))["endpoint"] == "m"
    assert "content_type" not in about(of_event(raw))


@pytest.mark.parametrize(
    ("kind", "more", "platform", "part"),
    [
        ("io.seldon.serving.inference.request", {}, "seldon", "request"),
        ("io.seldon.serving.feedback", {}, "seldon", "feedback"),
        ("io.seldon.serving.inference.outlier", {}, "seldon", "outlier"),
        ("io.seldon.serving.inference.drift", {}, "seldon", "drift"),
        ("org.kubeflow.serving.inference.response", {"ce-requestid": "r"}, "seldon", "response"),
        ("org.kubeflow.serving.inference.response", {}, "kserve", "response"),
    ],
)
def test_platform_and_part_follow_from_the_type(kind: str, more: dict[str, str], platform: str, part: str) -> None:
    found = about(of_request(KSERVE | {"CE-Type": kind} | more))
    assert (found["platform"], found["part"]) == (platform, part)


def test_seldon_meets_by_the_request_id_and_names_the_graph_node() -> None:
    headers = KSERVE | {"CE-Type": "io.seldon.serving.inference.request", "Ce-Requestid": "rq", "Ce-Modelid": "node"}
    found = about(of_request(headers))
    assert found["call"] == {"id": "rq"}
    assert found["endpoint"] == "lending/credit-risk/node/default"


@pytest.mark.parametrize(
    "kind", ["com.example.other", "org.kubeflow.serving.inference", "io.seldon.serving.request", ""]
)
def test_unknown_types_are_refused(kind: str) -> None:
    code, reason = refused(lambda: of_request(KSERVE | {"CE-Type": kind}))
    assert code == "unknown_event_type"
    assert f"'{kind}'" in reason


def test_a_cloud_event_of_another_platform_is_a_capture_that_is_refused() -> None:
    event = {"specversion": "1.0", "type": "azureml.inference.model_inputs", "id": "1", "data": []}
    assert refused(lambda: of_event(event))[0] == "unknown_event_type"


def test_without_an_id_halves_could_never_meet() -> None:
    assert refused(lambda: of_request(KSERVE | {"Ce-Id": ""})) == ("missing_field", "`ce-id` is missing")


def test_time_has_the_limits_of_every_event_and_may_be_missing() -> None:
    assert refused(lambda: of_request(KSERVE | {"ce-time": "soon"}))[0] == "bad_timestamp"
    assert refused(lambda: of_request(KSERVE | {"ce-time": "2020-01-01"}))[0] == "timestamp_too_old"
    without = {name: text for name, text in KSERVE.items() if name != "ce-time"}
    assert of_request(without).document["@timestamp"] == "2026-03-04T12:00:00.000Z"
    assert of_request(KSERVE | {"ce-time": ""}).document["@timestamp"] == "2026-03-04T12:00:00.000Z"


def test_a_payload_above_the_limit_is_refused() -> None:
    assert of_request(KSERVE, b"12345", max_line_bytes=5)
    assert refused(lambda: of_request(KSERVE, b"123456", max_line_bytes=5))[0] == "line_too_long"


def test_the_id_does_not_depend_on_the_time_and_does_on_the_payload() -> None:
    first, later = of_request(KSERVE), of_request(KSERVE | {"ce-time": "2026-02-04T11:05:09Z"})
    assert (first.id, first.index) == (later.id, later.index.replace("2026.02", "2026.03"))
    assert of_request(KSERVE, b"other").id != first.id


def test_a_sagemaker_line() -> None:
    raw = json.dumps(SAGEMAKER, indent=1).encode()
    path = "s3://bucket/p/credit-risk/AllTraffic/2026/03/04/11/05-09-000.jsonl"
    stored = of_event(raw, source=path)
    assert stored.index == "mpm-captures-v1-sagemaker-2026.03"
    assert stored.document["@timestamp"] == "2026-03-04T11:05:09.000Z"
    assert about(stored) == {
        "platform": "sagemaker",
        "part": "call",
        "call": {"id": "5f0c"},
        "endpoint": "credit-risk/AllTraffic",
        "content_type": "application/json",
        "attributes": {},
        "source": path,
        "payload": raw.decode(),
        "bytes": len(raw),
    }


@pytest.mark.parametrize(("halves", "part"), [(("endpointInput",), "request"), (("endpointOutput",), "response")])
def test_half_a_sagemaker_line(halves: tuple[str, ...], part: str) -> None:
    event = SAGEMAKER | {"captureData": {half: SAGEMAKER["captureData"][half] for half in halves}}  # type: ignore[index]
    found = about(of_event(event))
    assert (found["part"], found["endpoint"]) == (part, "unknown")


def test_sagemaker_ground_truth_by_either_id_at_the_time_of_arrival() -> None:
    stored = of_event(TRUTH)
    assert about(stored)["part"] == "ground_truth"
    assert about(stored)["call"] == {"id": "loan-417"}
    assert stored.document["@timestamp"] == "2026-03-04T12:00:00.000Z"
    assert about(of_event(TRUTH | {"eventMetadata": {"inferenceId": "x"}}))["call"] == {"id": "x"}
    merged = SAGEMAKER | {"groundTruthData": TRUTH["groundTruthData"]}
    assert about(of_event(merged))["part"] == "call"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"captureData": {}}, "missing_field", "captureData.endpointInput"),
        ({"captureData": "x"}, "wrong_type", "captureData"),
        ({"eventMetadata": []}, "wrong_type", "eventMetadata"),
        ({"eventMetadata": {"inferenceTime": "2026-03-04"}}, "missing_field", "eventMetadata.eventId"),
        ({"eventMetadata": {"eventId": {}, "inferenceTime": 1}}, "wrong_type", "eventMetadata.eventId"),
        ({"eventMetadata": {"eventId": "1"}}, "missing_field", "eventMetadata.inferenceTime"),
    ],
)
def test_broken_sagemaker_lines(change: dict[str, Any], code: str, field: str) -> None:
    found, reason = refused(lambda: of_event(SAGEMAKER | change))
    assert (found, f"`{field}`" in reason) == (code, True)


def test_a_kserve_record_of_blob_storage() -> None:
    stored = of_event(RECORD, source="s3://logs/42-response.json")
    assert stored.document["@timestamp"] == "2026-03-04T12:00:00.000Z"
    assert about(stored) == {
        "platform": "kserve",
        "part": "response",
        "call": {"id": "42"},
        "endpoint": "lending/credit-risk/predictor",
        "content_type": "application/json",
        "attributes": {
            "id": "42",
            "type": "org.kubeflow.serving.inference.response",
            "source": "http://localhost:9081/",
        },
        "source": "s3://logs/42-response.json",
        "payload": '{"instances":[[1]]}',
        "bytes": 19,
    }
    assert about(of_event(RECORD | {"ReqType": "request"}))["part"] == "request"
    assert about(of_event(RECORD | {"SourceUri": "http://a/"}))["attributes"]["source"] == "http://a/"
    assert "source" not in about(of_event(RECORD | {"SourceUri": {"Path": "/"}}))["attributes"]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"ReqType": "other"}, "unknown_event_type"), ({"ReqType": 1}, "unknown_event_type"),
     ({"Id": None}, "missing_field"), ({"Bytes": "*"}, "wrong_type")],
)  # fmt: skip
def test_broken_records(change: dict[str, Any], code: str) -> None:
    assert refused(lambda: of_event(RECORD | change))[0] == code


@pytest.mark.parametrize(
    "event",
    [{}, {"specversion": "1.0"}, {"type": "x"}, {"captureData": {}}, {"eventMetadata": {}}, {"Bytes": ""},
     {"message": "hello", "log.level": "info"}, {"specversion": None, "type": "x"}],
)  # fmt: skip
def test_other_objects_are_no_captures(event: dict[str, Any]) -> None:
    assert not is_capture(event)


def test_half_a_surrogate_pair_is_named() -> None:
    raw = json.dumps(SAGEMAKER | {"eventMetadata": {"eventId": "\ud800", "inferenceTime": "2026-03-04"}}).encode()
    code, reason = refused(lambda: of_event(raw))
    assert (code, "`mpm.capture.call.id`" in reason) == ("lone_surrogate", True)
