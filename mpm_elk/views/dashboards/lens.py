"""The parts of a Lens panel: its layers, their columns, and how the visualization uses them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mpm_elk.views.dashboards.saved import Panel

RECORDS = "___records___"


@dataclass(frozen=True)
class Layer:
    """One layer: its columns by id, in the order in which they are nested, and the data view that it reads."""

    id: str
    view: str
    columns: Mapping[str, Mapping[str, Any]]
    order: tuple[str, ...]

    @property
    def buckets(self) -> list[str]:
        """The columns that group, the outermost first."""
        return [name for name in self.order if self.columns[name]["isBucketed"]]

    @property
    def numbers(self) -> list[str]:
        """The columns that give a number, or a value."""
        return [name for name in self.order if not self.columns[name]["isBucketed"]]


def attributes(panel: Panel) -> Mapping[str, Any]:
    """Give what is saved of a Lens panel."""
    found: Mapping[str, Any] = panel.config["attributes"]
    return found


def visualization(panel: Panel) -> Mapping[str, Any]:
    """Give how a Lens panel shows its columns."""
    found: Mapping[str, Any] = attributes(panel)["state"]["visualization"]
    return found


def layers(panel: Panel) -> list[Layer]:
    """Read the layers of a Lens panel."""
    views = {reference["name"]: reference["id"] for reference in attributes(panel)["references"]}
    found = attributes(panel)["state"]["datasourceStates"]["formBased"]["layers"]
    return [
        Layer(
            name,
            views.get(f"indexpattern-datasource-layer-{name}", ""),
            layer["columns"],
            tuple(layer["columnOrder"]),
        )
        for name, layer in found.items()
    ]


def shown(panel: Panel) -> list[Mapping[str, Any]]:
    """List the layers as the visualization sees them: an XY chart has several, other charts are one themselves."""
    found = visualization(panel)
    return list(found["layers"]) if "layers" in found else [found]


def accessors(layer: Mapping[str, Any]) -> Iterator[str]:
    """List the columns that a visualization's layer uses."""
    for name, value in layer.items():
        if name.endswith("Accessor") and value:
            yield value
        elif name == "accessors":
            yield from value
        elif name == "columns":
            yield from (column["columnId"] for column in value)
        elif name == "sorting":
            yield value["columnId"]
        elif name == "yConfig":
            yield from (each["forAccessor"] for each in value)
        elif name == "palette" and "accessor" in value:
            yield value["accessor"]
