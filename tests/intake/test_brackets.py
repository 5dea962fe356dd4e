import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.intake.brackets import deeper_than, elements, value_end

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SPACES = st.text(" \t\r\n", max_size=3)


def depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth, children), default=0)


@given(st.lists(JSON), SPACES, SPACES)
def test_elements_are_the_arrays_own_texts(values: list[Any], before: str, after: str) -> None:
    texts = [json.dumps(value).encode() for value in values]
    space = before.encode(), after.encode()
    array = b"[" + b",".join(space[0] + text + space[1] for text in texts) + b"]"
    assert list(elements(array)) == texts
    assert value_end(array + b" 1") == len(array)


@given(JSON, st.integers(0, 6))
def test_depth_is_what_brackets_say(value: Any, limit: int) -> None:
    assert deeper_than(json.dumps(value).encode(), limit) == (depth(value) > limit)


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (b'[{"a":1},{bad},{"b":2}]', [b'{"a":1}', b"{bad}", b'{"b":2}']),
        (b'[{"a":1},,{"b":2},]', [b'{"a":1}', b'{"b":2}']),
        (b'[{"a":1},{"b":', [b'{"a":1}', b'{"b":']),
        (b'[{"a":1}] {"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'[{"a":"],["},{"b":"\\"]"}]', [b'{"a":"],["}', b'{"b":"\\"]"}']),
        (b"[{}]]", [b"{}", b"]"]),
        (b"[]", []),
    ],
)
def test_a_fault_in_one_element_hides_no_other(array: bytes, texts: list[bytes]) -> None:
    assert list(elements(array)) == texts


def test_a_text_without_an_end_has_none() -> None:
    assert value_end(b'{"a": [1, "}') is None
    assert value_end(b"") is None
