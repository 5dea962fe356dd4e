"""SageMaker Data Capture: JSON lines with both halves of a call, and lines of ground truth."""

import binascii
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any

from mpm_elk.intake.platforms.bodies import load, read_csv, read_text
from mpm_elk.intake.platforms.exchange import Exchange, Part, Payload, Table, Unconvertible
from mpm_elk.intake.platforms.shape import (
    UNKNOWN_ENDPOINT,
    Capture,
    LineFormat,
    Platform,
    need_object,
    need_text,
)
from mpm_elk.intake.reasons import Rejected

NAME = "sagemaker"

_PATH = re.compile(r"([^/]+)/([^/]+)/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}/[^/]+\Z")
"""`s3://bucket/prefix/{endpoint}/{variant}/yyyy/mm/dd/hh/file`."""


def _recognises(event: Mapping[str, Any]) -> bool:
    halves = event.get("captureData") is not None or event.get("groundTruthData") is not None
    return halves and event.get("eventMetadata") is not None


def _read(event: Mapping[str, Any], raw: bytes, source: str | None) -> Capture:
    about = need_object(event, "eventMetadata", "eventMetadata")
    at = about.get("inferenceTime")
    if event.get("captureData") is None:
        part: Part = "ground_truth"
        key = "eventId" if about.get("eventId") not in (None, "") else "inferenceId"
        call = need_text(about, key, "eventMetadata.eventId")
    else:
        part = _part(need_object(event, "captureData", "captureData"))
        call = need_text(about, "eventId", "eventMetadata.eventId")
        if at is None:
            raise Rejected("missing_field", field="eventMetadata.inferenceTime")
    return Capture(NAME, part, call, _endpoint(source), raw, at, "application/json")


def _part(data: Mapping[str, Any]) -> Part:
    """Tell which halves of the call a line holds."""
    asked, answered = (data.get(half) is not None for half in ("endpointInput", "endpointOutput"))
    if not asked and not answered:
        raise Rejected("missing_field", field="captureData.endpointInput")
    return "call" if asked and answered else "request" if asked else "response"


def _endpoint(source: str | None) -> str:
    match = _PATH.search(source or "")
    return f"{match[1]}/{match[2]}" if match else UNKNOWN_ENDPOINT


def _exchange(payloads: Mapping[Part, Payload]) -> Exchange:
    """Read captured lines; a line may hold both halves, and halves may lie in lines of their own."""
    request = response = truths = identity = None
    for payload in payloads.values():
        line = load(payload.body, "line")
        data = line.get("captureData") or {}
        if data.get("endpointInput") is not None and request is None:
            request = _table(data["endpointInput"], "request")
        if data.get("endpointOutput") is not None and response is None:
            response = _table(data["endpointOutput"], "response")
        if line.get("groundTruthData") is not None:
            truths = _table(line["groundTruthData"], "ground truth")
        caller = line["eventMetadata"].get("inferenceId")
        identity = caller if isinstance(caller, str) and caller and data else identity
    return Exchange(request, response, identity, truths=truths)


def _table(half: Any, part: str) -> Table:
    """Read one half: `data` is always a text, and `encoding` says of what; raises Unconvertible."""
    data = half.get("data") if isinstance(half, dict) else None
    if not isinstance(data, str):
        raise Unconvertible("unknown_payload", part=part, found="no `data` that is a text")
    encoding, kind = half.get("encoding"), half.get("observedContentType")
    kind = kind if isinstance(kind, str) else None
    if encoding == "CSV":
        return read_csv(data, part)
    return read_text(_decoded(data, kind, part) if encoding == "BASE64" else data, kind, part)


def _decoded(data: str, kind: str | None, part: str) -> str:
    """Decode base64, and the text in it by the charset that the content type names."""
    header = Message()
    header["content-type"] = kind or "text/plain"
    charset = str(header.get_param("charset") or "utf-8")
    try:
        return binascii.a2b_base64(data).decode(charset)
    except binascii.Error:
        raise Unconvertible("unknown_payload", part=part, found="`data` is not base64") from None
    except (UnicodeDecodeError, LookupError):
        raise Unconvertible("not_text", part=part, charset=charset[:40]) from None


PLATFORM = Platform(NAME, _exchange, lines=(LineFormat(_recognises, _read),), answers_all=False)
