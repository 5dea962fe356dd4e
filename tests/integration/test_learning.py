"""A model's learning time: windows are judged and written, and raise no alert."""

from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.errors import RegistryError
from mpm_elk.registry.learning import end_learning, save_learning
from mpm_elk.registry.store import Learning, load
from mpm_elk.timespan import iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
CONFIGURATION = """
rules:
  - {id: drift, metric: drift.psi, on: {subject: features.income}, against: rolling 5d, critical: 0.5,
     min_samples: 50, evidence: none}
"""
CONFIG = Config.model_validate(
    {
        "rules": [
            {"id": "drift", "metric": "drift.psi", "on": {"subject": "features.income"}, "against": "rolling 5d",
             "critical": 0.5, "min_samples": 50, "evidence": "none"}
        ]
    }
)  # fmt: skip


@pytest.fixture
def model(client_for: ClientFor) -> Monitored:
    """A model of this test's own."""
    return Monitored(client_for, CONFIG)


def statuses(model: Monitored) -> list[tuple[str, bool]]:
    return [(mpm["status"], mpm.get("learning", False)) for mpm in model.metrics("features.income")]


def test_an_incident_while_learning_is_written_and_raises_nothing(model: Monitored) -> None:
    save_learning(model.admin, model.key, Learning(midnight(0), midnight(5)), midnight(0))
    for day in range(4):
        model.send(day_of(model.name, day, shift=3 if day == 3 else 0))
    report = model.ran(midnight(4) + SETTLED)
    assert report.learning_until == midnight(5)
    assert report.quiet > 0
    assert statuses(model)[-1] == ("critical", True)
    assert model.documents(Index.ALERTS) == {}
    for day in (4, 5):
        model.send(day_of(model.name, day, shift=3))
    report = model.ran(midnight(6) + SETTLED)
    assert report.learning_until is None
    [alert] = [hit["_source"] for hit in model.documents(Index.ALERTS).values()]
    # The window that ends with the learning time is quiet; the next one is live.
    assert alert["mpm"]["window"]["start"] == alert["mpm"]["alert"]["start"]
    assert [learning for _, learning in statuses(model)] == [True] * 5 + [False]


def test_what_was_open_before_is_withdrawn_and_does_not_fail_the_run(
    model: Monitored, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    for day in range(4):
        model.send(day_of(model.name, day, shift=3 if day == 3 else 0))
    model.ran(midnight(4) + SETTLED)
    assert len(model.documents(Index.ALERTS)) == 1
    far = midnight(4000)
    save_learning(model.admin, model.key, Learning(midnight(4), far), midnight(4))
    command = Command(settings_for("job"), tmp_path).write(CONFIGURATION)
    arguments = ("run", "--model", model.name, "--fail-on", "critical")
    assert command.run(*arguments, "--at", "2020-01-01").returncode == 0  # nothing is due yet: the alert stays
    model.send(day_of(model.name, 4, shift=3))
    model.ran(midnight(5) + SETTLED)
    [alert] = [hit["_source"]["mpm"]["alert"] for hit in model.documents(Index.ALERTS).values()]
    assert alert["withdrawn"]


def test_learning_ends_early_once(model: Monitored) -> None:
    with pytest.raises(RegistryError, match="no learning time"):
        end_learning(model.admin, model.key, None, midnight(1))
    assert save_learning(model.admin, model.key, Learning(midnight(0), midnight(5)), midnight(0))
    assert not save_learning(model.admin, model.key, Learning(midnight(0), midnight(5)), midnight(1))
    known = load(model.admin, model.key).learning
    assert known == Learning(midnight(0), midnight(5))
    assert end_learning(model.admin, model.key, known, midnight(2))
    known = load(model.admin, model.key).learning
    assert known == Learning(midnight(0), midnight(2))
    assert not end_learning(model.admin, model.key, known, midnight(3))
    assert len(model.documents(Index.AUDIT)) == 2


def test_a_registered_model_learns_only_where_it_is_told_to(
    model: Monitored, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    command = Command(settings_for("setup"), tmp_path).write(CONFIGURATION)
    table = tmp_path / "training.csv"
    table.write_text("income\n" + "\n".join(f"{at}.5" for at in range(300)))
    create = ("baseline", "create", model.name, "--version", "1", "--from", str(table))
    assert command.run(*create).returncode == 0
    assert load(model.admin, model.key).learning is None
    assert command.run(*create, "--learn", "14d").returncode == 0
    known = load(model.admin, model.key).learning
    assert known is not None
    assert known.until - known.since == 14 * 24 * 3_600_000
    assert command.run(*create, "--learn", "14d").returncode == 0
    assert load(model.admin, model.key).learning == known
    assert f"learning until {iso(known.until)}" in command.run("model", "show", model.name).stdout
    ended = command.run("model", "adopt", model.name, "--live")
    assert (ended.returncode, ended.stdout.strip()) == (0, f"{model.key} is live")
    assert "live since" in command.run("model", "show", model.name).stdout
