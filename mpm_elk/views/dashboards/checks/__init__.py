"""What can be found wrong in saved objects without Kibana: everything that would fail an import, or empty a panel."""

from mpm_elk.views.dashboards.checks import envelopes, grids, lenses, names, references
from mpm_elk.views.dashboards.checks.problem import Problem
from mpm_elk.views.dashboards.saved import Bundle

__all__ = ["Problem", "check"]

_CHECKS = (envelopes.check, grids.check, lenses.check, references.check, names.check)


def check(bundle: Bundle) -> list[Problem]:
    """List all that is wrong, each with where it is."""
    return [problem for each in _CHECKS for problem in each(bundle)]
