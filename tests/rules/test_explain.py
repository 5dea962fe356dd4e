"""Rules in English: the numbers in the sentences are those that judge."""

from typing import Any

import pytest

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.metrics.measured import Measured
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import chance_per_look, evaluate
from mpm_elk.rules.explain import explain
from mpm_elk.rules.judgement import monitors


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.id)
def test_every_default_rule_is_explained_with_the_level_that_holds(rule: Rule) -> None:
    config = Config()
    text = " ".join(explain(rule, DEFAULT_RULES, config))
    level = chance_per_look(config.job.false_alarms_per_month / len(monitors(DEFAULT_RULES)), rule.window)
    assert f"must be {level:.2g} or less" in text
    assert f"{rule.warning:g}" in text
    assert f"{rule.critical:g}" in text
    assert "the 28d before it" in text or "the 7d before it" in text


def test_what_a_rule_adds_is_said() -> None:
    rule = Rule.model_validate({
        "id": "r", "metric": "drift.sd_ratio", "models": ["credit-*"], "on": {"subject": "prediction.score",
        "segments": "region"}, "against": "baseline", "warning": 1.25, "for": 3, "evidence": "none",
        "owner": "credit-ml", "runbook": "https://example.org/r",
    })  # fmt: skip
    text = " ".join(explain(rule, [rule], Config()))
    for part in (
        "prediction.score of the models credit-*, in each value of region",
        "the baseline of the model's version", "1.25 times or more, or 1/1.25 or less", "no evidence",
        "3 windows with enough data in a row", "Its owner is credit-ml. What to do: https://example.org/r",
    ):  # fmt: skip
        assert part in text
    assert "critical" not in text


@pytest.mark.parametrize(
    ("metric", "evidence", "said"),
    [
        ("traffic.freshness", "none", None),
        ("traffic.count_ratio", "none", "in the reference it"),
        ("drift.mean", "none", "in the window it"),
        ("quality.missing_rate", "required", "in the window or the reference it"),
    ],
)
def test_how_many_events_it_needs_is_what_the_judge_asks_for(metric: str, evidence: str, said: str | None) -> None:
    rule = Rule.model_validate({"id": "r", "metric": metric, "evidence": evidence, "warning": 1, "min_samples": 77})
    text = " ".join(explain(rule, [rule], Config()))
    assert ("With fewer than 77 events" in text) == (said is not None)
    assert said is None or f"77 events {said} does not decide" in text
    assert ("no more than chance" in text) == (evidence == "required")
    none_there = evaluate(rule, Measured({metric: 2.0}, {}, 0, 0), None, 0.01)
    assert ("fewer than 77" in none_there.reason) == (said is not None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"m_of_n": [3, 5]}, "opens when 3 of the last 5 windows with enough data"),
        ({"recover_at": 0.05}, "ends with the first window that is below 0.05, or not so by no more than chance"),
        ({"metric": "traffic.count_ratio", "recover_at": 0.8}, "first window that is above 0.8"),
        ({"recover_for": 3}, "ends with the last of 3 windows in a row that are within the threshold"),
        ({"keep_firing_for": "36h"}, "does not end before that has been so for 36h"),
        ({"flapping": {"changes": 4, "windows": 10}}, "opened or recovered 4 times in the last 10 windows is flapping"),
    ],
)
def test_the_life_of_an_alert_is_said(settings: dict[str, Any], said: str) -> None:
    rule = Rule.model_validate({"id": "r", "metric": "drift.psi", "warning": 0.1, **settings})
    assert said in " ".join(explain(rule, [rule], Config()))


def test_what_is_not_set_is_not_said() -> None:
    rule = Rule.model_validate({"id": "r", "metric": "drift.psi", "warning": 0.1, "flapping": False})
    text = " ".join(explain(rule, [rule], Config()))
    assert "opens when" not in text
    assert "flapping" not in text


def test_hours_and_silences_are_said() -> None:
    config = Config.model_validate({"mute": [
        {"models": "credit-*", "from": "2026-12-24", "to": "2026-12-27", "reason": "holidays"},
        {"rules": "other", "days": "sat"},
    ]})  # fmt: skip
    rule = Rule.model_validate({
        "id": "r", "metric": "drift.psi", "warning": 0.1, "active": {"days": ["mon"], "timezone": "Europe/Berlin"},
        "mute": {"from": "22:00", "to": "06:00"}, "inhibited_by": ["volume", "silent"],
    })  # fmt: skip
    text = " ".join(explain(rule, [rule], config))
    for part in (
        "Of these only those in its hours: mon Europe/Berlin; others say nothing.",
        "at these times: every day 22:00 to 06:00 UTC; 2026-12-24T00:00:00 to 2026-12-27T00:00:00 UTC: holidays (for",
        "Nobody is told while volume or silent has an active alert on the same model",
    ):
        assert part in text
    assert "sat" not in text
