"""From a panel to the search that Kibana would send for it. Pure.

Two things differ from Kibana: a panel's time buckets are in UTC, not in the browser's zone; and the last value of a
column is asked for by `top_hits`, where Kibana asks by `top_metrics`, which not every Elasticsearch here has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.errors import InputError
from mpm_elk.timespan import iso
from mpm_elk.views.dashboards import kuery, vega
from mpm_elk.views.dashboards.lens import Layer, attributes, layers
from mpm_elk.views.dashboards.saved import Bundle, Panel

Clause = dict[str, Any]

MISSING = "(none)"
_INNER = "value"
_ROWS = 50
_BARS, _BARS_MAX = 100, 1000
_SECOND = 1000
_STEPS = tuple(
    _SECOND * seconds for seconds in (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400, 604_800)
)  # fmt: skip
_UNITS = {"m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86_400 * _SECOND}

_PLAIN = {"sum": "sum", "average": "avg", "min": "min", "max": "max", "unique_count": "cardinality"}


@dataclass(frozen=True)
class Scope:
    """What the whole dashboard is set to: the time (ms), and conditions of its controls and filters."""

    start: int
    end: int
    filters: Sequence[Clause] = ()

    @property
    def time(self) -> Clause:
        """The bounds of the time."""
        return {"gte": iso(self.start), "lte": iso(self.end), "format": "strict_date_optional_time"}


@dataclass(frozen=True)
class Request:
    """One search of one panel; `layer` is the Lens layer whose columns it computes."""

    panel: Panel
    index: str
    body: Clause = field(repr=False)
    layer: Layer | None = None


def selected(controls: Mapping[str, Mapping[str, Any]]) -> list[Clause]:
    """Give the conditions of a dashboard's controls as they are saved."""
    chosen = [control["explicitInput"] for control in controls.values()]
    return [{"terms": {each["fieldName"]: each["selectedOptions"]}} for each in chosen if each.get("selectedOptions")]


def requests(panel: Panel, bundle: Bundle, scope: Scope) -> list[Request]:
    """List the searches of a panel; text and links have none. Raises InputError for what is not known."""
    match panel.kind:
        case "lens":
            return [_lens(panel, layer, bundle, scope) for layer in layers(panel) if _reads(layer)]
        case "vega":
            return [_vega(panel, scope)]
        case "search":
            return [_search(panel, bundle, scope)]
        case "markdown" | "links":
            return []
    raise InputError(f"{panel.name}: panels of the kind {panel.kind} are not known here")


def _reads(layer: Layer) -> bool:
    return any(column["operationType"] != "static_value" for column in layer.columns.values())


def _pattern(bundle: Bundle, view: str) -> str:
    return str(bundle.data_views[view]["attributes"]["title"])


def _query(kql: str, scope: Scope) -> Clause:
    conditions = [{"range": {"@timestamp": scope.time}}, *scope.filters]
    if kql.strip():
        conditions.append(kuery.to_query(kql))
    return {"bool": {"filter": conditions}}


def _lens(panel: Panel, layer: Layer, bundle: Bundle, scope: Scope) -> Request:
    query = attributes(panel)["state"]["query"]["query"]
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": _query(query, scope),
        "aggs": _nested(layer, layer.buckets, scope),
    }
    return Request(panel, _pattern(bundle, layer.view), body, layer)


def _nested(layer: Layer, buckets: Sequence[str], scope: Scope) -> Clause:
    if not buckets:
        found = {name: number(layer.columns[name]) for name in layer.numbers}
        return {name: made for name, made in found.items() if made is not None}
    name, rest = buckets[0], buckets[1:]
    column = layer.columns[name]
    inner = _nested(layer, rest, scope)
    if column["operationType"] == "terms":
        made = _terms(layer, column, inner)
    elif column["operationType"] == "date_histogram":
        step = interval(column["params"]["interval"], scope.end - scope.start)
        made = {"date_histogram": {"field": column["sourceField"], "fixed_interval": f"{step}ms", "min_doc_count": 1}}
    else:
        raise InputError(f"groups by {column['operationType']} are not known here")
    return {name: {**made, **({"aggs": inner} if inner else {})}}


def _terms(layer: Layer, column: Mapping[str, Any], inner: Clause) -> Clause:
    params = column["params"]
    direction, order = params["orderDirection"], params["orderBy"]
    terms: Clause = {"field": column["sourceField"], "size": params["size"]}
    if params.get("missingBucket"):
        terms["missing"] = MISSING
    if order["type"] == "alphabetical":
        return {"terms": {**terms, "order": {"_key": direction}}}
    by = layer.columns[order["columnId"]]
    made = number(by)
    if made is None:
        return {"terms": {**terms, "order": {"_count": direction}}}
    inner["order"] = made
    return {"terms": {**terms, "order": {_order_path(by): direction}}}


def _order_path(column: Mapping[str, Any]) -> str:
    if column["operationType"] == "count":
        return "order"
    median = ".50" if column["operationType"] == "median" else ""
    return f"order>{_INNER}{median}" if column.get("filter") else f"order{median}"


def number(column: Mapping[str, Any]) -> Clause | None:
    """Make the aggregation of a column; None where the number of documents says it."""
    operation, condition = column["operationType"], column.get("filter")
    if operation == "count":
        return {"filter": kuery.to_query(condition["query"])} if condition else None
    name = column["sourceField"]
    if operation in _PLAIN:
        made = {_PLAIN[operation]: {"field": name}}
    elif operation == "median":
        made = {"percentiles": {"field": name, "percents": [50]}}
    elif operation == "last_value":
        newest = [{column["params"]["sortField"]: "desc"}]
        made = {"top_hits": {"size": 1, "sort": newest, "_source": False, "docvalue_fields": [name]}}
    else:
        raise InputError(f"numbers by {operation} are not known here")
    return {"filter": kuery.to_query(condition["query"]), "aggs": {_INNER: made}} if condition else made


def interval(wanted: str, span: int) -> int:
    """Choose the length of a time bucket (ms) for a span: with `auto` there are at most about 100.

    Another length is kept up to `_BARS_MAX` buckets, as Kibana does (`histogram:maxBars` since 8.6).
    """
    least, most = (0, _BARS) if wanted == "auto" else (_UNITS[wanted[-1]] * int(wanted[:-1]), _BARS_MAX)
    return next((step for step in _STEPS if step >= least and span / step <= most), max(_STEPS[-1], least))


def _vega(panel: Panel, scope: Scope) -> Request:
    asked = vega.url(vega.specification(panel))
    return Request(panel, str(asked["index"]), _in_context(asked["body"], scope))


def _in_context(value: Any, scope: Scope) -> Any:
    if value == vega.TIME:
        return scope.time
    if isinstance(value, Mapping):
        return {name: _in_context(each, scope) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    made: list[Any] = []
    for each in value:
        if each == vega.FILTER:
            made += scope.filters
        elif each not in (vega.MUST, vega.MUST_NOT):
            made.append(_in_context(each, scope))
    return made


def _search(panel: Panel, bundle: Bundle, scope: Scope) -> Request:
    saved = bundle.searches[searched(panel, bundle)]
    found = saved["attributes"]
    source = found["kibanaSavedObjectMeta"]["searchSourceJSON"]
    view = next(reference["id"] for reference in saved["references"] if reference["name"] == source["indexRefName"])
    body = {
        "size": _ROWS,
        "track_total_hits": True,
        "query": _query(source["query"]["query"], scope),
        "sort": [{name: direction} for name, direction in found["sort"]],
        "_source": ["@timestamp", *found["columns"]],
    }
    return Request(panel, _pattern(bundle, view), body)


def searched(panel: Panel, bundle: Bundle) -> str:
    """Name the saved search that a panel shows."""
    references = next(dashboard for dashboard in bundle.dashboards if dashboard.id == panel.dashboard).saved[
        "references"
    ]
    wanted = f"{panel.id}:{panel.raw['panelRefName']}"
    return next((str(each["id"]) for each in references if each["name"] == wanted), "")


def buckets(answer: Any) -> int:
    """Count the buckets of an answer."""
    if isinstance(answer, list):
        return sum(buckets(each) for each in answer)
    if not isinstance(answer, Mapping):
        return 0
    own = len(answer["buckets"]) if isinstance(answer.get("buckets"), list) else 0
    return own + sum(buckets(each) for each in answer.values())


def canonical(body: Clause) -> str:
    """Write a body in one way only."""
    return json.dumps(body, sort_keys=True)
