"""The comparison of golden cases tells what differs, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.logstash import golden
from tests.logstash.golden import Case, Document, Outcome, Quarantined, check, text

INGESTED = "2026-12-01T00:00:00.000Z"


def document(value: Any, at: str = "2026-03-04T11:05:09.214Z") -> dict[str, Any]:
    return {"@timestamp": at, "event": {"kind": "event"}, "value": value}


def stored(value: Any, **changes: Any) -> Outcome:
    """Make what an implementation gives: with the time at which it was taken in."""
    given = document(value, **changes)
    return Outcome([Document("mpm-x-2026.03", "id", {**given, "event": {"kind": "event", "ingested": INGESTED}})])


def case(expect: Outcome, body: bytes = b"{}") -> Case:
    return Case("file/name", "line", None, {}, body, None, expect)


def expected(value: Any) -> Case:
    return case(Outcome([Document("mpm-x-2026.03", "id", document(value))]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0, -0.0),
        (10**22, 1e22),
        (1.7976931348623157e308, int(1.7976931348623157e308)),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}),
        (True, True),
        (None, None),
        ("é", "\u00e9"),
    ],
)
def test_equal_values_are_equal(one: Any, other: Any) -> None:
    check(expected(one), stored(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (0, None),
        (1, "1"),
        (2**53, 2**53 + 1),
        (0.1, 0.1 + 2**-54),
        ([1, 2], [2, 1]),
        ({"a": None}, {}),
        ("é", "e\u0301"),
        ("x" * 5000, "x" * 4999 + "y"),
    ],
)
def test_different_values_are_different(one: Any, other: Any) -> None:
    with pytest.raises(AssertionError, match="file/name\n--- expected"):
        check(expected(one), stored(other))


def test_what_changes_with_time_is_masked() -> None:
    arrival = Document("mpm-x-{month}", "id", document(1, at="{arrival}"))
    check(case(Outcome([arrival])), stored(1, at="2026-12-01T00:00:00.000Z"))
    with pytest.raises(AssertionError, match="is no time"):
        check(case(Outcome([arrival])), stored(1, at="now"))
    with pytest.raises(AssertionError, match="is no time"):
        check(expected(1), Outcome([Document("mpm-x-2026.03", "id", document(1))]))
    limit = "`@timestamp` is 2099, and after {} nothing is accepted now"
    wanted = Quarantined("timestamp_too_new", limit.format("{limit}"), b"{}", 2)
    check(case(Outcome([], [wanted])), Outcome([], [replace(wanted, reason=limit.format("2026-12-01T01:00:00.000Z"))]))


@pytest.mark.parametrize(
    "change",
    [{"code": "x"}, {"reason": "x"}, {"original": b"{ }"}, {"size": 3}, {"truncated": True}],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_quarantined_event_counts(change: dict[str, Any]) -> None:
    wanted = Quarantined("code", "reason", b"{}", 2)
    check(case(Outcome([], [wanted])), Outcome([], [wanted]))
    with pytest.raises(AssertionError):
        check(case(Outcome([], [wanted])), Outcome([], [replace(wanted, **change)]))


def test_what_is_missing_or_too_much_is_told() -> None:
    for got in (Outcome(), Outcome(stored(1).stored, [], 1), stored(1, at="2026-03-04T11:05:09.215Z")):
        with pytest.raises(AssertionError):
            check(expected(1), got)
    check(expected(1), Outcome(stored(1).stored * 2))
    with pytest.raises(AssertionError):
        check(expected(1), Outcome([replace(stored(1).stored[0], index="mpm-y-2026.03")]))


def test_pieces() -> None:
    assert text("a{i}") == "a{i}"
    assert text(["a", {"repeat": "x{i}", "times": 3, "join": ","}, "b"]) == "ax0,x1,x2b"


def test_a_case_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    written: dict[str, Any] = {
        "name": "n",
        "about": "a",
        "input": {"via": "file", "body": ["a\n", {"repeat": "b", "times": 2}, "\n"]},
        "expect": {
            "stored": [
                {"index": "i", "id": "d", "document": {"x": {"$text": ["y", "z"]}, "j": {"$json": ["[1", "]"]}}}
            ],
            "quarantined": [{"reason_code": "c", "reason": "r"}],
        },
    }
    (tmp_path / "f.json").write_text(json.dumps({"about": "", "cases": [written]}))
    (found,) = golden.cases()
    assert (found.name, found.texts, found.file) == ("f/n", [b"a", b"bb"], True)
    assert found.expect == Outcome([Document("i", "d", {"x": "yz", "j": [1]})], [Quarantined("c", "r", b"a\nbb", 4)], 0)
    for broken in ({**written, "expects": {}}, {**written, "input": {"via": "telex", "body": ""}}):
        (tmp_path / "f.json").write_text(json.dumps({"about": "", "cases": [broken]}))
        with pytest.raises(ValueError, match=r"expects|telex"):
            golden.cases()


def test_which_cases_can_be_files() -> None:
    one, lines = b'{"a":1}\n', b"{\n}\n"
    given = case(Outcome())
    assert replace(given, via="http", body=one).file
    assert not replace(given, via="http", body=lines).file
    assert replace(given, via="tcp", body=lines).file
    assert not replace(given, via="http", body=one, headers={"Ce-SpecVersion": "1.0"}).file
