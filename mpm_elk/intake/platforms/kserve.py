"""KServe's inference logger: CloudEvents over HTTP, and its records in blob storage."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from mpm_elk.intake.platforms.bodies import exchange
from mpm_elk.intake.platforms.cloudevents import inference_part, read_inference, unknown_type
from mpm_elk.intake.platforms.exchange import Part
from mpm_elk.intake.platforms.shape import (
    Capture,
    CloudEvents,
    LineFormat,
    Platform,
    as_text,
    decode_base64,
    need_text,
    place,
)

NAME = "kserve"
_PREFIX = "org.kubeflow.serving."
_PLAIN: dict[str, Part] = {"request": "request", "response": "response"}


def _owns(attributes: Mapping[str, str]) -> bool:
    return attributes.get("type", "").startswith(_PREFIX)


def _is_record(event: Mapping[str, Any]) -> bool:
    return all(event.get(key) is not None for key in ("ReqType", "Bytes", "InferenceService"))


def _read_record(event: Mapping[str, Any], raw: bytes, source: str | None) -> Capture:  # noqa: ARG001
    """Read a record of blob storage. Its keys are the names of a Go structure; it holds no time."""
    kind = event["ReqType"]
    if not isinstance(kind, str):
        raise unknown_type(kind)
    part = _PLAIN.get(kind) or inference_part(kind)
    call = need_text(event, "Id", "Id")
    attributes = {"id": call, "type": kind}
    if url := _url(event.get("SourceUri")):
        attributes["source"] = url
    names = ("Namespace", "InferenceService", "Component", "Endpoint")
    endpoint = place(*(as_text(name, event[name]) for name in names if event.get(name) is not None))
    media_type = event.get("ContentType")
    return Capture(
        NAME,
        part,
        call,
        endpoint,
        decode_base64(event["Bytes"], "Bytes"),
        content_type=None if media_type is None else as_text("ContentType", media_type),
        attributes=attributes,
    )


def _url(value: Any) -> str | None:
    """Write a URL: it is a text, or an object of its parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    scheme, host, path = (value.get(key) for key in ("Scheme", "Host", "Path"))
    texts = [text if isinstance(text, str) else "" for text in (scheme, host, path)]
    return f"{texts[0]}://{texts[1]}{texts[2]}" if texts[0] and texts[1] else None


PLATFORM = Platform(
    NAME,
    exchange,
    lines=(LineFormat(_is_record, _read_record),),
    events=CloudEvents(_owns, partial(read_inference, platform=NAME, node="component")),
)
