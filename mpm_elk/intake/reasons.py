"""Why an event is not accepted: one table of codes and sentences, the same in every implementation of the intake."""

import unicodedata
from typing import Any

REASONS: dict[str, str] = {
    "line_too_long": "the line holds {found} bytes, and {limit} are allowed",
    "invalid_utf8": "the line is not UTF-8: byte {found} at position {position}",
    "invalid_json": "the line is not JSON: {found}",
    "not_an_object": "the line is JSON, but no object: {found}",
    "too_deep": "{field} nests deeper than {limit} levels",
    "lone_surrogate": "`{field}` holds half a surrogate pair, which no UTF-8 text can hold: {found}",
    "not_an_event": "the line holds no `mpm` object, and is no capture of a known platform: {found}",
    "wrong_format": "the line is no record of {wanted}: {found}",
    "unknown_event_type": "`ce-type` is {found}, which no known platform sends",
    "missing_field": "`{field}` is missing",
    "missing_output": (
        "one of `mpm.prediction.score`, `.label`, `.probabilities`, `.value` is needed, "
        "unless `event.outcome` is `failure`"
    ),
    "missing_reference": "one of `mpm.prediction.id`, `mpm.request.id` is needed",
    "empty_field": "`{field}` is empty",
    "wrong_type": "`{field}` must be {wanted}, and is {found}",
    "not_finite": "`{field}` must be a finite number, and is {found}",
    "too_long": "`{field}` holds {length} characters, and {limit} are allowed: {found}",
    "bad_name": "`{field}` holds a name that is empty or only white space: {found}",
    "name_too_long": "`{field}` holds a name of {length} characters, and {limit} are allowed: {found}",
    "name_clash": "`{field}` is there twice: once with dots in its name, once nested",
    "too_many_features": "`mpm.features` holds {found} features, and {limit} are allowed",
    "bad_timestamp": "`@timestamp` is no time: {found}; ISO 8601, or seconds or milliseconds since 1970 are",
    "timestamp_too_old": "`@timestamp` is {found}, and before {limit} nothing is accepted now",
    "timestamp_too_new": "`@timestamp` is {found}, and after {limit} nothing is accepted now",
    "unexpected": "the intake itself failed on this event: {found}",
    "refused_by_elasticsearch": "Elasticsearch refuses the document: {found}",
}

_SHOWN_MAX = 80

REFUSAL_MAX = 500
"""Characters of Elasticsearch's own sentence that are kept."""


class Rejected(Exception):  # noqa: N818 — a verdict on an event, not a fault of the program
    """An event that cannot be accepted: `code` is a key of REASONS, `reason` the sentence."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.reason = REASONS[code].format(**facts)
        super().__init__(self.reason)


def show(value: Any) -> str:
    """Show a found value in at most 80 characters, on one line, and encodable."""
    return f"'{show_name(value)}'" if isinstance(value, str) else _plain(value)


def show_name(name: str) -> str:
    """Show a text without quotes in at most 80 characters, on one line, and encodable."""
    text = "".join(character if _shown(character) else _escape(character) for character in name[: _SHOWN_MAX + 1])
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, float):
        return number_name(value)
    return str(value) if value.bit_length() < 256 else "a huge integer"


def number_name(value: float) -> str:
    """Write a number as JSON does; what JSON cannot write as `NaN`, `Infinity`, `-Infinity`."""
    if value != value:  # noqa: PLR0124 — NaN is the number that differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _shown(character: str) -> bool:
    # Unassigned ones are shown: which they are changes from one version of Unicode to the next.
    return character.isprintable() or unicodedata.category(character) == "Cn"


def _escape(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
