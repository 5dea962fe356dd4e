import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mpm_elk.contract import limits as contract
from mpm_elk.contract.events import PredictionEvent
from mpm_elk.contract.ids import bucket, prediction_id
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.intake.reasons import REASONS, Rejected
from mpm_elk.intake.stored import Stored

NOW_MS = 1_795_000_000_000  # 2026-11-18T11:06:40Z
AT = "2026-11-18T10:00:00.123Z"
LIMITS = Limits()


def event(**changes: Any) -> dict[str, Any]:
    """Make a small event; `changes` replace parts of `mpm`, and a part that is None is taken out."""
    mpm: dict[str, Any] = {
        "model": {"name": "credit-risk", "version": "3"},
        "prediction": {"id": "p1", "score": 0.83},
        "features": {"income": 51000, "purpose": "car"},
    }
    mpm |= changes
    return {"@timestamp": AT, "mpm": {key: value for key, value in mpm.items() if value is not None}}


def line(document: Any) -> bytes:
    """Write a document as one line."""
    return json.dumps(document).encode()


def stored(document: Any, limits: Limits = LIMITS) -> Stored:
    """Normalise an event."""
    return normalise(line(document), now_ms=NOW_MS, limits=limits)


def rejected(raw: bytes | dict[str, Any], limits: Limits = LIMITS) -> Rejected:
    with pytest.raises(Rejected) as caught:
        normalise(raw if isinstance(raw, bytes) else line(raw), now_ms=NOW_MS, limits=limits)
    assert caught.value.code in REASONS
    return caught.value


def test_stored_form() -> None:
    got = stored(
        event(features={"income": 51000, "purpose": "car", "owner": True, "age": None, "home": {"rooms": 2.5}})
    )
    assert got.index == "mpm-predictions-v1-credit_risk-production-2026.11"
    assert got.id == prediction_id("production", "credit-risk", "3", "p1", 1_794_996_000_123)
    assert got.document == {
        "@timestamp": AT,
        "mpm": {
            "model": {"name": "credit-risk", "version": "3"},
            "prediction": {"id": "p1", "score": 0.83, "bucket": bucket("p1")},
            "features": {
                "numeric": {"income": 51000, "home.rooms": 2.5},
                "categorical": {"purpose": "car", "owner": "true"},
            },
        },
        "event": {
            "kind": "event",
            "module": "mpm",
            "dataset": "mpm.prediction",
            "ingested": "2026-11-18T11:06:40.000Z",
        },
        "service": {"environment": "production"},
        "ecs": {"version": "9.4.0"},
    }


def test_a_pool_replaces_the_model_in_the_index_name_only() -> None:
    got = stored(event(), Limits(pool="small"))
    assert got.index == "mpm-predictions-v1-small-production-2026.11"
    assert got.id == stored(event()).id


def test_an_ordinary_log_line_keeps_its_other_fields() -> None:
    got = stored(
        {**event(), "message": "scored", "log.level": "info", "log": {"logger": "x"}, "labels": {"team": "a"}}
    ).document
    assert got["message"] == "scored"
    assert got["log.level"] == "info"
    assert got["log"] == {"logger": "x"}
    assert got["labels"] == {"team": "a"}


def test_unknown_fields_below_mpm_stay() -> None:
    assert stored(event(future={"x": [1]})).document["mpm"]["future"] == {"x": [1]}


def test_dotted_keys_of_ecs_loggers_are_nested() -> None:
    got = stored(
        {
            "@timestamp": AT,
            "service.environment": "staging",
            "event.outcome": "success",
            "ecs.version": "1.2.0",
            "mpm.model.name": "m",
            "mpm": {"model.version": 7, "prediction.id": 12, "prediction": {"score": 1}, "features.home.rooms": 2},
        }
    ).document
    assert got["service"] == {"environment": "staging"}
    assert got["event"]["outcome"] == "success"
    assert got["ecs"] == {"version": "9.4.0"}
    assert got["mpm"]["model"] == {"name": "m", "version": "7"}
    assert got["mpm"]["prediction"]["id"] == "12"
    assert got["mpm"]["features"] == {"numeric": {"home.rooms": 2}}


def test_a_failed_inference_needs_no_output() -> None:
    failed = {**event(prediction={"id": "p"}), "event": {"outcome": "failure"}, "error": {"message": "no model"}}
    assert stored(failed).document["error"] == {"message": "no model"}
    assert rejected(event(prediction={"id": "p"})).code == "missing_output"
    assert rejected(event(prediction={"id": "p", "score": None, "probabilities": {}})).code == "missing_output"


@pytest.mark.parametrize(
    ("value", "numeric", "categorical", "unsupported", "invalid"),
    [
        (1, 1, None, None, False),
        (2**60 + 1, 2**60 + 1, None, None, False),
        (-0.0, -0.0, None, None, False),
        (math.nan, None, None, None, True),
        (math.inf, None, None, None, True),
        (-math.inf, None, None, None, True),
        (10**400, None, None, None, True),
        ("x", None, "x", None, False),
        ("", None, "", None, False),
        ("a\0b", None, "a\0b", None, False),
        (True, None, "true", None, False),
        (False, None, "false", None, False),
        (None, None, None, None, False),
        ({}, None, None, None, False),
        ([1, "a"], None, None, [1, "a"], True),
        ([1, math.nan], None, None, [1, "NaN"], True),
        ("x" * 1024, None, "x" * 1024, None, False),
        ("x" * 1025, None, None, "x" * 1025, True),
        # Elasticsearch counts UTF-16 units.
        ("😀" * 512, None, "😀" * 512, None, False),
        ("😀" * 513, None, None, "😀" * 513, True),
    ],
    ids=str,
)
def test_features_are_split_by_type(
    value: Any, numeric: Any, categorical: Any, unsupported: Any, invalid: bool
) -> None:
    mpm = stored(event(features={"f": value})).document["mpm"]
    parts = {"numeric": numeric, "categorical": categorical, "unsupported": unsupported}
    assert mpm["features"] == {name: {"f": part} for name, part in parts.items() if part is not None}
    assert mpm.get("features_invalid") == (["f"] if invalid else None)


def test_numbers_that_json_writes_and_no_double_holds() -> None:
    raw = line(event()).replace(b"51000", b"1e400")
    assert normalise(raw, now_ms=NOW_MS, limits=LIMITS).document["mpm"]["features_invalid"] == ["income"]
    raw = line(event()).replace(b"51000", b"9" * 5000)
    assert normalise(raw, now_ms=NOW_MS, limits=LIMITS).document["mpm"]["features_invalid"] == ["income"]


def test_a_duplicate_key_counts_with_its_last_value() -> None:
    raw = line(event()).replace(b'"score": 0.83', b'"score": 0.1, "score": 0.2')
    assert normalise(raw, now_ms=NOW_MS, limits=LIMITS).document["mpm"]["prediction"]["score"] == 0.2


@pytest.mark.parametrize(
    ("features", "code"),
    [
        ({"a": {"b": 1}, "a.b": 2}, "name_clash"),
        ({"a.b": 2, "a": {"b": 1}}, "name_clash"),
        ({"": 1}, "bad_name"),
        ({" \u3000\t": 1}, "bad_name"),
        ({"x" * 257: 1}, "name_too_long"),
        ({"x" * 200: {"y" * 100: 1}}, "name_too_long"),
        ({f"f{i}": 1 for i in range(2001)}, "too_many_features"),
        ([1], "wrong_type"),
        ({"a": "\ud800"}, "lone_surrogate"),
        ({"\ud800": 1}, "lone_surrogate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_features_that_cannot_be_stored(features: Any, code: str) -> None:
    assert rejected(event(features=features)).code == code


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


def test_depth() -> None:
    assert stored(event(features=nested(16))).document["mpm"]["features"] == {"numeric": {".".join("a" * 16): 1}}
    assert rejected(event(features=nested(17))).code == "too_deep"
    deep = b"[" * 5_000 + b"]" * 5_000
    assert rejected(line(event()).replace(b"51000", deep)).code == "too_deep"
    assert rejected(line({**event(), "x": nested(30)})).code == "too_deep"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"model": None}, "missing_field", "`mpm.model`"),
        ({"model": {"name": "m"}}, "missing_field", "`mpm.model.version`"),
        ({"model": {"name": "", "version": "1"}}, "empty_field", "`mpm.model.name`"),
        ({"model": {"name": "m" * 129, "version": "1"}}, "too_long", "129"),
        ({"model": {"name": ["m"], "version": "1"}}, "wrong_type", "an array"),
        ({"model": "m"}, "wrong_type", "`mpm.model` must be an object, and is 'm'"),
        ({"model": {"name": "m", "version": 1.5}}, "wrong_type", "1.5"),
        ({"model": {"name": "m", "version": True}}, "wrong_type", "true"),
        ({"prediction": {"score": 1}}, "missing_field", "`mpm.prediction.id`"),
        ({"prediction": {"id": "\ud800", "score": 1}}, "lone_surrogate", "`mpm.prediction.id`"),
        ({"prediction": {"id": "p", "score": "high"}}, "wrong_type", "'high'"),
        ({"prediction": {"id": "p", "score": True}}, "wrong_type", "true"),
        ({"prediction": {"id": "p", "score": math.nan}}, "not_finite", "NaN"),
        ({"prediction": {"id": "p", "value": 10**400}}, "not_finite", "a huge integer"),
        ({"prediction": {"id": "p", "score": 1, "weight": math.inf}}, "not_finite", "`mpm.prediction.weight`"),
        ({"prediction": {"id": "p", "label": {"a": 1}}}, "wrong_type", "an object"),
        ({"prediction": {"id": "p", "label": "x" * 1025}}, "too_long", "1025"),
        ({"prediction": {"id": "p", "probabilities": {"a": "b"}}}, "wrong_type", "`mpm.prediction.probabilities.a`"),
        ({"prediction": {"id": "p", "probabilities": {" ": 1}}}, "bad_name", "probabilities"),
        ({"segment": {"region": {"a": 1}}}, "wrong_type", "`mpm.segment.region`"),
        ({"query": {"id": "q", "rank": -1}}, "wrong_type", "-1"),
        ({"attributions": {"values": {"a": math.nan}}}, "not_finite", "`mpm.attributions.values.a`"),
        ({"other": math.nan}, "not_finite", "`mpm.other`"),
    ],
)
def test_a_reason_names_the_field_and_what_was_found(change: dict[str, Any], code: str, words: str) -> None:
    reason = rejected(event(**change))
    assert reason.code == code
    assert words in reason.reason


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":', "invalid_json"),
        (b"{} {}", "invalid_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"mpm": null}', "missing_field"),
        (b'{"mpm": 1}', "wrong_type"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', "line_too_long"),
    ],
)
def test_lines_that_are_no_event(raw: bytes, code: str) -> None:
    assert rejected(raw).code == code


def test_a_found_value_is_shortened_and_on_one_line() -> None:
    reason = rejected(event(prediction={"id": "p", "score": "a\nb\ud800" + "x" * 500})).reason
    assert "\n" not in reason
    assert len(reason) < 200
    assert reason.encode()


def test_ids_and_segments_become_texts() -> None:
    got = stored(
        event(
            prediction={"id": 7, "label": True, "score": 1},
            request={"id": 12},
            segment={"region": "EU", "band": 3, "vip": False, "share": 0.5, "none": None},
            attributions={"base_value": 1, "values": {"home": {"rooms": 0.5}, "x": None}},
        )
    ).document["mpm"]
    assert got["prediction"]["label"] == "true"
    assert got["request"] == {"id": "12"}
    assert got["segment"] == {"region": "EU", "band": "3", "vip": "false", "share": 0.5}
    assert got["attributions"] == {"base_value": 1, "values": {"home.rooms": 0.5}}


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: name.strip() and "." not in name
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FINITE | FINITE | FINITE | st.sampled_from([math.nan, math.inf, "1", True, None])
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
ODD_TEXTS: st.SearchStrategy[Any] = st.sampled_from(["", "x" * 128, "x" * 129, 1.5, True, None, []])
TEXTS: st.SearchStrategy[Any] = WORDS | WORDS | WORDS | st.integers() | ODD_TEXTS


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events that are right or wrong in what both descriptions speak of."""
    prediction: dict[str, Any] = {"id": draw(TEXTS)}
    for key in ("score", "value", "threshold", "weight", "propensity"):
        if draw(st.booleans()):
            prediction[key] = draw(NUMBERS)
    if draw(st.booleans()):
        prediction["label"] = draw(TEXTS)
    if draw(st.booleans()):
        prediction["probabilities"] = draw(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=3))
    tree = st.recursive(
        SCALARS | st.lists(SCALARS, max_size=2), lambda inner: st.dictionaries(NAMES, inner, max_size=3)
    )
    mpm: dict[str, Any] = {
        "model": {"name": draw(TEXTS), "version": draw(TEXTS)},
        "prediction": prediction,
        "features": draw(st.dictionaries(NAMES, tree, max_size=4)),
        "segment": draw(st.dictionaries(NAMES, SCALARS, max_size=3)),
    }
    if draw(st.booleans()):
        mpm["query"] = {"id": draw(TEXTS), "rank": draw(st.integers(-3, 2**31 - 1) | st.floats() | st.none())}
    document = {
        "@timestamp": draw(
            st.sampled_from([AT, AT, "2026-11-18", "2026-11-18 10:00", 1_794_996_000.5, "soon", True, None])
        ),
        "mpm": mpm,
    }
    if draw(st.booleans()):
        document["event"] = {"outcome": draw(st.sampled_from(["success", "failure", "unknown", "no", None]))}
    return document


@given(events())
def test_the_models_and_the_intake_accept_the_same_events(document: dict[str, Any]) -> None:
    raw = json.dumps(document)
    try:
        PredictionEvent.model_validate(json.loads(raw))
        valid = True
    except ValidationError:
        valid = False
    try:
        normalise(raw.encode(), now_ms=NOW_MS, limits=LIMITS)
        accepted = True
    except Rejected:
        accepted = False
    assert accepted == valid


@given(
    st.binary(max_size=60)
    | st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(line)
)
def test_any_bytes_are_stored_or_rejected(raw: bytes) -> None:
    reason = None
    try:
        normalise(raw, now_ms=NOW_MS, limits=LIMITS)
    except Rejected as rejection:
        reason = rejection
    assert reason is None or (reason.code in REASONS and reason.reason.encode())


def test_limits_are_the_contracts() -> None:
    assert LIMITS.max_line_bytes == contract.LINE_MAX_BYTES
    assert LIMITS.max_age_ms == contract.MAX_AGE_DAYS * 86_400_000


def test_what_logstash_keeps_for_itself_is_left_out() -> None:
    document = stored({**event(), "@version": "1", "@metadata": {"beat": "filebeat"}, "tags": ["a", "b"]}).document
    assert "@version" not in document
    assert "@metadata" not in document
    assert document["tags"] == ["a", "b"]


@pytest.mark.parametrize("tags", [{"a": 1}, [1], 1, True])
def test_tags_are_texts(tags: Any) -> None:
    assert rejected({**event(), "tags": tags}).code == "wrong_type"
