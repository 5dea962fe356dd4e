"""What is shipped has no fault; and each fault that one could make in a source is found, and named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mpm_elk.views.dashboards.build import SOURCES
from mpm_elk.views.dashboards.checks import check
from mpm_elk.views.dashboards.saved import Bundle, Object, shipped_text

DRIFT = "mpm-elk-drift"

Break = Callable[[Object], None]


def faults(kind: str, identity: str, change: Break) -> list[str]:
    """List what is found when one shipped object is changed."""
    bundle = Bundle.read(shipped_text())
    change(next(saved for saved in bundle.objects if (saved["type"], saved["id"]) == (kind, identity)))
    return [str(problem) for problem in check(bundle)]


def panel(saved: Object, name: str) -> Any:
    """Give a panel of a dashboard, to be changed."""
    return next(each for each in saved["attributes"]["panelsJSON"] if each["panelIndex"] == name)


def columns(saved: Object, name: str) -> Any:
    """Give the columns of a Lens panel by label, to be changed."""
    state = panel(saved, name)["embeddableConfig"]["attributes"]["state"]
    [layer] = state["datasourceStates"]["formBased"]["layers"].values()
    return {column["label"]: column for column in layer["columns"].values()}


def test_nothing_that_is_shipped_is_wrong() -> None:
    bundle = Bundle.shipped()
    assert [str(problem) for problem in check(bundle)] == []
    sources = sorted(file.stem for file in SOURCES.glob("*.yml") if file.stem != "shared")
    assert [dashboard.id for dashboard in bundle.dashboards] == [f"mpm-elk-{name}" for name in sources]
    assert len(sources) >= 6


def field_of_a_column(saved: Object) -> None:
    columns(saved, "heat")["PSI at least"]["sourceField"] = "mpm.drift.psi_ajusted"


def field_of_a_query(saved: Object) -> None:
    panel(saved, "largest")["embeddableConfig"]["attributes"]["state"]["query"]["query"] = "mpm.subject.typ: feature"


def field_of_a_condition(saved: Object) -> None:
    columns(saved, "culprits")["Mean shift"]["filter"]["query"] = "mpm.drift.mean_shft: *"


def in_spec(saved: Object, name: str, before: str, after: str) -> None:
    """Change the text of a Vega specification."""
    params = panel(saved, name)["embeddableConfig"]["savedVis"]["params"]
    assert before in params["spec"]
    params["spec"] = params["spec"].replace(before, after)


def field_of_an_aggregation(saved: Object) -> None:
    in_spec(saved, "limits-over-time", '"field": "mpm.subject.name"', '"field": "mpm.subject.nam"')


def field_of_a_transform(saved: Object) -> None:
    in_spec(saved, "effect", "datum._source.mpm.status", "datum._source.mpm.state")


def field_that_is_not_asked_for(saved: Object) -> None:
    in_spec(saved, "effect", '"mpm.status", ', "")


def field_of_a_control(saved: Object) -> None:
    saved["attributes"]["controlGroupInput"]["panelsJSON"]["feature"]["explicitInput"]["fieldName"] = "mpm.feature"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (field_of_a_column, f"{DRIFT}/heat: there is no field mpm.drift.psi_ajusted"),
        (field_of_a_query, f"{DRIFT}/largest: there is no field mpm.subject.typ"),
        (field_of_a_condition, f"{DRIFT}/culprits: there is no field mpm.drift.mean_shft"),
        (field_of_an_aggregation, f"{DRIFT}/limits-over-time: there is no field mpm.subject.nam"),
        (field_of_a_transform, f"{DRIFT}/effect: there is no field mpm.state"),
        (field_that_is_not_asked_for, f"{DRIFT}/effect: reads mpm.status, which its request does not ask for"),
        (field_of_a_control, f"{DRIFT}: control feature: there is no field mpm.feature"),
    ],
)
def test_a_field_that_is_not_there_is_named(change: Break, said: str) -> None:
    assert said in faults("dashboard", DRIFT, change)


def test_a_field_of_the_wrong_type_is_named() -> None:
    def change(saved: Object) -> None:
        columns(saved, "heat")["PSI at least"]["sourceField"] = "mpm.drift.culprit"

    assert f"{DRIFT}/heat: max does not fit mpm.drift.culprit, which is keyword" in faults("dashboard", DRIFT, change)


def test_a_field_of_a_saved_search_or_a_data_view_is_named() -> None:
    found = faults("search", "mpm-elk-findings", lambda saved: saved["attributes"]["columns"].append("mpm.findng"))
    assert found == [f"{DRIFT}/findings: there is no field mpm.findng"]
    found = faults("index-pattern", "mpm-runs", lambda saved: saved["attributes"]["fieldAttrs"].update({"mpm.rn": {}}))
    assert found == ["index-pattern mpm-runs: there is no field mpm.rn"]


def test_an_index_that_is_not_ours_is_named() -> None:
    found = faults("index-pattern", "mpm-runs", lambda saved: saved["attributes"].update(title="mpm-run-*"))
    assert "index-pattern mpm-runs: mpm-run-* is no index of ours" in found


def test_a_query_that_nobody_understands_is_named() -> None:
    def change(saved: Object) -> None:
        panel(saved, "largest")["embeddableConfig"]["attributes"]["state"]["query"]["query"] = "mpm.status: (ok"

    assert f"{DRIFT}/largest: the query 'mpm.status: (ok' is not understood" in faults("dashboard", DRIFT, change)


def test_a_reference_to_nothing_is_named() -> None:
    def change(saved: Object) -> None:
        next(each for each in saved["references"] if each["name"] == "links:link_alerts_dashboard")["id"] = "gone"

    found = faults("dashboard", DRIFT, change)
    assert f"{DRIFT}: links:link_alerts_dashboard is the dashboard gone, which is not there" in found
    assert f"{DRIFT}: has no link to mpm-elk-alerts" in found


def test_a_reference_that_is_missing_or_in_excess_is_named() -> None:
    def change(saved: Object) -> None:
        saved["references"][0]["name"] = "links:link_other_dashboard"

    assert set(faults("dashboard", DRIFT, change)) >= {
        f"{DRIFT}: lacks the reference links:link_overview_dashboard",
        f"{DRIFT}: holds the reference links:link_other_dashboard, which nothing uses",
    }


def test_a_data_view_named_differently_inside_and_outside_a_panel_is_named() -> None:
    def change(saved: Object) -> None:
        panel(saved, "heat")["embeddableConfig"]["attributes"]["references"][0]["id"] = "mpm-alerts"

    assert any(
        said.startswith(f"{DRIFT}/heat: indexpattern-datasource-layer-")
        and said.endswith("is mpm-alerts in the panel and mpm-metrics in the dashboard")
        for said in faults("dashboard", DRIFT, change)
    )


def test_a_version_that_old_kibanas_refuse_is_named() -> None:
    found = faults("dashboard", DRIFT, lambda saved: saved.update(typeMigrationVersion="10.3.0"))
    assert found == [f"dashboard {DRIFT}: typeMigrationVersion is 10.3.0, not 10.2.0"]
    found = faults("tag", "mpm-elk", lambda saved: saved.update(coreMigrationVersion="9.0.0"))
    assert found == ["tag mpm-elk: coreMigrationVersion is 9.0.0, not 8.8.0"]


@pytest.mark.parametrize(("kind", "identity"), [(saved["type"], saved["id"]) for saved in Bundle.shipped().objects])
def test_a_wrong_version_of_any_object_is_named(kind: str, identity: str) -> None:
    found = faults(kind, identity, lambda saved: saved.update(typeMigrationVersion="10.99.0"))
    assert any(said.startswith(f"{kind} {identity}: typeMigrationVersion is 10.99.0, not ") for said in found)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"x": 25}, f"{DRIFT}/heat: reaches out of the 48 columns"),
        ({"y": 4}, f"{DRIFT}/largest: stands over heat"),
        ({"i": "heap"}, f"{DRIFT}/heat: its grid cell is called heap"),
    ],
)
def test_a_wrong_grid_cell_is_named(cell: dict[str, object], said: str) -> None:
    assert said in faults("dashboard", DRIFT, lambda saved: panel(saved, "heat")["gridData"].update(cell))


def test_what_kibana_forbids_or_a_licence_or_script_needs_is_named() -> None:
    found = faults("dashboard", DRIFT, lambda saved: saved["attributes"].update(sections=[], title="Drift"))
    assert f"{DRIFT}: has the attribute sections, which Kibana refuses" in found
    assert f"{DRIFT}: its title does not begin with [MPM]" in found
    found = faults(
        "dashboard",
        DRIFT,
        lambda saved: in_spec(saved, "limits-over-time", '"max": {', '"scripted_metric": {"script": 1}, "max": {'),
    )
    assert f"{DRIFT}/limits-over-time: uses scripted_metric" in found
    found = faults("dashboard", DRIFT, lambda saved: saved.update(updated_at="2026-11-24"))
    assert f"dashboard {DRIFT}: holds updated_at, which changes by itself" in found


def test_a_column_that_is_nowhere_is_named() -> None:
    def change(saved: Object) -> None:
        visualization = panel(saved, "heat")["embeddableConfig"]["attributes"]["state"]["visualization"]
        visualization["valueAccessor"] = "gone"

    found = faults("dashboard", DRIFT, change)
    assert f"{DRIFT}/heat: shows the column gone, which is not there" in found
    assert any("computes the column" in said for said in found)


def test_a_panel_that_a_control_would_empty_is_named() -> None:
    def change(saved: Object) -> None:
        controls = saved["attributes"]["controlGroupInput"]["panelsJSON"]
        controls["model"]["explicitInput"] |= {"dataViewId": "mpm-runs", "fieldName": "mpm.run.models"}

    said = f"{DRIFT}/heat: is empty when somebody chooses by mpm.run.models, which its documents lack"
    assert said in faults("dashboard", DRIFT, change)


def test_an_object_that_is_there_twice_is_named() -> None:
    first = json.loads(shipped_text().splitlines()[0])
    bundle = Bundle.read(shipped_text() + json.dumps(first) + "\n")
    assert "tag mpm-elk: is there 2 times" in [str(problem) for problem in check(bundle)]
