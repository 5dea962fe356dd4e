import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mpm_elk.contract.events import GroundTruthEvent
from mpm_elk.contract.schemas import schema
from mpm_elk.intake.ground_truth import normalise_ground_truth
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.stored import Stored

NOW_MS = 1_795_000_000_000
TRUTH: dict[str, Any] = {
    "@timestamp": "2026-11-15T10:00:00.123Z",
    "mpm": {
        "model": {"name": "credit-risk"},
        "prediction": {"id": "p-1"},
        "ground_truth": {"value": "repaid", "source": "core-banking"},
    },
}


def stored(event: dict[str, Any], **limits: Any) -> Stored:
    return normalise_ground_truth(copy.deepcopy(event), now_ms=NOW_MS, limits=Limits(**limits))


def changed(**mpm: Any) -> dict[str, Any]:
    return {**TRUTH, "mpm": {**TRUTH["mpm"], **mpm}}


def refusal(event: dict[str, Any]) -> str:
    with pytest.raises(Rejected) as caught:
        stored(event)
    return caught.value.reason


def test_it_is_stored_with_its_model_and_month() -> None:
    made = stored(TRUTH)
    assert made.index == "mpm-ground-truth-v1-credit_risk-production-2026.11"
    document = made.document
    assert document["event"] == {
        "kind": "event",
        "module": "mpm",
        "dataset": "mpm.ground_truth",
        "ingested": "2026-11-18T11:06:40.000Z",
    }
    assert document["service"] == {"environment": "production"}
    assert document["mpm"] == TRUTH["mpm"]
    assert stored(TRUTH, pool="small").index == "mpm-ground-truth-v1-small-production-2026.11"


@pytest.mark.parametrize(
    ("value", "kept"), [(True, "true"), (1, 1), (1.5, 1.5), ("yes", "yes"), (10**30, 10**30), (0, 0)]
)
def test_a_value_is_a_text_or_a_number(value: Any, kept: Any) -> None:
    assert stored(changed(ground_truth={"value": value})).document["mpm"]["ground_truth"]["value"] == kept


def test_each_thing_said_has_its_own_id() -> None:
    events = [
        TRUTH,
        changed(ground_truth={"value": "defaulted", "source": "core-banking"}),
        changed(ground_truth={"value": "repaid"}),
        changed(prediction={"id": "p-2"}),
        changed(prediction=None, request={"id": "p-1"}),
        changed(request={"id": "p-1"}),
        changed(model={"name": "credit-risk", "version": "1"}),
        {**TRUTH, "@timestamp": "2026-11-15T10:00:00.124Z"},
        {**TRUTH, "service": {"environment": "test"}},
        *(changed(ground_truth={"value": value}) for value in ("1", 1, 1.0, 1.5, -1, 2**63, -(2**63))),
    ]
    ids = [stored(event).id for event in events]
    assert len(set(ids)) == len(ids)
    assert ids[:-1] == [stored(event).id for event in events[:-1]]


def test_what_is_missing_or_wrong_is_named() -> None:
    assert refusal(changed(model={})) == "`mpm.model.name` is missing"
    assert refusal(changed(ground_truth={"source": "x"})) == "`mpm.ground_truth.value` is missing"
    assert refusal(changed(prediction=None)) == "one of `mpm.prediction.id`, `mpm.request.id` is needed"
    assert refusal(changed(prediction={})) == "one of `mpm.prediction.id`, `mpm.request.id` is needed"
    assert "must be a text, an integer or a boolean" in refusal(changed(ground_truth={"value": [1]}))
    assert "must be an object" in refusal(changed(ground_truth="repaid"))
    assert "must be a finite number" in refusal(changed(ground_truth={"value": 10**400}))
    assert refusal({"mpm": TRUTH["mpm"]}) == "`@timestamp` is missing"
    assert "is no time" in refusal({**TRUTH, "@timestamp": "soon"})
    assert "half a surrogate pair" in refusal(changed(prediction={"id": "\ud800"}))


def test_the_schema_takes_what_the_intake_takes() -> None:
    validator = Draft202012Validator(schema(GroundTruthEvent))
    for event in (TRUTH, changed(prediction=None, request={"id": 7}), changed(ground_truth={"value": 0.25})):
        stored(event)
        validator.validate(json.loads(json.dumps(event)))
    for event in (changed(prediction=None), changed(ground_truth={}), changed(model={"name": ""})):
        with pytest.raises(Rejected):
            stored(event)
        assert not validator.is_valid(event)
