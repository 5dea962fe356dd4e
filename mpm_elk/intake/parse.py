"""Read and write the JSON of one event, and say what is wrong with it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from mpm_elk.intake.brackets import deeper_than
from mpm_elk.intake.reasons import Rejected, show, show_name

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False).encode


def parse(raw: bytes, *, depth: int) -> dict[str, Any]:
    """Read one JSON object of at most `depth` levels; raises Rejected.

    NaN and infinities are read, for a feature may be one. An integer of more digits than Python reads becomes infinite.
    """
    event = parse_value(raw, depth=depth)
    if type(event) is not dict:
        raise Rejected("not_an_object", found=show(event))
    return event


def parse_value(raw: bytes, *, depth: int) -> Any:
    """Read one JSON value of at most `depth` levels; raises Rejected."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Rejected("invalid_utf8", found=f"0x{raw[error.start]:02x}", position=error.start + 1) from None
    # Counting brackets is cheap, and few texts have enough of them to be too deep.
    if raw.count(b"{") + raw.count(b"[") > depth and deeper_than(raw, depth):
        raise Rejected("too_deep", field="the event", limit=depth)
    return _load(text)


def encode(event: dict[str, Any]) -> bytes:
    """Write an event as JSON in UTF-8; raises Rejected, naming the field, where that is impossible."""
    try:
        return _encode(event).encode()
    except UnicodeEncodeError:
        path, value = _find(event, lambda value: isinstance(value, str) and not _encodable(value))
        raise Rejected("lone_surrogate", field=_name(path), found=show(value)) from None
    except ValueError:
        path, value = _find(event, _unwritable)
        raise Rejected("not_finite", field=_name(path), found=show(value)) from None


def check_text(text: str, field: str) -> None:
    """Make sure that UTF-8 can hold `text`; raises Rejected."""
    if not (text.isascii() or _encodable(text)):
        raise Rejected("lone_surrogate", field=field, found=show(text))


def _load(text: str) -> Any:
    try:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError:
            # Python refuses to read integers of more than 4300 digits; no double is as large.
            return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 4300 else float(digits))
    except json.JSONDecodeError:
        # Each language's parser says something else about it; the start of the text says enough.
        raise Rejected("invalid_json", found=show(text)) from None


def _walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every key and every value below `value` with the path to it."""
    children = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, child in children:
        here = (*path, str(key))
        if type(key) is str:
            yield here, key
        yield here, child
        yield from _walk(child, here)


def _find(event: dict[str, Any], wrong: Callable[[Any], bool]) -> tuple[tuple[str, ...], Any]:
    return next((path, value) for path, value in _walk(event) if wrong(value))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unwritable(value: Any) -> bool:
    if type(value) is float:
        return not -1.8e308 < value < 1.8e308
    return type(value) is int and value.bit_length() > 14_000


def _name(path: tuple[str, ...]) -> str:
    return show_name(".".join(path))
