"""SageMaker's captured lines: CSV, JSON in a text, base64, halves, ids, ground truth."""

import json
from base64 import b64encode
from typing import Any

import pytest

from mpm_elk.config import CaptureMapping
from mpm_elk.intake.conversion import Call, ground_truth, predictions
from mpm_elk.intake.platforms.exchange import Payload, Unconvertible
from tests.intake.platforms.made import SAGEMAKER, TIME, mapping

CSV = "41,2,310.5\n29,0,87.0\n"
EXPECTED = [{"age": 41, "late": 2, "income": 310.5}, {"age": 29, "late": 0, "income": 87.0}]


def half(data: Any, encoding: str = "CSV", kind: str | None = "text/csv") -> dict[str, Any]:
    return {"observedContentType": kind, "mode": "X", "data": data, "encoding": encoding}


def line(asked: Any = None, said: Any = None, truth: Any = None, **about: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"eventMetadata": {"eventId": "e1", "inferenceTime": "2026-03-04T11:05:09Z", **about}}
    data = {"endpointInput": asked, "endpointOutput": said}
    if asked or said:
        made["captureData"] = {key: value for key, value in data.items() if value}
    if truth:
        made["groundTruthData"] = truth
    return made


def call_of(*lines: dict[str, Any]) -> Call:
    """Make a call of one whole line, or of a request's and a response's."""
    parts = ["call"] if len(lines) == 1 else ["request", "response"]
    payloads = {part: Payload(json.dumps(one).encode()) for part, one in zip(parts, lines, strict=True)}
    return Call("e1", TIME, payloads)  # type: ignore[arg-type]


def made(*lines: dict[str, Any], terms: CaptureMapping | None = None) -> list[dict[str, Any]]:
    return [event["mpm"] for event in predictions(SAGEMAKER, call_of(*lines), terms or mapping())]


def b64(text: str, charset: str = "utf-8") -> str:
    return b64encode(text.encode(charset)).decode()


FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "CSV with a trailing newline": (half(CSV), half("0.8312\n0.1177\n")),
    "CSV without": (half(CSV.strip()), half("0.8312\n0.1177")),
    "CSV with carriage returns": (half(CSV.replace("\n", "\r\n")), half("0.8312\r\n0.1177")),
    "several scores in one line": (half(CSV), half("0.8312,0.1177")),
    "a charset": (half(CSV, kind="text/csv; charset=utf-8"), half("0.8312\n0.1177", kind="text/csv; charset=utf-8")),
    "JSON in a text": (
        half('{"instances": [[41,2,310.5],[29,0,87.0]]}', "JSON", "application/json"),
        half('{"predictions": [{"score": 0.8312, "predicted_label": 1}, {"score": 0.1177, "predicted_label": 0}]}',
             "JSON", "application/json; charset=utf-8"),
    ),
    "features in objects": (
        half('{"instances": [{"features": [41,2,310.5]},{"features": [29,0,87.0]}]}', "JSON", "application/json"),
        half("[0.8312, 0.1177]", "JSON", "application/json"),
    ),
    "JSON lines": (
        half('[41,2,310.5]\n{"features": [29,0,87.0]}\n', "JSON", "application/jsonlines"),
        half('{"score": 0.8312}\n{"score": 0.1177}', "JSON", "application/jsonlines"),
    ),
    "base64 of CSV": (half(b64(CSV), "BASE64"), half(b64("0.8312\n0.1177"), "BASE64", "text/csv; charset=utf-8")),
    "base64 of JSON": (
        half(b64('{"instances": [[41,2,310.5],[29,0,87.0]]}'), "BASE64", "application/json"),
        half(b64("[0.8312, 0.1177]"), "BASE64", "application/json"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_predictions(name: str) -> None:
    objects = "score" in str(FORMS[name][1]["data"])
    found = made(line(*FORMS[name]), terms=mapping(output={"score": "score" if objects else 0}))
    assert [one["features"] for one in found] == EXPECTED
    assert [one["prediction"] for one in found] == [{"id": "e1:0", "score": 0.8312}, {"id": "e1:1", "score": 0.1177}]


def test_another_charset() -> None:
    terms = mapping(features=["zone"])
    asked = half(b64("Düne", "latin-1"), "BASE64", "text/csv; charset=ISO-8859-1")
    assert made(line(asked, half("0.5")), terms=terms)[0]["features"] == {"zone": "Düne"}


def test_the_caller_s_id_is_preferred() -> None:
    one = made(line(half("1,2,3"), half("0.5"), inferenceId="loan-417"))
    assert one[0]["prediction"]["id"] == "loan-417"
    assert one[0]["request"]["id"] == "e1"
    two = made(line(half(CSV), half("0.5\n0.5"), inferenceId="loan-417"))
    assert [each["prediction"]["id"] for each in two] == ["loan-417:0", "loan-417:1"]
    assert made(line(half("1,2,3"), half("0.5")))[0]["prediction"]["id"] == "e1"


def test_halves_in_lines_of_their_own_meet() -> None:
    found = made(line(asked=half(CSV), inferenceId="l"), line(said=half("0.8312\n0.1177")))
    assert [one["prediction"]["id"] for one in found] == ["l:0", "l:1"]


def test_cells_are_numbers_texts_or_missing() -> None:
    names = ["number", "text", "missing", "quoted", "code", "nan", "spaced"]
    terms = mapping(features=names, texts=["code"], segment={"group": 4})
    [found] = made(line(half('-1.5e3,a b,,"x,y",007,NaN, 5 \n'), half("0.5")), terms=terms)
    features = found["features"]
    assert str(features.pop("nan")) == "nan"
    assert features == {"number": -1500.0, "text": "a b", "missing": None, "quoted": "x,y", "code": "007", "spaced": 5}
    assert found["segment"] == {"group": "007"}


def test_a_label_and_its_probability() -> None:
    terms = mapping(output={"label": 0, "score": 1})
    [found] = made(line(half("1,2,3"), half("deny,0.83")), terms=terms)
    assert found["prediction"] == {"id": "e1", "label": "deny", "score": 0.83}


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [
        (half(CSV), half("0.5"), "row_counts"),
        (half("1,2\n3"), half("0.5\n0.5"), "unlike_rows"),
        (half("a\x00b", "BASE64"), half("0.5"), "unknown_payload"),
        (half(b64("ü", "latin-1"), "BASE64"), half("0.5"), "not_text"),
        (half(b64("x"), "BASE64", "text/csv; charset=none-such"), half("0.5"), "not_text"),
        (half({"a": 1}), half("0.5"), "unknown_payload"),
        ("x", half("0.5"), "unknown_payload"),
        (half("x", "JSON", "application/json"), half("0.5"), "not_json"),
        (half(b64("x"), "BASE64", "image/png"), half("0.5"), "unknown_payload"),
        (half('"a'), half("0.5"), "unknown_payload"),
        (half("\n"), half("\n"), "no_rows"),
        (half("1,2,3"), half("\n"), "row_counts"),
    ],
)
def test_what_cannot_be_read_says_why(asked: Any, said: Any, code: str) -> None:
    with pytest.raises(Unconvertible) as caught:
        made(line(asked, said))
    assert caught.value.code == code


def truths(one: dict[str, Any], identity: str = "loan-417", **change: Any) -> list[dict[str, Any]]:
    payload = Payload(json.dumps(one).encode())
    return ground_truth(SAGEMAKER, Call(identity, TIME, {"ground_truth": payload}), mapping(**change))


def test_ground_truth_names_the_prediction_by_the_id_of_its_line() -> None:
    [event] = truths(line(truth={"data": "1\n", "encoding": "CSV"}))
    assert event == {
        "@timestamp": "2026-03-04T11:05:09.000Z",
        "mpm": {
            "model": {"name": "credit-risk", "version": "3"},
            "prediction": {"id": "loan-417"},
            "ground_truth": {"value": 1, "source": "sagemaker"},
        },
        "service": {"environment": "production"},
    }


def test_classes_are_texts_and_rows_are_numbered() -> None:
    events = truths(line(truth={"data": "1\n0", "encoding": "CSV"}), output={"label": 0})
    assert [event["mpm"]["ground_truth"]["value"] for event in events] == ["1", "0"]
    assert [event["mpm"]["prediction"]["id"] for event in events] == ["loan-417:0", "loan-417:1"]


def test_a_merged_line_gives_the_truth_under_the_prediction_s_id() -> None:
    merged = line(half("1,2,3"), half("0.5"), {"data": "1", "encoding": "CSV"}, inferenceId="loan-1")
    [event] = ground_truth(SAGEMAKER, call_of(merged), mapping())
    assert event["mpm"]["prediction"]["id"] == made(merged)[0]["prediction"]["id"] == "loan-1"
    assert ground_truth(SAGEMAKER, call_of(line(half("1,2,3"), half("0.5"))), mapping()) == []


def test_no_label_is_no_ground_truth() -> None:
    with pytest.raises(Unconvertible, match="the ground truth holds no rows"):
        truths(line(truth={"data": "", "encoding": "CSV"}))
