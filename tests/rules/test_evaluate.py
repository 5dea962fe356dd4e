"""Rules on metrics: thresholds, evidence, and what is lacking."""

import itertools
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import METRICS
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import DISTRIBUTION, FAILURE, MISSING, TYPE, VOLUME
from mpm_elk.rules.evaluate import (
    Evaluation,
    Severity,
    adjust_over_subjects,
    chance_per_look,
    evaluate,
    subjects_of,
    worst,
)

LEVEL = 0.003


def rule(metric: str = "drift.psi_adjusted", **more: Any) -> Rule:
    return Rule.model_validate({"id": "r", "metric": metric, "warning": 0.1, "critical": 0.25, **more})


def found(value: float | None, p: float | None = 1e-9, metric: str = "drift.psi_adjusted", **more: Any) -> Measured:
    values = {} if value is None else {metric: value}
    ps = {} if p is None else {METRICS[metric].test: p}
    return Measured(**{"values": values, "p": ps, "window": 1_000, "reference": 9_000, **more})


def severity(r: Rule, m: Measured, p_adjusted: float | None = 1e-9) -> Severity:
    return evaluate(r, m, p_adjusted, LEVEL).severity


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "ok"), (0.0999, "ok"), (0.1, "warning"), (0.2499, "warning"), (0.25, "critical"), (9.0, "critical")],
)
def test_above(value: float, expected: str) -> None:
    assert severity(rule(), found(value)) == expected


@pytest.mark.parametrize(("value", "expected"), [(1.0, "ok"), (0.5, "warning"), (0.11, "warning"), (0.1, "critical")])
def test_below(value: float, expected: str) -> None:
    ratio = "traffic.count_ratio"
    assert severity(rule(ratio, warning=0.5, critical=0.1), found(value, metric=ratio)) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.05, "ok"), (0.1, "warning"), (-0.1, "warning"), (-0.3, "critical")])
def test_away(value: float, expected: str) -> None:
    shift = "drift.mean_shift"
    assert severity(rule(shift), found(value, metric=shift)) == expected


def test_a_rule_can_turn_the_direction() -> None:
    shift = "drift.mean_shift"
    falls = rule(shift, when="below", warning=-0.1, critical=-0.3)
    assert [severity(falls, found(v, metric=shift)) for v in (0.5, -0.2, -0.4)] == ["ok", "warning", "critical"]
    many = rule("traffic.count_ratio", when="above", warning=2, critical=None)
    assert [severity(many, found(v, metric="traffic.count_ratio")) for v in (0.0, 2.0)] == ["ok", "warning"]


def test_one_threshold_is_enough() -> None:
    assert severity(rule(warning=None), found(0.2)) == "ok"
    assert severity(rule(critical=None), found(9.0)) == "warning"


def test_an_alarm_says_on_what_numbers() -> None:
    values = {"drift.psi_adjusted": 0.3123456, "drift.psi_adjusted_lower": 0.2, "drift.psi_adjusted_upper": 0.4}
    said = evaluate(rule(), Measured(values, {DISTRIBUTION: 1e-9, MISSING: 0.5}, 1_000, 9_000), 2.1e-7, LEVEL)
    assert said == Evaluation(
        "r",
        "drift.psi_adjusted",
        Severity.CRITICAL,
        "drift.psi_adjusted is 0.3123, at or above the critical threshold of 0.25 (adjusted p 2.1e-07)",
        0.3123456,
        0.2,
        0.4,
        0.25,
        2.1e-7,
        sustains=True,
    )


def test_the_reason_names_the_side() -> None:
    low = evaluate(rule("traffic.count_ratio"), found(0.05, metric="traffic.count_ratio"), 0.0, LEVEL)
    assert low.reason.startswith("traffic.count_ratio is 0.05, at or below the critical threshold of 0.25")
    away = evaluate(rule("drift.mean_shift"), found(-0.2, metric="drift.mean_shift"), 0.0, LEVEL)
    assert "is -0.2, at or beyond the warning threshold of 0.1" in away.reason


def test_a_threshold_alone_is_no_alert() -> None:
    said = evaluate(rule(), found(0.3, p=0.2), 0.2, LEVEL)
    assert said.severity is Severity.OK
    assert said.reason == "drift.psi_adjusted is 0.3, which may be chance (adjusted p 0.2; an alert needs 0.003)"
    assert (said.value, said.threshold, said.p_adjusted) == (0.3, 0.25, 0.2)


def test_evidence_alone_is_no_alert() -> None:
    said = evaluate(rule(), found(0.01, p=1e-300), 1e-300, LEVEL)
    assert (said.severity, said.reason) == ("ok", "drift.psi_adjusted is 0.01")
    assert (said.threshold, said.sustains) == (None, False)


@pytest.mark.parametrize(("p", "expected"), [(LEVEL, "critical"), (LEVEL * 1.01, "ok")])
def test_the_level_of_the_look_decides(p: float, expected: str) -> None:
    assert severity(rule(), found(0.3, p=1e-12), p) == expected


def test_evidence_is_that_of_the_metrics_own_test() -> None:
    # The subject has drifted beyond doubt, but its missing values have not.
    missing = rule("quality.missing_increase", warning=0.01, critical=0.1)
    values = {"quality.missing_increase": 0.02}
    said = evaluate(missing, Measured(values, {DISTRIBUTION: 1e-30, MISSING: 0.01}, 1_000, 9_000), 1e-29, LEVEL)
    assert said.severity is Severity.OK
    assert said.p_adjusted == pytest.approx(0.02)  # times the number of the subject's tests


@pytest.mark.parametrize(("p", "sustains"), [(0.025, True), (0.0251, False)])
def test_an_open_alert_is_sustained_by_its_own_evidence(p: float, sustains: bool) -> None:
    measured = Measured({"drift.psi_adjusted": 0.3}, {DISTRIBUTION: p, MISSING: 0.9}, 1_000, 9_000)
    said = evaluate(rule(), measured, 0.4, LEVEL)
    assert (said.severity, said.sustains) == (Severity.OK, sustains)


def test_without_evidence_the_threshold_decides() -> None:
    bold = rule(evidence="none")
    said = evaluate(bold, found(0.3, p=0.9), 0.9, LEVEL)
    assert (said.severity, said.sustains) == (Severity.CRITICAL, True)
    unknown = evaluate(bold, found(0.3, p=None, learning={DISTRIBUTION: 3}), None, LEVEL)
    assert unknown.severity is Severity.CRITICAL
    assert unknown.p_adjusted is None
    assert "adjusted p" not in unknown.reason


@pytest.mark.parametrize(
    ("measured", "p_adjusted", "reason"),
    [
        (found(0.3, window=199), 0.0, "the window has 199 events, fewer than 200"),
        (found(0.3, reference=0), 0.0, "the reference has 0 events, fewer than 200"),
        (found(None), 0.0, "drift.psi_adjusted cannot be computed"),
        (found(0.3, None, learning={DISTRIBUTION: 3}), None, "learning how much past windows vary: 3 of 28 windows"),
        (found(0.3, None), None, "no p-value can be computed"),
        # Another test of the subject has a p, this one is still learning.
        (Measured({"drift.psi_adjusted": 0.3}, {TYPE: 1.0}, 999, 999, learning={DISTRIBUTION: 9}),
         1.0, "learning how much past windows vary: 9 of 28 windows"),
    ],
)  # fmt: skip
def test_too_little_is_said_and_is_neither_ok_nor_an_alert(
    measured: Measured, p_adjusted: float | None, reason: str
) -> None:
    said = evaluate(rule(), measured, p_adjusted, LEVEL)
    assert said == Evaluation("r", "drift.psi_adjusted", Severity.INSUFFICIENT, reason)
    assert not said.severity.alarming


def test_min_samples_edge() -> None:
    assert severity(rule(min_samples=50), found(0.3, window=50, reference=50)) == "critical"


def test_a_window_without_traffic_can_be_judged_for_its_volume_only() -> None:
    ratio, failures = "traffic.count_ratio", "traffic.failure_increase"
    silent = Measured({ratio: 0.0, failures: 0.5}, {VOLUME: 0.0, FAILURE: 0.0}, 0, 9_000)
    assert severity(rule(ratio), silent) == "critical"
    assert severity(rule(failures), silent) == "insufficient_data"


def test_a_number_that_compares_nothing_needs_a_reference_only_for_its_evidence() -> None:
    alone = found(0.3, p=None, metric="quality.missing_rate", reference=0)
    assert severity(rule("quality.missing_rate", evidence="none"), alone, None) == "critical"
    assert severity(rule("quality.missing_rate"), alone, None) == "insufficient_data"
    thin = found(0.3, p=None, metric="quality.missing_increase", reference=5)
    assert severity(rule("quality.missing_increase", evidence="none"), thin, None) == "insufficient_data"


def test_benjamini_hochberg_over_subjects_of_the_smallest_p_times_the_tests() -> None:
    ps = {"a": {DISTRIBUTION: 0.001, MISSING: 0.5}, "b": {DISTRIBUTION: 0.01}, "c": {MISSING: 0.4, TYPE: 0.9}, "d": {}}
    adjusted = adjust_over_subjects({name: Measured({}, p, 1, 1) for name, p in ps.items()})
    assert adjusted == pytest.approx({"a": 0.002 * 3, "b": 0.01 * 3 / 2, "c": 0.8})
    assert adjust_over_subjects({}) == {}
    assert adjust_over_subjects({"d": Measured({}, {}, 1, 1)}) == {}


def test_adjustment_does_not_depend_on_order() -> None:
    measured = {k: Measured({}, {DISTRIBUTION: p}, 1, 1) for k, p in zip("abcd", (0.04, 0.001, 0.9, 0.01), strict=True)}
    expected = adjust_over_subjects(measured)
    for order in itertools.permutations(measured):
        assert adjust_over_subjects({k: measured[k] for k in order}) == expected


def test_without_drift_a_look_alarms_with_no_more_than_its_level() -> None:
    rng, looks, level = np.random.default_rng(1), 4_000, 0.05
    alarms = 0
    for _ in range(looks):
        measured = {s: Measured({}, {DISTRIBUTION: rng.random(), MISSING: rng.random()}, 1, 1) for s in range(15)}
        alarms += min(adjust_over_subjects(measured).values()) <= level
    assert alarms / looks < level + 3 * np.sqrt(level / looks)


@pytest.mark.parametrize(
    ("month", "window", "chance"),
    [(0.1, timedelta(days=1), 0.1 / 30), (0.1, timedelta(hours=1), 0.1 / 720), (30, timedelta(days=1), 0.01)],
)
def test_the_chance_per_look(month: float, window: timedelta, chance: float) -> None:
    assert chance_per_look(month, window) == pytest.approx(chance)


def test_subjects_of_a_rule() -> None:
    names = ["features.a", "features.b", "prediction.score", "model"]
    assert subjects_of(rule(), names) == names[:3]
    assert subjects_of(rule("traffic.count_ratio"), names) == ["model"]
    assert subjects_of(rule(on={"subject": ["features.b", "*.score"]}), names) == names[1:3]


def test_severities() -> None:
    assert worst([]) == "insufficient_data"
    assert worst([Severity.INSUFFICIENT, Severity.OK]) == "ok"
    assert worst([Severity.CRITICAL, Severity.WARNING]) == "critical"
    assert [s for s in Severity if s.alarming] == ["warning", "critical"]


@pytest.mark.parametrize("p", [0.2, 1e-9])
def test_an_evaluation_is_read_back_as_it_was(p: float) -> None:
    for measured in (found(0.3, p=p), found(0.0), found(None)):
        said = evaluate(rule(), measured, p, LEVEL)
        assert Evaluation.from_document(said.to_document()) == said


@pytest.mark.parametrize(
    ("metric", "settings", "value", "sustains"),
    [
        ("drift.psi_adjusted", {"recover_at": 0.05}, 0.07, True),
        ("drift.psi_adjusted", {"recover_at": 0.05}, 0.05, True),
        ("drift.psi_adjusted", {"recover_at": 0.05}, 0.049, False),
        ("drift.psi_adjusted", {}, 0.07, False),
        ("traffic.count_ratio", {"warning": 0.5, "critical": 0.1, "recover_at": 0.8}, 0.7, True),
        ("traffic.count_ratio", {"warning": 0.5, "critical": 0.1, "recover_at": 0.8}, 0.9, False),
        ("drift.mean_shift", {"recover_at": 0.05}, -0.07, True),
        ("drift.sd_ratio", {"warning": 1.5, "critical": 2, "recover_at": 1.2}, 0.8, True),
        ("drift.sd_ratio", {"warning": 1.5, "critical": 2, "recover_at": 1.2}, 0.9, False),
    ],
)
def test_an_alert_is_held_until_the_metric_is_back(
    metric: str, settings: dict[str, Any], value: float, sustains: bool
) -> None:
    evaluation = evaluate(rule(metric, **settings), found(value, metric=metric), 1e-9, LEVEL)
    assert (evaluation.severity, evaluation.sustains) == (Severity.OK, sustains)
    assert ("where an alert ends" in evaluation.reason) == sustains


def test_what_may_be_chance_does_not_hold_an_alert() -> None:
    doubtful = found(0.07, p=0.2)
    assert not evaluate(rule(recover_at=0.05), doubtful, 0.2, LEVEL).sustains
    assert evaluate(rule(recover_at=0.05, evidence="none"), doubtful, 0.2, LEVEL).sustains
