"""Prediction events for the tests of the intake."""

import json
from typing import Any

from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import Stored, normalise

NOW_MS = 1_795_000_000_000  # 2026-11-18T10:26:40Z
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
