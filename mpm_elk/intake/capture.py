"""Turn a payload of another platform into the capture that is stored (design §3.3): pure.

Nothing is interpreted beyond what tells which half of which call it is. These rules are written a second time in Ruby
for Logstash; the golden cases hold the two together.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from mpm_elk.contract.ids import digest
from mpm_elk.contract.names import Index, month, part
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.parse import encode
from mpm_elk.intake.platforms import PLATFORMS
from mpm_elk.intake.platforms.cloudevents import (
    content_type,
    event_attributes,
    event_payload,
    header_attributes,
    is_structured,
    structured,
    unknown_type,
)
from mpm_elk.intake.platforms.shape import Capture, as_text
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.stored import ECS_VERSION, Stored
from mpm_elk.intake.timestamps import timestamp_ms
from mpm_elk.timespan import iso

__all__ = ["capture_of_event", "capture_of_request", "is_capture", "structured"]

_LINES = [line for platform in PLATFORMS for line in platform.lines]
_EVENTS = [platform.events for platform in PLATFORMS if platform.events]


def is_capture(event: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object has the form of a platform's capture; whether it is a right one is seen later."""
    return is_structured(event) or any(line.recognises(event) for line in _LINES)


def capture_of_event(
    event: Mapping[str, Any], raw: bytes, *, source: str | None, now_ms: int, limits: Limits
) -> Stored:
    """Give the stored form of a capture that is one JSON object; `raw` is its bytes. Raises Rejected."""
    if is_structured(event):
        kind = event.get("datacontenttype")
        media_type = None if kind is None else as_text("datacontenttype", kind)
        capture = _of_cloud_event(event_attributes(event), event_payload(event, raw), media_type, event.get("time"))
    else:
        capture = next(line for line in _LINES if line.recognises(event)).read(event, raw, source)
    return _store(capture, source=source, now_ms=now_ms, limits=limits)


def capture_of_request(
    headers: Mapping[str, str], body: bytes, *, source: str | None, now_ms: int, limits: Limits
) -> Stored:
    """Give the stored form of a binary CloudEvent over HTTP; raises Rejected. The case of header names is free."""
    attributes = header_attributes(headers)
    capture = _of_cloud_event(attributes, body, content_type(headers), attributes.get("time"))
    return _store(capture, source=source, now_ms=now_ms, limits=limits)


def _of_cloud_event(attributes: Mapping[str, str], payload: bytes, media_type: str | None, at: Any) -> Capture:
    for events in _EVENTS:
        if events.owns(attributes):
            return events.read(attributes, payload, media_type, at)
    raise unknown_type(attributes.get("type", ""))


def _store(capture: Capture, *, source: str | None, now_ms: int, limits: Limits) -> Stored:
    if len(capture.payload) > limits.max_line_bytes:
        raise Rejected("line_too_long", found=len(capture.payload), limit=limits.max_line_bytes)
    ms = now_ms if capture.at is None else timestamp_ms(capture.at, now_ms=now_ms, limits=limits)
    about: dict[str, Any] = {
        "platform": capture.platform,
        "part": capture.part,
        "call": {"id": capture.call},
        "endpoint": capture.endpoint,
    }
    if capture.content_type is not None:
        about["content_type"] = capture.content_type
    about["attributes"] = dict(capture.attributes)
    if source is not None:
        about["source"] = source
    about |= _payload(capture.payload)
    document = {
        "@timestamp": iso(ms),
        "event": {"kind": "event", "module": "mpm", "dataset": "mpm.capture", "ingested": iso(now_ms)},
        "ecs": {"version": ECS_VERSION},
        "mpm": {"capture": about},
    }
    # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
    written = encode(document)
    return Stored(f"{Index.CAPTURES}-{part(capture.platform)}-{month(ms)}", capture_id(capture), written)


def capture_id(capture: Capture) -> str:
    """Give the `_id` of a capture: the same half of the same call with the same payload is stored once a month."""
    content = hashlib.sha256(capture.payload).hexdigest()
    return digest("capture", capture.platform, capture.endpoint, capture.call, capture.part, content)


def _payload(payload: bytes) -> dict[str, Any]:
    try:
        return {"payload": payload.decode(), "bytes": len(payload)}
    except UnicodeDecodeError:
        return {"payload_base64": b64encode(payload).decode(), "bytes": len(payload)}
