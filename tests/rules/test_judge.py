"""Windows of a model judged by rules: lineage, references, segments, and the rate of false alarms."""

from dataclasses import replace

import numpy as np
import pytest

from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import DAYS
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.homogeneity import chi2
from mpm_elk.metrics.metric import DISTRIBUTION, RANGE, UNSEEN
from mpm_elk.metrics.sensitivity import POWER
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import Severity
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import ALL_VERSIONS, HISTORY, Alarms, BaselineCounts, Judgement, monitors
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms
from tests.rules.timelines import (
    CELLS,
    EU,
    LABELS,
    MODEL,
    T0,
    US,
    V1,
    V2,
    drift_rule,
    judge_of,
    one,
    profile,
    run,
    steady,
    timeline,
)

DAILY = tuple(rule for rule in DEFAULT_RULES if str(rule.against) == "rolling 28d")
SIZE = 64


def baseline(days: int, seed: int = 90, rows: int = 1_000) -> BaselineCounts:
    rng = np.random.default_rng(seed)
    of_days = {T0 - (days - at) * DAY_MS: profile(rng, rows) for at in range(days)}
    total = sum(of_days.values(), Profile()) if days else profile(rng, 30 * rows)
    return BaselineCounts("b1", total, of_days)


def statuses(judgements: list[Judgement]) -> dict[str, str]:
    return {j.key.subject: j.status.value for j in judgements}


def evaluation(judgement: Judgement, rule: str) -> Severity:
    [found] = [e for e in judgement.evaluations if e.rule == rule]
    return found.severity


def test_a_planted_shift_is_found_in_its_feature_and_window_only() -> None:
    entries = steady(SIZE, 1)
    entries[-1] = (V1, SIZE - 1, profile(np.random.default_rng(2), shift=0.6, missing=5))
    judge = judge_of(timeline(SIZE, entries), *DAILY)
    *_, before, last = run(judge, SIZE - 2)
    assert set(statuses(before).values()) == {"ok"}
    assert statuses(last) == {
        "model": "ok", "features.age": "critical", "features.colour": "ok", "prediction.label": "ok",
    }  # fmt: skip
    age = one(last, "features.age")
    assert age.reference.windows == 28
    assert (age.reference.start, age.reference.end) == (T0 + (SIZE - 29) * DAY_MS, T0 + (SIZE - 1) * DAY_MS)
    assert age.reference.versions == ("1",)
    assert evaluation(age, "feature-drift") == "critical"
    assert evaluation(age, "missing-values") == "ok"


def test_the_smallest_drift_that_a_window_could_show_is_found_nine_times_in_ten() -> None:
    rule = drift_rule(metric="drift.mean_shift", warning=0.001, critical=None)
    history = steady(SIZE - 1, 35)

    def last(seed: int, shift: float) -> Judgement:
        window = profile(np.random.default_rng(seed), shift=shift)
        line = timeline(SIZE, [*history, (V1, SIZE - 1, window)])
        return one(judge_of(line, rule, drift_rule()).judge(SIZE - 1), "features.age")

    smallest = last(36, 0.0).measured.values["drift.smallest_mean_shift"]
    found = [last(seed, smallest).status.alarming for seed in range(100, 300)]
    assert np.mean(found) == pytest.approx(POWER, abs=0.06)


def test_rules_look_at_what_has_their_metric() -> None:
    [last] = run(judge_of(timeline(SIZE, steady(SIZE, 3)), *DAILY), SIZE - 1)
    assert {e.rule for e in one(last, "features.age").evaluations} == {
        "feature-drift", "missing-values", "type-violations", "out-of-range",
    }  # fmt: skip
    assert {e.rule for e in one(last, "features.colour").evaluations} == {
        "feature-drift", "missing-values", "type-violations", "unseen-categories",
    }  # fmt: skip
    assert {e.rule for e in one(last, "prediction.label").evaluations} == {
        "prediction-drift", "missing-values", "type-violations", "unseen-categories",
    }  # fmt: skip


def test_a_subject_that_no_rule_fits_is_not_measured() -> None:
    [last] = run(judge_of(timeline(SIZE, steady(SIZE, 4)), drift_rule(metric="drift.mean_shift")), SIZE - 1)
    assert list(statuses(last)) == ["features.age"]


def test_while_it_learns_it_does_not_alarm() -> None:
    size = 40
    entries = [(V1, day, profile(np.random.default_rng(day), shift=day % 2)) for day in range(size)]
    found = run(judge_of(timeline(size, entries), drift_rule()))
    # The first 7 windows have less than a quarter of a reference, the next 28 are the history that is needed.
    assert {one(judgements, "features.age").status for judgements in found[:35]} == {Severity.INSUFFICIENT}
    assert one(found[39], "features.age").status == "ok"  # it has learnt that every other day is such a day
    said = one(found[20], "features.age").evaluations[0].reason
    assert said == "learning how much past windows vary: 13 of 28 windows"


def test_empty_windows_raise_no_alert_but_missing_traffic_does() -> None:
    entries = [entry for entry in steady(SIZE, 5) if entry[1] not in (50, 63)]
    judge = judge_of(timeline(SIZE, entries), *DAILY)
    found = run(judge, 49)
    for at in (50, 63):
        assert statuses(found[at - 49]) == {"model": "critical"}
    assert set(statuses(found[51 - 49]).values()) == {"ok"}
    assert one(found[62 - 49], "features.age").reference.windows == 27


def test_a_model_without_any_traffic_is_not_judged() -> None:
    assert run(judge_of(timeline(40, []), *DAILY)) == [[]] * 40


def test_an_alert_is_left_out_of_the_reference_of_later_windows() -> None:
    entries = steady(SIZE, 6)
    rng = np.random.default_rng(7)
    for day in (58, 59, 60):
        entries[day] = (V1, day, profile(rng, shift=1.0))
    found = run(judge_of(timeline(SIZE, entries), drift_rule()), 56)
    age = [one(judgements, "features.age") for judgements in found]
    assert [j.status.value for j in age] == ["ok", "ok", "critical", "critical", "critical", "ok", "ok", "ok"]
    assert [j.reference.excluded for j in age[-3:]] == [3, 3, 3]
    colour = one(found[-1], "features.colour")
    assert (colour.reference.excluded, colour.reference.windows) == (0, 28)


def test_a_new_version_is_compared_with_its_predecessor_from_its_first_day() -> None:
    size = 61
    rng = np.random.default_rng(8)
    entries = [*steady(60, 9), (V2, 60, profile(rng, shift=0.6))]
    [last] = run(judge_of(timeline(size, entries), drift_rule()), 60)
    found = one(last, "features.age", V2)
    assert found.status == "critical"
    assert found.reference.versions == ("1",)
    assert one(last, "features.colour", V2).status == "ok"
    assert {j.key.version for j in last} == {V2}


def test_versions_side_by_side_are_judged_each_on_its_own() -> None:
    rng = np.random.default_rng(10)
    both = [*steady(SIZE, 11), *((V2, day, profile(rng, 400, shift=0.0)) for day in range(40, SIZE))]
    alone = one(run(judge_of(timeline(SIZE, both[:SIZE]), drift_rule()), SIZE - 1)[0], "features.age")
    beside = run(judge_of(timeline(SIZE, both), drift_rule()), SIZE - 1)[0]
    # Only the adjustment over all subjects of the window, and what it asks of each, know of the other version.
    ours, lonely = (
        {name: value for name, value in m.measured.values.items() if "smallest" not in name}
        for m in (one(beside, "features.age"), alone)
    )
    assert (ours, one(beside, "features.age").measured.p) == (lonely, alone.measured.p)
    both[-1] = (V2, SIZE - 1, profile(rng, 400, shift=1.0))
    drifted = run(judge_of(timeline(SIZE, both), drift_rule()), SIZE - 1)[0]
    assert one(drifted, "features.age", V2).status == "critical"
    assert one(drifted, "features.age", V1).status == "ok"


def test_a_judgement_depends_on_its_reach_only() -> None:
    reach = HISTORY + 28
    entries = steady(reach + 30, 12)
    long = judge_of(timeline(reach + 30, entries), *DAILY)
    cut = Timeline(T0 + 29 * DAY_MS, DAY_MS, reach + 1)
    cut = timeline(0, entries, line=cut)
    a, b = long.judge(reach + 29), judge_of(cut, *DAILY).judge(reach)
    assert [(j.key, j.measured.values, j.measured.p, j.reference) for j in a] == [
        (j.key, j.measured.values, j.measured.p, j.reference) for j in b
    ]


def test_what_comes_later_does_not_matter() -> None:
    entries = steady(SIZE, 13)
    whole = judge_of(timeline(SIZE, entries), *DAILY).judge(59)
    sooner = judge_of(timeline(60, entries[:60]), *DAILY).judge(59)
    assert [(j.measured, j.evaluations) for j in whole] == [(j.measured, j.evaluations) for j in sooner]


def test_segments_have_their_own_windows_and_features_there() -> None:
    size = SIZE
    rng = np.random.default_rng(14)
    rule = drift_rule(on={"subject": ["prediction.*", "features.colour"], "segments": ["region"]})
    line = timeline(size, steady(size, 15))
    for segment, labels in ((EU, [0.6, 0.3, 0.1]), (US, None)):
        changed = None if labels is None else np.array(labels)
        days = [(V1, day, profile(rng, labels=changed if day == size - 1 else None)) for day in range(size)]
        line = timeline(size, days, segment, line)
    [last] = run(judge_of(line, rule), size - 1)
    subjects = ("features.colour", "prediction.label")
    assert [(j.key.subject, j.key.segment) for j in last] == [(name, s) for name in subjects for s in (EU, US)]
    assert one(last, "features.colour", segment=US).measured.window == 1_000
    assert one(last, "prediction.label", segment=EU).status == "critical"
    assert one(last, "prediction.label", segment=US).status == "ok"


def test_a_rule_for_all_events_is_not_for_segments_and_the_other_way_round() -> None:
    rules = (drift_rule(), drift_rule(id="by-region", on={"subject": "prediction.label", "segments": "region"}))
    line = timeline(SIZE, steady(SIZE, 16))
    line = timeline(SIZE, steady(SIZE, 17), EU, line)
    [last] = run(judge_of(line, *rules), SIZE - 1)
    by = {(j.key.subject, j.key.segment): [e.rule for e in j.evaluations] for j in last}
    assert by == {
        ("features.age", EVERYTHING): ["drift"],
        ("features.colour", EVERYTHING): ["drift"],
        ("prediction.label", EVERYTHING): ["drift"],
        ("prediction.label", EU): ["by-region"],
    }


def test_the_days_of_a_baseline_show_how_much_days_vary() -> None:
    rule = drift_rule(against="baseline")
    line = timeline(
        2, [(V1, 0, profile(np.random.default_rng(18))), (V1, 1, profile(np.random.default_rng(19), shift=0.6))]
    )
    first, second = run(judge_of(line, rule, baselines={"1": baseline(30)}))
    assert set(statuses(first).values()) == {"ok"}
    assert statuses(second)["features.age"] == "critical"
    age = one(second, "features.age")
    assert age.reference.baseline == "b1"
    assert age.measured.reference == 30_000
    assert age.measured.values["dispersion.windows"] == 30


def test_a_day_of_the_baseline_is_compared_with_the_other_days() -> None:
    # One day of many rows: with itself in the reference it would hardly differ.
    rng = np.random.default_rng(20)
    days = {T0 - (at + 1) * DAY_MS: profile(rng, 300) for at in range(29)}
    days[T0 - 40 * DAY_MS] = profile(rng, 60_000, shift=0.5)
    known = BaselineCounts("b1", sum(days.values(), Profile()), days)
    line = timeline(1, [(V1, 0, profile(rng))])
    [[*found]] = run(judge_of(line, drift_rule(against="baseline"), baselines={"1": known}))
    others = sum((p for start, p in days.items() if start != T0 - 40 * DAY_MS), Profile())
    window, reference = (
        CELLS.subjects["features.age"].to_coarse(p.subjects["features.age"].cells)
        for p in (days[T0 - 40 * DAY_MS], others)
    )
    assert one(found, "features.age").measured.values["dispersion.phi"] > float(chi2(window, reference).ratio) / 30


def test_without_enough_days_windows_of_the_model_show_it() -> None:
    rule = drift_rule(against="baseline")
    judge = judge_of(timeline(SIZE, steady(SIZE, 21)), rule, baselines={"1": baseline(0)})
    found = run(judge)
    assert one(found[27], "features.age").status == "insufficient_data"
    assert {one(judgements, "features.age").status for judgements in found[28:]} == {Severity.OK}


def test_unseen_and_out_of_range_learn_from_traffic_not_from_the_baselines_days() -> None:
    rules = [
        drift_rule(against="baseline"),
        drift_rule(id="range", metric="quality.out_of_range_increase", against="baseline", warning=0.02),
    ]
    entries = steady(MIN_WINDOWS + 2, 22)
    entries[-1] = (V1, MIN_WINDOWS + 1, profile(np.random.default_rng(23), shift=3.0))
    found = run(judge_of(timeline(MIN_WINDOWS + 2, entries), *rules, baselines={"1": baseline(30)}))
    assert one(found[0], "features.age").measured.learning == {RANGE: 0}
    assert one(found[0], "features.colour").measured.learning == {UNSEEN: 0}
    last = one(found[-1], "features.age")
    assert last.measured.learning == {}
    assert evaluation(last, "range") == "warning"
    assert last.measured.values["dispersion.windows"] == 30


def test_days_say_nothing_about_hours() -> None:
    rule = drift_rule(against="baseline", window="1h")
    line = Timeline(T0, HOUR_MS, 1)
    line.windows[V1, EVERYTHING] = [profile(np.random.default_rng(24))]
    [[*found]] = run(judge_of(line, rule, baselines={"1": baseline(30)}))
    assert one(found, "features.age").measured.learning[DISTRIBUTION] == 0


def test_a_segment_is_not_compared_with_the_baseline_of_all_events() -> None:
    rule = drift_rule(against="baseline", on={"subject": "prediction.label", "segments": "region"})
    line = timeline(SIZE, steady(SIZE, 25))
    line = timeline(SIZE, steady(SIZE, 26), EU, line)
    [last] = run(judge_of(line, rule, baselines={"1": baseline(30)}), SIZE - 1)
    [found] = last
    assert (found.measured.reference, found.status) == (0, "insufficient_data")


def test_a_version_without_a_baseline_is_not_compared() -> None:
    line = timeline(SIZE, steady(SIZE, 27))
    [last] = run(judge_of(line, drift_rule(against="baseline"), baselines={"2": baseline(30)}), SIZE - 1)
    assert {j.status.value for j in last} == {"insufficient_data"}
    assert {j.reference.baseline for j in last} == {None}


def test_against_another_version_in_the_same_window() -> None:
    rng = np.random.default_rng(28)
    entries = [
        *steady(SIZE, 29),
        *((V2, day, profile(rng, shift=0.8 if day == SIZE - 1 else 0)) for day in range(20, SIZE)),
    ]
    judge = judge_of(timeline(SIZE, entries), drift_rule(against="version 1"))
    early, *_, before, last = run(judge, 47)
    # Until it has windows of its own to compare, nothing is known of how much the two vary.
    assert one(early, "features.age", V2).measured.learning == dict.fromkeys(
        one(early, "features.age", V2).measured.learning, 27
    )
    assert one(before, "features.age", V2).status == "ok"
    found = one(last, "features.age", V2)
    assert found.status == "critical"
    assert found.reference.versions == ("1",)
    assert found.reference.start == T0 + (SIZE - 1) * DAY_MS
    # The version itself is not judged.
    assert {j.key.version for j in last} == {V2}


def test_against_a_version_that_is_silent() -> None:
    entries = [*steady(10, 30), (V2, 10, profile(np.random.default_rng(31)))]
    *_, last = run(judge_of(timeline(11, entries), drift_rule(against="version 1")))
    found = one(last, "features.age", V2)
    assert (found.reference.windows, found.reference.versions, found.measured.reference) == (0, (), 0)
    assert found.status == "insufficient_data"


def test_traffic_is_judged_over_all_versions() -> None:
    size = SIZE
    rng = np.random.default_rng(32)
    half = size // 2 + 20
    entries = [(V1 if day < half else V2, day, profile(rng)) for day in range(size)]
    [last] = run(judge_of(timeline(size, entries), *DAILY), size - 1)
    found = one(last, "model", MODEL.version(ALL_VERSIONS))
    assert (found.measured.window, found.measured.reference, found.status) == (1_000, 28_000, "ok")


def test_monitors_group_rules_and_know_their_reach() -> None:
    groups = monitors(DEFAULT_RULES)
    assert [(str(m.reference), m.length.days, len(m.rules), m.reach) for m in groups] == [
        ("rolling 28d", 1, 9, HISTORY + 28),
        ("rolling 7d", 0, 1, HISTORY + 168),
    ]
    assert monitors([]) == []


def test_alarms_note_the_window_and_whether_it_is_news() -> None:
    entries = steady(SIZE, 33)
    entries[-1] = (V1, SIZE - 1, profile(np.random.default_rng(34), shift=1.0))
    judge = judge_of(timeline(SIZE, entries), drift_rule())
    start = judge.timeline.time(SIZE - 1)[0]
    raised = judge.judge(SIZE - 1)
    quiet = [replace(j, evaluations=()) for j in raised]
    alarms = Alarms()
    assert not alarms.note(start, quiet)
    assert alarms.note(start, raised)
    assert not alarms.note(start, raised)
    assert alarms.flags("features.age", EVERYTHING, judge.timeline).tolist() == [False] * (SIZE - 1) + [True]
    assert not alarms.flags("features.colour", EVERYTHING, judge.timeline).any()
    other = [replace(j, key=replace(j.key, version=V2)) for j in quiet]
    assert not alarms.note(start, [*other, *raised, *other])  # one version is enough, in any order
    assert alarms.note(start, quiet)
    assert not alarms.flags("features.age", EVERYTHING, judge.timeline).any()


@pytest.mark.parametrize("clustered", [False, True])
def test_false_alarms_are_as_rare_as_promised(clustered: bool) -> None:
    """0.1 a month are 0.8 in 240 windows; more than 4 have a chance of 0.1 %. `benchmarks/false_alarms.py` has more."""
    alarms, windows = 0, 0
    for seed in range(2):
        rng = np.random.default_rng(100 + seed)
        size, begin = 176, 56
        factor = 0.0
        entries = []
        for day in range(size):
            factor = 0.6 * factor + 0.8 * rng.normal()
            shift = 0.3 * factor if clustered else 0.0
            shares = rng.dirichlet([50, 30, 20]) if clustered else None
            entries.append(
                (V1, day, profile(rng, 600, shift=shift, missing=int(rng.binomial(600, 0.01)), colours=shares))
            )
        found = run(judge_of(timeline(size, entries), *DAILY), begin)
        windows += len(found)
        alarms += sum(any(j.status.alarming for j in judgements) for judgements in found)
    assert windows == 240
    assert alarms <= 4


@pytest.mark.parametrize("metric", ["drift.psi_adjusted", "drift.mean_shift"])
def test_a_shift_worth_an_alert_is_found_almost_always(metric: str) -> None:
    found = 0
    for seed in range(20):
        entries = steady(57, 200 + seed)
        entries[-1] = (V1, 56, profile(np.random.default_rng(300 + seed), shift=0.6))
        only = CellSet({name: CELLS.subjects[name] for name in ("features.age", "features.colour")})
        [last] = run(judge_of(timeline(57, entries), drift_rule(metric=metric), cells=only), 56)
        found += one(last, "features.age").status.alarming
    assert found >= 19


def test_labels_that_move_between_known_ones_are_found() -> None:
    entries = steady(57, 35)
    moved = np.array([0.45, 0.45, 0.1])
    entries[-1] = (V1, 56, profile(np.random.default_rng(36), labels=moved))
    [last] = run(judge_of(timeline(57, entries), *DAILY), 56)
    label = one(last, "prediction.label")
    assert evaluation(label, "prediction-drift") == "critical"
    assert label.measured.culprit in LABELS[:2]


def test_the_judge_is_pure() -> None:
    judge = judge_of(timeline(SIZE, steady(SIZE, 37)), *DAILY)
    assert isinstance(judge, Judge)
    assert all(isinstance(rule, Rule) for rule in judge.monitor.rules)
    assert judge.judge(60) == judge.judge(60)


def test_silence_is_told_of_in_empty_windows_and_judged_without_evidence() -> None:
    rng = np.random.default_rng(33)
    noon = T0 + DAY_MS // 2
    entries = [(V1, day, replace(profile(rng), last=noon + day * DAY_MS)) for day in range(3)]
    silent = Rule.model_validate(
        {"id": "silent", "metric": "traffic.freshness", "against": "previous", "warning": 86_400, "critical": 172_800,
         "evidence": "none"}
    )  # fmt: skip
    judged = run(judge_of(timeline(6, entries), silent))
    found = [one(judgements, "model", MODEL.version(ALL_VERSIONS)) for judgements in judged]
    hours = [j.measured.values["traffic.freshness"] / 3600 for j in found]
    assert hours == [12, 12, 12, 36, 60, 84]
    assert [j.status.value for j in found] == ["ok", "ok", "ok", "warning", "critical", "critical"]
    assert found[-1].measured.values["traffic.freshness_usual"] == 12 * 3600
    said = found[4].evaluations[0].reason
    assert said == "traffic.freshness is 216,000, at or above the critical threshold of 172800"


def test_a_window_out_of_a_rules_hours_says_nothing_and_raises_no_alarm() -> None:
    entries = steady(SIZE, 1)
    entries[-1] = (V1, SIZE - 1, profile(np.random.default_rng(2), shift=0.6, missing=5))
    line = timeline(SIZE, entries)
    day = DAYS[from_ms(line.time(SIZE - 1)[0]).weekday()]
    for days, said in (([day], Severity.CRITICAL), ([name for name in DAYS if name != day], Severity.INSUFFICIENT)):
        judge = judge_of(line, drift_rule(against="rolling 28d", critical=0.2, active={"days": days}))
        [*_, last] = run(judge, SIZE - 1)
        [found] = one(last, "features.age").evaluations
        assert found.severity is said
        assert ("out of the rule's hours" in found.reason) == (said is Severity.INSUFFICIENT)
