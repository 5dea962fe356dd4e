"""CloudEvents: attributes and payloads of both modes."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.intake.platforms.cloudevents import (
    event_attributes,
    event_payload,
    header_attributes,
    is_json,
    is_structured,
    member,
    structured,
)
from mpm_elk.intake.reasons import Rejected

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_header_names_are_read_in_any_case_and_the_payload_is_no_attribute() -> None:
    headers = {"CE-Id": "1", "ce-Type": "t", "Ce-data": "x", "Content-Type": "text/csv", "X-Ce-Other": "no"}
    assert header_attributes(headers) == {"id": "1", "type": "t"}


def test_attributes_of_a_structured_event_are_texts_and_null_is_absent() -> None:
    event = {"specversion": "1.0", "n": 17, "b": True, "o": {"a": [1, "é"]}, "gone": None, "data": 1}
    assert event_attributes(event) == {"specversion": "1.0", "n": "17", "b": "true", "o": '{"a":[1,"é"]}'}


def test_an_attribute_that_json_cannot_write_is_named() -> None:
    with pytest.raises(Rejected, match="`x` must be a finite number"):
        event_attributes({"x": float("inf")})


@given(
    before=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    value=VALUES,
    after=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    indent=st.sampled_from([None, 1]),
)
def test_a_member_is_cut_out_byte_for_byte(
    before: dict[str, Any], value: Any, after: dict[str, Any], indent: int | None
) -> None:
    whole = {**{f"a{k}": v for k, v in before.items()}, "data": value, **{f"b{k}": v for k, v in after.items()}}
    raw = json.dumps(whole, indent=indent).encode()
    found = member(raw, "data")
    assert found in raw
    assert json.loads(found) == value
    assert found == found.strip()


def test_of_a_key_that_is_twice_there_the_last_counts() -> None:
    assert member(b'{ "data" : [1 , 2] , "x":{"data":0}, "d\\u0061ta":  1.50\t}', "data") == b"1.50"


def test_numbers_of_any_length_are_cut_out() -> None:
    digits = b"9" * 5000
    assert (
        member(b'{"other":' + digits + b',"data":[' + digits + b",1E400,NaN]}", "data")
        == b"[" + digits + b",1E400,NaN]"
    )


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        ('"data":{"a": 1}', b'{"a": 1}'),
        ('"data":"a,b\\n"', b'"a,b\\n"'),
        ('"datacontenttype":"text/csv; charset=utf-8","data":"a,b\\n"', b"a,b\n"),
        ('"datacontenttype":"application/vnd.x+json","data":"a"', b'"a"'),
        ('"datacontenttype":"text/csv","data":[1]', b"[1]"),
        ('"data":null', b"null"),
        ('"data_base64":"/wA="', b"\xff\x00"),
        ('"data_base64":null', b""),
        ('"x":1', b""),
    ],
)
def test_payload_of_a_structured_event(fields: str, payload: bytes) -> None:
    raw = f'{{"specversion":"1.0","type":"t",{fields}}}'.encode()
    assert event_payload(json.loads(raw), raw) == payload


@pytest.mark.parametrize("text", ["/w", "/wA=\n", "*", 7, "é"])
def test_bad_base64_is_rejected(text: Any) -> None:
    with pytest.raises(Rejected) as caught:
        event_payload({"data_base64": text}, b"")
    assert caught.value.code == "wrong_type"


def test_a_payload_text_that_utf8_cannot_hold_is_rejected() -> None:
    event = {"datacontenttype": "text/plain", "data": "\ud800"}
    with pytest.raises(Rejected) as caught:
        event_payload(event, json.dumps(event).encode())
    assert caught.value.code == "lone_surrogate"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(None, True), ("application/json", True), ("Application/JSON; charset=utf-8", True), ("a/b+json", True),
     ("text/csv", False), ("application/jsonlines", False)],
)  # fmt: skip
def test_json_content_types(kind: str | None, expected: bool) -> None:
    assert is_json(kind) is expected


def test_the_structured_form_holds_all_that_the_binary_one_does() -> None:
    headers = {"Ce-Specversion": "1.0", "ce-type": "t", "ce-ID": "ü", "content-type": "text/csv"}
    text = structured(headers, b"\xff1")
    assert text == (
        b'{"data_base64":"' + b64encode(b"\xff1") + b'","datacontenttype":"text/csv","id":"\xc3\xbc",'
        b'"specversion":"1.0","type":"t"}'
    )
    event = json.loads(text)
    assert is_structured(event)
    assert event_attributes(event) == header_attributes(headers)
    assert event_payload(event, text) == b"\xff1"
