"""KQL, as far as the dashboards use it."""

from typing import Any

import pytest

from mpm_elk.errors import InputError
from mpm_elk.views.dashboards.kuery import fields, to_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", {"match_all": {}}),
        ("a.b: c", {"match": {"a.b": "c"}}),
        ('a: "two words"', {"match_phrase": {"a": "two words"}}),
        ('"a.b": *', {"exists": {"field": "a.b"}}),
        ("a >= 3", {"range": {"a": {"gte": "3"}}}),
        ("not a: 1", {"bool": {"must_not": {"match": {"a": "1"}}}}),
        (
            "a: (x or y)",
            {"bool": {"should": [{"match": {"a": "x"}}, {"match": {"a": "y"}}], "minimum_should_match": 1}},
        ),
        (
            "a: 1 and b: 2 or c: 3",
            {
                "bool": {
                    "should": [
                        {"bool": {"filter": [{"match": {"a": "1"}}, {"match": {"b": "2"}}]}},
                        {"match": {"c": "3"}},
                    ],
                    "minimum_should_match": 1,
                }
            },
        ),
        (
            "a: 1 AND (b: 2 OR c: 3)",
            {
                "bool": {
                    "filter": [
                        {"match": {"a": "1"}},
                        {"bool": {"should": [{"match": {"b": "2"}}, {"match": {"c": "3"}}], "minimum_should_match": 1}},
                    ]
                }
            },
        ),
    ],
)
def test_queries(text: str, query: dict[str, Any]) -> None:
    assert to_query(text) == query


@pytest.mark.parametrize("text", ["a", "a:", "a: (x", "a: x)", "a: x*", "a: x y: z", 'a: "x', "and", "a: and"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not understood"):
        to_query(text)


def test_the_fields_of_a_query() -> None:
    assert fields('not a.b: (x or y) and "c": * and d >= 1') == ["a.b", "c", "d"]
    assert fields("  ") == []
