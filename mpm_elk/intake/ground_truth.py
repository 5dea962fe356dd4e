"""Turn one ground truth event into the document that is stored, or say why it cannot be: pure (design §3.2).

The id is a hash of all that the event says, so that an event sent twice is stored once, and a correction beside it.
"""

import struct
from typing import Any

from mpm_elk.contract.ids import digest
from mpm_elk.contract.limits import CATEGORY_MAX, MODEL_NAME_MAX, PREDICTION_ID_MAX, VERSION_MAX
from mpm_elk.contract.names import Index, monthly
from mpm_elk.intake.checks import (
    Object,
    environment_of,
    event_of,
    key,
    need,
    number,
    object_or_none,
    opened,
    optional,
    text,
    undot,
)
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.parse import encode
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.stored import Stored, stamp
from mpm_elk.intake.timestamps import timestamp_ms

_LONG = 2**63


def normalise_ground_truth(event: Object, *, now_ms: int, limits: Limits) -> Stored:
    """Give the stored form of one parsed event; raises Rejected. The event is changed in place."""
    mpm, at = opened(event)
    model = need(mpm, "model", "mpm.model")
    name = key(model, "name", "mpm.model.name", MODEL_NAME_MAX)
    version = optional(model, "version", "mpm.model.version", VERSION_MAX)
    truth = need(mpm, "ground_truth", "mpm.ground_truth")
    undot(truth)
    value = _value(truth)
    source = optional(truth, "source", "mpm.ground_truth.source", PREDICTION_ID_MAX)
    prediction, request = (_id(mpm, part) for part in ("prediction", "request"))
    if not prediction and not request:
        raise Rejected("missing_reference")
    environment = environment_of(event)
    ms = timestamp_ms(at, now_ms=now_ms, limits=limits)
    event_of(event)

    stamp(event, "ground_truth", at_ms=ms, now_ms=now_ms)
    # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
    document = encode(event)
    identity = digest("ground_truth", environment, name, version, prediction, request, source, str(ms), value)
    return Stored(monthly(Index.GROUND_TRUTH, limits.pool or name, environment, ms), identity, document)


def _id(mpm: Object, part: str) -> str:
    """Give the id of the prediction or of the request; empty where it is not named."""
    holder = object_or_none(mpm, part, f"mpm.{part}")
    if holder is None:
        return ""
    undot(holder)
    return optional(holder, "id", f"mpm.{part}.id", PREDICTION_ID_MAX)


def _value(truth: Object) -> str:
    """Check what really happened, and give it as the text that the id is made of.

    Languages write fractions differently, so a double stands there by its bits.
    """
    value: Any = truth.get("value")
    field = "mpm.ground_truth.value"
    if value is None:
        raise Rejected("missing_field", field=field)
    if type(value) is float or (type(value) is int and not -_LONG < value < _LONG):
        number(value, field)
        return f"double:{struct.pack('>d', value).hex()}"
    if type(value) is int:
        return f"integer:{value}"
    truth["value"] = text(value, field, CATEGORY_MAX, booleans=True)
    return f"text:{truth['value']}"
