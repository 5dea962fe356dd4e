"""Files of tests of rules: what is wrong is told with its line, and what would be right."""

from pathlib import Path

import pytest

from mpm_elk.config import Config
from mpm_elk.config.load_rule_tests import load_rule_tests, only
from mpm_elk.errors import ConfigError, UsageError

RULES = Config.model_validate(
    {
        "rules": [
            {"id": "drift", "metric": "drift.psi", "warning": 0.1, "models": "m*"},
            {"id": "others", "metric": "drift.psi", "warning": 0.1, "models": "x"},
        ]
    }
).rules
GOOD = """\
model:
  name: m
  features:
    income: {normal: [50, 10]}
    region: {EU: 0.6, US: 0.4}
  missing: {income: 2%}
  score: {beta: [2, 5]}
tests:
  - name: one
    events_per_hour: 300
    span: 3d
    changes:
      - {from: 36h, feature: income, shift: 0.3 sd}
    expect:
      - {rule: drift, subject: income, state: active, by: 48h}
    notifications:
      - {rule: drift, is: none}
"""


def load(tmp_path: Path, text: str) -> str:
    """Give what is said of a file; an empty text where it is right."""
    file = tmp_path / "t.yml"
    file.write_text(text)
    try:
        load_rule_tests(file, RULES or ())
    except ConfigError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return ""


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD) == ""
    placed = load_rule_tests(tmp_path / "t.yml", RULES or ())
    [test] = placed.value.tests
    assert (test.changes[0].in_sd, placed.value.model.missing) == (0.3, {"income": 0.02})
    assert placed.place("tests", 0, "expect", 0) == f"{tmp_path / 't.yml'}:15"
    assert [at for _, at in only([placed], ["ON"])] == [0]
    with pytest.raises(UsageError, match="no test is called like two"):
        only([placed], ["two"])


MISTAKES = [
    ("span: 3d", "spam: 3d", "9: `tests.0.span` is missing"),
    ("span: 3d", "span: 3d\n    spam: 3d", "12: unknown key `tests.0.spam`", "did you mean `span`?"),
    ("span: 3d", "span: 30m", "`start`, `span` and `baseline` are whole hours"),
    ("span: 3d", "span: 1d", "13: the change begins when the test is over", "a longer `span`"),
    ("normal: [50, 10]", "normal: [50]", "4: `model.features.income`: normal has 2 parameters"),
    ("normal: [50, 10]", "normal: [50, -1]", "the parameters of normal but the first must be above 0"),
    ("normal: [50, 10]", "uniform: [50, 10]", "uniform goes from a smaller to a larger number"),
    ("normal: [50, 10]", "norm: [50, 10]", "laws of numbers are normal, lognormal"),
    ("{EU: 0.6, US: 0.4}", "EU", "is no distribution"),
    ("beta: [2, 5]", "deny: 1", "`score` is a number"),
    ("score: {beta", "label: {beta", "`label` is a category"),
    ("missing: {income", "missing: {incom", "`missing` names 'incom'"),
    ("missing: {income: 2%", "missing: {income: 200%", "less than or equal to 1"),
    ("feature: income", "feature: incom", "13: the model has no 'incom'", "did you mean income?"),
    ("feature: income", "feature: region", "13: region is a category: `shift` is not for it"),
    ("shift: 0.3 sd", "shift: a bit", "'a bit' is no shift"),
    ("shift: 0.3 sd", "unseen: 1%", "income is a number: `unseen` is not for it"),
    ("shift: 0.3 sd", "becomes: {EU: 1}", "income is a number, and cannot become the other"),
    ("feature: income, shift: 0.3 sd", "shift: 1", "`shift` needs `feature`"),
    (", shift: 0.3 sd", "", "say what happens to income"),
    (", feature: income, shift: 0.3 sd", "", "say what changes"),
    ("from: 36h", "from: 36h, to: 12h", "`to` must be after `from`"),
    ("from: 36h", "from: 90m", "`from` and `to` are whole hours"),
    ("feature: income, shift: 0.3 sd", "feature: score, wrong_type: 1%", "outputs have no values of the wrong type"),
    ("rule: drift, subject", "rule: drif, subject", "15: there is no rule 'drif'", "did you mean drift?"),
    ("rule: drift, is", "rule: others, is", "17: rule others does not look at the model m"),
    ("subject: income", "subject: incom", "15: the model has no subject 'incom'", "did you mean income?"),
    ("by: 48h", "by: 96h", "15: `by` is after the end of the test"),
    ("by: 48h", "by: 48h, at: 3h", "give `at`, or `by` and `after`"),
    ("state: active, by: 48h", "state: pending", "give `at`"),
    ("state: active, by: 48h", "state: inactive, severity: warning", "what is inactive has no severity"),
    ("state: active", "state: actives", "Input should be 'inactive', 'pending'"),
    ("events_per_hour: 300", "events_per_hour: [1, 2]", "one number from 0 on, or 24"),
    ("is: none", "is: lost", "Input should be 'sent'"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), [(m[0], m[1], m[2:]) for m in MISTAKES])
def test_a_mistake_is_told_with_its_line(tmp_path: Path, right: str, wrong: str, said: tuple[str, ...]) -> None:
    text = load(tmp_path, GOOD.replace(right, wrong, 1))
    assert text.startswith("t.yml:")
    for part in said:
        assert part in text


def test_a_test_that_cannot_fail_is_refused(tmp_path: Path) -> None:
    assert "cannot fail" in load(tmp_path, GOOD[: GOOD.index("    expect")])
    twice = GOOD + GOOD[GOOD.index("  - name: one") :]
    assert "two tests are called 'one'" in load(tmp_path, twice)
