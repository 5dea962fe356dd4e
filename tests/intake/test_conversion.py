"""The events of a call are those that a service would have logged; failed calls are failed inferences."""

from typing import Any

import pytest

from mpm_elk.contract.events import PredictionEvent
from mpm_elk.intake.conversion import failed_inferences, predictions
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise_event
from tests.intake.platforms.made import KSERVE, TIME, call, mapping

ROWS = [[41, 2, 310.5], [29, 0, 87.0]]


def test_an_event_is_what_a_service_would_have_logged() -> None:
    terms = mapping(environment="staging", segment={"band": 1})
    [event, _] = predictions(KSERVE, call({"instances": ROWS}, {"predictions": [0.8, 0.1]}), terms)
    assert event == {
        "@timestamp": "2026-03-04T11:05:09.000Z",
        "mpm": {
            "model": {"name": "credit-risk", "version": "3"},
            "prediction": {"id": "c:0", "score": 0.8},
            "request": {"id": "c"},
            "features": {"age": 41, "late": 2, "income": 310.5},
            "segment": {"band": 2},
        },
        "service": {"environment": "staging"},
        "event": {"outcome": "success"},
    }
    PredictionEvent.model_validate(event)
    stored = normalise_event(event, now_ms=TIME, limits=Limits())
    assert stored.document["mpm"]["features"] == {"numeric": {"age": 41, "late": 2, "income": 310.5}}


def test_a_call_without_an_answer_is_one_failed_inference_a_row() -> None:
    events = failed_inferences(KSERVE, call({"instances": ROWS}), mapping(failed_after="30m"))
    assert [event["mpm"]["prediction"] for event in events] == [{"id": "c:0"}, {"id": "c:1"}]
    for event in events:
        assert event["event"] == {"outcome": "failure"}
        assert event["error"] == {"type": "no_response", "message": "no response was captured within 30m"}
        PredictionEvent.model_validate(event)
        assert normalise_event(event, now_ms=TIME, limits=Limits())


def test_a_failed_inference_has_the_ids_that_its_prediction_would_have() -> None:
    terms = mapping(prediction_id=0)
    whole = predictions(KSERVE, call({"instances": ROWS}, {"predictions": [1, 2]}), terms)
    lone = failed_inferences(KSERVE, call({"instances": ROWS}), terms)
    assert [e["mpm"]["prediction"]["id"] for e in whole] == [e["mpm"]["prediction"]["id"] for e in lone] == [41, 29]


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"\xff", {"instances": [[1, 2]]}, {"instances": []}, {"x": 1}])
def test_a_request_that_cannot_be_read_is_one_failed_inference(body: Any) -> None:
    [event] = failed_inferences(KSERVE, call(body), mapping(version=None))
    assert event["mpm"] == {
        "model": {"name": "credit-risk", "version": "unknown"},
        "prediction": {"id": "c"},
        "request": {"id": "c"},
    }


def test_numbers_that_no_double_holds_do_no_harm() -> None:
    huge = b'{"instances": [[' + b"9" * 5000 + b", 1e999, NaN]]}"
    [event] = predictions(KSERVE, call(huge, {"predictions": [0.5]}), mapping())
    stored = normalise_event(event, now_ms=TIME, limits=Limits()).document
    assert stored["mpm"]["features_invalid"] == ["age", "late", "income"]
