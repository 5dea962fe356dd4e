"""CloudEvents 1.0 (<https://github.com/cloudevents/spec>): binary mode over HTTP, and structured mode. Pure."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from mpm_elk.intake.parse import check_text
from mpm_elk.intake.platforms.exchange import Part
from mpm_elk.intake.platforms.shape import Capture, as_text, decode_base64, place
from mpm_elk.intake.reasons import Rejected, show

_PREFIX = "ce-"
_NO_ATTRIBUTES = frozenset({"data", "data_base64", "datacontenttype"})

_KINDS: dict[str, Part] = {
    "inference.request": "request",
    "inference.response": "response",
    "inference.outlier": "outlier",
    "inference.drift": "drift",
    "feedback": "feedback",
}
TYPE_PREFIXES = ("io.seldon.serving.", "org.kubeflow.serving.")


def is_structured(event: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object is a CloudEvent in structured mode."""
    return event.get("specversion") is not None and event.get("type") is not None


def header_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the attributes among the headers of a request, without their prefix."""
    found = {name.lower().removeprefix(_PREFIX): text for name, text in headers.items() if _is_attribute(name)}
    return {name: text for name, text in found.items() if name not in _NO_ATTRIBUTES}


def _is_attribute(header: str) -> bool:
    return header.lower().startswith(_PREFIX)


def content_type(headers: Mapping[str, str]) -> str | None:
    """Give the content type that the headers name."""
    return next((text for name, text in headers.items() if name.lower() == "content-type"), None)


def structured(headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a binary CloudEvent in structured form, so that it can be kept and read again without its headers."""
    event = {**header_attributes(headers), "data_base64": b64encode(body).decode()}
    if kind := content_type(headers):
        event["datacontenttype"] = kind
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(errors="replace")


def event_attributes(event: Mapping[str, Any]) -> dict[str, str]:
    """Give the attributes of a structured CloudEvent; null is the same as absent (JSON event format §2.2)."""
    return {
        name: as_text(name, value) for name, value in event.items() if name not in _NO_ATTRIBUTES and value is not None
    }


def event_payload(event: Mapping[str, Any], raw: bytes) -> bytes:
    """Give the payload of a structured CloudEvent; raises Rejected.

    A JSON value is its exact slice of `raw`. A text whose content type is not JSON is that text.
    """
    if "data" not in event:
        encoded = event.get("data_base64")
        return b"" if encoded is None else decode_base64(encoded, "data_base64")
    data = event["data"]
    if isinstance(data, str) and not is_json(event.get("datacontenttype")):
        check_text(data, "data")
        return data.encode()
    return member(raw, "data")


def is_json(media_type: Any) -> bool:
    """Tell whether a content type says JSON; without one, a CloudEvent's data is JSON."""
    if not isinstance(media_type, str):
        return True
    subtype = media_type.split(";")[0].strip().lower().rpartition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def member(raw: bytes, wanted: str) -> bytes:
    """Cut the value of a top-level key out of a JSON object, byte for byte; of a key that is twice there, the last.

    `raw` is known to be a JSON object that holds the key.
    """
    text = raw.decode()
    decoder = json.JSONDecoder(parse_int=len, parse_float=len)  # numbers of any length are read, and not needed
    value = ""
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        if key == wanted:
            value = text[start:at]
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return value.encode()


def _skip(text: str, at: int) -> int:
    """Go over white space."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def inference_part(kind: str) -> Part:
    """Give what part of a call an event type names; raises Rejected."""
    for prefix in TYPE_PREFIXES:
        if kind.startswith(prefix) and (found := _KINDS.get(kind.removeprefix(prefix))):
            return found
    raise unknown_type(kind)


def unknown_type(kind: Any) -> Rejected:
    """Make the verdict on an event type that no platform has."""
    return Rejected("unknown_event_type", found=show(kind))


def read_inference(
    attributes: Mapping[str, str],
    payload: bytes,
    media_type: str | None,
    at: Any,
    *,
    platform: str,
    node: str,
) -> Capture:
    """Read an event of the inference loggers of KServe and Seldon; `node` names the third part of the endpoint."""
    part = inference_part(attributes.get("type", ""))
    call = attributes.get("requestid") or attributes.get("id")
    if not call:
        raise Rejected("missing_field", field="ce-id")
    names = ("namespace", "inferenceservicename", node, "endpoint")
    endpoint = place(*(attributes.get(name) for name in names))
    return Capture(platform, part, call, endpoint, payload, None if at == "" else at, media_type, attributes)
