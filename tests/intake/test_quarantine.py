import hashlib
import json
from base64 import b64decode
from typing import Any

from mpm_elk.intake.lines import HELD_MAX_BYTES, Line
from mpm_elk.intake.quarantine import Item, quarantine, quarantine_id
from mpm_elk.intake.reasons import Rejected

NOW_MS = 1_795_000_000_000
REJECTED = Rejected("missing_field", field="mpm.model")


def document(line: Line) -> dict[str, Any]:
    action = quarantine(line, REJECTED, source="app.log", now_ms=NOW_MS)
    assert action.index == "mpm-quarantine-v1-2026.11"
    body: dict[str, Any] = json.loads(action.body)
    return body


def test_a_document_holds_the_line_and_why() -> None:
    assert document(Line(7, 100, b'{"a": "\xc3\xbc"}', False, 11)) == {
        "@timestamp": "2026-11-18T11:06:40.000Z",
        "ecs": {"version": "9.4.0"},
        "event": {
            "kind": "event",
            "module": "mpm",
            "dataset": "mpm.quarantine",
            "ingested": "2026-11-18T11:06:40.000Z",
            "original": '{"a": "ü"}',
        },
        "error": {"message": "`mpm.model` is missing"},
        "mpm": {
            "quarantine": {
                "state": "open",
                "reason_code": "missing_field",
                "source": "app.log",
                "line": 7,
                "bytes": 11,
                "updated": "2026-11-18T11:06:40.000Z",
                "attempts": 0,
            }
        },
    }


def test_what_is_no_utf8_is_kept_in_base64() -> None:
    raw = b'{"a": "\xff\xfe"}'
    found = document(Line(1, 0, raw, False, len(raw)))
    assert "original" not in found["event"]
    assert b64decode(found["mpm"]["quarantine"]["raw_base64"]) == raw
    assert Item("i", "1", 0, 1, found).raw == raw


def test_the_line_comes_back_as_it_was() -> None:
    raw = '{"a": "\\ud800 ü \U0001f600 \x00"}'.encode()
    assert Item("i", "1", 0, 1, document(Line(1, 0, raw, False, len(raw)))).raw == raw


def test_the_id_is_of_the_line_alone() -> None:
    here, there = Line(1, 10, b"x", False, 1), Line(99, 1000, b"x", False, 1)
    assert quarantine_id(here) == quarantine_id(there)
    assert quarantine_id(here) != quarantine_id(Line(1, 10, b"y", False, 1))
    assert len(quarantine_id(here)) == 43


def test_of_a_cut_line_the_start_is_kept_and_said() -> None:
    raw = "ü".encode() * (1 << 20)
    whole = hashlib.sha256(b"whole").digest()
    found = document(Line(1, 0, b"x" + raw, True, 50_000_000, whole))
    about = found["mpm"]["quarantine"]
    assert (about["truncated"], about["bytes"], about["sha256"]) == (True, 50_000_000, whole.hex())
    # The cut goes through a character, which is no fault of the line.
    assert found["event"]["original"] == "x" + "ü" * ((64 << 9) - 1)


def test_a_line_that_was_held_and_is_too_large_to_store_is_cut() -> None:
    raw = b"x" * (HELD_MAX_BYTES + 1)
    about = document(Line(1, 0, raw, False, len(raw)))["mpm"]["quarantine"]
    assert (about["truncated"], about["sha256"]) == (True, hashlib.sha256(raw).hexdigest())
