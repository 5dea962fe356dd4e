"""Turn one line into the document that is stored, or say why it cannot be: pure.

These rules are written a second time in Ruby for Logstash; the golden cases hold the two together. Where a key stands
twice in one object, the last one counts, as in Logstash.
"""

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mpm_elk.contract.ids import bucket, prediction_id
from mpm_elk.contract.limits import (
    CATEGORY_MAX,
    DEPTH_MAX,
    ENVIRONMENT_MAX,
    MODEL_NAME_MAX,
    PREDICTION_ID_MAX,
    VERSION_MAX,
)
from mpm_elk.contract.names import Index, monthly
from mpm_elk.intake.features import check_name, flatten, split
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.parse import check_text, encode, parse
from mpm_elk.intake.reasons import Rejected, show, show_name
from mpm_elk.intake.timestamps import timestamp_ms
from mpm_elk.timespan import DAY_MS, iso

ECS_VERSION = "9.4.0"
DEFAULT_ENVIRONMENT = "production"

_Object = dict[str, Any]

_ROOTS = frozenset({"mpm", "event", "service", "ecs"})
_OUTPUTS = ("score", "label", "probabilities", "value")
_OUTCOMES = ("success", "failure", "unknown")
_NUMBERS = {key: f"mpm.prediction.{key}" for key in ("score", "value", "threshold", "weight", "propensity")}
_IDS = {"request": ("id",), "batch": ("id",), "query": ("id",), "experiment": ("id", "arm")}


@dataclass(slots=True)
class Stored:
    """A prediction event as it is written: `source` is the document as JSON in UTF-8."""

    index: str
    id: str
    source: bytes

    @property
    def document(self) -> _Object:
        """The document."""
        document: _Object = json.loads(self.source)
        return document


def normalise(raw: bytes, *, now_ms: int, limits: Limits) -> Stored:
    """Give the stored form of one line (design §3.1); raises Rejected.

    `raw` is one JSON object in UTF-8 without its line end. Fields that are not ours stay as they are.
    """
    if len(raw) > limits.max_line_bytes:
        raise Rejected("line_too_long", found=len(raw), limit=limits.max_line_bytes)
    return normalise_event(parse(raw, depth=DEPTH_MAX + 4), now_ms=now_ms, limits=limits)


def normalise_event(event: _Object, *, now_ms: int, limits: Limits) -> Stored:
    """Give the stored form of one parsed event; raises Rejected. The event is changed in place."""
    _undot(event, _ROOTS)
    mpm = event.get("mpm")
    if type(mpm) is not dict:
        if mpm is None:
            raise Rejected("not_a_prediction")
        raise Rejected("wrong_type", field="mpm", wanted="an object", found=show(mpm))
    _undot(mpm, None)
    at = event.get("@timestamp")
    if at is None:
        raise Rejected("missing_field", field="@timestamp")

    model = _need(mpm, "model")
    name = _key(model, "name", "mpm.model.name", MODEL_NAME_MAX)
    version = _key(model, "version", "mpm.model.version", VERSION_MAX)
    prediction = _need(mpm, "prediction")
    _undot(prediction, None)
    identity = _key(prediction, "id", "mpm.prediction.id", PREDICTION_ID_MAX)
    service = _object(event, "service", "service")
    if service is None:
        service = event["service"] = {}
    if service.get("environment") is None:
        service["environment"] = DEFAULT_ENVIRONMENT
    environment = _key(service, "environment", "service.environment", ENVIRONMENT_MAX)
    ms = timestamp_ms(at, now_ms=now_ms, limits=limits)

    about = _object(event, "event", "event")
    if about is None:
        about = event["event"] = {}
    _check_ecs(about, service)
    _check_output(prediction, failed=about.get("outcome") == "failure")
    _mend_features(mpm)
    _mend_rest(mpm)

    event["@timestamp"] = _iso(ms)
    about.update(kind="event", module="mpm", dataset="mpm.prediction", ingested=_iso(now_ms))
    event["ecs"] = {"version": ECS_VERSION}
    check_text(identity, "mpm.prediction.id")
    prediction["bucket"] = bucket(identity)
    # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
    source = encode(event)
    return Stored(
        _index(limits.pool or name, environment, ms // DAY_MS),
        prediction_id(environment, name, version, identity, ms),
        source,
    )


# Many events share a day and a second, and writing a date costs as much as parsing half an event.
@lru_cache(maxsize=4096)
def _index(name: str, environment: str, day: int) -> str:
    return monthly(Index.PREDICTIONS, name, environment, day * DAY_MS)


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return iso(second * 1000).removesuffix(".000Z")


def _iso(ms: int) -> str:
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


def _check_ecs(about: _Object, service: _Object) -> None:
    """Check the fields of ECS that are counted."""
    outcome, duration = about.get("outcome"), about.get("duration")
    if outcome is not None and outcome not in _OUTCOMES:
        raise Rejected("wrong_type", field="event.outcome", wanted="success, failure or unknown", found=show(outcome))
    if duration is not None:
        _whole(duration, "event.duration", 2**63)
    for key in ("name", "version"):
        if service.get(key) is not None:
            _key(service, key, f"service.{key}", PREDICTION_ID_MAX)


def _check_output(prediction: _Object, *, failed: bool) -> None:
    """Check what the model said; a failed inference need not have said anything."""
    for key, field in _NUMBERS.items():
        if prediction.get(key) is not None:
            _number(prediction[key], field)
    if prediction.get("label") is not None:
        prediction["label"] = _text(prediction["label"], "mpm.prediction.label", CATEGORY_MAX, booleans=True)
    probabilities = _object(prediction, "probabilities", "mpm.prediction.probabilities")
    if probabilities is not None:
        _numbers(probabilities, "mpm.prediction.probabilities")
    if not failed and all(prediction.get(key) in (None, {}) for key in _OUTPUTS):
        raise Rejected("missing_output")


def _mend_features(mpm: _Object) -> None:
    """Split the features by type, and name the invalid ones."""
    features = _object(mpm, "features", "mpm.features")
    mpm.pop("features_invalid", None)
    if features is None:
        return
    mpm["features"], invalid = split(features)
    if invalid:
        mpm["features_invalid"] = invalid


def _mend_rest(mpm: _Object) -> None:
    """Check the optional parts, and write ids and segments as texts."""
    for part, keys in _IDS.items():
        if mpm.get(part) is None:
            continue
        holder = _object(mpm, part, f"mpm.{part}") or {}
        for key in keys:
            if holder.get(key) is not None:
                _key(holder, key, f"mpm.{part}.{key}", PREDICTION_ID_MAX)
    query = mpm.get("query")
    if query and query.get("rank") is not None:
        _whole(query["rank"], "mpm.query.rank", 2**31)
    segment = _object(mpm, "segment", "mpm.segment")
    if segment is not None:
        mpm["segment"] = {name: _group(name, value) for name, value in segment.items() if value is not None}
    attributions = _object(mpm, "attributions", "mpm.attributions")
    if attributions is not None:
        _undot(attributions, None)
        if attributions.get("base_value") is not None:
            _number(attributions["base_value"], "mpm.attributions.base_value")
        values = _object(attributions, "values", "mpm.attributions.values")
        if values is not None:
            flat = {
                name: value for name, value in flatten(values, "mpm.attributions.values").items() if value is not None
            }
            _numbers(flat, "mpm.attributions.values")
            attributions["values"] = flat


def _group(name: str, value: Any) -> Any:
    """Give a segment's value as text. A number with a fraction stays: languages write it differently."""
    check_name(name, "mpm.segment")
    if type(value) is str and 0 < len(value) <= CATEGORY_MAX:
        return value
    field = f"mpm.segment.{show_name(name)}"
    if type(value) is float:
        _number(value, field)
        return value
    return _text(value, field, CATEGORY_MAX, booleans=True)


def _undot(holder: _Object, roots: frozenset[str] | None) -> None:
    """Nest dotted keys (`"mpm.model": …`), as ECS loggers write them; below `roots` only, or below all."""
    dotted = [key for key in holder if "." in key]
    for key in dotted:
        head, rest = key.split(".", 1)
        if roots is not None and head not in roots:
            continue
        value = holder.pop(key)
        inner = holder.setdefault(head, {})
        if type(inner) is not dict or rest in inner:
            raise Rejected("name_clash", field=show_name(key))
        inner[rest] = value


def _object(holder: _Object, key: str, field: str) -> _Object | None:
    """Give the object under `key`, None where nothing is there."""
    value = holder.get(key)
    if value is None or type(value) is dict:
        return value
    raise Rejected("wrong_type", field=field, wanted="an object", found=show(value))


def _need(mpm: _Object, key: str) -> _Object:
    value = _object(mpm, key, f"mpm.{key}")
    if value is None:
        raise Rejected("missing_field", field=f"mpm.{key}")
    return value


def _key(holder: _Object, key: str, field: str, limit: int) -> str:
    """Give the text under `key`, which must be there; an integer is written in decimals, in the event too."""
    value = holder.get(key)
    if value is None:
        raise Rejected("missing_field", field=field)
    text = holder[key] = _text(value, field, limit, booleans=False)
    return text


def _text(value: Any, field: str, limit: int, *, booleans: bool) -> str:
    kind = type(value)
    if kind is str:
        text: str = value
    elif kind is int and value.bit_length() < 4096:
        text = str(value)
    elif kind is bool and booleans:
        text = "true" if value else "false"
    else:
        wanted = "a text, an integer or a boolean" if booleans else "a text or an integer"
        raise Rejected("wrong_type", field=field, wanted=wanted, found=show(value))
    if not text:
        raise Rejected("empty_field", field=field)
    if len(text) > limit:
        raise Rejected("too_long", field=field, length=len(text), limit=limit, found=show(text))
    return text


def _number(value: Any, field: str) -> None:
    if type(value) is not float and type(value) is not int:
        raise Rejected("wrong_type", field=field, wanted="a number", found=show(value))
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise Rejected("not_finite", field=field, found=show(value))


def _numbers(values: _Object, field: str) -> None:
    for name, value in values.items():
        check_name(name, field)
        _number(value, f"{field}.{show_name(name)}")


def _whole(value: Any, field: str, below: int) -> None:
    if type(value) is not int or not 0 <= value < below:
        raise Rejected("wrong_type", field=field, wanted=f"a whole number from 0 to {below - 1}", found=show(value))
