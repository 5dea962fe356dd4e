"""`mpm-elk rules check` against models in a cluster, as a reader."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, midnight

pytestmark = pytest.mark.integration


def test_rules_are_checked_against_what_models_have(
    client_for: Callable[[str], Elasticsearch],
    settings_for: Callable[[str], ElasticsearchSettings],
    tmp_path: Path,
) -> None:
    model = Monitored(client_for, Config())
    model.send(day_of(model.name, 0, events=300))
    model.ran(midnight(1) + SETTLED)
    reader = Command(settings_for("reader"), tmp_path).write(
        f"rules:\n"
        f"  - {{id: good, models: {model.name}, metric: drift.psi, on: {{subject: features.income}}, warning: 0.1}}\n"
        f"  - {{id: typo, models: {model.name}, metric: drift.psi, on: {{subject: features.incom}}, warning: 0.1}}\n"
        f"  - {{id: cut, models: {model.name}, metric: drift.psi, on: {{segments: region}}, warning: 0.1}}\n"
    )
    done = reader.run("rules", "check", "--json")
    assert done.returncode == 2, done.stderr
    found = json.loads(done.stdout)
    said = {problem["rule"]: (problem["text"], problem["remedy"], problem["place"]) for problem in found["problems"]}
    assert "has no subject" not in str(said.get("good"))
    assert said["typo"][1:] == ("did you mean features.income?", "mpm.yml:3")
    assert "the segment 'region' is not counted" in said["cut"][0]
    assert "note" not in done.stderr
    text = reader.run("rules", "check").stdout
    assert "did you mean features.income?" in text
    assert "3 rules checked against" in text
