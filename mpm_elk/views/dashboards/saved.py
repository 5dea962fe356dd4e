"""Saved objects as Kibana imports them: lines of JSON, in which some values are JSON again, as text. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from mpm_elk.contract.names import Index
from mpm_elk.errors import InputError

Object = dict[str, Any]

FILE = "mpm-elk.ndjson"

_TEXTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "dashboard": (
        ("panelsJSON",),
        ("optionsJSON",),
        ("kibanaSavedObjectMeta", "searchSourceJSON"),
        ("controlGroupInput", "panelsJSON"),
        ("controlGroupInput", "ignoreParentSettingsJSON"),
    ),
    "index-pattern": tuple(
        (name,) for name in ("fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters", "typeMeta")
    ),
    "search": (("kibanaSavedObjectMeta", "searchSourceJSON"),),
}
"""By type: the paths below `attributes` whose values are JSON as text."""


def compact(value: object) -> str:
    """Write JSON in one way only, so that the same content is the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def opened(saved: Mapping[str, Any]) -> Object:
    """Read the texts inside a saved object as JSON. Raises InputError for one that is none, and names it."""
    return _changed(saved, _read)


def closed(saved: Mapping[str, Any]) -> Object:
    """Write the parts that Kibana wants as texts."""
    return _changed(saved, lambda value, _: compact(value))


def _read(value: Any, where: str) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        raise InputError(f"{where} is no JSON as text") from None


def _changed(saved: Mapping[str, Any], change: Any) -> Object:
    copy: Object = json.loads(json.dumps(saved))
    for path in _TEXTS.get(saved["type"], ()):
        holder = copy["attributes"]
        for name in path[:-1]:
            holder = holder.get(name, {})
        if path[-1] in holder:
            where = f"{saved['type']} {saved['id']}: {'.'.join(path)}"
            holder[path[-1]] = change(holder[path[-1]], where)
    return copy


def to_lines(objects: Iterable[Mapping[str, Any]]) -> str:
    """Write opened objects as Kibana imports them."""
    return "".join(compact(closed(saved)) + "\n" for saved in objects)


def from_lines(text: str) -> list[Object]:
    """Read the objects of an export, opened; the summary at its end is left out. Raises InputError."""
    objects = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            saved = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} is no JSON: {error}") from None
        if "exportedCount" not in saved:
            objects.append(opened(saved))
    return objects


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard: `type` is Kibana's, `config` its embeddable's state."""

    dashboard: str
    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The panel's own id."""
        return str(self.raw["panelIndex"])

    @property
    def name(self) -> str:
        """Name it in a message."""
        return f"{self.dashboard}/{self.id}"

    @property
    def config(self) -> Mapping[str, Any]:
        """The state of what it shows."""
        found: Mapping[str, Any] = self.raw["embeddableConfig"]
        return found

    @property
    def grid(self) -> Mapping[str, Any]:
        """Where it stands: x, y, w, h in cells of a grid that is 48 wide."""
        found: Mapping[str, Any] = self.raw["gridData"]
        return found

    @property
    def kind(self) -> str:
        """What it is: `lens`, `vega`, `markdown`, `links`, `search`."""
        vis = self.config.get("savedVis")
        return str(vis["type"] if vis else self.raw["type"])

    @property
    def title(self) -> str:
        """The title that is shown."""
        inner = self.config.get("savedVis") or self.config.get("attributes") or {}
        return str(self.config.get("title") or inner.get("title") or "")

    @property
    def description(self) -> str:
        """What the panel says of itself."""
        inner = self.config.get("savedVis") or self.config.get("attributes") or {}
        return str(self.config.get("description") or inner.get("description") or "")


@dataclass(frozen=True)
class Dashboard:
    """A dashboard, opened."""

    saved: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.saved["id"])

    @property
    def attributes(self) -> Mapping[str, Any]:
        """All that is saved of it."""
        found: Mapping[str, Any] = self.saved["attributes"]
        return found

    @property
    def panels(self) -> list[Panel]:
        """Its panels, in reading order."""
        panels = [Panel(self.id, raw) for raw in self.attributes["panelsJSON"]]
        return sorted(panels, key=lambda panel: (panel.grid["y"], panel.grid["x"]))

    @property
    def controls(self) -> Mapping[str, Mapping[str, Any]]:
        """Its controls by id."""
        found: Mapping[str, Mapping[str, Any]] = self.attributes.get("controlGroupInput", {}).get("panelsJSON", {})
        return found


@dataclass(frozen=True)
class Bundle:
    """All saved objects that belong together, opened."""

    objects: tuple[Object, ...]

    @classmethod
    def shipped(cls) -> "Bundle":
        """Read what comes with mpm-elk."""
        return cls.read(shipped_text())

    @classmethod
    def read(cls, text: str) -> "Bundle":
        """Read lines. Raises InputError."""
        return cls(tuple(from_lines(text)))

    def of_type(self, kind: str) -> Iterator[Object]:
        """List the objects of a type."""
        return (saved for saved in self.objects if saved["type"] == kind)

    @property
    def dashboards(self) -> list[Dashboard]:
        """The dashboards, in the order of their ids."""
        return [Dashboard(saved) for saved in sorted(self.of_type("dashboard"), key=lambda saved: str(saved["id"]))]

    @cached_property
    def data_views(self) -> Mapping[str, Object]:
        """The data views by id."""
        return {saved["id"]: saved for saved in self.of_type("index-pattern")}

    @cached_property
    def searches(self) -> Mapping[str, Object]:
        """The saved searches by id."""
        return {saved["id"]: saved for saved in self.of_type("search")}


def shipped_text() -> str:
    """Give the lines that come with mpm-elk."""
    return (resources.files(__package__) / FILE).read_text(encoding="utf-8")


def index_of(pattern: str) -> Index | None:
    """Tell which kind of index a pattern is of."""
    return next((index for index in Index if pattern in (index.value, index.pattern, f"{index.value}*")), None)
