"""The golden cases: what comes in, byte by byte, and what must become of it, in every implementation of the intake.

`cases/*.json` hold them: `{"about": …, "cases": [{"name", "about", "input", "expect"}, …]}`.

* `input`: `via` (http, line, beats, tcp, file, kafka), and as needed `path`, `headers`, and `body`: a text, or a list
  of pieces, or `body_base64`. A piece is a text, or `{"repeat": "x{i}", "times": 100, "join": ","}`. `pool` sets the
  index pool. Times are absolute; every runner accepts 36500 days, so only times before 1970 are too old.
* `expect`: `stored` documents (`index`, `id`, `document`), `quarantined` ones (`reason_code`, `reason`, and `original`
  or `original_base64`: left out where it is the whole body without white space around it; `bytes` where the document
  holds less than the whole, `truncated`), and `passed`, the number of events that are none of ours.
* In an expected document `{"$text": pieces}` is a long text, `{"$json": pieces}` any JSON that the pieces write.
  `{arrival}` is the time of arrival, `{month}` in an index its month, `{limit}` in a reason the latest time accepted.
  `event.ingested` is left out. `"refused": true` marks what only Elasticsearch itself refuses.

Numbers are compared by their value: 1, 1.0 and 1e0 are the same.
"""

import difflib
import hashlib
import json
import re
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("cases")

MAX_AGE = "36500d"
"""What every runner sets as the age limit."""

_WHOLE_BODY = frozenset({"http", "kafka", "beats"})
_BY_LINE = frozenset({"line", "tcp", "file"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_LIMIT = re.compile(r"(?<=, and after )\S+(?= nothing is accepted now)")
_SPACE = b" \t\r\n"
_SHOWN = 300


@dataclass(frozen=True)
class Document:
    """A document to store; `refused` where Elasticsearch will not take it."""

    index: str
    id: str
    document: dict[str, Any]
    refused: bool = False


@dataclass(frozen=True)
class Quarantined:
    """What is kept of an event that is not accepted: `original` may be only its start, `size` is the whole's."""

    code: str
    reason: str
    original: bytes
    size: int
    truncated: bool = False

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Quarantined":
        """Read a quarantine document."""
        about = document["mpm"]["quarantine"]
        encoded = about.get("raw_base64")
        original = document["event"]["original"].encode() if encoded is None else b64decode(encoded)
        return cls(
            code=about["reason_code"],
            reason=document["error"]["message"],
            original=original,
            size=about["bytes"],
            truncated=about.get("truncated", False),
        )


@dataclass
class Outcome:
    """What became of one case."""

    stored: list[Document] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    passed: int = 0


@dataclass(frozen=True)
class Case:
    """One golden case."""

    name: str
    via: str
    path: str | None
    headers: dict[str, str]
    body: bytes
    pool: str | None
    expect: Outcome

    @property
    def texts(self) -> list[bytes]:
        """What the input hands on: a body as a whole, or the lines of a file or a stream."""
        return [self.body] if self.via in _WHOLE_BODY else self.body.removesuffix(b"\n").split(b"\n")

    @property
    def binary(self) -> bool:
        """Whether this is a CloudEvent in binary mode, which is nothing without its headers."""
        return any(name.lower() == "ce-specversion" for name in self.headers)

    @property
    def file(self) -> bool:
        """Whether the body gives the same events as a file that is read line by line."""
        return not self.binary and (self.via in _BY_LINE or b"\n" not in self.body.strip(_SPACE))


def cases() -> list[Case]:
    """Read all cases, by file and name."""
    return [
        _case(file.stem, written)
        for file in sorted(FOLDER.glob("*.json"))
        for written in _only(json.loads(file.read_text()), "about", "cases")["cases"]
    ]


def _case(file: str, written: dict[str, Any]) -> Case:
    _only(written, "name", "about", "input", "expect")
    given = _only(written["input"], "via", "path", "headers", "body", "body_base64", "pool")
    wanted = _only(written["expect"], "stored", "quarantined", "passed")
    via = given["via"]
    if via not in _WHOLE_BODY | _BY_LINE:
        message = f"{file}/{written['name']}: no input is named {via}"
        raise ValueError(message)
    body = b64decode(given["body_base64"]) if "body_base64" in given else text(given["body"]).encode()
    return Case(
        name=f"{file}/{written['name']}",
        via=via,
        path=given.get("path"),
        headers=given.get("headers", {}),
        body=body,
        pool=given.get("pool"),
        expect=Outcome(
            [_stored(document) for document in wanted.get("stored", ())],
            [_quarantined(item, body) for item in wanted.get("quarantined", ())],
            wanted.get("passed", 0),
        ),
    )


def _only(written: dict[str, Any], *keys: str) -> dict[str, Any]:
    if unknown := written.keys() - set(keys):
        message = f"a case has no {', '.join(sorted(unknown))}"
        raise ValueError(message)
    return written


def _stored(written: dict[str, Any]) -> Document:
    _only(written, "index", "id", "document", "refused")
    return Document(written["index"], written["id"], _expand(written["document"]), written.get("refused", False))


def _quarantined(written: dict[str, Any], body: bytes) -> Quarantined:
    _only(written, "reason_code", "reason", "original", "original_base64", "bytes", "truncated")
    if "original_base64" in written:
        original = b64decode(written["original_base64"])
    elif "original" in written:
        original = text(written["original"]).encode()
    else:
        original = body.strip(_SPACE)
    return Quarantined(
        written["reason_code"],
        written["reason"],
        original,
        written.get("bytes", len(original)),
        written.get("truncated", False),
    )


def text(pieces: str | list[Any]) -> str:
    """Put pieces together."""
    if isinstance(pieces, str):
        return pieces
    return "".join(piece if isinstance(piece, str) else _repeated(**piece) for piece in pieces)


def _repeated(repeat: str, times: int, join: str = "") -> str:
    return join.join(repeat.replace("{i}", str(i)) for i in range(times))


def _expand(value: Any) -> Any:
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$text"}:
        return text(value["$text"])
    if value.keys() == {"$json"}:
        return json.loads(text(value["$json"]))
    return {key: _expand(item) for key, item in value.items()}


def check(case: Case, got: Outcome) -> None:
    """Compare what became of a case with what was to become of it; raises AssertionError with the differences."""
    arrivals = {wanted.id for wanted in case.expect.stored if wanted.document.get("@timestamp") == "{arrival}"}
    wanted, found = _plain(case.expect), _plain(_masked(got, arrivals))
    if wanted != found:
        before, after = (
            json.dumps(_short(side), indent=1, ensure_ascii=False).splitlines() for side in (wanted, found)
        )
        difference = "\n".join(difflib.unified_diff(before, after, "expected", "got", lineterm="", n=4))
        message = f"{case.name}\n{difference}"
        raise AssertionError(message)


def _masked(got: Outcome, arrivals: set[str]) -> Outcome:
    """Take out what changes from call to call; of a document that came twice, one is stored."""
    stored: dict[tuple[str, str], Document] = {}
    for one in got.stored:
        if one.refused:
            stored[one.index, one.id] = one
            continue
        index, document = one.index, dict(one.document)
        about = dict(document["event"])
        _check_time(about.pop("ingested", None))
        document["event"] = about
        if one.id in arrivals:
            _check_time(document["@timestamp"])
            document["@timestamp"] = "{arrival}"
            index = re.sub(r"\d{4}\.\d\d\Z", "{month}", index)
        stored.setdefault((index, one.id), Document(index, one.id, document, one.refused))
    quarantined = {
        (one.original, one.size): Quarantined(
            one.code, _LIMIT.sub("{limit}", one.reason), one.original, one.size, one.truncated
        )
        for one in got.quarantined
    }
    return Outcome(list(stored.values()), list(quarantined.values()), got.passed)


def _check_time(value: object) -> None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        message = f"{value!r} is no time in UTC with milliseconds"
        raise AssertionError(message)


def _plain(outcome: Outcome) -> dict[str, Any]:
    """Write an outcome as JSON values that are equal when, and only when, the outcomes are."""
    return {
        "stored": [
            {"index": one.index, "id": one.id, "document": _by_value(one.document), "refused": one.refused}
            for one in sorted(outcome.stored, key=lambda one: (one.index, one.id))
        ],
        "quarantined": [
            {
                "reason_code": one.code,
                "reason": one.reason,
                "original": one.original.decode("utf-8", "backslashreplace"),
                "sha256": hashlib.sha256(one.original).hexdigest(),
                "bytes": one.size,
                "truncated": one.truncated,
            }
            for one in sorted(outcome.quarantined, key=lambda one: one.original)
        ],
        "passed": outcome.passed,
    }


def _by_value(value: Any) -> Any:
    """Sort keys, and write equal numbers in one way."""
    if isinstance(value, dict):
        return {key: _by_value(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_by_value(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        # Marked, for Python counts true as equal to 1.
        return f"<{value}>" if isinstance(value, bool) else value
    return f"<{int(value) if isinstance(value, int) or value.is_integer() else repr(value)}>"


def _short(value: Any) -> Any:
    """Cut long texts for showing, with a hash, so that a difference beyond the cut is seen."""
    if isinstance(value, dict):
        return {_short(key): _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}… {len(value)} characters {hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return value
