"""What is not there: rules on absent events and batches, as they are read and as they judge."""

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.metrics.measured import Measured
from mpm_elk.rules.absence import batch, missed
from mpm_elk.rules.check import check
from mpm_elk.rules.evaluate import Severity, evaluate
from mpm_elk.rules.explain import explain
from mpm_elk.timespan import DAY_MS, HOUR_MS, to_ms

SILENT = {"id": "silent", "absent": "events", "warning": "2h", "critical": "1d"}
NIGHTLY = {"id": "nightly", "absent": "batch", "by": "06:00", "timezone": "Europe/Berlin", "critical": 1_000}


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def rule(*base: dict[str, Any], **more: Any) -> Rule:
    return Rule.model_validate({**base[0], **more})


def test_absent_events_are_a_rule_on_the_time_since_the_last() -> None:
    some = rule(SILENT)
    assert (some.metric, some.evidence, some.warning, some.critical) == ("traffic.freshness", "none", 7_200, 86_400)
    assert Rule.model_validate(some.model_dump(by_alias=True, mode="json")) == some

    def said(seconds: float) -> tuple[str, str]:
        found = evaluate(some, Measured({"traffic.freshness": seconds}, {}, 0, 0), None, 0.01)
        return found.severity.value, found.reason

    assert said(7_199) == ("ok", "no event for 1 h 59 min")
    assert said(7_200) == ("warning", "no event for 2 h, at or above the warning threshold of 2 h")
    assert said(90_000)[0] == "critical"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**SILENT, "absent": "ground_truth"}, "no run joins it to predictions so far"),
        ({**SILENT, "absent": "run"}, "watch from outside"),
        ({**SILENT, "absent": "evnts"}, "write `absent: events` or `absent: batch`"),
        ({**SILENT, "absent": ["events"]}, "cannot be absent"),
        ({**SILENT, "warning": 7200}, "`warning` of `absent: events` is a time span"),
        ({**SILENT, "warning": "7200"}, "is a time span: write one such as 2h"),
        ({**SILENT, "warning": "soon"}, "is no time span"),
        ({**SILENT, "metric": "drift.psi"}, "leave `metric: drift.psi` out"),
        ({**SILENT, "window": "1d"}, "leave `window` out"),
        ({**SILENT, "by": "06:00"}, "`by` is of rules with `absent: batch`"),
        ({"id": "r", "metric": "drift.psi", "warning": 1, "days": ["mon"]}, "`days` is of rules with `absent: batch`"),
        ({"id": "nightly", "absent": "batch", "critical": 1}, "needs the time of day"),
        ({**NIGHTLY, "within": "2d"}, "less than or equal to 1 day"),
        ({**NIGHTLY, "critical": None}, "give `warning`, `critical`, or both"),
    ],
)
def test_what_is_no_rule_on_an_absence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Rule.model_validate(settings)
    assert message in str(error.value)


def hours(start: str, *counts: int) -> list[tuple[int, int]]:
    return [(at(start) + n * HOUR_MS, count) for n, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("end", "counts", "said"),
    [
        # 6:00 in Berlin is 5:00 in UTC in November.
        ("2026-11-03T05:00Z", hours("2026-11-03T01:00Z", 600, 600), (Severity.OK, 1_200)),
        ("2026-11-03T05:00Z", hours("2026-11-03T01:00Z", 600, 300), (Severity.CRITICAL, 900)),
        ("2026-11-03T05:00Z", [], (Severity.CRITICAL, 0)),
        # What came later counts too, and ends the alert.
        ("2026-11-03T08:00Z", hours("2026-11-03T01:00Z", 600, 300, 0, 0, 0, 0, 100), (Severity.OK, 1_000)),
        ("2026-11-03T07:00Z", hours("2026-11-03T01:00Z", 600, 300, 0, 0, 0, 0, 100), (Severity.CRITICAL, 900)),
        # Before its time the batch of the day before is looked at; its events are not those of today's.
        ("2026-11-03T04:00Z", hours("2026-11-02T03:00Z", 1_000, *[0] * 22), (Severity.OK, 1_000)),
        ("2026-11-03T05:00Z", hours("2026-11-02T04:00Z", 1_000, *[0] * 24), (Severity.CRITICAL, 0)),
        ("2026-11-03T05:00Z", hours("2026-11-02T05:00Z", 1_000, *[0] * 23), (Severity.OK, 1_000)),
    ],
)
def test_a_batch_is_complete_by_its_time(end: str, counts: list[tuple[int, int]], said: tuple[Severity, float]) -> None:
    found = batch(rule(NIGHTLY), counts, at(end), before=1)
    assert (found.severity, found.value) == said
    assert found.severity is Severity.OK or (found.threshold, found.sustains) == (1_000, True)


def test_the_batches_before_a_models_first_event_are_not_missed() -> None:
    due = at("2026-11-03T05:00Z")
    for counts in ([], hours("2026-11-03T05:00Z", 10), hours("2026-11-03T03:00Z", 0, 0, 10)):
        assert batch(rule(NIGHTLY), counts, due + HOUR_MS).reason == "no event yet when the batch was due"
        assert batch(rule(NIGHTLY), counts, due + HOUR_MS, before=1).severity is Severity.CRITICAL
    assert batch(rule(NIGHTLY), hours("2026-11-03T04:00Z", 10), due + HOUR_MS).severity is Severity.CRITICAL


def test_a_batch_of_some_days_is_looked_at_for_a_day() -> None:
    weekly = rule(NIGHTLY, days="mon", within="8h", warning=2_000)
    enough = hours("2026-11-01T21:00Z", 1_500)
    assert batch(weekly, enough, at("2026-11-02T05:00Z")).severity is Severity.WARNING
    assert batch(weekly, enough, at("2026-11-03T04:00Z")).severity is Severity.WARNING
    assert batch(weekly, enough, at("2026-11-03T05:00Z")).reason == "no batch is due"
    early = hours("2026-11-01T20:00Z", 1_500)  # nine hours before
    assert batch(weekly, early, at("2026-11-02T05:00Z")).severity is Severity.CRITICAL


def test_a_batch_is_due_by_the_clock_also_when_clocks_are_set() -> None:
    some = rule(NIGHTLY, by="02:30")
    shown = {day: some.due(at(f"2026-{day}T12:00Z")) for day in ("10-24", "10-25", "03-29", "03-30")}
    assert shown == {
        "10-24": at("2026-10-24T00:30Z"),
        "10-25": at("2026-10-25T00:30Z"),  # the first of two
        "03-29": at("2026-03-29T01:00Z"),  # there is no 2:30
        "03-30": at("2026-03-30T00:30Z"),
    }


def test_silence_is_judged_until_twice_the_largest_threshold_and_a_batch_whenever_it_is_due() -> None:
    end = at("2026-11-03T05:00Z")
    assert missed(rule(SILENT), end - 2 * DAY_MS, end)
    assert not missed(rule(SILENT), end - 2 * DAY_MS - 1, end)
    assert missed(rule(NIGHTLY, days="tue"), 1, end)
    assert not missed(rule(NIGHTLY, days="tue"), 1, end - HOUR_MS)


def test_what_is_missed_is_said_in_words() -> None:
    text = " ".join(explain(rule(SILENT), [rule(SILENT)], Config()))
    for part in (
        "events of the models *",
        "warning where the last event was 2 h ago",
        "critical where the last event was 1 d",
    ):
        assert part in text
    assert "compared with" not in text
    text = " ".join(explain(rule(NIGHTLY), [rule(NIGHTLY)], Config()))
    for part in ("complete by 06:00 Europe/Berlin, every day", "fewer than 1,000 events in the 1d before"):
        assert part in text
    assert check([rule(SILENT), rule(NIGHTLY)], Config(), None) == []
