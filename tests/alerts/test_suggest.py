"""Suggested thresholds: the wanted number of alerts on made numbers, verdicts, and pasts that are too short."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.compared import Known
from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.people import Verdict
from mpm_elk.alerts.rehearsal import RuleRehearsed, Sample
from mpm_elk.alerts.suggest import Past, suggest
from mpm_elk.config import Rule
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import DAY_MS
from tests.rules.timelines import MODEL, drift_rule

SERIES = Series(MODEL, "drift", "features.age", EVERYTHING)
Values = list[float | None]
"""A day each; None is a day without evidence."""


def samples(values: Values) -> list[Sample]:
    return [
        Sample(
            day * DAY_MS,
            (day + 1) * DAY_MS,
            "1",
            Severity.OK if value is None else Severity.WARNING,
            False,
            value or 0.0,
        )
        for day, value in enumerate(values)
    ]


def episode(day: int) -> Episode:
    point = Point(day * DAY_MS, (day + 1) * DAY_MS, Evaluation("drift", "x", Severity.WARNING, ""), "1", ("", ""))
    return Episode(SERIES, point.start, point, point, 1, point.end)


def past(values: Values, rule: Rule | None = None, **verdicts: Verdict) -> Past:
    """Make a rule's past; `verdicts` name days, as `d5`."""
    rule = rule or drift_rule()
    found = RuleRehearsed(rule.id, DAY_MS, windows=len(values))
    known = [Known(episode(int(day[1:])), verdict) for day, verdict in verdicts.items()]
    made = Past(rule, {SERIES: samples(values)}, [found], known)
    found.episodes = made.episodes(min(t for t in (rule.warning, rule.critical) if t is not None))
    return made


def with_peaks(*peaks: float, days: int = 90) -> Values:
    """Make quiet days with peaks far from each other."""
    values: Values = [None] * days
    for at, peak in enumerate(peaks):
        values[5 + 7 * at] = peak
    return values


def test_the_threshold_lets_the_wanted_number_through() -> None:
    # 90 days are three months: one a month are three alerts.
    found = suggest(past(with_peaks(0.11, 0.5, 0.31, 0.7, 0.12, 0.2)), 1.0)
    assert found.changes
    assert found.warning is not None
    assert 0.2 < found.warning <= 0.31
    assert found.warning == 0.3  # the roundest
    assert (found.critical, found.suggested.critical) == (0.75, 0.75)  # 0.25 would be below; it keeps its distance


def test_what_raises_the_wanted_number_stays() -> None:
    assert not suggest(past(with_peaks(0.11, 0.5, 0.31)), 1.0).changes


def test_a_rule_that_is_too_quiet_is_made_to_see_more() -> None:
    found = suggest(past(with_peaks(0.05, 0.03, 0.01, 0.5)), 1.0)
    assert found.warning is not None
    assert 0.01 < found.warning <= 0.03


def test_a_past_without_evidence_says_so() -> None:
    found = suggest(past(with_peaks()), 1.0)
    assert not found.changes
    assert "no window had evidence: any threshold is quiet" in found.notes
    found = suggest(past(with_peaks(0.05)), 4.0)
    assert "no threshold raises more than 1: the evidence that it asks for decides" in found.notes


def test_thresholds_below_are_lowered() -> None:
    low = Rule.model_validate(
        {"id": "drift", "metric": "traffic.count_ratio", "against": "rolling 28d", "warning": 0.5, "critical": 0.1}
    )
    found = suggest(past(with_peaks(0.45, 0.3, 0.2, 0.05), low), 0.7)
    assert found.warning is not None
    assert 0.2 <= found.warning < 0.3
    assert found.critical == 0.1


def test_real_alerts_stay_and_false_ones_go() -> None:
    peaks = with_peaks(0.3, 0.5, 0.2, 0.6)  # on days 5, 12, 19, 26
    real = suggest(past(peaks, d5=Verdict.REAL), 0.0)
    assert real.warning is not None
    assert 0.2 < real.warning <= 0.3
    assert "lowered so that 1 that was closed as real stay" in real.notes
    false = suggest(past(peaks, d12=Verdict.FALSE), 1.0)
    assert false.warning is not None
    assert 0.5 < false.warning <= 0.6
    assert "1 of 1 closed as false would go" in false.notes
    both = suggest(past(peaks, d5=Verdict.REAL, d12=Verdict.FALSE), 1.0)
    assert both.warning is not None
    assert both.warning <= 0.3
    assert "0 of 1 closed as false would go, the others are as large as real ones" in both.notes


def test_a_short_past_is_told_of() -> None:
    [note, *_] = suggest(past(with_peaks(0.5, days=30)), 1.0).notes
    assert note.startswith("the past is too short to know: even without any alert in 30 days up to 3.7 a month")
    assert not any("too short" in note for note in suggest(past(with_peaks(0.5, days=120)), 1.0).notes)


@given(
    st.lists(st.one_of(st.none(), st.floats(0.001, 50)), min_size=5, max_size=60),
    st.floats(0, 10),
    st.sampled_from([{}, {"for": 2}, {"warning": None}]),
)
def test_no_suggestion_raises_more_than_is_wanted(values: Values, wanted: float, more: dict[str, Any]) -> None:
    made = past(values, drift_rule(**more))
    found = suggest(made, wanted)
    lowest = min(t for t in (found.warning, found.critical) if t is not None)
    assert made.begun(lowest) <= wanted * len(values) / 30 + 1e-9 or made.begun(lowest) == 0
    if found.warning is not None and found.critical is not None:
        assert found.critical > found.warning


@pytest.mark.parametrize("days", [0])
def test_a_rule_that_could_never_decide_is_left_alone(days: int) -> None:
    made = Past(drift_rule(), {}, [RuleRehearsed("drift", DAY_MS, windows=days)])
    assert suggest(made, 1.0).notes == ("it could not decide in any window",)
