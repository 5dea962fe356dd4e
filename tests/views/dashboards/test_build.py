"""The saved objects that are shipped are what their sources give, and nobody changed them by hand."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mpm_elk.errors import InputError
from mpm_elk.views.dashboards import build
from mpm_elk.views.dashboards.finish import finish, lost
from mpm_elk.views.dashboards.saved import Bundle, Dashboard, from_lines, shipped_text, to_lines

ROOT = Path(__file__).parents[3]
COMPILER = os.environ.get("MPM_DASHBOARDS_PYTHON", str(ROOT / ".venv-dashboards" / "bin" / "python"))


def test_what_is_shipped_is_fresh() -> None:
    assert build.stale() == [], "run `make dashboards`"


def test_a_changed_source_is_found_without_the_compiler(tmp_path: Path) -> None:
    sources = Path(shutil.copytree(build.SOURCES, tmp_path / "sources"))
    drift = sources / "drift.yml"
    drift.write_text(drift.read_text(encoding="utf-8").replace("Largest drift", "Largest shift"), encoding="utf-8")
    (sources / "new.yml").write_text("dashboards: []\n", encoding="utf-8")
    assert build.stale(sources) == [
        "kibana_dashboards/drift.yml changed since the objects were made",
        "kibana_dashboards/new.yml changed since the objects were made",
    ]


def test_objects_changed_by_hand_are_found(tmp_path: Path) -> None:
    target = tmp_path / "objects.ndjson"
    target.write_text(shipped_text().replace("Adjusted PSI", "PSI"), encoding="utf-8")
    problems = build.stale(target=target)
    assert f"{build.TARGET.name} was changed by hand" in problems
    assert "index-pattern mpm-metrics is not what data_views.py says" in problems


def test_writing_what_was_read_gives_the_same_bytes() -> None:
    assert to_lines(Bundle.shipped().objects) == shipped_text()


def test_an_export_may_end_with_a_summary() -> None:
    summary = json.dumps({"exportedCount": 1, "missingRefCount": 0})
    assert from_lines(shipped_text() + summary + "\n") == list(Bundle.shipped().objects)


@pytest.mark.parametrize(("text", "said"), [("{", "line 1 is no JSON"), (None, "panelsJSON is no JSON as text")])
def test_what_is_no_saved_object_is_refused(text: str | None, said: str) -> None:
    saved = {"type": "dashboard", "id": "d", "attributes": {"panelsJSON": "["}}
    with pytest.raises(InputError, match=said):
        Bundle.read(text or json.dumps(saved))


@pytest.mark.skipif(not Path(COMPILER).exists(), reason="the dashboards' compiler is not installed: make dashboards")
def test_compiling_again_gives_the_same_bytes() -> None:
    done = subprocess.run(
        [COMPILER, str(build.SOURCES / "compile.py")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert build.made(done.stdout.splitlines()) == shipped_text()


def test_a_dashboard_that_lost_a_part_of_its_source_is_refused() -> None:
    """The compiler leaves out what it does not know; a source must not lose a word by it."""
    source = {
        "panels": [{"id": "p", "title": "Failures", "lens": {"data_view": "mpm-runs", "metrics": [{"label": "Lost"}]}}]
    }
    with pytest.raises(InputError, match="lacks what its source says: Lost"):
        finish(source, compiled("Failures"))


def compiled(title: str) -> dict[str, object]:
    """What the compiler gives of a panel with one number, which has another label."""
    columns = {"c": {"label": "Other", "operationType": "count", "isBucketed": False, "sourceField": "___records___"}}
    layers = {"l": {"columns": columns, "columnOrder": ["c"]}}
    attributes = {
        "title": title,
        "visualizationType": "lnsMetric",
        "references": [],
        "state": {"datasourceStates": {"formBased": {"layers": layers}}},
    }
    panel = {"panelIndex": "p", "type": "lens", "gridData": {}, "embeddableConfig": {"attributes": attributes}}
    return {
        "type": "dashboard",
        "id": "d",
        "attributes": {"panelsJSON": json.dumps([panel])},
        "references": [],
    }


def test_a_specification_that_differs_is_lost() -> None:
    spec = {"mark": "bar"}
    panel = {"panelIndex": "v", "embeddableConfig": {"savedVis": {"params": {"spec": json.dumps({"mark": "line"})}}}}
    source = {"panels": [{"id": "v", "vega": {"spec": spec}}]}
    assert list(lost(source, {"attributes": {"panelsJSON": [panel]}})) == ["the specification of v"]


def test_conditions_descriptions_and_choices_of_the_sources_are_shipped() -> None:
    """What the compiler drops, and finish.py brings back."""
    overview, model = (Dashboard(by_id(name)) for name in ("mpm-elk-overview", "mpm-elk-model"))
    table = next(panel for panel in overview.panels if panel.id == "model-table")
    [layer] = table.config["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    assert layer["columns"]["t-critical"]["filter"] == {"query": "mpm.status: critical", "language": "kuery"}
    assert layer["columns"]["t-newest"]["dataType"] == "date"
    assert table.description.startswith("Features and outputs with at least one critical")
    assert model.controls["segment"]["explicitInput"]["selectedOptions"] == ["all"]


def by_id(identity: str) -> dict[str, object]:
    """Give a shipped object."""
    return next(saved for saved in Bundle.shipped().objects if saved["id"] == identity)


def test_the_link_for_people_points_to_what_is_shipped() -> None:
    assert (build.SOURCES / build.TARGET.name).read_text(encoding="utf-8") == shipped_text()
