"""Windows compared with a fixed window, with several weeks, and with the training data of the same days."""

from typing import Any

import numpy as np
import pytest

from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.metrics.finding import describe
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.store import DAY, ProfileKey
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.documents import document_id
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Known, monitors
from mpm_elk.timespan import DAY_MS, iso
from tests.rules.timelines import CELLS, EU, MODEL, T0, V1, V2, Entry, drift_rule, judge_of, one, profile, run, timeline

SIZE = 40
AGE = "features.age"


def fixed_rule(first: int, last: int, **more: Any) -> Any:
    """Make a rule against the days from `first` until `last`."""
    start, end = (iso(T0 + day * DAY_MS)[:10] for day in (first, last))
    return drift_rule(against=f"window {start} {end}", warning=0.02, **more)


def made(entries: list[Entry], first: int, last: int, rule: Any) -> Judge:
    """Make the judge of daily windows, with the fixed window filled from the same days."""
    [monitor] = monitors([rule])
    span = [entry for entry in entries if first <= entry[1] < last]
    fixed = Timeline(T0 + first * DAY_MS, DAY_MS, last - first)
    fixed.add((ProfileKey(v, EVERYTHING, DAY, T0 + day * DAY_MS), p) for v, day, p in span)
    return Judge(monitor, Known(MODEL, CELLS, fixed=fixed), timeline(SIZE, entries), Alarms(), 0.1)


def days(seed: int, size: int = SIZE) -> list[Entry]:
    rng = np.random.default_rng(seed)
    return [(V1, day, profile(rng, shift=0.6 if day == size - 1 else 0)) for day in range(size)]


def test_a_fixed_window_is_merged_and_compared_with() -> None:
    entries, rule = days(1), fixed_rule(3, 10)
    found = run(made(entries, 3, 10, rule))
    last = one(found[-1], AGE)
    assert last.reference.windows == 7
    assert (last.reference.start, last.reference.end) == (T0 + 3 * DAY_MS, T0 + 10 * DAY_MS)
    expected = sum((p for _, day, p in entries if 3 <= day < 10), Profile()).subjects[AGE]
    assert last.measured.reference == expected.present + expected.missing
    assert last.status == "critical"
    assert one(found[-2], AGE).status == "ok"
    text = describe(AGE, str(rule.against), last.measured, last.p_adjusted)
    assert f"compared with the time from {iso(T0 + 3 * DAY_MS)[:10]} until" in text


def test_before_a_fixed_window_is_over_there_is_no_reference() -> None:
    found = run(made(days(2), 3, 10, fixed_rule(3, 10)))
    assert {one(judgements, AGE).measured.reference for judgements in found[:10]} == {0}
    assert one(found[10], AGE).measured.reference > 0


def test_the_past_inside_a_fixed_window_is_compared_with_the_rest_of_it() -> None:
    # One day of many rows: with itself in the reference it would hardly differ.
    rng = np.random.default_rng(3)
    entries: list[Entry] = [(V1, day, profile(rng, 300)) for day in range(SIZE)]
    entries[5] = (V1, 5, profile(rng, 60_000, shift=0.5))
    last = one(made(entries, 0, 10, fixed_rule(0, 10)).judge(SIZE - 1), AGE)
    assert last.measured.values["dispersion.phi"] > 5


def test_a_version_that_came_later_is_compared_with_the_one_before_it() -> None:
    rng = np.random.default_rng(4)
    entries: list[Entry] = [(V1, day, profile(rng)) for day in range(30)]
    entries += [(V2, day, profile(rng)) for day in range(30, SIZE)]
    last = one(made(entries, 3, 10, fixed_rule(3, 10)).judge(SIZE - 1), AGE, V2)
    assert last.reference.versions == ("1",)
    assert last.measured.reference == 7_000


def test_several_references_of_one_feature_have_documents_of_their_own() -> None:
    rules = [drift_rule(id=f"r{at}", against=against) for at, against in enumerate(
        ["rolling 28d", "same-time-last-weeks 4", "same-time-last-week", "previous", "window 2026-01-01 2026-02-01"]
    )]  # fmt: skip
    line = timeline(SIZE, days(5))
    groups = monitors(rules)
    assert len(groups) == len(rules)
    names = {document_id(group, one(judge_of(line, *group.rules).judge(SIZE - 1), AGE)) for group in groups}
    assert len(names) == len(rules)


def test_several_weeks_are_merged() -> None:
    entries = days(6)
    rule = drift_rule(against="same-time-last-weeks 4")
    last = one(judge_of(timeline(SIZE, entries), rule).judge(SIZE - 1), AGE)
    expected = sum((entries[SIZE - 1 - 7 * week][2] for week in range(1, 5)), Profile()).subjects[AGE]
    assert (last.measured.reference, last.reference.windows) == (expected.present + expected.missing, 4)


def training_judge(entries: list[Entry], trained: dict[int, Profile], version: str = "1") -> Judge:
    [monitor] = monitors([drift_rule(against="training", warning=0.02)])
    known = BaselineCounts("t1", sum(trained.values(), Profile()), trained)
    return Judge(monitor, Known(MODEL, CELLS, trainings={version: known}), timeline(SIZE, entries), Alarms(), 0.1)


def test_skew_is_told_from_drift() -> None:
    # Everything drifts, in training and in serving; on the last day serving alone is made otherwise.
    rng = np.random.default_rng(7)
    entries: list[Entry] = [
        (V1, day, profile(rng, shift=day / 20 + (0.6 if day == SIZE - 1 else 0))) for day in range(SIZE)
    ]
    trained = {T0 + day * DAY_MS: profile(rng, 2_000, shift=day / 20) for day in range(SIZE)}
    found = run(training_judge(entries, trained))
    assert [one(judgements, AGE).status.value for judgements in found[28:]] == ["ok"] * 11 + ["warning"]
    last = one(found[-1], AGE)
    assert (last.reference.baseline, last.reference.windows, last.measured.reference) == ("t1", 1, 2_000)
    text = describe(AGE, "training", last.measured, last.p_adjusted)
    assert text.startswith("age, serving against the training data of the same days: ")


@pytest.mark.parametrize("trained", [{}, {T0: profile(np.random.default_rng(8))}])
def test_days_without_training_data_have_no_skew(trained: dict[int, Profile]) -> None:
    last = one(training_judge(days(9), trained).judge(SIZE - 1), AGE)
    assert (last.measured.reference, last.reference.baseline) == (0, None)
    assert last.status == "insufficient_data"


def test_the_training_data_of_another_version_is_none() -> None:
    trained = {T0 + day * DAY_MS: profile(np.random.default_rng(10)) for day in range(SIZE)}
    assert one(training_judge(days(11), trained, version="2").judge(SIZE - 1), AGE).measured.reference == 0


def test_a_fixed_window_holds_by_segment_too() -> None:
    rng = np.random.default_rng(12)
    entries: list[Entry] = [(V1, day, profile(rng)) for day in range(SIZE)]
    rule = fixed_rule(3, 10, on={"subject": "prediction.label", "segments": "region"})
    judge = made(entries, 3, 10, rule)
    assert judge.known.fixed is not None
    line = timeline(SIZE, entries, EU, judge.timeline)
    judge.known.fixed.add((ProfileKey(V1, EU, DAY, T0 + day * DAY_MS), p) for _, day, p in entries if 3 <= day < 10)
    [found] = Judge(judge.monitor, judge.known, line, Alarms(), 0.1).judge(SIZE - 1)
    assert (found.key.segment, found.measured.reference) == (EU, 7_000)
