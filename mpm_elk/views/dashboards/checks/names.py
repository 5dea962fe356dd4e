"""Does every field that a dashboard names exist in the documents that it reads, with a type that fits its use."""

from collections.abc import Iterator, Mapping
from typing import Any

from mpm_elk.errors import InputError
from mpm_elk.views.dashboards import kuery, vega
from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.fields import DATES, NUMBERS, SHOWN, STRINGS, catalogue
from mpm_elk.views.dashboards.lens import RECORDS, attributes, layers
from mpm_elk.views.dashboards.requests import searched
from mpm_elk.views.dashboards.saved import Bundle, Dashboard, Panel, index_of

Fields = Mapping[str, str]

_ANY = NUMBERS | STRINGS | DATES
_FITS = {
    "terms": STRINGS,
    "date_histogram": DATES,
    "sum": NUMBERS,
    "average": NUMBERS,
    "median": NUMBERS,
    "standard_deviation": NUMBERS,
    "min": NUMBERS | DATES,
    "max": NUMBERS | DATES,
    "unique_count": _ANY,
    "last_value": _ANY,
    "count": _ANY,
}


def check(bundle: Bundle) -> Iterator[Problem]:
    """Look at every name of a field."""
    views = {name: _of_pattern(saved["attributes"]["title"]) for name, saved in bundle.data_views.items()}
    for name, saved in bundle.data_views.items():
        where = f"index-pattern {name}"
        if views[name] is None:
            yield Problem(where, f"{saved['attributes']['title']} is no index of ours")
            continue
        used = {*saved["attributes"]["fieldAttrs"], *saved["attributes"]["fieldFormatMap"]}
        yield from (_unknown(where, field) for field in sorted(used - set(views[name] or ())))
    for dashboard in bundle.dashboards:
        yield from _controls(dashboard, views)
        for panel in dashboard.panels:
            yield from _panel(panel, dashboard, bundle, views)


def _of_pattern(pattern: str) -> Fields | None:
    index = index_of(pattern)
    return catalogue(index) if index else None


def _unknown(where: str, field: str) -> Problem:
    return Problem(where, f"there is no field {field}")


def _controls(dashboard: Dashboard, views: Mapping[str, Fields | None]) -> Iterator[Problem]:
    for name, control in dashboard.controls.items():
        about, where = control["explicitInput"], f"{dashboard.id}: control {name}"
        fields = views.get(about["dataViewId"])
        if fields is None:
            yield Problem(where, f"there is no data view {about['dataViewId']}")
        elif fields.get(about["fieldName"]) not in STRINGS:
            yield _unknown(where, about["fieldName"])


def _panel(panel: Panel, dashboard: Dashboard, bundle: Bundle, views: Mapping[str, Fields | None]) -> Iterator[Problem]:
    read: list[Fields] = []
    if panel.kind == "lens":
        query = attributes(panel)["state"]["query"]["query"]
        for layer in layers(panel):
            fields = views.get(layer.view)
            if fields is None:
                yield Problem(panel.name, f"there is no data view {layer.view}")
                continue
            read.append(fields)
            yield from _query(panel, query, fields)
            for column in layer.columns.values():
                yield from _column(panel, column, fields)
    elif panel.kind == "vega":
        fields = _of_pattern(vega.url(vega.specification(panel))["index"])
        if fields is None:
            yield Problem(panel.name, f"{vega.url(vega.specification(panel))['index']} is no index of ours")
            return
        read.append(fields)
        yield from _vega(panel, fields)
    elif panel.kind == "search" and (saved := bundle.searches.get(searched(panel, bundle))):
        fields = views.get(saved["references"][0]["id"]) or {}
        read.append(fields)
        found = saved["attributes"]
        yield from _query(panel, found["kibanaSavedObjectMeta"]["searchSourceJSON"]["query"]["query"], fields)
        yield from (_unknown(panel.name, field) for field in found["columns"] if field not in fields)
        yield from (_unknown(panel.name, field) for field, _ in found["sort"] if fields.get(field) not in _ANY)
    for control in dashboard.controls.values():
        field = control["explicitInput"]["fieldName"]
        yield from (
            Problem(panel.name, f"is empty when somebody chooses by {field}, which its documents lack")
            for fields in read
            if field not in fields
        )


def _query(panel: Panel, text: str, fields: Fields) -> Iterator[Problem]:
    try:
        named = kuery.fields(text)
    except InputError as error:
        yield Problem(panel.name, error.message)
        return
    yield from (_unknown(panel.name, field) for field in named if fields.get(field) not in _ANY)


def _column(panel: Panel, column: Mapping[str, Any], fields: Fields) -> Iterator[Problem]:
    if condition := column.get("filter"):
        yield from _query(panel, condition["query"], fields)
    field, operation = column.get("sourceField"), column["operationType"]
    if field is None or (field == RECORDS and operation == "count"):
        return
    if field not in fields:
        yield _unknown(panel.name, field)
    elif fields[field] not in _FITS.get(operation, frozenset()):
        yield Problem(panel.name, f"{operation} does not fit {field}, which is {fields[field]}")


def _vega(panel: Panel, fields: Fields) -> Iterator[Problem]:
    spec = vega.specification(panel)
    stored = tuple(f"{name}." for name, kind in fields.items() if kind == SHOWN)
    sources = []
    for field, use in vega.request_fields(vega.url(spec)["body"]):
        if use == "source":
            sources.append(field)
            if field not in fields and not field.startswith(stored) and not _holds(fields, field):
                yield _unknown(panel.name, field)
        elif fields.get(field) not in _ANY:
            yield _unknown(panel.name, field)
    for path in sorted(vega.read_paths(spec)):
        if path not in fields and not path.startswith(stored):
            yield _unknown(panel.name, path)
        elif not any(path == source or path.startswith(f"{source}.") for source in sources):
            yield Problem(panel.name, f"reads {path}, which its request does not ask for")


def _holds(fields: Fields, path: str) -> bool:
    return any(field.startswith(f"{path}.") for field in fields)
