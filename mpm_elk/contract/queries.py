"""Query clauses that several rooms build."""

from typing import Any

from mpm_elk.timespan import iso


def between(start_ms: int, end_ms: int) -> dict[str, Any]:
    """Choose documents whose `@timestamp` is at or after `start_ms` and before `end_ms`."""
    return {"range": {"@timestamp": {"gte": iso(start_ms), "lt": iso(end_ms), "format": "strict_date_optional_time"}}}
