"""Episodes as documents, and back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.documents import event_document, read_episode, to_document, withdrawn
from mpm_elk.alerts.episodes import OPENED, RECOVERED, REINSTATED, WITHDRAWN, Episode, Point, Series, Transition
from mpm_elk.alerts.life import follow
from mpm_elk.cluster.fenced import Document
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import HOUR_MS, iso

T0 = 1_795_000_000_000 // HOUR_MS * HOUR_MS
SERIES = Series(ModelKey("production", "m"), "drift", "prediction.label", Segment("region", "EU"))
RULE = Rule.model_validate(
    {"id": "drift", "metric": "drift.psi_adjusted", "warning": 0.1, "critical": 0.25, "owner": "team",
     "runbook": "https://example.org/r", "description": "labels move"}
)  # fmt: skip


def point(at: int, severity: Severity, value: float | None) -> Point:
    alarming = severity.alarming
    evaluation = Evaluation(
        "drift",
        "drift.psi_adjusted",
        severity,
        f"it is {value}",
        value,
        None if value is None else value - 0.0625,
        None if value is None else value + 0.0625,
        0.1 if alarming else None,
        1e-9 if alarming else None,
        sustains=alarming,
    )
    start = T0 + at * HOUR_MS
    return Point(start, start + HOUR_MS, evaluation, "3", ("mpm-metrics-v1-m-production-2026.11", f"id-{at}"))


def episode(*entries: tuple[Severity, float | None]) -> Episode:
    [found] = follow(SERIES, [point(at, *entry) for at, entry in enumerate(entries)], RULE).episodes
    return found


OPEN = episode((Severity.WARNING, 0.125), (Severity.CRITICAL, 0.5), (Severity.WARNING, 0.1875))
OVER = episode((Severity.WARNING, 0.125), (Severity.OK, 0.0))


def made(of: Episode, stored: dict[str, Any] | None = None, run: str = "run-1") -> Document:
    document = to_document(of, RULE, run, stored)
    assert document is not None
    json.dumps(document.source, allow_nan=False)
    return document


def test_an_alert_says_what_who_and_how_bad() -> None:
    document = made(OPEN)
    source, alert = document.source, document.source["mpm"]["alert"]
    assert document.id == alert["uuid"] == OPEN.uuid
    assert source["rule"] == {"id": "drift", "description": "labels move"}
    assert source["event"] == {
        "kind": "alert", "module": "mpm", "dataset": "mpm.alert", "start": iso(T0), "severity": Severity.CRITICAL.rank,
    }  # fmt: skip
    assert (source["mpm"]["owner"], source["mpm"]["runbook"]) == ("team", "https://example.org/r")
    assert source["mpm"]["segment"] == {"region": "EU"}
    assert alert == {
        "uuid": OPEN.uuid,
        "instance": {"id": SERIES.instance},
        "status": "active",
        "start": iso(T0),
        "last_detected": iso(T0 + 3 * HOUR_MS),
        "duration": {"us": 3 * HOUR_MS * 1000},
        "severity": "warning",
        "max_severity": "critical",
        "reason": "it is 0.5",
        "evaluation": {
            "metric": "drift.psi_adjusted", "value": 0.5, "lower": 0.4375, "upper": 0.5625, "threshold": 0.1,
            "p_adjusted": 1e-9,
        },
        "windows": 3,
        "flapping": False,
        "opened_at": iso(T0 + HOUR_MS),
        "workflow_status": "open",
    }  # fmt: skip
    assert source["mpm"]["evidence"]["worst"]["metric"]["id"] == "id-1"
    assert source["mpm"]["evidence"]["last"]["metric"]["id"] == "id-2"


def test_a_recovered_alert_has_an_end() -> None:
    alert = made(OVER).source["mpm"]["alert"]
    assert (alert["status"], alert["end"], alert["severity"]) == ("recovered", iso(T0 + HOUR_MS), "warning")
    assert alert["recovered_at"] == iso(T0 + 2 * HOUR_MS)


def test_an_alert_that_recovers_or_has_no_data_is_active_and_says_so() -> None:
    calm = [point(0, Severity.WARNING, 0.125), point(1, Severity.OK, 0.0)]
    slow = Rule.model_validate({**RULE.model_dump(by_alias=True), "recover_for": 2})
    [found] = follow(SERIES, calm, slow, until=T0 + 5 * HOUR_MS).episodes
    document = to_document(found, slow, "run-1", None)
    assert document is not None
    alert = document.source["mpm"]["alert"]
    assert (alert["status"], alert["recovering_since"]) == ("active", iso(T0 + HOUR_MS))
    assert alert["no_data_since"] == iso(T0 + 2 * HOUR_MS)
    assert read_episode(document.source) == replace(found, transitions=[])
    gone = withdrawn(document.source, T0 + 9 * HOUR_MS, "run-2", "events came late").source["mpm"]["alert"]
    assert {"recovering_since", "no_data_since"}.isdisjoint(gone)


@pytest.mark.parametrize("of", [OPEN, OVER])
def test_an_episode_is_read_back_as_it_was(of: Episode) -> None:
    assert read_episode(made(of).source) == replace(of, transitions=[])


@given(st.lists(st.tuples(st.sampled_from([Severity.WARNING, Severity.CRITICAL]), st.integers(0, 10**6)), min_size=1))
def test_every_episode_is_read_back(entries: list[tuple[Severity, int]]) -> None:
    some = episode(*((severity, value / 10**6) for severity, value in entries))
    back = read_episode(made(some).source)
    again = to_document(back, RULE, "run-2", made(some).source)
    assert again is None  # rounding once is enough
    assert (back.series, back.start, back.windows, back.end) == (some.series, some.start, some.windows, some.end)


def test_nothing_is_written_where_nothing_changed() -> None:
    stored = made(OPEN).source
    assert to_document(OPEN, RULE, "run-2", stored) is None
    later = episode((Severity.WARNING, 0.125), (Severity.CRITICAL, 0.5), (Severity.WARNING, 0.1875), (Severity.OK, 0.0))
    assert made(later, stored).source["mpm"]["alert"]["status"] == "recovered"
    assert made(OPEN, made(OPEN).source | {"rule": {"id": "drift"}}).source["rule"]["description"] == "labels move"


def test_what_people_set_is_kept() -> None:
    stored = made(OPEN).source
    stored["mpm"]["alert"]["workflow_status"] = "acknowledged"
    assert to_document(OPEN, RULE, "run-2", stored) is None
    assert made(OVER, stored).source["mpm"]["alert"]["workflow_status"] == "acknowledged"


def test_a_rule_without_owner_says_nothing_of_one() -> None:
    bare = Rule.model_validate({"id": "drift", "metric": "drift.psi", "warning": 0.1})
    document = to_document(OPEN, bare, "run-1", None)
    assert document is not None
    assert document.source["rule"] == {"id": "drift"}
    assert {"owner", "runbook"}.isdisjoint(document.source["mpm"])


def test_a_withdrawn_alert_ends_and_says_why() -> None:
    stored = made(OPEN).source
    gone = withdrawn(stored, T0 + 9 * HOUR_MS, "run-2", "events came late")
    alert = gone.source["mpm"]["alert"]
    assert (gone.id, alert["status"], alert["withdrawn"]) == (OPEN.uuid, "recovered", True)
    assert alert["end"] == iso(T0 + 3 * HOUR_MS)
    assert alert["reason"] == (f"withdrawn at {iso(T0 + 9 * HOUR_MS)}: events came late; was: it is 0.5")
    assert gone.source["mpm"]["run"] == {"id": "run-2"}
    assert stored["mpm"]["alert"]["status"] == "active"
    assert withdrawn(made(OVER).source, T0, "r", "?").source["mpm"]["alert"]["end"] == iso(T0 + HOUR_MS)


def test_one_that_comes_back_is_written_anew() -> None:
    gone = withdrawn(made(OPEN).source, T0 + 9 * HOUR_MS, "run-2", "?").source
    alert = made(OPEN, gone, "run-3").source["mpm"]["alert"]
    assert (alert["status"], alert["reason"]) == ("active", "it is 0.5")
    assert "withdrawn" not in alert
    assert "end" not in alert


def test_each_transition_is_one_event_with_the_numbers_as_they_were() -> None:
    opened, recovered = OVER.transitions
    first, last = (event_document(OVER, RULE, t, T0 + HOUR_MS, "run-1") for t in (opened, recovered))
    assert first.index == "mpm-alert-events-v1-m-production-2026.11"
    assert first.source["event"]["action"] == OPENED
    assert first.source["mpm"]["alert"]["status"] == "active"
    assert first.source["mpm"]["evidence"]["evaluation"]["value"] == 0.125
    assert first.source["@timestamp"] == iso(T0 + HOUR_MS)
    assert (last.source["event"]["action"], last.source["mpm"]["alert"]["status"]) == (RECOVERED, "recovered")
    assert last.source["mpm"]["alert"]["severity"] == "ok"


def test_event_ids_do_not_depend_on_when_they_are_told() -> None:
    kinds = [Transition(action, OPEN.last) for action in (OPENED, WITHDRAWN, REINSTATED)]
    ids = [[event_document(OPEN, RULE, t, now, f"run-{now}").id for t in kinds] for now in (1, 2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
    statuses = [event_document(OPEN, None, t, 1, "r").source["mpm"]["alert"]["status"] for t in kinds]
    assert statuses == ["active", "recovered", "active"]
