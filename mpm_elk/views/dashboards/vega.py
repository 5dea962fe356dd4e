"""The Vega panels: their specification, the request in it, the fields it names, and its answer put in. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mpm_elk.views.dashboards.saved import Panel

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"

MUST, MUST_NOT, FILTER = (f"%dashboard_context-{name}_clause%" for name in ("must", "must_not", "filter"))
TIME = {"%timefilter%": True}

_FROM_SOURCE = re.compile(r"datum\._source\.([\w.@]+)")
_BY_NAME = frozenset({"term", "terms", "range", "match"})


def specification(panel: Panel) -> dict[str, Any]:
    """Read the specification of a Vega panel."""
    spec: dict[str, Any] = json.loads(panel.config["savedVis"]["params"]["spec"])
    return spec


def url(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the request of a specification: index and body."""
    found: Mapping[str, Any] = spec["data"]["url"]
    return found


def request_fields(body: Any) -> Iterator[tuple[str, str]]:
    """List the fields that a request names, each with what it is used for."""
    if isinstance(body, list):
        for each in body:
            yield from request_fields(each)
    if not isinstance(body, Mapping):
        return
    for name, value in body.items():
        if name == "field" and isinstance(value, str):
            yield value, "aggregate"
        elif name == "_source":
            yield from ((path, "source") for path in value)
        elif name == "sort":
            yield from ((path, "aggregate") for each in value for path in each)
        elif name in _BY_NAME and "field" not in value:
            yield from ((path, "query") for path in value if path not in ("boost", "size"))
        else:
            yield from request_fields(value)


def read_paths(spec: Mapping[str, Any]) -> set[str]:
    """List the paths of the documents' source that the specification reads."""
    return set(_FROM_SOURCE.findall(json.dumps(spec.get("transform", []))))


def with_answer(spec: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Put the rows of an answer where the request was."""
    rows: Any = answer
    for name in spec["data"]["format"]["property"].split("."):
        rows = rows[name]
    return {**spec, "data": {"values": rows}}
