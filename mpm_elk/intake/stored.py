"""A document as it is written, and the fields that the intake adds to each."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mpm_elk.timespan import iso

ECS_VERSION = "9.4.0"


@dataclass(slots=True)
class Stored:
    """A document as it is written: `source` is JSON in UTF-8."""

    index: str
    id: str
    source: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The document."""
        document: dict[str, Any] = json.loads(self.source)
        return document


def stamp(event: dict[str, Any], dataset: str, *, at_ms: int, now_ms: int) -> None:
    """Write when the event happened, of what kind it is, and when it was taken in; `event.event` must be an object."""
    event["@timestamp"] = instant(at_ms)
    event["event"].update(kind="event", module="mpm", dataset=f"mpm.{dataset}", ingested=instant(now_ms))
    event["ecs"] = {"version": ECS_VERSION}


def instant(ms: int) -> str:
    """Write a time as `iso` does. Many events share a second, and writing a date costs as much as parsing half one."""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return iso(second * 1000).removesuffix(".000Z")
