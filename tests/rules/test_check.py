"""A table of mistakes: each is found, with what would be right; what is right raises nothing."""

from dataclasses import replace
from typing import Any

import pytest

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.rules.check import SHARES, KnownModel, check, unwatched
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.problems import Weight

CREDIT = KnownModel(
    ModelKey("production", "credit-risk"),
    {"features.income": "numeric", "features.purpose": "categorical", "prediction.score": "numeric"},
    frozenset({"1", "2"}),
    frozenset({"1"}),
    4_800.0,
)
BARE = KnownModel(ModelKey("production", "bare"), {"features.x": "numeric"}, frozenset({"1"}))
CONFIG = Config.model_validate({"models": [{"name": "credit-*", "segments": ["region"]}]})


def rule(**changes: Any) -> Rule:
    return Rule.model_validate({"id": "r", "metric": "drift.psi_adjusted", "warning": 0.1, "critical": 0.25, **changes})


def found(some: Rule, *models: KnownModel) -> list[tuple[str, str, str]]:
    problems = check([some], CONFIG, models or None)
    assert {problem.rule for problem in problems} <= {"r"}
    return [(problem.weight.value, problem.text, problem.remedy) for problem in problems]


@pytest.mark.parametrize(
    ("changes", "weight", "text", "remedy"),
    [
        ({"warning": 0.3}, "error", "critical (0.25) is reached before warning (0.3)", "exchange"),
        (
            {"metric": "traffic.count_ratio", "warning": 0.1, "critical": 0.5},
            "error", "critical (0.5) is reached before", "exchange",
        ),
        (
            {"metric": "quality.missing_increase", "warning": 5, "critical": None},
            "error", "never above 1", "0.05 is 5 %",
        ),
        ({"metric": "drift.js", "critical": 2}, "error", "critical is 2", "between 0 and 1"),
        (
            {"metric": "traffic.count_ratio", "warning": -1, "critical": None},
            "error", "is never below 0", "above 0",
        ),
        ({"warning": 0}, "warning", "every window reaches it", "above 0"),
        ({"recover_at": 0.2}, "error", "`recover_at` (0.2) says nothing", "a number below 0.1"),
        ({"recover_at": 0}, "error", "an alert never ends", "above 0"),
        (
            {"metric": "traffic.count_ratio", "warning": 0.5, "critical": 0.1, "recover_at": 0.4},
            "error", "`recover_at` (0.4) says nothing", "a number above 0.5",
        ),
        (
            {"active": {"from": "08:00", "to": "18:00"}},
            "error", "longer than its hours (every day 08:00 to 18:00 UTC)", "a shorter `window`",
        ),
        ({"inhibited_by": "volume"}, "error", "inhibited by 'volume', which is no rule", "rules are: r"),
        ({"inhibited_by": "r"}, "error", "it inhibits itself, so of its alerts nobody", "take one `inhibited_by` out"),
        ({"keep_firing_for": "6h"}, "warning", "`keep_firing_for` (6h) says nothing", "a longer span"),
        ({"flapping": {"changes": 9, "windows": 8}}, "error", "never flapping", "fewer `changes`"),
        (
            {"metric": "drift.sd_ratio", "warning": 0.8, "critical": None},
            "warning", "every window reaches it", "above 1",
        ),
        ({"on": {"subject": "income"}}, "error", "has no subject 'income'", "features.income"),
        ({"on": {"subject": "model"}}, "error", "has no subject 'model'", "features.model"),
        (
            {"metric": "traffic.count_ratio", "warning": 0.5, "critical": 0.1, "on": {"subject": "features.x"}},
            "error", "has no subject 'features.x'", "write model",
        ),
        (
            {"metric": "drift.mean_shift", "on": {"subject": "prediction.label"}},
            "error", "needs numbers", "another subject",
        ),
        (
            {"metric": "traffic.count_ratio", "warning": 0.5, "critical": 0.1, "on": {"segments": "region"}},
            "error", "all segments together", "leave `on.segments` out",
        ),
        ({"evidence": "none"}, "warning", "nothing keeps drift.psi_adjusted", "leave `evidence` out"),
    ],
)  # fmt: skip
def test_mistakes_that_a_rule_shows_by_itself(changes: dict[str, Any], weight: str, text: str, remedy: str) -> None:
    [(weighs, said, right)] = found(rule(**changes))
    assert (weighs, text in said, remedy in right) == (weight, True, True), (said, right)


@pytest.mark.parametrize(
    ("changes", "weight", "text", "remedy"),
    [
        ({"models": "credit-risc"}, "warning", "it matches no model (credit-risc)", "did you mean credit-risk?"),
        ({"models": "zzz"}, "warning", "it matches no model", "models are: bare, credit-risk"),
        (
            {"models": "credit-*", "on": {"subject": "features.incom"}},
            "error", "has a subject 'features.incom'", "did you mean features.income?",
        ),
        (
            {"models": "credit-*", "metric": "drift.mean_shift", "on": {"subject": "features.purpose"}},
            "error", "needs numeric subjects, and it looks at none", "another subject",
        ),
        (
            {"models": "credit-*", "on": {"subject": "prediction.score", "segments": "regoin"}},
            "error", "the segment 'regoin' is not counted", "did you mean region?",
        ),
        ({"models": "bare", "against": "baseline"}, "warning", "has no baseline", "mpm-elk baseline create"),
        ({"models": "credit-*", "against": "version 3"}, "error", "has no version '3'", "versions are: 1, 2"),
        (
            {"models": "credit-*", "window": "1h", "min_samples": 500},
            "warning", "about 200 events in 1h, fewer than `min_samples` (500)", "longer window",
        ),
    ],
)  # fmt: skip
def test_mistakes_that_the_models_show(changes: dict[str, Any], weight: str, text: str, remedy: str) -> None:
    given = {"against": "rolling 28d", **changes}
    [(weighs, said, right)] = found(rule(**given), CREDIT, BARE)
    assert (weighs, text in said, remedy in right) == (weight, True, True), (said, right)
    assert found(rule(**given)) == []  # by itself it is a rule like others


def test_the_default_rules_are_right_for_a_model_like_any_other() -> None:
    assert check(DEFAULT_RULES, CONFIG, None) == []
    assert check(DEFAULT_RULES, CONFIG, [CREDIT]) == []
    assert unwatched(DEFAULT_RULES, CREDIT) == []


def test_a_segment_that_is_declared_and_a_baseline_that_is_there_are_right() -> None:
    good = rule(models="credit-*", on={"subject": "prediction.score", "segments": "region"}, against="baseline")
    assert found(good, CREDIT, BARE) == []


def test_what_no_rule_looks_at_is_told() -> None:
    score = rule(on={"subject": "prediction.score"})
    assert unwatched([score], CREDIT) == ["features.income", "features.purpose"]
    assert unwatched([rule(models="other")], BARE) == ["features.x"]


def test_the_shares_are_metrics() -> None:
    assert set(SHARES) <= set(REGISTRY)
    assert all("rate" not in name or name in SHARES for name, metric in REGISTRY.items() if metric.test)
    assert {Weight.ERROR, Weight.WARNING} == set(Weight)


def test_features_together_are_a_subject() -> None:
    pair = replace(CREDIT, subjects={**CREDIT.subjects, "features": "joint"})
    shift = {"metric": "drift.correlation_shift", "on": {"subject": "features"}, "against": "rolling 28d"}
    assert found(rule(**shift), pair) == []
    assert "features" in unwatched([rule()], pair)
    [(weight, text, _)] = found(rule(on={"subject": "features"}, against="rolling 28d"), pair)
    assert (weight, "it looks at none" in text) == ("error", True)


def test_rules_that_inhibit_one_another_in_a_circle_are_found() -> None:
    circle = [rule(id=name, inhibited_by=[by]) for name, by in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))]
    problems = check(circle, CONFIG, None)
    assert [(p.rule, p.text.split(",")[0]) for p in problems] == [
        ("a", "it inhibits itself: a ← b ← c ← a"),
        ("b", "it inhibits itself: b ← c ← a ← b"),
        ("c", "it inhibits itself: c ← a ← b ← c"),
    ]
    assert (
        check([rule(id="a", inhibited_by=["b", "c"]), rule(id="b", inhibited_by="c"), rule(id="c")], CONFIG, None) == []
    )


def test_days_without_times_are_hours_for_any_window() -> None:
    assert found(rule(active={"days": ["mon", "tue"], "timezone": "Europe/Berlin"})) == []
    assert found(rule(window="1h", active={"from": "08:00", "to": "18:00"})) == []
