"""SageMaker Data Capture: JSON lines with both halves of a call, and lines of ground truth."""

import re
from collections.abc import Mapping
from typing import Any

from mpm_elk.intake.platforms.shape import (
    UNKNOWN_ENDPOINT,
    Capture,
    LineFormat,
    Part,
    Source,
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


SOURCE = Source(NAME, lines=(LineFormat(_recognises, _read),))
