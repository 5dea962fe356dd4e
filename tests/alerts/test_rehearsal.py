"""Rules rehearsed on a made past: what they would have raised, and that it is what the judge says."""

import numpy as np
import pytest

from mpm_elk.alerts.rehearsal import RuleRehearsed, rehearse, total_a_month
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.judgement import Known, monitors
from tests.rules.timelines import CELLS, MODEL, V1, Entry, drift_rule, judge_of, profile, run, steady, timeline

SIZE = 63
RULES = (
    drift_rule(),
    drift_rule(id="colours", on={"subject": "features.colour"}),
    drift_rule(id="twice", **{"for": 2}),
)


def shifted(*days: int) -> list[Entry]:
    rng = np.random.default_rng(5)
    past = {day: (version, day, made) for version, day, made in steady(SIZE, 4)}
    past |= {day: (V1, day, profile(rng, shift=1)) for day in days}
    return list(past.values())


def rehearsed(line: Timeline) -> dict[str, RuleRehearsed]:
    [monitor] = monitors(RULES)
    return {rule.rule: rule for rule in rehearse(monitor, Known(MODEL, CELLS), line, 0.1)}


def test_a_quiet_past_raises_nothing() -> None:
    found = rehearsed(timeline(SIZE, steady(SIZE, 4)))
    assert {name: len(rule.episodes) for name, rule in found.items()} == {"drift": 0, "colours": 0, "twice": 0}
    assert found["drift"].a_month == 0
    assert 14 < found["drift"].windows < SIZE


def test_incidents_are_counted_with_their_subjects() -> None:
    found = rehearsed(timeline(SIZE, shifted(50, 55, 56)))
    assert found["drift"].noisiest == [("features.age", 2)]
    assert [episode.windows for episode in found["drift"].episodes] == [1, 2]
    assert found["twice"].noisiest == [("features.age", 1)]  # two windows in a row, once
    assert found["colours"].episodes == []
    assert found["drift"].a_month == pytest.approx(2 / found["drift"].windows * 30)
    assert total_a_month(list(found.values())) == pytest.approx(3 / found["drift"].windows * 30)


def test_it_is_what_the_judge_says_window_by_window() -> None:
    line = timeline(SIZE, shifted(50, 55, 56))
    alarming = {
        (evaluation.rule, judgement.key.subject, judgement.start)
        for window in run(judge_of(line, *RULES))
        for judgement in window
        for evaluation in judgement.evaluations
        if evaluation.severity.alarming
    }
    assert {start for rule, _, start in alarming if rule == "drift"} == {line.time(day)[0] for day in (50, 55, 56)}
    starts = {episode.start for episode in rehearsed(line)["drift"].episodes}
    assert starts == {line.time(day)[0] for day in (50, 55)}


def test_too_short_a_past_is_no_rate_of_zero() -> None:
    found = rehearsed(timeline(10, steady(10, 4)))
    assert found["drift"].a_month is None
    assert found["drift"].lack
    assert total_a_month(list(found.values())) is None
