"""`mpm-elk rules test`: the examples hold, and what does not is told with the numbers."""

import json
from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner

from mpm_elk.cli import cli

EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"


def called(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["--config", str(EXAMPLES / "mpm.yml"), *arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return int(done.return_value or 0), done.output


def test_the_examples_hold_and_cover_every_rule(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    status, text = called(
        "rules", "test", str(EXAMPLES / "tests" / "credit-risk.yml"), "--coverage", "--junit", str(junit), "--json"
    )
    found = json.loads(text)
    assert [test["name"] for test in found["tests"] if not test["passed"]] == []
    assert (status, found["failed"]) == (0, 0)
    assert found["passed"] == len(found["tests"]) >= 10
    assert (found["coverage"]["never_fire"], found["coverage"]["never_quiet"]) == ([], [])
    [suite] = ElementTree.parse(junit).getroot()  # noqa: S314 — our own file
    assert (suite.get("tests"), suite.get("failures")) == (str(found["passed"]), "0")
    assert [case.get("name") for case in suite] == [test["name"] for test in found["tests"]]


def test_a_test_that_fails_says_what_came_and_the_numbers(tmp_path: Path) -> None:
    file = tmp_path / "tests.yml"
    text = (EXAMPLES / "tests" / "credit-risk.yml").read_text()
    file.write_text(text.replace("becomes: {beta: [5, 2]}", "shift: 0.01 sd").replace("slower: 2", "slower: 1.05"))
    junit = tmp_path / "junit.xml"
    status, said = called("rules", "test", str(file), "--name", "jumps", "--coverage", "--junit", str(junit))
    assert status == 1
    line = text[: text.index("- name: a score that jumps")].count("\n") + 1
    assert f"FAIL  a score that jumps is seen in the hour  {file}:{line}" in said
    assert "expected  rule: score-by-the-hour, state: active, by: 7h, after: 6h, severity: critical" in said
    assert "came      inactive" in said
    assert "prediction.score: ok, drift.mean_shift is" in said
    assert "1 test, 1 failed" in said
    assert "no test makes fire: feature-drift, score-by-the-hour" in said
    [failure, _] = ElementTree.parse(junit).getroot().iter("failure")  # noqa: S314 — our own file
    assert "drift.mean_shift is" in str(failure.text)


def test_twice_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tests.yml"
    file.write_text((EXAMPLES / "tests" / "credit-risk.yml").read_text().replace("shift: 0.5 sd", "shift: 0.07 sd"))
    once, again = (called("rules", "test", str(file), "--name", "incomes", "--json")[1] for _ in range(2))
    first, second = (json.loads(text)["tests"][0]["failures"] for text in (once, again))
    assert first == second != []
