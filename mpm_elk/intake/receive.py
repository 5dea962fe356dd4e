"""Take what arrives apart into single events, and turn each into a document, or say why not: pure.

These rules are written a second time in Ruby for Logstash; the golden cases hold the two together.

What arrives is a line of a file or the body of a request: one JSON object, an array of them, or one a line. An object
with `mpm` in it is a prediction or ground truth, a record of another platform is a capture. All other lines of an
application's log pass by; but what may have been an event, and cannot be read, is rejected.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mpm_elk.intake.brackets import SPACE, elements, value_end
from mpm_elk.intake.capture import capture_of_event, capture_of_request, is_capture, structured
from mpm_elk.intake.checks import mpm_of, undot_roots
from mpm_elk.intake.ground_truth import normalise_ground_truth
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import EVENT_DEPTH_MAX, normalise_event
from mpm_elk.intake.parse import parse_value
from mpm_elk.intake.reasons import Rejected, show
from mpm_elk.intake.stored import Stored

MPM = "mpm"
"""The name of our own format, beside those of the platforms."""

_BOM = b"\xef\xbb\xbf"
_ARRAY = re.compile(rb"\[[ \t\r\n]*\{")
_LINES = re.compile(r"application/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)", re.IGNORECASE)


@dataclass(slots=True)
class Received:
    """One raw event, and what became of it: a document, a rejection, or neither, for it passes by."""

    raw: bytes
    stored: Stored | None = None
    rejected: Rejected | None = None

    @property
    def passed(self) -> bool:
        """Whether this is none of ours."""
        return self.stored is None and self.rejected is None


def receive(
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    source: str | None,
    now_ms: int,
    limits: Limits,
    wanted: str | None = None,
) -> Iterator[Received]:
    """Give the events of a line or of a request's body, in order.

    `headers` are those of an HTTP request: they tell a CloudEvent in binary mode, and lines from one JSON value.
    `source` is the path of the file, of the request, or the key of the object that the text was read from. `wanted`
    is `mpm` or the name of a platform: then nothing passes by, and what is not of this format is rejected.
    """
    names = {name.lower(): value for name, value in (headers or {}).items()}
    if "ce-specversion" in names:
        yield _binary_event(names, body, source=source, now_ms=now_ms, limits=limits)
        return
    for raw in split(body, lines=bool(_LINES.match(names.get("content-type", "")))):
        try:
            stored = _accept(raw, source=source, now_ms=now_ms, limits=limits, strictly=wanted is not None)
            if wanted and not _is(stored, wanted):
                raise Rejected("wrong_format", wanted=wanted, found=show(raw.decode(errors="replace")))
            yield Received(raw, stored=stored)
        except Rejected as rejected:
            yield Received(raw, rejected=rejected)


def receive_one(raw: bytes, *, source: str | None, now_ms: int, limits: Limits) -> Stored:
    """Give the document of one event; raises Rejected, also for what is none."""
    stored = _accept(raw, source=source, now_ms=now_ms, limits=limits)
    if stored is None:
        raise Rejected("not_an_event", found=show(raw.decode(errors="replace")))
    return stored


def _is(stored: Stored | None, wanted: str) -> bool:
    capture = stored.document["mpm"].get("capture") if stored else None
    return stored is not None and wanted == (capture["platform"] if capture else MPM)


def split(body: bytes, *, lines: bool = False) -> Iterator[bytes]:
    """Take a body apart into the texts of single events, without white space around them.

    With line feeds in it, it is one JSON value over several lines where that begins in the first line and does not end
    there; otherwise, and where `lines` says so, each line is by itself. An array of objects is its elements.
    """
    body = body.removeprefix(_BOM).strip(SPACE)
    if not body:
        return
    if b"\n" not in body or (not lines and _spans_lines(body)):
        texts = [body]
    else:
        texts = [text for line in body.split(b"\n") if (text := line.strip(SPACE))]
    for text in texts:
        if _ARRAY.match(text):
            yield from elements(text)
        else:
            yield text


def _spans_lines(body: bytes) -> bool:
    return body[:1] in b"[{" and value_end(body[: body.index(b"\n")]) is None


def _accept(raw: bytes, *, source: str | None, now_ms: int, limits: Limits, strictly: bool = False) -> Stored | None:
    """Give the document of one raw event, None for what is none of ours; raises Rejected."""
    try:
        if len(raw) > limits.max_line_bytes:
            raise Rejected("line_too_long", found=len(raw), limit=limits.max_line_bytes)
        event = parse_value(raw, depth=EVENT_DEPTH_MAX)
        if type(event) is list:
            raise Rejected("not_an_object", found=show(event))
    except Rejected:
        if strictly or may_be_ours(raw):
            raise
        return None
    if type(event) is not dict:
        return None
    return _document(event, raw, source=source, now_ms=now_ms, limits=limits)


def _document(event: dict[str, Any], raw: bytes, *, source: str | None, now_ms: int, limits: Limits) -> Stored | None:
    undot_roots(event)
    if event.get("mpm") is not None:
        if mpm_of(event).get("ground_truth") is not None:
            return normalise_ground_truth(event, now_ms=now_ms, limits=limits)
        return normalise_event(event, now_ms=now_ms, limits=limits)
    if is_capture(event):
        return capture_of_event(event, raw, source=source, now_ms=now_ms, limits=limits)
    return None


def may_be_ours(raw: bytes) -> bool:
    """Tell whether a text that cannot be read may have been an event: it looks like JSON, or names `mpm`."""
    return raw.startswith(b"{") or _ARRAY.match(raw) is not None or b'"mpm' in raw


def _binary_event(
    headers: Mapping[str, str], body: bytes, *, source: str | None, now_ms: int, limits: Limits
) -> Received:
    """Take a CloudEvent in binary mode; where it is rejected, what is kept of it holds its headers too."""
    try:
        return Received(body, stored=capture_of_request(headers, body, source=source, now_ms=now_ms, limits=limits))
    except Rejected as rejected:
        return Received(structured(headers, body), rejected=rejected)
