"""What people do with an alert: their fields stay theirs, the job's stay the job's."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.documents import to_document
from mpm_elk.alerts.people import FIELDS, Action, Deed, Verdict, changed, deed_document, is_muted, peoples
from mpm_elk.errors import UsageError
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import HOUR_MS, iso, parse_instant, to_ms
from tests.alerts.test_documents import RULE, T0, episode, made

NOW = T0 + 9 * HOUR_MS
OPEN = episode((Severity.WARNING, 0.125))
LATER = episode((Severity.WARNING, 0.125), (Severity.CRITICAL, 0.5), (Severity.OK, 0.0))
ACK = Action(Deed.ACKNOWLEDGED, "ada", NOW, "looking at it")
CLOSE = Action(Deed.CLOSED, "ada", NOW, verdict=Verdict.FALSE)

ACTIONS = st.sampled_from([
    ACK, CLOSE, replace(CLOSE, verdict=Verdict.REAL),
    Action(Deed.ASSIGNED, "ada", NOW, assignee="grace"),
    Action(Deed.MUTED, "ada", NOW, until=NOW + HOUR_MS),
    Action(Deed.UNMUTED, "ada", NOW), Action(Deed.REOPENED, "ada", NOW),
])  # fmt: skip


def about(source: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = source["mpm"]["alert"]
    return found


def after(*actions: Action) -> dict[str, Any]:
    source = made(OPEN).source
    for action in actions:
        source = changed(source, action) or source
    return source


def test_an_alert_is_acknowledged_closed_with_a_verdict_and_opened_again() -> None:
    assert about(after())["workflow_status"] == "open"
    acknowledged = about(after(ACK))
    assert acknowledged["workflow_status"] == "acknowledged"
    assert acknowledged["handled"] == {"action": "acknowledged", "by": "ada", "at": iso(NOW), "note": "looking at it"}
    closed = about(after(ACK, CLOSE))
    assert (closed["workflow_status"], closed["verdict"], closed["status"]) == ("closed", "false", "active")
    again = about(after(ACK, CLOSE, Action(Deed.REOPENED, "grace", NOW)))
    assert again["workflow_status"] == "open"
    assert "verdict" not in again


def test_what_is_so_already_changes_nothing() -> None:
    assert changed(after(ACK), replace(ACK, by="grace", at=NOW + 1)) is None
    assert changed(after(CLOSE), ACK) is None  # who closed it has looked
    assert changed(after(), Action(Deed.REOPENED, "ada", NOW)) is None
    assert changed(after(), Action(Deed.UNMUTED, "ada", NOW)) is None
    assert changed(after(CLOSE), replace(CLOSE, verdict=Verdict.EXPECTED)) is not None


def test_a_mute_ends_by_itself() -> None:
    muted = about(after(Action(Deed.MUTED, "ada", NOW, until=NOW + HOUR_MS)))
    assert [is_muted(muted, at) for at in (NOW, NOW + HOUR_MS - 1, NOW + HOUR_MS)] == [True, True, False]
    for until in (None, NOW, NOW - 1):
        with pytest.raises(UsageError, match="end before it begins"):
            changed(made(OPEN).source, Action(Deed.MUTED, "ada", NOW, until=until))


@pytest.mark.parametrize(("after_ms", "wanted"), [(3 * HOUR_MS, 3 * HOUR_MS), (0, 0), (-HOUR_MS, 0)])
def test_a_deed_says_how_long_after_the_first_bad_window_it_came(after_ms: int, wanted: int) -> None:
    source = made(OPEN).source
    window = source["mpm"]["window"]
    length = to_ms(parse_instant(window["end"])) - to_ms(parse_instant(window["start"]))
    known = OPEN.start + length
    done = changed(source, Action(Deed.ACKNOWLEDGED, "ada", known + after_ms))
    assert done is not None
    event = deed_document(done).source["event"]
    assert (event["start"], event["end"]) == (iso(known), iso(known + after_ms))
    assert event["duration"] == wanted * 1_000_000


@given(st.lists(ACTIONS, max_size=6))
def test_neither_side_overwrites_the_other(actions: list[Action]) -> None:
    source = after(*actions)
    mine = {name: value for name, value in about(source).items() if name not in FIELDS}
    assert mine == {name: value for name, value in about(made(OPEN).source).items() if name not in FIELDS}
    rewritten = to_document(LATER, RULE, "run-2", source)
    assert rewritten is not None
    assert peoples(rewritten.source) == peoples(source)
    assert about(rewritten.source)["status"] == "recovered"
    assert to_document(OPEN, RULE, "run-2", source) is None  # what people did is no news to the job


@given(st.lists(ACTIONS, min_size=1, max_size=6))
def test_a_deed_done_twice_is_one_entry_in_the_trail(actions: list[Action]) -> None:
    source = after(*actions)
    if "handled" in about(source):
        entry = deed_document(source)
        assert deed_document(source) == entry
        assert entry.source["event"]["action"] in set(Deed)
        assert entry.source["user"] == {"name": "ada"}
        assert entry.index.startswith("mpm-alert-events-v1-m-production-")
        assert entry.source["mpm"]["alert"]["uuid"] == OPEN.uuid
