"""Make the events of one captured call, as the endpoint's mapping says: pure.

The events are those that a service would have logged itself; the ordinary rules of the intake are applied to them
afterwards.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mpm_elk.config.captures import CaptureMapping, Column, is_skipped, renamed
from mpm_elk.intake.platforms.bodies import whole
from mpm_elk.intake.platforms.exchange import Part, Payload, Table, Unconvertible
from mpm_elk.intake.platforms.shape import Platform
from mpm_elk.intake.reasons import show
from mpm_elk.timespan import format_span, iso

Event = dict[str, Any]

UNKNOWN_VERSION = "unknown"
"""The version of a failed inference, where only the response would have named it."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its id, its time (ms), and its payloads."""

    id: str
    time_ms: int
    payloads: Mapping[Part, Payload]


def predictions(platform: Platform, call: Call, mapping: CaptureMapping) -> list[Event]:
    """Make one prediction event a row of a complete call, in order; raises Unconvertible."""
    exchange = platform.exchange(call.payloads)
    if exchange.request is None or exchange.response is None:
        raise Unconvertible("unknown_payload", part="call", found="one half is empty")
    request, response = exchange.request, _answers(exchange.request, exchange.response, mapping)
    if len(request.rows) != len(response.rows):
        raise Unconvertible("row_counts", requests=len(request.rows), responses=len(response.rows))
    version = mapping.version or exchange.version
    if version is None:
        raise Unconvertible("no_version")
    outputs = _outputs(response, mapping)
    ids = _ids(request, response, exchange.identity or call.id, mapping)
    events = []
    for row, said, identity in zip(_inputs(request, mapping), outputs, ids, strict=True):
        event = _event(call, mapping, version, identity, row)
        event["mpm"]["prediction"] |= said
        event["event"] = {"outcome": "success"}
        events.append(event)
    return events


def failed_inferences(platform: Platform, call: Call, mapping: CaptureMapping) -> list[Event]:
    """Make one failed inference a row of a call that got no answer.

    A request that cannot be read, which may be why it failed, is one failed inference without features.
    """
    version = mapping.version or UNKNOWN_VERSION
    try:
        exchange = platform.exchange(call.payloads)
        assert exchange.request is not None  # noqa: S101 — a lone request
        rows = _inputs(exchange.request, mapping)
        ids = _ids(exchange.request, None, exchange.identity or call.id, mapping)
    except Unconvertible:
        rows, ids = [{}], [call.id]
    message = f"no response was captured within {format_span(mapping.failed_after)}"
    events = []
    for row, identity in zip(rows, ids, strict=True):
        event = _event(call, mapping, version, identity, row)
        event["event"] = {"outcome": "failure"}
        event["error"] = {"type": "no_response", "message": message}
        events.append(event)
    return events


def ground_truth(platform: Platform, call: Call, mapping: CaptureMapping) -> list[Event]:
    """Make one ground truth event a row of what was reported; none where nothing was. Raises Unconvertible."""
    exchange = platform.exchange(call.payloads)
    if exchange.truths is None:
        return []
    rows = exchange.truths.rows
    if not rows:
        raise Unconvertible("no_rows", part="ground truth")
    base = exchange.identity or call.id
    model: dict[str, Any] = {"name": mapping.model}
    if mapping.version is not None:
        model["version"] = mapping.version
    truth = _label if mapping.output.classifies else _typed(exchange.truths)
    return [
        {
            "@timestamp": iso(call.time_ms),
            "mpm": {
                "model": dict(model),
                "prediction": {"id": identity},
                "ground_truth": {"value": truth(row[0]), "source": platform.name},
            },
            "service": {"environment": mapping.environment},
        }
        for row, identity in zip(rows, _numbered(base, len(rows)), strict=True)
    ]


def _event(call: Call, mapping: CaptureMapping, version: str, identity: Any, row: Event) -> Event:
    mpm = {
        "model": {"name": mapping.model, "version": version},
        "prediction": {"id": identity},
        "request": {"id": call.id},
        **row,
    }
    return {"@timestamp": iso(call.time_ms), "mpm": mpm, "service": {"environment": mapping.environment}}


def _answers(request: Table, response: Table, mapping: CaptureMapping) -> Table:
    """Stand the answers under one another where a model wrote those to several rows as one line of CSV."""
    [line, *more] = response.rows or [[]]
    if response.csv and mapping.output.single and not more and len(line) == len(request.rows) > 1:
        return Table([[value] for value in line], csv=True)
    return response


def _inputs(request: Table, mapping: CaptureMapping) -> list[Event]:
    """Give features and segments of each row, as they stand in `mpm`."""
    if not request.rows:
        raise Unconvertible("no_rows", part="request")
    plan = _features(request, mapping)
    segment = {ours: _find(request, column, "request", plan) for ours, column in mapping.segment.items()}
    typed = _typed(request)
    features = [(name, at, _as_text if name in mapping.texts else typed) for name, at in plan.items()]
    rows = []
    for row in request.rows:
        made: Event = {"features": {name: read(row[at]) for name, at, read in features}}
        if segment:
            groups = {name: _plain(row[at]) for name, at in segment.items()}
            made["segment"] = {name: value for name, value in groups.items() if value != ""}
        rows.append(made)
    return rows


def _features(request: Table, mapping: CaptureMapping) -> dict[str, int]:
    """Find the column of each feature, by our names; raises Unconvertible."""
    wanted, names = mapping.features, request.names
    if not isinstance(wanted, tuple):
        if names is None:
            raise Unconvertible("no_names")
        ours = {name: name for name in names} if wanted is None else renamed(wanted)
        return _by_name(request, ours)
    listed = {name: at for at, name in enumerate(wanted) if name is not None and not is_skipped(name)}
    if names is not None and (not request.ordered or set(listed) <= set(names)):
        return _by_name(request, {name: name for name in listed})
    if len(wanted) != request.width:
        raise Unconvertible("column_count", part="request", found=request.width, wanted=len(wanted))
    return listed


def _by_name(request: Table, ours: Mapping[str, str]) -> dict[str, int]:
    """Find columns by the input's names. One that is not there is missing; that none is there is a wrong mapping."""
    found = {ours[name]: at for at, name in enumerate(request.names or ()) if name in ours}
    if ours and not found:
        raise Unconvertible("no_column", part="request", wanted=show(", ".join(ours)), found=request.described())
    return found


def _find(table: Table, column: Column, part: str, ours: Mapping[str, int]) -> int:
    """Find a column by position, by the table's own name for it, or by ours; raises Unconvertible."""
    if isinstance(column, int):
        if table.ordered and column < table.width:
            return column
    elif table.names is not None and column in table.names:
        return table.names.index(column)
    elif column in ours:
        return ours[column]
    raise Unconvertible("no_column", part=part, wanted=show(column), found=table.described())


def _outputs(response: Table, mapping: CaptureMapping) -> list[Event]:
    """Give what the model said of each row, as it stands in `mpm.prediction`."""
    if not response.rows:
        raise Unconvertible("no_rows", part="response")
    wanted, typed = mapping.output, _typed(response)
    readers: dict[str, tuple[int, Callable[[Any], Any]]] = {}
    for key, column, read in (
        ("score", wanted.score, typed),
        ("value", wanted.value, typed),
        ("label", wanted.label, _label),
    ):
        if column is not None:
            readers[key] = (_find(response, column, "response", {}), read)
    classes = _classes(response, mapping)
    said = []
    for row in response.rows:
        made: Event = {key: read(row[at]) for key, (at, read) in readers.items()}
        if classes:
            made["probabilities"] = {name: typed(row[at]) for name, at in classes.items()}
        if wanted.threshold is not None:
            made["threshold"] = wanted.threshold
        said.append(made)
    return said


def _classes(response: Table, mapping: CaptureMapping) -> dict[str, int]:
    """Find the column of each class's probability."""
    wanted = mapping.output.probabilities
    if isinstance(wanted, dict):
        return {name: _find(response, column, "response", {}) for name, column in wanted.items()}
    names = wanted or ()
    if names and len(names) != response.width:
        raise Unconvertible("column_count", part="response", found=response.width, wanted=len(names))
    return {name: at for at, name in enumerate(names)}


def _ids(request: Table, response: Table | None, base: str, mapping: CaptureMapping) -> list[Any]:
    """Give each row's prediction id: a column's value, else the call's id, with the row's number if it has several."""
    column = mapping.prediction_id
    if column is None:
        return _numbered(base, len(request.rows))
    plan = _features(request, mapping)
    holder = request
    try:
        at = _find(request, column, "request", plan)
    except Unconvertible:
        if response is None or not isinstance(column, str) or column not in (response.names or ()):
            raise
        holder, at = response, _find(response, column, "response", {})
    ids = [_label(_plain(row[at])) for row in holder.rows]
    for number, identity in enumerate(ids):
        if identity == "" or not isinstance(identity, str | int) or isinstance(identity, bool):
            raise Unconvertible("bad_id", row=number, found=show(identity))
    return ids


def _numbered(base: str, count: int) -> list[Any]:
    return [base] if count == 1 else [f"{base}:{row}" for row in range(count)]


def _typed(table: Table) -> Callable[[Any], Any]:
    """Choose how values are read: those of CSV are numbers where they look like it."""
    return _from_csv if table.csv else _as_is


def _as_is(value: Any) -> Any:
    return value


def _as_text(value: Any) -> Any:
    """Give a text, also of a whole number; an empty one is missing."""
    return (str(value) if type(value) is int else value) if value != "" else None


def _from_csv(value: str) -> Any:
    """Read a number, or a text; an empty cell is missing."""
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return whole(text) if text.lstrip("+-").isdigit() else float(text)
    return float(text) if text.lower() in _NOT_FINITE else (text or None)


def _label(value: Any) -> Any:
    """Give a class as it is named: models write whole numbers as `1.0` too."""
    if isinstance(value, str):
        return value.strip()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: Any) -> Any:
    """Give an id or a group: a text is not read as a number, `000417` stays."""
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else value
