"""A threshold is never the only condition."""

from datetime import timedelta

import pytest

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import DISTRIBUTION, MISSING, VOLUME
from mpm_elk.rules.evaluate import Severity, chance_per_look, evaluate, worst

LEVEL = 0.01


def rule(**settings: object) -> Rule:
    return Rule.model_validate({"id": "r", "metric": "drift.psi", "warning": 0.1, "critical": 0.25, **settings})


def measured(psi: float = 0.3, p: float = 1e-6) -> Measured:
    return Measured({"drift.psi": psi, "drift.mean_shift": -psi}, {DISTRIBUTION: p, MISSING: 0.5}, 1000, 9000)


@pytest.mark.parametrize(("psi", "severity"), [(0.05, Severity.OK), (0.1, Severity.WARNING), (0.25, Severity.CRITICAL)])
def test_thresholds_are_reached_from_below(psi: float, severity: Severity) -> None:
    assert evaluate(rule(), measured(psi), 1e-5, LEVEL).severity is severity


def test_a_large_value_without_evidence_is_no_alarm() -> None:
    found = evaluate(rule(), measured(p=0.2), 0.4, LEVEL)
    assert found.severity is Severity.OK
    assert not found.sustains


def test_evidence_is_the_metrics_own_test_and_the_subjects_adjusted_p() -> None:
    assert evaluate(rule(), measured(p=1e-6), 0.5, LEVEL).severity is Severity.OK
    assert evaluate(rule(), measured(p=0.02), 1e-6, LEVEL).severity is Severity.OK
    assert evaluate(rule(), measured(p=0.02), 1e-6, LEVEL).sustains


def test_the_other_side_of_zero_is_as_bad_where_the_metric_says_so() -> None:
    assert evaluate(rule(metric="drift.mean_shift"), measured(0.3), 1e-6, LEVEL).severity is Severity.CRITICAL


def test_traffic_is_bad_when_it_is_low_even_with_no_events() -> None:
    low = Measured({"traffic.count_ratio": 0.0}, {VOLUME: 1e-9}, 0, 9000)
    found = evaluate(rule(metric="traffic.count_ratio", warning=0.5, critical=0.1), low, 1e-9, LEVEL)
    assert found.severity is Severity.CRITICAL


def test_a_month_of_looks_shares_the_false_alarms() -> None:
    assert chance_per_look(0.1, timedelta(days=1)) == pytest.approx(0.1 / 30)
    assert chance_per_look(0.1, timedelta(hours=1)) == pytest.approx(0.1 / 720)
    assert chance_per_look(30, timedelta(days=1)) == 0.01


def test_insufficient_data_is_the_status_only_where_there_is_nothing_else() -> None:
    assert worst([]) is Severity.INSUFFICIENT
    assert worst([Severity.INSUFFICIENT, Severity.OK]) is Severity.OK
    assert worst([Severity.CRITICAL, Severity.WARNING]) is Severity.CRITICAL
