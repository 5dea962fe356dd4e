"""From what the compiler gives to what Kibana should import: mend what the compiler drops, and take out what varies.

The compiler (kb-dashboard-core 0.4.1) leaves out without a word: conditions of plain metrics, descriptions of panels,
choices made beforehand in controls. `lost` makes sure that nothing else that a source says goes missing. Pure.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mpm_elk.errors import InputError
from mpm_elk.views.dashboards.data_views import DATA_VIEWS, envelope, tagged
from mpm_elk.views.dashboards.fields import DATES, STRINGS, catalogue
from mpm_elk.views.dashboards.saved import Object, Panel, opened

Source = Mapping[str, Any]

_REFRESH = {"pause": True, "value": 60_000}
_KEEP_TYPE = ("min", "max", "last_value")
_CARRIED = frozenset(
    ("color", "content", "dashboard", "description", "field", "kql", "label", "name", "pattern", "preselected",
     "saved_search_id", "suffix", "title")
)  # fmt: skip
"""The keys of a source whose texts must be found in what is made of it."""

_TYPES = {view.id: catalogue(view.index) for view in DATA_VIEWS}


def finish(source: Source, compiled: Object) -> Object:
    """Make the dashboard that is shipped, opened. Raises InputError where something of the source is lost."""
    raw = opened(compiled)
    attributes = raw["attributes"]
    panels = {panel["panelIndex"]: panel for panel in attributes["panelsJSON"]}
    for described in source["panels"]:
        _mend_panel(described, panels[described["id"]])
    for control in source.get("controls", ()):
        found = attributes["controlGroupInput"]["panelsJSON"][control["id"]]["explicitInput"]
        found["selectedOptions"] = control.get("preselected", [])
    attributes |= {"version": 3, "refreshInterval": _REFRESH}
    made = tagged(envelope("dashboard", raw["id"], attributes, raw["references"]))
    if missing := sorted(set(lost(source, made))):
        raise InputError(
            f"{raw['id']}: the compiled dashboard lacks what its source says: {'; '.join(missing)}",
            remedy="give the metric, control or panel an id of its own, or see finish.py",
        )
    return made


def lost(source: Source, made: Object) -> Iterator[str]:
    """List texts of the source that are not in what was made of it, and Vega specifications that differ."""
    there = set(_texts(made))
    for described in source["panels"]:
        rest = {name: value for name, value in described.items() if name != "vega"}
        yield from (text for text in _carried(rest) if text not in there)
        if "vega" in described:
            panel = next(p for p in made["attributes"]["panelsJSON"] if p["panelIndex"] == described["id"])
            if json.loads(panel["embeddableConfig"]["savedVis"]["params"]["spec"]) != described["vega"]["spec"]:
                yield f"the specification of {described['id']}"
    yield from (text for text in _carried(source.get("controls", ())) if text not in there)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _carried(value: Any, *, carried: bool = False) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _carried(each, carried=name in _CARRIED)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _carried(each, carried=carried)
    elif carried and isinstance(value, str):
        yield value


def _mend_panel(described: Source, panel: Object) -> None:
    config = panel["embeddableConfig"]
    if description := described.get("description"):
        config["description"] = description
    if panel["type"] == "search":
        # By reference: the dashboard's reference `<panel>:panel_<panel>` says which.
        panel["panelRefName"] = f"panel_{panel['panelIndex']}"
        config.pop("savedObjectId", None)
    for event in config.get("enhancements", {}).get("dynamicActions", {}).get("events", ()):
        event["action"]["config"].setdefault("openInNewTab", False)
    if "lens" in described:
        _mend_lens(described, Panel("", panel))


def _mend_lens(described: Source, panel: Panel) -> None:
    attributes = panel.config["attributes"]
    # What is not there is left to the checks, which name it.
    view = _TYPES.get(described["lens"]["data_view"], {})
    layers = attributes["state"]["datasourceStates"]["formBased"]["layers"]
    conditions = {
        metric["id"]: {"query": metric["filter"]["kql"], "language": "kuery"}
        for metric in _metrics(described["lens"])
        if "filter" in metric and "id" in metric
    }
    for layer in layers.values():
        for name, column in layer["columns"].items():
            if name in conditions:
                column["filter"] = conditions[name]
            if column["operationType"] in _KEEP_TYPE:
                column.update(_shape(view.get(column["sourceField"], "")))
        if attributes["visualizationType"] in ("lnsXY", "lnsHeatmap"):
            layer["columnOrder"] = sorted(layer["columnOrder"], key=lambda name: _rank(layer["columns"][name]))


def _metrics(lens: Source) -> list[Source]:
    found = [*lens.get("metrics", ()), *(lens[name] for name in ("primary", "secondary", "metric") if name in lens)]
    return [metric for metric in found if isinstance(metric, Mapping)]


def _shape(kind: str) -> Object:
    """Say what a metric that gives a value of its field gives: not always a number."""
    if kind in DATES:
        return {"dataType": "date"}
    return {"dataType": "string", "scale": "ordinal"} if kind in STRINGS else {}


def _rank(column: Mapping[str, Any]) -> int:
    """Order columns: groups before times, so that the largest groups are those of the whole time, then numbers."""
    return ("terms", "date_histogram").index(column["operationType"]) if column["isBucketed"] else 2
