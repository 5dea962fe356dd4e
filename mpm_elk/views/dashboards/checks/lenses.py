"""Is each Lens panel whole: its layers, columns and what it shows of them name one another rightly."""

from collections.abc import Iterator, Mapping
from typing import Any

from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.lens import Layer, accessors, layers, shown
from mpm_elk.views.dashboards.saved import Bundle, Panel


def check(bundle: Bundle) -> Iterator[Problem]:
    """Look inside every Lens panel."""
    for dashboard in bundle.dashboards:
        for panel in dashboard.panels:
            if panel.kind == "lens":
                yield from _panel(panel)


def _panel(panel: Panel) -> Iterator[Problem]:
    found, visible = {layer.id: layer for layer in layers(panel)}, {layer["layerId"]: layer for layer in shown(panel)}
    for name in sorted(set(found) ^ set(visible)):
        yield Problem(panel.name, f"the layer {name} is {'never shown' if name in found else 'shown, but not there'}")
    for name, layer in found.items():
        yield from _layer(panel, layer, visible.get(name, {}))


def _layer(panel: Panel, layer: Layer, visible: Mapping[str, Any]) -> Iterator[Problem]:
    if sorted(layer.order) != sorted(layer.columns):
        yield Problem(panel.name, f"the order of the columns of {layer.id} does not hold each once")
    for name in sorted(set(accessors(visible)) - set(layer.columns)):
        yield Problem(panel.name, f"shows the column {name}, which is not there")
    for name in sorted(set(layer.columns) - set(accessors(visible))):
        yield Problem(panel.name, f"computes the column {name}, and never shows it")
    for name, column in layer.columns.items():
        by = column.get("params", {}).get("orderBy", {})
        if by.get("type") == "column" and by["columnId"] not in layer.columns:
            yield Problem(panel.name, f"{column['label']} is ordered by {by['columnId']}, which is not there")
        for other in column.get("references", ()):
            if other not in layer.columns:
                yield Problem(panel.name, f"{name} is computed from {other}, which is not there")
