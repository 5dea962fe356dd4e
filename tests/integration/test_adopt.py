"""Adopt a model in traffic: eight weeks with a weekly rhythm, as the job's user and through the command line."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.leases import Lease
from mpm_elk.config.load import load as load_config
from mpm_elk.config.model import Config, ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.errors import LeaseHeldError, RegistryError
from mpm_elk.job.adopt import Plan, Wish, adopt, context_for, plan
from mpm_elk.job.context import lease_name
from mpm_elk.profiles.cells import CategoricalCells
from mpm_elk.registry.store import load
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.foreign import Foreign, traffic
from tests.integration.traffic import SETTLED, Event, Monitored, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
WEEKS = 8
DAYS = 7 * WEEKS
NOW = midnight(DAYS) + SETTLED
CONFIGURATION = """
rules:
  - {id: drift, metric: drift.psi_adjusted, on: {subject: "features.*"}, against: rolling 28d, warning: 0.05,
     min_samples: 50}
  - {id: missing, metric: quality.missing_increase, against: rolling 28d, warning: 0.02, min_samples: 50}
  - {id: income, metric: drift.psi, on: {subject: features.income}, against: rolling 5d, critical: 1.0,
     min_samples: 50, evidence: none}
"""


def rhythmic(model: str, day: int, *, shift: float = 0.0) -> list[Event]:
    """Make a day of events: busy on five days from 8 to 18 o'clock, quiet else; the score follows the hour."""
    rng = np.random.default_rng([7, day])
    weather = 10 + 3 * rng.normal()
    busy = day % 7 < 5
    hours = np.concatenate([np.repeat(np.arange(8, 18), 15 if busy else 4), np.arange(24).repeat(2)])
    made = []
    for at, hour in enumerate(np.sort(hours).tolist()):
        score = 1 / (1 + np.exp(-(2.0 if busy and 8 <= hour < 18 else -2.0) + rng.normal(0, 0.7)))
        features: dict[str, Any] = {
            "income": float(np.exp(rng.normal(10 + 0.5 * shift, 0.5))),
            "temperature": float(weather + rng.normal(0, 2)),
            "purpose": str(rng.choice(["car", "home", "trip"], p=[0.6, 0.3, 0.1])),
            "customer": f"c{rng.integers(10**12)}",
            "currency": "EUR",
            "region_code": int(rng.choice([1, 2, 3, 7])),
            "sequence": day * 1000 + at,
        }
        if rng.random() > 0.1:
            features["channel"] = str(rng.choice(["web", "shop"]))
        if day == 3 and at < 5:
            features["rare"] = 1.5
        when = midnight(day) + hour * HOUR_MS + int(rng.integers(0, HOUR_MS))
        made.append(event(model, when, f"{day}-{at}", features, score=float(score)))
    return made


@pytest.fixture(scope="module")
def model(client_for: ClientFor, tmp_path_factory: pytest.TempPathFactory) -> Monitored:
    """A model with eight weeks of traffic, of which nobody told."""
    file = tmp_path_factory.mktemp("adopt") / "mpm.yml"
    file.write_text(CONFIGURATION)
    model = Monitored(client_for, load_config(file))
    model.send([one for day in range(DAYS) for one in rhythmic(model.name, day)])
    return model


@pytest.fixture
def command(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of the job."""
    return Command(settings_for("job"), tmp_path).write(CONFIGURATION)


def planned(model: Monitored, wish: Wish = Wish(), now_ms: int = NOW, user: str = "job") -> Plan:  # noqa: B008 — frozen
    return plan(context_for(model.client_for(user), model.config, model.key, now_ms), wish)


def test_what_is_proposed(model: Monitored, command: Command) -> None:
    before = model.written()
    done = command.run("model", "adopt", model.name, "--dry-run", "--json", "--at", iso(NOW))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {k: v for k, v in model.written().items() if model.name in k} == {
        k: v for k, v in before.items() if model.name in k
    }
    assert load(model.admin, model.key).cells is None
    assert (found["window"]["days"], found["version"], found["done"]) == (DAYS, "1", None)
    subjects = {entry["subject"]: entry for entry in found["subjects"]}
    assert {name: (s["kind"], s["watch"], s["traits"]) for name, s in subjects.items()} == {
        "prediction.score": ("numeric", "all", []),
        "features.channel": ("categorical", "all", []),
        "features.currency": ("categorical", "all", ["constant"]),
        "features.customer": ("categorical", "missing", ["id"]),
        "features.income": ("numeric", "all", []),
        "features.purpose": ("categorical", "all", []),
        "features.rare": (None, "nothing", ["too-few"]),
        "features.region_code": ("numeric", "all", ["integer-code"]),
        "features.sequence": ("numeric", "missing", ["counter"]),
        "features.temperature": ("numeric", "all", []),
    }
    assert (subjects["features.region_code"]["cells"], subjects["features.region_code"]["different"]) == (4, 4)
    assert subjects["features.channel"]["missing"] == pytest.approx(0.1, abs=0.01)
    varied = {entry["subject"]: entry for entry in found["variation"]}
    assert varied["features.temperature"]["phi_days"] > 5
    assert varied["features.income"]["phi_days"] < 1.3
    assert [name for name, entry in varied.items() if entry["seasonal"]] == ["prediction.score"]
    assert found["volume"]["seasonal"]
    assert any("prediction.score depends on the hour of the week" in text for text in found["words"])
    rules = {entry["rule"]: entry for entry in found["rules"]}
    assert set(rules) == {"drift", "missing", "income"}
    assert rules["drift"]["days"] > 14
    assert rules["drift"]["alerts_a_month"] == 0
    assert found["promised_false_alarms_a_month"] == 0.1
    assert found["changes"]


def test_a_plan_is_the_same_every_time(model: Monitored) -> None:
    first, second = planned(model), planned(model, user="setup")
    assert first.cells.hash == second.cells.hash
    assert first.variations == second.variations


def test_the_table_tells_all(model: Monitored, command: Command) -> None:
    done = command.run("model", "adopt", model.name, "--dry-run", "--at", iso(NOW))
    assert done.returncode == 0, done.stderr
    for text in ("missing only", "an id or free text", "a counter or a time", "promised: 0.1", "too few to cut cells"):
        assert text in done.stdout
    assert command.run("model", "adopt", model.name).returncode == 2


def test_what_cannot_be_adopted(model: Monitored, client_for: ClientFor) -> None:
    with pytest.raises(RegistryError, match="no events"):
        planned(Monitored(client_for, Config()))
    small = Monitored(client_for, Config())
    small.send(rhythmic(small.name, 0)[:50])
    with pytest.raises(RegistryError, match="50 events"):
        planned(small, now_ms=midnight(1) + SETTLED)
    with pytest.raises(RegistryError, match="no events of version 9"):
        planned(model, Wish(version="9"))
    with (
        Lease(client_for("job"), lease_name(model.key), "another", timedelta(minutes=1)),
        pytest.raises(LeaseHeldError, match="another"),
    ):
        planned(model)


def test_adopted_it_is_silent_then_live(model: Monitored, command: Command) -> None:
    arguments = ("model", "adopt", model.name, "--yes", "--json", "--learn", "3d", "--at", iso(NOW))
    done = command.run(*arguments)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    assert first["done"]["learning"]
    assert first["done"]["baseline"]
    entry = load(model.admin, model.key)
    assert entry.cells is not None
    assert entry.cells.provisional == frozenset()
    assert isinstance(entry.cells.cells.subjects["features.customer"], CategoricalCells)
    assert "features.rare" not in entry.cells.cells.subjects
    [baseline] = entry.baselines
    assert baseline.counts.count == sum(first["events"].values())
    assert len(baseline.days) == DAYS

    # Again, and a day later: nothing changes.
    for when in (NOW, NOW + 24 * HOUR_MS):
        again = command.run("model", "adopt", model.name, "--yes", "--json", "--at", iso(when))
        assert again.returncode == 0, again.stderr
        document = json.loads(again.stdout)
        assert (document["changes"], document["done"]) == (False, None)
        assert {s["state"] for s in document["subjects"]} <= {"kept", "none"}
    audits = [hit["_source"]["event"]["action"] for hit in model.documents(Index.AUDIT).values()]
    assert sorted(audits) == ["baseline-created", "cells-saved", "learning-set", "version-registered"]
    shown = command.run("model", "show", model.name)
    assert "since" in shown.stdout or "learning until" in shown.stdout

    # An incident while it learns: written, and silent.
    model.send(rhythmic(model.name, DAYS, shift=4))
    report = model.ran(midnight(DAYS + 1) + SETTLED)
    assert report.learning_until is not None
    assert report.quiet > 0
    assert model.documents(Index.ALERTS) == {}
    last = model.metrics("features.income")[-1]
    assert (last["status"], last["learning"]) == ("critical", True)

    # Three days after the adoption it is live by itself.
    for day in range(DAYS + 1, DAYS + 5):
        model.send(rhythmic(model.name, day, shift=4 if day == DAYS + 4 else 0))
    report = model.ran(midnight(DAYS + 5) + SETTLED)
    assert report.learning_until is None
    alerts = [hit["_source"] for hit in model.documents(Index.ALERTS).values()]
    assert {alert["mpm"]["subject"]["name"] for alert in alerts} == {"features.income"}
    assert {alert["mpm"]["alert"]["start"] for alert in alerts} == {iso(midnight(DAYS + 4))}


def test_cells_can_be_cut_anew(model: Monitored) -> None:
    before = load(model.admin, model.key)
    assert before.cells is not None
    later = midnight(DAYS + 5) + SETTLED
    found = planned(model, Wish(anew=("features.income",)), later, user="setup")
    assert found.fresh == ["features.income"]
    done = adopt(model.client_for("setup"), found, later)
    after = load(model.admin, model.key)
    assert after.cells is not None
    unlike = [n for n, c in after.cells.cells.subjects.items() if c.hash != before.cells.cells.subjects[n].hash]
    assert unlike == ["features.income"]
    assert done.baseline is not None
    assert after.baseline_for("1") is not None
    assert after.learning is not None
    assert after.learning.since == later
    report = model.ran(later)
    assert any("cut anew: reading all hours again" in text for text in report.notices)


def test_an_index_that_others_fill_is_adopted_in_place(client_for: ClientFor, rights: None) -> None:  # noqa: ARG001
    model = Foreign.over(client_for)
    model.make()
    model.log_events(traffic("any", range(7)))
    found = planned(model, Wish(since=timedelta(days=7)), midnight(7) + SETTLED)
    about = {p.subject: p.to_document() for p in found.proposals}
    assert about["features.temperature"]["kind"] == "numeric"
    assert about["features.purpose"]["kind"] == "categorical"
    done = adopt(model.client_for("job"), found, midnight(7) + SETTLED)
    assert done.baseline is not None
    assert done.baseline.baseline.counts.count == sum(found.events.values())
    report = model.ran(midnight(7) + SETTLED)
    assert report.learning_until == midnight(35) + SETTLED
    assert model.documents(Index.ALERTS) == {}
