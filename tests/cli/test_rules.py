"""`mpm-elk rules` without a cluster: what is printed, and the exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mpm_elk.cli import cli
from mpm_elk.contract.metric_names import METRIC_NAMES
from mpm_elk.rules.defaults import DEFAULT_RULES

WRONG = """
job: {settle: 10m}
rules:
  - id: fine
    metric: drift.psi_adjusted
    warning: 0.1
  - metric: quality.missing_increase
    id: percent
    warning: 5
"""


def called(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [*arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return int(done.return_value or 0), done.output


def test_a_mistake_is_told_with_its_place_and_what_would_be_right(tmp_path: Path) -> None:
    file = tmp_path / "mpm.yml"
    file.write_text(WRONG)
    status, text = called("--config", str(file), "rules", "check", "--offline")
    assert status == 2
    said = " ".join(text.split())
    assert f"error: {file}:7: percent: warning is 5" in said
    assert "0.05 is 5 %" in said
    assert said.endswith("2 rules checked: 1 problem")
    status, text = called("--config", str(tmp_path), "rules", "check", "--offline", "--json")
    [problem] = json.loads(text)["problems"]
    assert (status, problem["rule"], problem["weight"], problem["place"]) == (2, "percent", "error", f"{file}:7")


@pytest.mark.usefixtures("_elsewhere")
def test_without_a_configuration_the_default_rules_hold() -> None:
    assert called("rules", "check", "--offline") == (0, f"{len(DEFAULT_RULES)} rules checked: nothing wrong\n")
    _, text = called("rules", "list", "--json")
    assert [rule["id"] for rule in json.loads(text)] == [rule.id for rule in DEFAULT_RULES]
    _, text = called("rules", "list")
    assert all(rule.id in text for rule in DEFAULT_RULES)
    _, text = called("rules", "explain", "failures")
    assert text.startswith("failures\n  It looks at model of the models *.")


def test_all_metrics_are_listed() -> None:
    _, text = called("rules", "metrics", "--json")
    names = [entry["name"] for entry in json.loads(text)]
    assert names[: len(METRIC_NAMES)] == list(METRIC_NAMES)
    _, drawn = called("rules", "metrics")
    assert "drift.psi_adjusted" in drawn
    by_hand = {entry["name"]: entry["by_hand"] for entry in json.loads(text) if entry["by_hand"]}
    assert by_hand == {"drift.classifier_auc": "drift classify"}
    assert "by hand" in drawn


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_packs_are_listed_and_printed_as_they_would_stand_in_a_configuration(tmp_path: Path) -> None:
    status, text = called("rules", "packs")
    assert status == 0
    assert {f"mpm/{name}" for name in ("default", "sagemaker", "nannyml")} <= set(text.split())
    _, printed = called("rules", "packs", "mpm/sagemaker")
    own = tmp_path / "mpm.yml"
    own.write_text("rules:" + printed.split("rules:")[1])
    extended = tmp_path / "extended.yml"
    extended.write_text("extends: mpm/sagemaker\n")
    listed = [called("--config", str(file), "rules", "list", "--json")[1] for file in (own, extended)]
    assert listed[0] == listed[1]
    _, document = called("rules", "packs", "mpm/sagemaker", "--json")
    assert json.loads(document)[0]["rules"] == json.loads(listed[0])
