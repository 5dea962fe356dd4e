"""From the answer to a Lens layer's search to rows, one value a column. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mpm_elk.views.dashboards.lens import Layer
from mpm_elk.views.dashboards.requests import MISSING

Row = dict[str, Any]


def rows(layer: Layer, answer: Mapping[str, Any]) -> list[Row]:
    """Give the rows of a layer, in the order of its groups; without groups there is one."""
    total = answer["hits"]["total"]["value"]
    root = {**answer.get("aggregations", {}), "doc_count": total}
    return list(_rows(layer, layer.buckets, root, {}))


def _rows(layer: Layer, groups: Sequence[str], bucket: Mapping[str, Any], known: Row) -> Iterator[Row]:
    if not groups:
        yield {**known, **{name: _number(layer.columns[name], bucket, name) for name in layer.numbers}}
        return
    for inner in bucket.get(groups[0], {}).get("buckets", ()):
        key = inner["key"] if inner["key"] != MISSING else "(missing value)"
        yield from _rows(layer, groups[1:], inner, {**known, groups[0]: key})


def _number(column: Mapping[str, Any], bucket: Mapping[str, Any], name: str) -> Any:
    operation, condition = column["operationType"], column.get("filter")
    if operation == "count":
        return bucket[name]["doc_count"] if condition else bucket["doc_count"]
    found = bucket.get(name)
    if found is None:
        return None
    if condition:
        found = found["value"]
    if operation == "median":
        return next(iter(found["values"].values()), None)
    if operation == "last_value":
        hits = found["hits"]["hits"]
        return hits[0]["fields"].get(column["sourceField"], [None])[0] if hits else None
    return found["value"]
