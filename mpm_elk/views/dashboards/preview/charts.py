"""Lens charts as Vega-Lite: what is drawn of a saved XY chart or heat map, from the rows of its layers. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mpm_elk.views.dashboards.lens import Layer, visualization
from mpm_elk.views.dashboards.preview import formats
from mpm_elk.views.dashboards.preview.answers import Row
from mpm_elk.views.dashboards.preview.page import inner_size
from mpm_elk.views.dashboards.saved import Bundle, Panel

Spec = dict[str, Any]

_FEW, _NARROW = 10, 3
_LEGEND_ENTRY = 110
"""Pixels that an entry of a legend takes."""
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def chart(panel: Panel, layer: Layer, rows: Sequence[Row], bundle: Bundle, step: int) -> Spec:
    """Translate a chart; `step` is the length of its time buckets in ms."""
    if visualization(panel).get("shape") == "heatmap":
        return heat_map(panel, layer, rows, step)
    return xy(panel, layer, rows, bundle, step)


def xy(panel: Panel, layer: Layer, rows: Sequence[Row], bundle: Bundle, step: int) -> Spec:
    """Translate bars and lines; only the first layer is drawn."""
    vis = visualization(panel)
    shown = vis["layers"][0]
    x, split = layer.columns[shown["xAccessor"]], shown.get("splitAccessor")
    first = layer.columns[shown["accessors"][0]]
    how = formats.of_column(bundle, layer.view, first)
    largest = max((row[name] or 0 for row in rows for name in shown["accessors"]), default=0)
    divisor, unit = formats.scaled(how, largest)
    values = [
        {
            "x": row[shown["xAccessor"]],
            "x2": row[shown["xAccessor"]] + step if x["dataType"] == "date" else None,
            "y": row[name] / divisor,
            "series": str(row[split]) if split else layer.columns[name]["label"],
        }
        for row in rows
        for name in shown["accessors"]
        if row[name] is not None
    ]
    bars = shown["seriesType"].startswith("bar")
    title = vis.get("yLeftTitle") or first["label"]
    y_axis = {"format": formats.of_axis(how), "tickCount": 5, "domain": False, "ticks": False}
    encoding: Spec = {
        "x": _x(x, bars=bars),
        "y": {"field": "y", "type": "quantitative", "title": f"{title}, {unit}" if unit else title, "axis": y_axis},
        "color": {
            "field": "series",
            "type": "nominal",
            "title": None,
            "scale": _colours(shown, layer, values),
            "legend": {"orient": "bottom", "columns": max(2, inner_size(panel)[0] // _LEGEND_ENTRY)}
            if split or len(shown["accessors"]) > 1
            else None,
        },
    }
    if not largest:
        encoding["y"]["scale"] = {"domain": [0, 0.01 if how.get("id") == "percent" else 1]}
    if bars and x["dataType"] == "date":
        encoding["x2"] = {"field": "x2"}
        encoding["y"]["stack"] = "zero"
    mark: Spec = (
        {"type": "bar", "orient": "vertical"} if bars else {"type": "line", "strokeWidth": 2, "point": len(rows) < _FEW}
    )
    if bars and x["dataType"] != "date":
        mark["width"] = {"band": 0.55 if len(values) > _NARROW else 0.12}
    return {"$schema": _SCHEMA, "data": {"values": values}, "mark": mark, "encoding": encoding}


def _x(column: Mapping[str, Any], *, bars: bool) -> Spec:
    if column["dataType"] == "date":
        axis = {"grid": False, "tickCount": 8, "labelOverlap": True}
        return {"field": "x", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis}
    axis = {"labelAngle": 0, "labelLimit": 110, "labelOverlap": False, "ticks": False}
    return {"field": "x", "type": "nominal", "title": None, "sort": None, "axis": axis} | (
        {"scale": {"paddingInner": 0.45, "paddingOuter": 0.25}} if bars else {}
    )


def _colours(shown: Mapping[str, Any], layer: Layer, values: Sequence[Row]) -> Spec:
    """Give each series its colour, where the chart says one; the others follow Kibana's palette."""
    fixed = {
        value: assignment["color"]["colorCode"]
        for assignment in shown.get("colorMapping", {}).get("assignments", ())
        for value in assignment["rule"]["values"]
    }
    fixed |= {
        layer.columns[each["forAccessor"]]["label"]: each["color"]
        for each in shown.get("yConfig", ())
        if "color" in each
    }
    names = list(dict.fromkeys(row["series"] for row in values))
    if not any(name in fixed for name in names):
        return {"domain": sorted(names)}
    known = [name for name in fixed if name in names]
    rest = [name for name in names if name not in fixed]
    return {"domain": [*known, *rest], "range": [*(fixed[name] for name in known), *["#98A2B3"] * len(rest)]}


def heat_map(panel: Panel, layer: Layer, rows: Sequence[Row], step: int) -> Spec:
    """Translate a heat map of times and groups, with its bounds and colours."""
    vis = visualization(panel)
    value = vis["valueAccessor"]
    stops = vis["palette"]["params"]["stops"]
    percent = layer.columns[value]["params"].get("format", {}).get("id") == "percent"
    names = _bands([stop["stop"] for stop in stops], percent=percent)
    values = [
        {
            "x": row[vis["xAccessor"]],
            "x2": row[vis["xAccessor"]] + step,
            "y": row[vis["yAccessor"]],
            "band": next((n for n, stop in zip(names, stops, strict=True) if row[value] < stop["stop"]), names[-1]),
        }
        for row in rows
        if row[value] is not None
    ]
    axis = {"grid": False, "tickCount": 6, "labelOverlap": True}
    y_axis = {"labelLimit": 190, "ticks": False, "domain": False}
    order = list(dict.fromkeys(row["y"] for row in values))
    return {
        "$schema": _SCHEMA,
        "data": {"values": values},
        "mark": {"type": "rect"},
        "encoding": {
            "x": {"field": "x", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis},
            "x2": {"field": "x2"},
            "y": {"field": "y", "type": "nominal", "title": None, "sort": order, "axis": y_axis},
            "color": {
                "field": "band",
                "type": "nominal",
                "title": layer.columns[value]["label"],
                "scale": {"domain": names, "range": [stop["color"] for stop in stops]},
                "legend": {"orient": vis["legend"]["position"], "titleOrient": "left"},
            },
        },
    }


def _bands(uppers: Sequence[float], *, percent: bool) -> list[str]:
    """Name the bands between bounds."""
    said = [f"{100 * upper:g} %" if percent else f"{upper:g}" for upper in uppers]
    middle = [f"{low} – {high}" for low, high in pairwise(said[:-1])]
    return [f"< {said[0]}", *middle, f"≥ {said[-2]}"]
