"""Do the panels of a dashboard stand where they should: within 48 columns, none over another."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.saved import Bundle, Panel

_WIDTH = 48
_MANY = 100


def check(bundle: Bundle) -> Iterator[Problem]:
    """Look at where panels stand."""
    for dashboard in bundle.dashboards:
        panels = dashboard.panels
        if len(panels) > _MANY:
            yield Problem(dashboard.id, f"has {len(panels)} panels, more than {_MANY}")
        for name, number in Counter(panel.id for panel in panels).items():
            if number > 1:
                yield Problem(f"{dashboard.id}/{name}", f"is there {number} times")
        for panel in panels:
            if panel.grid["i"] != panel.id:
                yield Problem(panel.name, f"its grid cell is called {panel.grid['i']}")
            if panel.grid["x"] < 0 or panel.grid["w"] < 1 or panel.grid["x"] + panel.grid["w"] > _WIDTH:
                yield Problem(panel.name, f"reaches out of the {_WIDTH} columns")
        for one, other in combinations(panels, 2):
            if _overlap(one, other):
                yield Problem(one.name, f"stands over {other.id}")


def _overlap(one: Panel, other: Panel) -> bool:
    a, b = one.grid, other.grid
    return bool(
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )
