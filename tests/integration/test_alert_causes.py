"""What an alert goes with: planted in one region, in one feature, after a change, in two models of one upstream."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.registry.store import audit
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
LAST = 7
RULES: list[dict[str, Any]] = [
    {
        "id": "psi", "metric": "drift.psi", "on": {"subject": "features.*"}, "against": "rolling 10d",
        "warning": 1.5, "min_samples": 50, "evidence": "none",
    },
    {
        "id": "gone", "metric": "quality.missing_increase", "on": {"subject": "features.age"}, "against": "rolling 10d",
        "warning": 0.2, "min_samples": 50, "evidence": "none",
    },
    {
        "id": "by-region", "metric": "drift.psi", "on": {"subject": "features.income", "segments": "region"},
        "against": "rolling 10d", "warning": 100, "min_samples": 50, "evidence": "none",
    },
]  # fmt: skip

MODELS = [{"name": "job-*", "segments": "region", "upstream": {"payroll": "inc*"}}]


def read(command: Command, *arguments: str) -> Any:
    done = command.run("alerts", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def traffic(model: str, day: int) -> list[Event]:
    """Make a day; on the last one incomes in the US are those of another currency, and version 2 knows no age."""
    made = day_of(model, day, events=400)
    if day < LAST:
        return made
    for at, event in enumerate(made):
        features = event["mpm"]["features"]
        if event["mpm"]["segment"]["region"] == "US":
            features["income"] *= 20
        if at % 4 == 0:
            event["mpm"]["model"]["version"] = "2"
            del features["age"]
    return made


@pytest.fixture
def models(client_for: ClientFor) -> tuple[Monitored, Monitored]:
    """Two models of one upstream, each with an alert on its income."""
    config = Config.model_validate({"rules": RULES, "models": MODELS})
    made = tuple(Monitored(client_for, config) for _ in range(2))
    for model in made:
        for day in range(LAST + 1):
            model.send(traffic(model.name, day))
            model.ran(midnight(day + 1) + SETTLED)
    return made[0], made[1]


def test_an_alert_is_shown_with_what_it_goes_with(
    models: tuple[Monitored, Monitored], settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    model, other = models
    audit(model.client_for("setup"), model.key, "version-registered", midnight(LAST), {"version": "2"})
    command = Command(settings_for("reader"), tmp_path).write(json.dumps({"rules": RULES, "models": MODELS}))
    alerts = read(command, "list", "--model", model.name)
    ids = {(a["rule"]["id"], a["mpm"]["subject"]["name"]): a["mpm"]["alert"]["uuid"] for a in alerts}

    shown = read(command, "show", ids["psi", "features.income"])["goes_with"]
    assert sum(part["share"] for part in shown["cells"]) == pytest.approx(1)
    assert shown["cells"][0]["name"].startswith("≥ ")
    assert shown["subjects"][0]["name"] == "features.income"
    splits = {split["by"]: split for split in shown["splits"]}
    region = splits["region"]
    assert region["within"][0]["name"] == "US"
    assert region["within"][0]["share"] > 0.75  # the rest is chance in the other region
    assert sum(part["share"] for part in (*region["mix"], *region["within"])) == pytest.approx(1)
    assert splits["version"]["new"] == ["2"]
    assert [change["action"] for change in shown["changes"]] == ["version-registered"]
    assert {entry["model"] for entry in shown["upstream"]["payroll"]} == {other.name}

    missing = read(command, "show", ids["gone", "features.age"])["goes_with"]
    assert missing["cells"] == []
    assert missing["upstream"] == {}
    [version] = [split for split in missing["splits"] if split["by"] == "version"]
    assert version["mix"][0]["name"] == "2"
    text = command.run("alerts", "show", ids["gone", "features.age"]).stdout
    assert "goes with" in text
    assert "By version:" in text
