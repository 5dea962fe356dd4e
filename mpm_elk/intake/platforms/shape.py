"""What every platform's recognition gives: one payload as it came, and how it reads single fields. Pure."""

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.intake.parse import encode
from mpm_elk.intake.platforms.exchange import Exchange, Part, Payload
from mpm_elk.intake.reasons import Rejected, show

UNKNOWN_ENDPOINT = "unknown"


@dataclass(frozen=True, slots=True)
class Capture:
    """One payload of another platform.

    `at` is its time as it was written, None where the platform wrote none. `attributes` are texts as they came.
    """

    platform: str
    part: Part
    call: str
    endpoint: str
    payload: bytes
    at: Any = None
    content_type: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineFormat:
    """A JSON object that a platform writes as one line or file.

    `recognises` looks at its keys only. `read` is given the object, its bytes, and where it came from (a path or a
    key, None when unknown); it raises Rejected.
    """

    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], bytes, str | None], Capture]


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """A platform's CloudEvents: whether one is its own, and what its attributes mean; `read` raises Rejected.

    `read` is given the attributes, the payload, its content type and the time as it was written.
    """

    owns: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str], bytes, str | None, Any], Capture]


@dataclass(frozen=True, slots=True)
class Platform:
    """How the captures of one platform are recognised, and what they say.

    `exchange` reads the payloads of one call, by part: both halves, a whole call, or one half alone; or one ground
    truth. It raises Unconvertible. Where `answers_all` calls that succeed, a request without a response has failed.
    """

    name: str
    exchange: Callable[[Mapping[Part, Payload]], Exchange]
    lines: tuple[LineFormat, ...] = ()
    events: CloudEvents | None = None
    answers_all: bool = True


def as_text(name: str, value: Any) -> str:
    """Give a text as it is, and any other value as compact JSON; raises Rejected, naming the field `name`."""
    if isinstance(value, str):
        return value
    written = encode({name: value}).decode()
    return written[len(json.dumps(name, ensure_ascii=False)) + 2 : -1]


def need_text(holder: Mapping[str, Any], key: str, field: str) -> str:
    """Give the text under `key`, a number as it is written; raises Rejected where there is none."""
    value = holder.get(key)
    if value is None or value == "":
        raise Rejected("missing_field", field=field)
    if isinstance(value, (dict, list)):
        raise Rejected("wrong_type", field=field, wanted="a text", found=show(value))
    return as_text(field, value)


def need_object(holder: Mapping[str, Any], key: str, field: str) -> Mapping[str, Any]:
    """Give the object under `key`; raises Rejected where there is none."""
    value = holder.get(key)
    if not isinstance(value, dict):
        raise Rejected("wrong_type", field=field, wanted="an object", found=show(value))
    return value


def decode_base64(value: Any, field: str) -> bytes:
    """Read standard base64 without line breaks; raises Rejected."""
    if isinstance(value, str):
        try:
            return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
        except (UnicodeEncodeError, binascii.Error):
            pass
    raise Rejected("wrong_type", field=field, wanted="base64", found=show(value))


def place(*parts: str | None) -> str:
    """Join the parts of an endpoint's name; empty ones are left out."""
    return "/".join(part for part in parts if part) or UNKNOWN_ENDPOINT
