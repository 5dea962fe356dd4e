"""What people do with an alert: acknowledge, assign, mute, close with a verdict. Pure.

The job keeps the numbers of an episode, people keep these fields, and neither overwrites the other's. `status` tells
whether the condition holds, `workflow_status` whether somebody deals with it: an alert that is closed can be active.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mpm_elk.cluster.fenced import Document
from mpm_elk.contract.ids import digest
from mpm_elk.contract.names import Index, monthly
from mpm_elk.errors import UsageError
from mpm_elk.timespan import iso, parse_instant, to_ms

FIELDS = ("workflow_status", "assignee", "verdict", "muted_until", "handled")
"""The fields under `mpm.alert` that are people's."""

OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"


class Verdict(StrEnum):
    """What an alert turned out to be."""

    REAL = "real"
    EXPECTED = "expected"
    FALSE = "false"


class Deed(StrEnum):
    """What was done, as `event.action` says it."""

    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    MUTED = "muted"
    UNMUTED = "unmuted"
    CLOSED = "closed"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Action:
    """One deed: who, when (ms), why, and what else it needs."""

    deed: Deed
    by: str
    at: int
    note: str | None = None
    assignee: str | None = None
    verdict: Verdict | None = None
    until: int | None = None


def untouched() -> dict[str, Any]:
    """Give the people's fields of a new alert."""
    return {"workflow_status": OPEN}


def peoples(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Take the people's fields from a stored alert; those of a new one where there is none."""
    if stored is None:
        return untouched()
    alert = stored["mpm"]["alert"]
    return {name: alert[name] for name in FIELDS if name in alert}


def is_muted(alert: Mapping[str, Any], now: int) -> bool:
    """Tell whether an alert's `mpm.alert` is muted at `now` (ms)."""
    return "muted_until" in alert and to_ms(parse_instant(alert["muted_until"])) > now


def changed(stored: Mapping[str, Any], action: Action) -> dict[str, Any] | None:
    """Give the alert's document after an action; None where that is how it is already.

    Raises UsageError for a mute that ends before it begins.
    """
    before = peoples(stored)
    after = _after(before, action)
    if after == before:
        return None
    handled: dict[str, Any] = {"action": action.deed.value, "by": action.by, "at": iso(action.at)}
    if action.note:
        handled["note"] = action.note
    alert = {name: value for name, value in stored["mpm"]["alert"].items() if name not in FIELDS}
    alert |= {**after, "handled": handled}
    return {**stored, "mpm": {**stored["mpm"], "alert": alert}}


def _after(before: Mapping[str, Any], action: Action) -> dict[str, Any]:
    after = dict(before)
    if action.deed is Deed.ACKNOWLEDGED and before["workflow_status"] == OPEN:
        after["workflow_status"] = ACKNOWLEDGED
    elif action.deed is Deed.ASSIGNED:
        after["assignee"] = action.assignee
    elif action.deed is Deed.MUTED:
        if action.until is None or action.until <= action.at:
            raise UsageError("the mute would end before it begins", remedy="give --for 4h, or a later --until")
        after["muted_until"] = iso(action.until)
    elif action.deed is Deed.UNMUTED:
        after.pop("muted_until", None)
    elif action.deed is Deed.CLOSED and action.verdict is not None:
        after |= {"workflow_status": CLOSED, "verdict": action.verdict.value}
    elif action.deed is Deed.REOPENED and before["workflow_status"] == CLOSED:
        after["workflow_status"] = OPEN
        after.pop("verdict", None)
    return after


def deed_document(source: Mapping[str, Any]) -> Document:
    """Make the entry in the trail of the last action on an alert, from the alert's document after it."""
    mpm, handled = source["mpm"], source["mpm"]["alert"]["handled"]
    alert = mpm["alert"]
    kept = ("uuid", "instance", "status", "severity", "reason", "workflow_status", "assignee", "verdict", "muted_until")
    event = {"kind": "event", "module": "mpm", "dataset": "mpm.alert", "action": handled["action"], **_waited(source)}
    if "note" in handled:
        event["reason"] = handled["note"]
    document = {
        "@timestamp": handled["at"],
        "event": {**event, "created": handled["at"]},
        "user": {"name": handled["by"]},
        "rule": source["rule"],
        "service": source["service"],
        "mpm": {
            **{name: mpm[name] for name in ("model", "subject", "segment", "segment_key", "window") if name in mpm},
            "alert": {name: alert[name] for name in kept if name in alert},
        },
    }
    name, environment = mpm["model"]["name"], source["service"]["environment"]
    index = monthly(Index.ALERT_EVENTS, name, environment, to_ms(parse_instant(handled["at"])))
    # One person's one deed at one time is one entry, also where a killed command is given again.
    identity = digest("alert-deed", alert["uuid"], handled["action"], handled["by"], handled["at"])
    return Document(index, identity, document)


def _waited(source: Mapping[str, Any]) -> dict[str, Any]:
    """Say how long after the end of an alert's first bad window something was done: before, nobody could know of it.

    `duration` is in nanoseconds, as in ECS; 0 where the clock of who did it is behind.
    """
    window, alert = source["mpm"]["window"], source["mpm"]["alert"]
    start, end = (to_ms(parse_instant(window[name])) for name in ("start", "end"))
    known = to_ms(parse_instant(alert["start"])) + end - start
    at = to_ms(parse_instant(alert["handled"]["at"]))
    return {"start": iso(known), "end": alert["handled"]["at"], "duration": max(0, at - known) * 1_000_000}
