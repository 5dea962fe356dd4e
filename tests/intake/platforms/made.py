"""Captured calls as tests write them, and the events that are made of them."""

import json
from typing import Any

from mpm_elk.config import CaptureMapping
from mpm_elk.intake.conversion import Call, predictions
from mpm_elk.intake.platforms import kserve, sagemaker, seldon
from mpm_elk.intake.platforms.exchange import Part, Payload, Unconvertible
from mpm_elk.intake.platforms.shape import Platform

KSERVE, SELDON, SAGEMAKER = kserve.PLATFORM, seldon.PLATFORM, sagemaker.PLATFORM
TIME = 1_772_622_309_000  # 2026-03-04T11:05:09Z


def mapping(**changes: Any) -> CaptureMapping:
    """Make a mapping of three features in order and a score, or with `changes` to it; None takes a key out."""
    entry = {
        "endpoint": "*",
        "model": "credit-risk",
        "version": "3",
        "features": ["age", "late", "income"],
        "output": {"score": 0},
    }
    entry |= changes
    return CaptureMapping.model_validate({key: value for key, value in entry.items() if value is not None})


def call(request: Any = None, response: Any = None, *, identity: str = "c") -> Call:
    """Make a call of JSON bodies, or of bytes."""
    payloads: dict[Part, Payload] = {}
    if request is not None:
        payloads["request"] = Payload(_raw(request), "application/json")
    if response is not None:
        payloads["response"] = Payload(_raw(response), "application/json")
    return Call(identity, TIME, payloads)


def _raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def made(
    request: Any, response: Any, terms: CaptureMapping | None = None, platform: Platform = KSERVE
) -> list[dict[str, Any]]:
    """Make events of a call, and give what is in `mpm`."""
    return [event["mpm"] for event in predictions(platform, call(request, response), terms or mapping())]


def features(request: Any, terms: CaptureMapping | None = None, platform: Platform = KSERVE) -> list[dict[str, Any]]:
    """Give the features that are made of a request; the response fits."""
    rows = platform.exchange(call(request).payloads).request
    assert rows is not None
    return [one["features"] for one in made(request, {"predictions": [0.5] * len(rows.rows)}, terms, platform)]


def failure(request: Any, response: Any, terms: CaptureMapping | None = None, platform: Platform = KSERVE) -> str:
    """Give the code of the reason why nothing is made, and the sentence."""
    try:
        found = made(request, response, terms, platform)
    except Unconvertible as refused:
        return f"{refused.code}: {refused.reason}"
    message = f"something was made: {found}"
    raise AssertionError(message)
