"""Compile the YAML sources to Kibana dashboards, on standard output: `make dashboards`.

One line a dashboard: {"source": what the YAML says, "compiled": what Kibana takes}. This runs in an environment of its
own (Python >= 3.12, see requirements.txt), because mpm-elk itself needs neither the compiler nor its Python.
`mpm_elk.views.dashboards.build` takes it from here.
"""

import json
import sys
from pathlib import Path

import yaml
from kb_dashboard_core.dashboard.compile import compile_dashboard
from kb_dashboard_core.loader import DashboardConfig

SHARED = "shared.yml"


def load(folder: Path) -> list[dict[str, object]]:
    """Read every dashboard of a folder; the anchors of shared.yml stand before each file."""
    shared = (folder / SHARED).read_text(encoding="utf-8")
    found: list[dict[str, object]] = []
    for file in sorted(folder.glob("*.yml")):
        if file.name == SHARED:
            continue
        try:
            sources = yaml.safe_load(f"{shared}\n{file.read_text(encoding='utf-8')}")["dashboards"]
            compiled = [compile_dashboard(each) for each in DashboardConfig(dashboards=sources).dashboards]
        except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
            sys.exit(f"{file.name}: {error}")
        found += [
            {"source": source, "compiled": each.model_dump(by_alias=True, mode="json")}
            for source, each in zip(sources, compiled, strict=True)
        ]
    return found


def main() -> None:
    """Print the dashboards of a folder."""
    for dashboard in load(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)):
        sys.stdout.write(json.dumps(dashboard) + "\n")


if __name__ == "__main__":
    main()
