"""Rules on what is not there: read as a rule on the metric that tells of it.

`absent: events` is a rule on the time since the last event, `absent: batch` one on the events that a batch has by a
time of day. So one judge, one kind of document and one life of alerts serve them all.
"""

from collections.abc import Mapping
from typing import Any, Literal

from mpm_elk.timespan import parse_span

Absent = Literal["events", "batch"]

_NOT_YET = {
    "ground_truth": (
        "`absent: ground_truth` cannot be judged yet: ground truth is stored, and no run joins it to predictions so far"
    ),
    "run": (
        "a run that does not happen cannot tell of it: watch from outside that `mpm-runs-v1-*` gets a new document "
        "(docs/operations.md)"
    ),
}
_METRIC = {"events": "traffic.freshness", "batch": "traffic.count"}


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """Write a rule with `absent` out as one on a metric. Raises ValueError that says what would be right."""
    absent = str(data["absent"])
    if absent in _NOT_YET:
        raise ValueError(_NOT_YET[absent])
    if absent not in _METRIC:
        msg = f"{absent!r} cannot be absent: write `absent: events` or `absent: batch`"
        raise ValueError(msg)
    metric = _METRIC[absent]
    if data.get("metric", metric) != metric:
        msg = f"a rule with `absent` needs no metric: leave `metric: {data['metric']}` out, or `absent`"
        raise ValueError(msg)
    again = "metric" in data  # written out already
    known = {"metric": metric, "evidence": "none", "window": "1h", "against": "previous", "min_samples": 1}
    made = {**known, **data}
    if absent == "events" and not again:
        made |= {name: _seconds(name, data[name]) for name in ("warning", "critical") if data.get(name) is not None}
    if absent == "batch":
        made.setdefault("when", "below")
    return made


def _seconds(name: str, value: object) -> float:
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().isdigit()):
        msg = f"`{name}` of `absent: events` is a time span: write one such as 2h"
        raise ValueError(msg)
    return parse_span(value).total_seconds()
