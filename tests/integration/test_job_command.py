"""`mpm-elk run` as cron sees it: exit codes, what is said, and that one model's trouble is not the others'."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.registry.store import save_version
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
CONFIGURATION = """
models: [{name: "job-*", segments: [region]}]
rules:
  - {id: drift, metric: drift.psi, on: {subject: features.income}, against: rolling 5d, critical: 0.5,
     min_samples: 50, evidence: none}
"""
CONFIG = Config()


@pytest.fixture
def job(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of the job."""
    return Command(settings_for("job"), tmp_path).write(CONFIGURATION)


@pytest.fixture
def model(client_for: ClientFor) -> Monitored:
    """A model with three days of traffic, the last one shifted."""
    model = Monitored(client_for, CONFIG)
    model.send([one for day in range(3) for one in day_of(model.name, day, shift=3 if day == 2 else 0)])
    return model


def at(day: int) -> tuple[str, str]:
    return "--at", iso(midnight(day) + SETTLED)


def runs_of(model: Monitored, name: str) -> dict[str, Any]:
    model.admin.indices.refresh(index=Index.RUNS.pattern)
    found = model.admin.search(index=Index.RUNS.pattern, query={"term": {"mpm.run.id": name}})
    source: dict[str, Any] = found["hits"]["hits"][0]["_source"]
    return source


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"MPM_ES_URL": "https://127.0.0.1:9"}, "no Elasticsearch answers"),
        ({"MPM_ES_PASSWORD": "wr0ng-secret"}, "refuses the credentials"),
        ({"MPM_ES_CA_CERTS": ""}, "certificate"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_clear_sentence(job: Command, changes: dict[str, str], says: str) -> None:
    broken = Command(job.settings, job.folder, changes)
    found = broken.run("run")
    assert found.returncode == 1
    assert says in found.stderr
    assert "→" in found.stderr
    assert found.stdout == ""
    secret = broken.environment["MPM_ES_PASSWORD"]
    assert secret not in found.stderr


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("jobs: {lease: 1m}\n", 1, "job"),
        ("rules:\n  - id: a\n    metric: drift.psi\n    warning: high\n", 4, "number"),
        ("rules: [\n", 2, ""),
    ],
)
def test_a_broken_configuration_exits_2_with_file_and_line(job: Command, text: str, line: int, says: str) -> None:
    found = job.write(text).run("run")
    assert found.returncode == 2
    assert f"mpm.yml:{line}" in found.stderr
    assert says in found.stderr


def test_a_rule_on_a_metric_that_there_is_not_exits_2_and_names_the_closest(job: Command) -> None:
    found = job.write("rules:\n  - {id: a, metric: drift.psy, warning: 1}\n").run("run")
    assert found.returncode == 2
    assert "mpm.yml:2: `rules.0.metric`" in found.stderr
    assert "did you mean drift.psi?" in found.stderr


def test_nothing_to_do_is_silent(job: Command) -> None:
    found = job.run("run", "--model", "nobody-*")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_json_is_one_document_and_agrees_with_what_was_written(job: Command, model: Monitored) -> None:
    found = job.run("run", "--json", "--model", model.name, *at(3))
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    [entry] = report["models"]
    assert entry["model"] == model.name
    assert entry["profiles"] == len(model.documents(Index.PROFILES))
    assert entry["metrics"] == len(model.documents(Index.METRICS))
    assert entry["alerts"] == len(model.documents(Index.ALERTS)) + len(model.documents(Index.ALERT_EVENTS)) == 2
    assert [(h["action"], h["subject"], h["severity"]) for h in entry["happened"]] == [
        ("opened", "features.income", "critical")
    ]
    assert any("provisional cells" in notice for notice in entry["notices"])
    assert any("version 1 is not registered" in notice for notice in entry["notices"])
    source = runs_of(model, report["run"])
    assert source["mpm"]["run"]["counts"] == {name: report[name] for name in source["mpm"]["run"]["counts"]}


def test_a_registered_version_is_no_notice(job: Command, model: Monitored, client_for: ClientFor) -> None:
    save_version(client_for("setup"), model.version, {"type": "binary"}, midnight(0))
    found = job.run("run", "--model", model.name, *at(3))
    assert "not registered" not in found.stderr
    assert "opened: features.income" in found.stderr


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(job: Command, model: Monitored) -> None:
    before = model.written()
    dry = job.run("run", "--dry-run", "--json", "--model", model.name, *at(3))
    assert dry.returncode == 0, dry.stderr
    assert model.written() == before
    wet = job.run("run", "--json", "--model", model.name, *at(3))
    counts = [
        {name: entry[name] for name in ("hours", "profiles", "windows", "metrics", "happened")}
        for entry in (json.loads(found.stdout)["models"][0] for found in (dry, wet))
    ]
    assert counts[0] == counts[1]
    model.admin.indices.refresh(index=Index.RUNS.pattern)
    dry_runs = {"term": {"mpm.run.id": json.loads(dry.stdout)["run"]}}
    assert model.admin.count(index=Index.RUNS.pattern, query=dry_runs)["count"] == 0


def test_a_dry_run_after_others_says_the_same_as_the_run_that_follows(job: Command, model: Monitored) -> None:
    assert job.run("run", "--model", model.name, *at(3)).returncode == 0
    model.send(day_of(model.name, 3))
    dry, wet = (
        json.loads(job.run("run", *how, "--json", "--model", model.name, *at(4)).stdout)["models"][0]
        for how in (("--dry-run",), ())
    )
    names = ("hours", "profiles", "windows", "metrics", "happened")
    assert {name: dry[name] for name in names} == {name: wet[name] for name in names}
    assert [entry["action"] for entry in wet["happened"]] == ["recovered"]


def test_fail_on_exits_3_while_an_alert_is_active(job: Command, model: Monitored) -> None:
    one = ("--model", model.name)
    assert job.run("run", *one, *at(3), "--fail-on", "warning").returncode == 3
    assert job.run("run", *one, *at(3), "--fail-on", "critical").returncode == 3
    model.send(day_of(model.name, 3))
    assert job.run("run", *one, *at(4), "--fail-on", "warning").returncode == 0


def test_one_bad_model_does_not_stop_the_others(job: Command, model: Monitored, client_for: ClientFor) -> None:
    bad = Monitored(client_for, CONFIG, name=f"job-0-{model.name}")  # comes first
    bad.send(day_of(bad.name, 0))
    both = ("--model", f"*{model.name}")
    assert job.run("run", *both, *at(1)).returncode == 0
    cells = bad.admin.search(index=Index.MODELS, query={"bool": {"filter": bad.key.filters()}})["hits"]["hits"][0]
    damaged = {**cells["_source"], "mpm": {**cells["_source"]["mpm"], "cells": {"features.age": {"kind": "numeric"}}}}
    bad.admin.index(index=cells["_index"], id=cells["_id"], document=damaged, refresh=True)
    for one in (bad, model):
        one.send(day_of(one.name, 3))
    found = job.run("run", "--json", *both, *at(4))
    assert found.returncode == 1
    report = json.loads(found.stdout)
    errors = {entry["model"]: entry["error"] for entry in report["models"]}
    assert errors[bad.name]
    assert errors[model.name] is None
    assert {h["_source"]["@timestamp"] for h in model.documents(Index.PROFILES).values()} >= {iso(midnight(3))}
    assert iso(midnight(3)) not in {h["_source"]["@timestamp"] for h in bad.documents(Index.PROFILES).values()}
    assert runs_of(model, report["run"])["event"]["outcome"] == "failure"

    bad.admin.index(index=cells["_index"], id=cells["_id"], document=cells["_source"], refresh=True)
    assert job.run("run", *both, *at(4)).returncode == 0
    assert iso(midnight(3)) in {h["_source"]["@timestamp"] for h in bad.documents(Index.PROFILES).values()}


def test_audit_finds_and_mends_a_profile_that_was_tampered_with(job: Command, model: Monitored) -> None:
    one = ("--model", model.name, *at(3))
    assert job.run("run", *one).returncode == 0
    before = model.results()
    hour = {"term": {"mpm.profile.granularity": "hour"}}
    hit = next(h for h in model.documents(Index.PROFILES, hour).values() if not h["_source"]["mpm"]["segment"])
    profile = {**hit["_source"]["mpm"]["profile"], "count": 7}
    tampered = {**hit["_source"], "mpm": {**hit["_source"]["mpm"], "profile": profile}}
    model.admin.index(index=hit["_index"], id=hit["_id"], document=tampered, refresh=True)
    assert "audit" not in job.run("run", *one).stderr
    assert not model.results().same(before)
    audit = job.run("run", "--audit", *one)
    assert (audit.returncode, "the profiles of 1 hours did not match" in audit.stderr) == (0, True)
    assert model.results().same(before)
    written = model.written()
    assert "did not match" not in job.run("run", "--audit", *one).stderr
    assert {at for at, position in model.written().items() if written[at] != position} == {
        f"{Index.STATE}{kind}:production:{model.name}" for kind in ("lease", "model")
    }


def test_ecs_logs_are_json_on_standard_error(job: Command, model: Monitored) -> None:
    found = job.run("run", "--log-format", "ecs", "--model", model.name, *at(3))
    assert found.stdout == ""
    lines = [json.loads(line) for line in found.stderr.splitlines()]
    assert any(line.get("rule.id") == "drift" or line.get("rule", {}).get("id") == "drift" for line in lines)


def test_no_baseline_and_few_events_are_told_and_no_alert(job: Command, client_for: ClientFor) -> None:
    model = Monitored(client_for, CONFIG)
    model.send(day_of(model.name, 0, events=40))
    found = job.run("run", "--model", model.name, *at(1))
    assert found.returncode == 0
    assert "of 200 events seen" in found.stderr
    hours = model.documents(Index.PROFILES, {"term": {"mpm.profile.granularity": "hour"}})
    assert sum(hit["_source"]["mpm"]["profile"]["count"] for hit in hours.values()) == 40
    # With more events cells are cut, and the hours before are counted in them.
    model.send(day_of(model.name, 1))
    assert "provisional cells" in job.run("run", "--model", model.name, *at(2)).stderr
    assert [mpm["status"] for mpm in model.metrics("features.income")] == ["insufficient_data"] * 2


def test_an_empty_window_is_insufficient_data_and_no_alert(job: Command, client_for: ClientFor) -> None:
    job.write(
        "rules:\n"
        "  - {id: failures, metric: traffic.failure_rate, against: rolling 5d, warning: 0.1, min_samples: 50,"
        " evidence: none}\n"
        "  - {id: drift, metric: drift.psi, on: {subject: features.age}, against: previous, warning: 5,"
        " min_samples: 50, evidence: none}\n"
    )
    model = Monitored(client_for, CONFIG)
    model.send(days_of(model.name, range(4)))
    assert job.run("run", "--model", model.name, *at(6)).returncode == 0
    assert [mpm["status"] for mpm in model.metrics("model")][-2:] == ["insufficient_data"] * 2
    assert model.metrics("model")[-1]["traffic"]["count"] == 0
    assert len(model.metrics("features.age")) == 4
    assert not model.documents(Index.ALERTS)


def test_a_model_whose_events_are_gone_fails_nothing(job: Command, model: Monitored) -> None:
    assert job.run("run", "--model", model.name, *at(3)).returncode == 0
    before = model.results()
    model.delete(Index.PREDICTIONS)
    found = job.run("run", "--json", "--model", model.name, "--at", iso(midnight(3) + HOUR_MS))
    assert found.returncode == 0, found.stderr
    assert model.results().same(before)
