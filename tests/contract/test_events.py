"""What an event may be: the models and the committed JSON Schemas say the same."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mpm_elk.contract.events import GroundTruthEvent, PredictionEvent
from mpm_elk.contract.generate import FOLDER

GOOD: dict[str, Any] = {
    "@timestamp": "2026-11-23T10:00:00.123Z",
    "mpm": {
        "model": {"name": "credit-risk", "version": "3"},
        "prediction": {
            "id": "0191",
            "score": 0.83,
            "label": "deny",
            "probabilities": {"deny": 0.83, "grant": 0.17},
            "value": None,
            "threshold": 0.5,
            "weight": 1.0,
            "propensity": 0.5,
        },
        "request": {"id": "r-17"},
        "batch": {"id": "nightly-2026-11-23"},
        "query": {"id": "q-9", "rank": 1},
        "features": {"income": 51000, "purpose": "car", "address": {"zip": "10115"}, "list": [1, 2]},
        "segment": {"region": "EU", "age_band": "30-39"},
        "experiment": {"id": "exp-7", "arm": "B"},
        "attributions": {"base_value": 0.1, "values": {"income": 0.21, "address": {"zip": None}}},
    },
    "event": {"duration": 12500000, "outcome": "success"},
    "user": {"hash": "…"},
    "service": {"name": "credit-api", "version": "1.4.2", "environment": "production"},
    "trace": {"id": "…"},
    "message": "scored",
}
TRUTH: dict[str, Any] = {
    "@timestamp": "2026-12-01T00:00:00Z",
    "mpm": {
        "model": {"name": "credit-risk"},
        "prediction": {"id": "0191"},
        "ground_truth": {"value": "repaid", "source": "core-banking"},
    },
}
GONE = object()
P = "mpm.prediction"

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"mpm.model.version": 3},
    {f"{P}.id": 17},
    {f"{P}.label": True},
    {f"{P}.label": 0, f"{P}.score": 1},
    {"@timestamp": "2026-11-23"},
    {"@timestamp": "2026-11-23 10:00"},
    {"@timestamp": "2026-11-23T10:00:00,123456789+0530"},
    {"@timestamp": 1795428000},
    {"@timestamp": 1795428000123},
    {"@timestamp": 1795428000.5},
    {f"{P}.score": GONE, f"{P}.probabilities": GONE, f"{P}.label": GONE, f"{P}.value": 12.5},
    {f"{P}": {"id": "1"}, "event.outcome": "failure", "error": {"type": "Timeout"}},
    {"mpm.features": None, "mpm.segment": None, "service": GONE, "event": GONE},
    {"mpm.segment.age": 3, "mpm.segment.x": 0.5, "mpm.segment.y": True, "mpm.segment.z": None},
    {"mpm.request": {}, "mpm.query.rank": 0},
    {"mpm.later_field": [1]},
]
REFUSED: list[dict[str, Any]] = [
    {"@timestamp": GONE},
    {"@timestamp": "23.11.2026"},
    {"@timestamp": "2026-11-23T24:00:00Z"},
    {"@timestamp": True},
    {"@timestamp": -1},
    {"mpm": GONE},
    {"mpm": "x"},
    {"mpm.model": GONE},
    {"mpm.model.name": ""},
    {"mpm.model.name": "x" * 129},
    {"mpm.model.version": 1.5},
    {"mpm.model.version": None},
    {f"{P}.id": "x" * 513},
    {f"{P}.id": True},
    {f"{P}.score": "0.83"},
    {f"{P}.score": True},
    {f"{P}.label": 0.5},
    {f"{P}.label": "x" * 1025},
    {f"{P}.probabilities": {"deny": "0.8"}},
    {f"{P}.probabilities": {" ": 0.8}},
    {f"{P}.probabilities": [0.8]},
    {f"{P}": {"id": "1"}},
    {f"{P}": {"id": "1", "score": None, "probabilities": {}}},
    {f"{P}": {"id": "1"}, "event": None},
    {"mpm.features": [1]},
    {"mpm.segment.region": {"a": 1}},
    {"mpm.segment": {"x" * 257: "EU"}},
    {"mpm.query.rank": -1},
    {"mpm.attributions.values": {"income": "0.2"}},
    {"event.outcome": "ok"},
    {"event.duration": 1.5},
    {"service.environment": "x" * 65},
]


def changed(event: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Copy an event with other values at some paths."""
    made = copy.deepcopy(event)
    for path, value in change.items():
        *parents, last = path.split(".")
        holder = made
        for name in parents:
            holder = holder[name]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return made


def schema_accepts(name: str, event: dict[str, Any]) -> bool:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((FOLDER / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    valid: bool = jsonschema.Draft202012Validator(schema).is_valid(event)
    return valid


def model_accepts(model: type[BaseModel], event: dict[str, Any]) -> bool:
    try:
        model.model_validate(event)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("change", ACCEPTED, ids=str)
def test_accepted(change: dict[str, Any]) -> None:
    PredictionEvent.model_validate(changed(GOOD, change))


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: str(change)[:60])
def test_refused(change: dict[str, Any]) -> None:
    assert not model_accepts(PredictionEvent, changed(GOOD, change))


@pytest.mark.parametrize("change", [*ACCEPTED, *REFUSED], ids=lambda change: str(change)[:60])
def test_the_schema_says_what_the_model_says(change: dict[str, Any]) -> None:
    event = changed(GOOD, change)
    assert schema_accepts("prediction", event) == model_accepts(PredictionEvent, event)


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"mpm.ground_truth.value": 12.5}, True),
        ({"mpm.ground_truth.value": False}, True),
        ({"mpm.prediction": GONE, "mpm.request": {"id": "r"}}, True),
        ({"mpm.model.version": 3}, True),
        ({"mpm.prediction": GONE}, False),
        ({"mpm.prediction": None, "mpm.request": {}}, False),
        ({"mpm.ground_truth": {}}, False),
        ({"mpm.ground_truth.value": None}, False),
        ({"mpm.ground_truth.value": ["a"]}, False),
        ({"@timestamp": GONE}, False),
    ],
    ids=str,
)
def test_ground_truth(change: dict[str, Any], *, accepted: bool) -> None:
    event = changed(TRUTH, change)
    assert model_accepts(GroundTruthEvent, event) is accepted
    assert schema_accepts("ground_truth", event) is accepted


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400])
def test_no_finite_number(number: float) -> None:
    assert not model_accepts(PredictionEvent, changed(GOOD, {f"{P}.score": number}))


@pytest.mark.parametrize(
    ("features", "accepted"),
    [
        ({f"f{i}": i for i in range(2000)}, True),
        ({f"f{i}": i for i in range(2001)}, False),
        ({"x" * 256: 1}, True),
        ({"x" * 200: {"y" * 56: 1}}, False),
        ({"a.b": 1, "a": {"b": 2}}, False),
        ({" ": 1}, False),
    ],
    ids=["2000", "2001", "long name", "too long when joined", "twice", "blank"],
)
def test_features(features: dict[str, Any], *, accepted: bool) -> None:
    assert model_accepts(PredictionEvent, changed(GOOD, {"mpm.features": features})) is accepted


@pytest.mark.parametrize(("levels", "accepted"), [(16, True), (17, False)])
def test_nesting(levels: int, *, accepted: bool) -> None:
    features: Any = 1
    for _ in range(levels):
        features = {"a": features}
    assert model_accepts(PredictionEvent, changed(GOOD, {"mpm.features": features})) is accepted


def test_what_is_mended() -> None:
    change = {
        "mpm.model.version": 3,
        f"{P}.label": True,
        "mpm.segment.age": 3,
        "@timestamp": "2026-11-23T10:00:00+02:00",
    }
    event = PredictionEvent.model_validate(changed(GOOD, change))
    assert event.mpm.model.version == "3"
    assert event.mpm.prediction.label == "true"
    assert event.mpm.segment is not None
    assert event.mpm.segment["age"] == "3"
    assert event.timestamp == datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize("at", ["2026-11-23T10:00:00", 1_795_428_000, 1_795_428_000_000])
def test_seconds_milliseconds_and_text_without_a_zone_are_one_time(at: object) -> None:
    event = PredictionEvent.model_validate(changed(GOOD, {"@timestamp": at}))
    assert event.timestamp == datetime(2026, 11, 23, 10, tzinfo=UTC)
