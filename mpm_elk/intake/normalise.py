"""Turn one prediction event into the document that is stored, or say why it cannot be: pure.

These rules are written a second time in Ruby for Logstash; the golden cases hold the two together. Where a key stands
twice in one object, the last one counts, as in Logstash.
"""

from functools import lru_cache
from typing import Any

from mpm_elk.contract.ids import bucket, prediction_id
from mpm_elk.contract.limits import CATEGORY_MAX, DEPTH_MAX, MODEL_NAME_MAX, PREDICTION_ID_MAX, VERSION_MAX
from mpm_elk.contract.names import Index, monthly
from mpm_elk.intake.checks import (
    Object,
    check_name,
    environment_of,
    event_of,
    key,
    need,
    number,
    numbers,
    object_or_none,
    opened,
    optional,
    text,
    undot,
    whole,
)
from mpm_elk.intake.features import flatten, split
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.parse import check_text, encode, parse
from mpm_elk.intake.reasons import Rejected, show_name
from mpm_elk.intake.stored import Stored, stamp
from mpm_elk.intake.timestamps import timestamp_ms
from mpm_elk.timespan import DAY_MS

EVENT_DEPTH_MAX = DEPTH_MAX + 4
"""Levels of nesting of a whole event."""

_OUTPUTS = ("score", "label", "probabilities", "value")
_NUMBERS = {name: f"mpm.prediction.{name}" for name in ("score", "value", "threshold", "weight", "propensity")}
_IDS = {"request": ("id",), "batch": ("id",), "query": ("id",), "experiment": ("id", "arm")}


def normalise(raw: bytes, *, now_ms: int, limits: Limits) -> Stored:
    """Give the stored form of one line (design §3.1); raises Rejected.

    `raw` is one JSON object in UTF-8 without its line end. Fields that are not ours stay as they are.
    """
    if len(raw) > limits.max_line_bytes:
        raise Rejected("line_too_long", found=len(raw), limit=limits.max_line_bytes)
    return normalise_event(parse(raw, depth=EVENT_DEPTH_MAX), now_ms=now_ms, limits=limits)


def normalise_event(event: Object, *, now_ms: int, limits: Limits) -> Stored:
    """Give the stored form of one parsed event; raises Rejected. The event is changed in place."""
    mpm, at = opened(event)
    model = need(mpm, "model", "mpm.model")
    name = key(model, "name", "mpm.model.name", MODEL_NAME_MAX)
    version = key(model, "version", "mpm.model.version", VERSION_MAX)
    prediction = need(mpm, "prediction", "mpm.prediction")
    undot(prediction)
    identity = key(prediction, "id", "mpm.prediction.id", PREDICTION_ID_MAX)
    environment = environment_of(event)
    ms = timestamp_ms(at, now_ms=now_ms, limits=limits)

    failed = event_of(event).get("outcome") == "failure"
    _check_output(prediction, failed=failed)
    _mend_features(mpm)
    _mend_rest(mpm)

    stamp(event, "prediction", at_ms=ms, now_ms=now_ms)
    check_text(identity, "mpm.prediction.id")
    prediction["bucket"] = bucket(identity)
    # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
    source = encode(event)
    return Stored(
        _index(limits.pool or name, environment, ms // DAY_MS),
        prediction_id(environment, name, version, identity, ms),
        source,
    )


# Many events share a day, and writing a date costs as much as parsing half an event.
@lru_cache(maxsize=4096)
def _index(name: str, environment: str, day: int) -> str:
    return monthly(Index.PREDICTIONS, name, environment, day * DAY_MS)


def _check_output(prediction: Object, *, failed: bool) -> None:
    """Check what the model said; a failed inference need not have said anything."""
    for name, field in _NUMBERS.items():
        if prediction.get(name) is not None:
            number(prediction[name], field)
    if prediction.get("label") is not None:
        prediction["label"] = text(prediction["label"], "mpm.prediction.label", CATEGORY_MAX, booleans=True)
    probabilities = object_or_none(prediction, "probabilities", "mpm.prediction.probabilities")
    if probabilities is not None:
        numbers(probabilities, "mpm.prediction.probabilities")
    if not failed and all(prediction.get(name) in (None, {}) for name in _OUTPUTS):
        raise Rejected("missing_output")


def _mend_features(mpm: Object) -> None:
    """Split the features by type, and name the invalid ones."""
    features = object_or_none(mpm, "features", "mpm.features")
    mpm.pop("features_invalid", None)
    if features is None:
        return
    mpm["features"], invalid = split(features)
    if invalid:
        mpm["features_invalid"] = invalid


def _mend_rest(mpm: Object) -> None:
    """Check the optional parts, and write ids and segments as texts."""
    for part, names in _IDS.items():
        if mpm.get(part) is None:
            continue
        holder = object_or_none(mpm, part, f"mpm.{part}") or {}
        for name in names:
            optional(holder, name, f"mpm.{part}.{name}", PREDICTION_ID_MAX)
    query = mpm.get("query")
    if query and query.get("rank") is not None:
        whole(query["rank"], "mpm.query.rank", 2**31)
    segment = object_or_none(mpm, "segment", "mpm.segment")
    if segment is not None:
        mpm["segment"] = {name: _group(name, value) for name, value in segment.items() if value is not None}
    attributions = object_or_none(mpm, "attributions", "mpm.attributions")
    if attributions is not None:
        undot(attributions)
        if attributions.get("base_value") is not None:
            number(attributions["base_value"], "mpm.attributions.base_value")
        values = object_or_none(attributions, "values", "mpm.attributions.values")
        if values is not None:
            flat = {
                name: value for name, value in flatten(values, "mpm.attributions.values").items() if value is not None
            }
            numbers(flat, "mpm.attributions.values")
            attributions["values"] = flat


def _group(name: str, value: Any) -> Any:
    """Give a segment's value as text. A number with a fraction stays: languages write it differently."""
    check_name(name, "mpm.segment")
    if type(value) is str and 0 < len(value) <= CATEGORY_MAX:
        return value
    field = f"mpm.segment.{show_name(name)}"
    if type(value) is float:
        number(value, field)
        return value
    return text(value, field, CATEGORY_MAX, booleans=True)
