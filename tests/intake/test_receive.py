import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.intake.limits import Limits
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.receive import receive, receive_one, split

NOW_MS = 1_795_000_000_000
LIMITS = Limits()


def event(identity: str = "p1", **mpm: Any) -> dict[str, Any]:
    about = {"model": {"name": "m", "version": "1"}, "prediction": {"id": identity, "score": 0.5}, **mpm}
    return {"@timestamp": NOW_MS, "mpm": about}


def kinds(body: bytes | str, **options: Any) -> list[str]:
    raw = body.encode() if isinstance(body, str) else body
    found = receive(raw, source=None, now_ms=NOW_MS, limits=options.pop("limits", LIMITS), **options)
    return [
        event.stored.index.split("-v1-")[0].removeprefix("mpm-")
        if event.stored
        else event.rejected.code
        if event.rejected
        else "passed"
        for event in found
    ]


def test_an_object_with_mpm_is_an_event_and_all_else_passes_by() -> None:
    assert kinds(json.dumps(event())) == ["predictions"]
    assert kinds(json.dumps({"message": "hello", "log.level": "info"})) == ["passed"]
    assert kinds('{"mpm": null}') == ["passed"]
    assert kinds("2026-11-23 INFO started") == ["passed"]
    assert kinds("[2026-11-23] INFO started") == ["passed"]
    assert kinds("[1, 2]") == kinds('"text"') == kinds("[]") == ["passed"]
    assert kinds("") == kinds(" \r\n\t ") == []


def test_what_may_have_been_an_event_is_rejected() -> None:
    whole = json.dumps(event())
    assert kinds(whole[:-3]) == ["invalid_json"]
    assert kinds('x "mpm": {') == ["invalid_json"]
    assert kinds('["mpm"]') == ["not_an_object"]
    assert kinds(b'{"a": "\xff"}') == ["invalid_utf8"]
    assert kinds(b"caf\xe9") == ["passed"]
    assert kinds('{"a": ' * 30 + "1" + "}" * 30) == ["too_deep"]
    assert kinds(whole, limits=Limits(max_line_bytes=20)) == ["line_too_long"]
    assert kinds("x" * 30, limits=Limits(max_line_bytes=20)) == ["passed"]


def test_ground_truth_is_told_by_its_field() -> None:
    truth = {"value": "repaid"}
    assert kinds(json.dumps(event(ground_truth=truth))) == ["ground-truth"]
    dotted = {
        "@timestamp": NOW_MS,
        "mpm.model.name": "m",
        "mpm.prediction.id": "p1",
        "mpm.ground_truth.value": 1,
    }
    assert kinds(json.dumps(dotted)) == ["ground-truth"]
    assert kinds(json.dumps(event(ground_truth=None))) == ["predictions"]


def test_lines_arrays_and_one_value_over_several_lines() -> None:
    one, two = json.dumps(event("p1")), json.dumps(event("p2"))
    assert kinds(f"{one}\n{two}\n") == ["predictions"] * 2
    assert kinds(f"{one}\r\n\r\n{two}") == ["predictions"] * 2
    assert kinds(f"[{one}, {two}]") == ["predictions"] * 2
    assert kinds(json.dumps([event("p1"), event("p2")], indent=2)) == ["predictions"] * 2
    assert kinds(json.dumps(event(), indent=2)) == ["predictions"]
    assert kinds(f"[{one}]\n[{two}]") == ["predictions"] * 2
    assert kinds(f"hello\n{one}") == ["passed", "predictions"]
    assert kinds(f"{one}\n{two[:-4]}\nhello") == ["predictions", "invalid_json", "passed"]
    assert kinds(f"[{one}, {two[:-1]}]") == ["predictions", "invalid_json"]
    assert kinds(f"[{one}, [{two}]]") == ["predictions", "not_an_object"]


def test_what_cannot_be_cut_into_lines_stays_whole() -> None:
    pretty = json.dumps(event(), indent=2)
    assert kinds(pretty[:-3]) == ["invalid_json"]
    assert kinds(pretty, headers={"Content-Type": "application/x-ndjson"})[0] == "invalid_json"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert kinds(b"\xef\xbb\xbf" + json.dumps(event()).encode()) == ["predictions"]


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=6))
def test_an_array_and_lines_hold_the_same_events(objects: list[dict[str, Any]]) -> None:
    texts = [json.dumps(value).encode() for value in objects]
    assert list(split(b"\n".join(texts))) == texts
    if texts:
        assert list(split(json.dumps(objects).encode())) == texts
        assert [json.loads(text) for text in split(json.dumps(objects, indent=1).encode())] == objects


@given(st.binary())
def test_no_body_breaks_it(body: bytes) -> None:
    list(receive(body, source=None, now_ms=NOW_MS, limits=LIMITS))


def test_one_event_must_be_one() -> None:
    assert receive_one(json.dumps(event()).encode(), source=None, now_ms=NOW_MS, limits=LIMITS).id
    for raw in (b"hello", b'{"a": 1}', b"[1]"):
        with pytest.raises(Rejected) as caught:
            receive_one(raw, source=None, now_ms=NOW_MS, limits=LIMITS)
        assert caught.value.code == "not_an_event"


def test_with_a_format_named_nothing_passes_by() -> None:
    capture = {"endpointInput": {"data": "1", "encoding": "CSV"}}
    about = {"eventId": "e", "inferenceTime": "2026-11-18T10:00:00Z"}
    sagemaker = json.dumps({"captureData": capture, "eventMetadata": about})
    both = f"{json.dumps(event())}\n{sagemaker}\nhello"
    assert kinds(both) == ["predictions", "captures", "passed"]
    assert kinds(both, wanted="mpm") == ["predictions", "wrong_format", "invalid_json"]
    assert kinds(both, wanted="sagemaker") == ["wrong_format", "captures", "invalid_json"]
    assert kinds(both, wanted="kserve") == ["wrong_format", "wrong_format", "invalid_json"]
    assert kinds('{"a": 1}', wanted="mpm") == ["wrong_format"]
