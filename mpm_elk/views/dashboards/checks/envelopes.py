"""Is each object one that every Kibana from 8.19 imports: version, keys, titles, and nothing that needs a licence."""

import json
from collections import Counter
from collections.abc import Iterator

from mpm_elk.views.dashboards import vega
from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.data_views import CORE, PREFIX, VERSIONS
from mpm_elk.views.dashboards.saved import Bundle, Dashboard

_KEYS = {"id", "type", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "managed"}
_DASHBOARD_KEYS = {
    *("title", "description", "kibanaSavedObjectMeta", "timeRestore", "timeFrom", "timeTo", "refreshInterval"),
    *("controlGroupInput", "panelsJSON", "optionsJSON", "version"),
}
"""Another key makes the import of a dashboard fail: its schema forbids what it does not know."""

_PANEL_TYPES = {"lens", "visualization", "links", "search"}
_FORBIDDEN = ("script", "runtime_mappings", "scripted_metric", "bucket_script")


def check(bundle: Bundle) -> Iterator[Problem]:
    """Look at each object as a whole."""
    for (kind, identity), number in Counter((saved["type"], saved["id"]) for saved in bundle.objects).items():
        if number > 1:
            yield Problem(f"{kind} {identity}", f"is there {number} times")
    for saved in bundle.objects:
        where = f"{saved['type']} {saved['id']}"
        if saved["type"] not in VERSIONS:
            yield Problem(where, "is of a type that is not shipped")
            continue
        if saved.get("coreMigrationVersion") != CORE:
            yield Problem(where, f"coreMigrationVersion is {saved.get('coreMigrationVersion')}, not {CORE}")
        if saved.get("typeMigrationVersion") != (wanted := VERSIONS[saved["type"]]):
            yield Problem(where, f"typeMigrationVersion is {saved.get('typeMigrationVersion')}, not {wanted}")
        for key in sorted(set(saved) - _KEYS):
            yield Problem(where, f"holds {key}, which changes by itself")
        if saved["type"] == "index-pattern" and saved["attributes"]["runtimeFieldMap"]:
            yield Problem(where, "has runtime fields, which are scripts")
    for dashboard in bundle.dashboards:
        yield from _dashboard(dashboard)


def _dashboard(dashboard: Dashboard) -> Iterator[Problem]:
    for key in sorted(set(dashboard.attributes) - _DASHBOARD_KEYS):
        yield Problem(dashboard.id, f"has the attribute {key}, which Kibana refuses")
    if not str(dashboard.attributes.get("title", "")).startswith(PREFIX):
        yield Problem(dashboard.id, f"its title does not begin with {PREFIX.strip()}")
    if not dashboard.attributes.get("description"):
        yield Problem(dashboard.id, "has no description")
    if not dashboard.attributes.get("timeRestore"):
        yield Problem(dashboard.id, "does not set its time range")
    for panel in dashboard.panels:
        if panel.raw["type"] not in _PANEL_TYPES:
            yield Problem(panel.name, f"is of the type {panel.raw['type']}, which is not known here")
        if not panel.title:
            yield Problem(panel.name, "has no title")
        if panel.kind in ("lens", "vega", "search") and not panel.description:
            yield Problem(panel.name, "does not say what one sees")
        if panel.kind == "lens" and panel.config["attributes"]["state"]["datasourceStates"]["textBased"]["layers"]:
            yield Problem(panel.name, "uses ES|QL, which not every cluster has")
        if panel.kind == "vega":
            spec = vega.specification(panel)
            if spec.get("$schema") != vega.SCHEMA:
                yield Problem(panel.name, f"its specification is not {vega.SCHEMA}")
            text = json.dumps(vega.url(spec))
            yield from (Problem(panel.name, f"uses {word}") for word in _FORBIDDEN if f'"{word}"' in text)
