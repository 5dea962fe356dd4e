"""Does every reference name an object of the bundle, in the place where Kibana looks for it; can all be reached."""

from collections.abc import Iterator

from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.data_views import TAG
from mpm_elk.views.dashboards.lens import attributes, layers
from mpm_elk.views.dashboards.saved import Bundle, Dashboard, Object, Panel

START = "mpm-elk-overview"

_DRILLDOWN = "DASHBOARD_TO_DASHBOARD_DRILLDOWN"


def check(bundle: Bundle) -> Iterator[Problem]:
    """Look at what refers to what."""
    there = {(saved["type"], saved["id"]) for saved in bundle.objects}
    for saved in bundle.objects:
        for reference in saved["references"]:
            if (reference["type"], reference["id"]) not in there:
                where = saved["id"] if saved["type"] == "dashboard" else f"{saved['type']} {saved['id']}"
                yield Problem(
                    where, f"{reference['name']} is the {reference['type']} {reference['id']}, which is not there"
                )
    for dashboard in bundle.dashboards:
        yield from _dashboard(dashboard)
    yield from _reach(bundle)


def _dashboard(dashboard: Dashboard) -> Iterator[Problem]:
    needed = {f"tag-ref-{TAG}", *_controls(dashboard)}
    for panel in dashboard.panels:
        needed |= set(_needed(panel))
        if panel.kind == "lens":
            yield from _lens(panel, dashboard.saved["references"])
    named = {reference["name"] for reference in dashboard.saved["references"]}
    for name in sorted(needed - named):
        yield Problem(dashboard.id, f"lacks the reference {name}")
    for name in sorted(named - needed):
        yield Problem(dashboard.id, f"holds the reference {name}, which nothing uses")


def _controls(dashboard: Dashboard) -> Iterator[str]:
    return (f"controlGroup_{name}:optionsListDataView" for name in dashboard.controls)


def _needed(panel: Panel) -> Iterator[str]:
    """List the references of the dashboard that a panel needs."""
    config = panel.config
    for event in config.get("enhancements", {}).get("dynamicActions", {}).get("events", ()):
        if event["action"]["factoryId"] == _DRILLDOWN:
            yield f"{panel.id}:drilldown:{_DRILLDOWN}:{event['eventId']}:dashboardId"
    if panel.kind == "lens":
        yield from (f"{panel.id}:indexpattern-datasource-layer-{layer.id}" for layer in layers(panel))
    elif panel.kind == "links":
        for link in config["attributes"]["links"]:
            if link["type"] == "dashboardLink":
                yield f"{panel.id}:{link['destinationRefName']}"
    elif panel.kind == "search":
        yield f"{panel.id}:{panel.raw['panelRefName']}"


def _lens(panel: Panel, outer: list[Object]) -> Iterator[Problem]:
    """Compare the two places where a data view is named: the panel and the dashboard."""
    inner = {reference["name"]: reference["id"] for reference in attributes(panel)["references"]}
    for name in sorted({f"indexpattern-datasource-layer-{layer.id}" for layer in layers(panel)} ^ set(inner)):
        yield Problem(panel.name, f"its references and its layers differ by {name}")
    for reference in outer:
        name = reference["name"].removeprefix(f"{panel.id}:")
        if reference["name"] != name and inner.get(name, reference["id"]) != reference["id"]:
            yield Problem(panel.name, f"{name} is {inner[name]} in the panel and {reference['id']} in the dashboard")


def _reach(bundle: Bundle) -> Iterator[Problem]:
    """Everybody who is on one dashboard can go to every other."""
    ids = {dashboard.id for dashboard in bundle.dashboards}
    if START not in ids:
        yield Problem(START, "is not there, and people begin with it")
    for dashboard in bundle.dashboards:
        links = {
            reference["id"]
            for reference in dashboard.saved["references"]
            if reference["type"] == "dashboard" and ":link_" in reference["name"]
        }
        for other in sorted(ids - links):
            yield Problem(dashboard.id, f"has no link to {other}")
