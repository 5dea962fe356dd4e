"""Thresholds of ratios: a factor is as bad upwards as downwards."""

import pytest

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import DISTRIBUTION
from mpm_elk.rules.evaluate import evaluate


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "ok"),
        (1.24, "ok"),
        (0.81, "ok"),
        (1.25, "warning"),
        (0.8, "warning"),
        (2.1, "critical"),
        (0.0, "critical"),
    ],
)
def test_either_side_of_one(value: float, expected: str) -> None:
    rule = Rule.model_validate({"id": "r", "metric": "drift.sd_ratio", "warning": 1.25, "critical": 2})
    found = evaluate(rule, Measured({"drift.sd_ratio": value}, {DISTRIBUTION: 1e-9}, 1_000, 9_000), 1e-9, 0.003)
    assert found.severity == expected
    assert ("at or beyond" in found.reason) == (expected != "ok")


def test_a_rule_can_choose_one_side() -> None:
    options = {"id": "r", "metric": "drift.sd_ratio", "warning": 0.8, "when": "below", "evidence": "none"}
    rule = Rule.model_validate(options)
    for value, expected in ((1.5, "ok"), (0.7, "warning")):
        found = evaluate(rule, Measured({"drift.sd_ratio": value}, {}, 1_000, 9_000), None, 0.003)
        assert found.severity == expected
