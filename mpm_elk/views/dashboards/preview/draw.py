"""Ask Elasticsearch what a dashboard would ask, and draw the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, search_all
from mpm_elk.errors import UsageError
from mpm_elk.views.dashboards import vega
from mpm_elk.views.dashboards.data_views import DATA_VIEWS
from mpm_elk.views.dashboards.lens import visualization
from mpm_elk.views.dashboards.preview import formats, page, render
from mpm_elk.views.dashboards.preview.answers import Row, rows
from mpm_elk.views.dashboards.preview.charts import chart
from mpm_elk.views.dashboards.preview.theme import Theme
from mpm_elk.views.dashboards.requests import Request, Scope, interval, requests, searched, selected
from mpm_elk.views.dashboards.saved import Bundle, Dashboard, Panel

Answer = Mapping[str, Any]
Answered = tuple[Request, Answer]

_CHARTS = ("lnsXY", "lnsHeatmap")


def ask(client: Elasticsearch, dashboard: Dashboard, bundle: Bundle, scope: Scope) -> dict[str, list[Answered]]:
    """Send the searches of every panel together; panel → its searches and answers.

    `scope` holds the time and the reader's own conditions; those that the controls are saved with are added.
    """
    whole = replace(scope, filters=[*scope.filters, *selected(dashboard.controls)])
    made = [request for panel in dashboard.panels for request in requests(panel, bundle, whole)]
    answers = search_all(client, [Search(request.index, request.body) for request in made])
    found: dict[str, list[Answered]] = {}
    for request, answer in zip(made, answers, strict=True):
        found.setdefault(request.panel.id, []).append((request, answer))
    return found


def draw(client: Elasticsearch, dashboard: Dashboard, bundle: Bundle, scope: Scope, themes: Sequence[Theme]) -> str:
    """Ask, and give the HTML page of a dashboard."""
    return Drawer(bundle, dashboard, ask(client, dashboard, bundle, scope), scope, themes).page()


@dataclass(frozen=True)
class Drawer:
    """Draws the panels of a dashboard, from their answers."""

    bundle: Bundle
    dashboard: Dashboard
    answers: Mapping[str, Sequence[Answered]]
    scope: Scope
    themes: Sequence[Theme]

    def page(self) -> str:
        """Give the page."""
        about = f"{formats.moment(self.scope.start)} – {formats.moment(self.scope.end)} UTC."
        return page.page(self.dashboard, about, [self._framed(panel) for panel in self.dashboard.panels], self.themes)

    def _framed(self, panel: Panel) -> str:
        return page.framed(panel, self._body(panel), panel.kind)

    def _body(self, panel: Panel) -> str:
        match panel.kind:
            case "markdown":
                return page.markdown(panel.config["savedVis"]["params"]["markdown"])
            case "links":
                return page.links(self._links(panel), self.dashboard.id)
        [(request, answer)] = self.answers[panel.id]
        match panel.kind:
            case "vega":
                return self._vega(panel, answer)
            case "search":
                return self._search(panel, answer)
        return self._lens(panel, request, answer)

    def _links(self, panel: Panel) -> list[tuple[str, str]]:
        targets = {each["name"]: str(each["id"]) for each in self.dashboard.saved["references"]}
        return [
            (link["label"], targets[f"{panel.id}:{link['destinationRefName']}"])
            for link in panel.config["attributes"]["links"]
        ]

    def _vega(self, panel: Panel, answer: Answer) -> str:
        spec = vega.specification(panel)
        if not answer["hits"]["hits"] and not answer["hits"].get("total", {}).get("value"):
            return page.nothing()
        return self._drawn(panel, vega.with_answer(spec, answer))

    def _drawn(self, panel: Panel, spec: Mapping[str, Any]) -> str:
        fitted = render.sized(spec, *page.inner_size(panel))
        return page.drawing({theme.name: render.svg(fitted, theme) for theme in self.themes})

    def _lens(self, panel: Panel, request: Request, answer: Answer) -> str:
        assert request.layer is not None  # noqa: S101 — a Lens panel's search has its layer
        found = rows(request.layer, answer)
        kind = panel.config["attributes"]["visualizationType"]
        if kind == "lnsMetric":
            return self._number(panel, request, found[0])
        if not found:
            return page.nothing()
        if kind == "lnsDatatable":
            return self._table(panel, request, found)
        if kind not in _CHARTS:
            raise UsageError(f"{panel.name}: charts of the type {kind} are not drawn here")
        layer = request.layer
        wanted = [c["params"]["interval"] for c in layer.columns.values() if c["operationType"] == "date_histogram"]
        step = interval(wanted[0], self.scope.end - self.scope.start) if wanted else 0
        spec = chart(panel, layer, found, self.bundle, step)
        if wanted:
            # As in Kibana, the axis shows the time that was asked for, not the time that has data.
            spec["encoding"]["x"]["scale"]["domain"] = [self.scope.start, self.scope.end]
        return self._drawn(panel, spec)

    def _number(self, panel: Panel, request: Request, row: Row) -> str:
        assert request.layer is not None  # noqa: S101 — as above
        vis = visualization(panel)
        name = vis["metricAccessor"]
        column, value = request.layer.columns[name], row[name]
        how = formats.of_column(self.bundle, request.layer.view, column)
        said = formats.text(value, how, date=column["dataType"] == "date")
        return page.number(said, column["label"], _colour(vis.get("palette"), value))

    def _table(self, panel: Panel, request: Request, found: Sequence[Row]) -> str:
        assert request.layer is not None  # noqa: S101 — as above
        vis, layer = visualization(panel), request.layer
        names = [column["columnId"] for column in vis["columns"]]
        sorting = vis.get("sorting")
        if sorting:
            by, reverse = sorting["columnId"], sorting["direction"] == "desc"
            known = [row for row in found if row[by] is not None]
            found = [*sorted(known, key=lambda row: row[by], reverse=reverse), *(r for r in found if r[by] is None)]
        columns = [layer.columns[name] for name in names]
        cells = [
            [
                formats.text(row[name], formats.of_column(self.bundle, layer.view, c), date=c["dataType"] == "date")
                for name, c in zip(names, columns, strict=True)
            ]
            for row in found[: vis["paging"]["size"]]
        ]
        numeric = [column["dataType"] == "number" for column in columns]
        return page.table(page.Table([column["label"] for column in columns], cells, numeric))

    def _search(self, panel: Panel, answer: Answer) -> str:
        if not answer["hits"]["hits"]:
            return page.nothing()
        saved = self.bundle.searches[searched(panel, self.bundle)]
        view = str(saved["references"][0]["id"])
        labels = next(each.labels for each in DATA_VIEWS if each.id == view)
        names = ["@timestamp", *saved["attributes"]["columns"]]
        cells = [
            [self._field(view, name, at(hit["_source"], name)) for name in names] for hit in answer["hits"]["hits"]
        ]
        return page.table(page.Table([labels.get(name, name) for name in names], cells, [False] * len(names)))

    def _field(self, view: str, name: str, value: Any) -> str:
        date = isinstance(value, str) and name.endswith(("timestamp", ".start", ".end"))
        return formats.text(value, formats.of_field(self.bundle, view, name), date=date)


def at(source: Any, path: str) -> Any:
    """Find a value by its dotted path; names may hold dots themselves."""
    if not isinstance(source, Mapping):
        return None
    if path in source:
        return source[path]
    head, _, rest = path.partition(".")
    while rest:
        if head in source and (found := at(source[head], rest)) is not None:
            return found
        more, _, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _colour(palette: Mapping[str, Any] | None, value: Any) -> str:
    """Choose the colour of a number by the palette's upper bounds; a bound itself is above."""
    if not palette or value is None:
        return ""
    stops = palette["params"]["stops"]
    return str(next((stop["color"] for stop in stops if value < stop["stop"]), stops[-1]["color"]))
