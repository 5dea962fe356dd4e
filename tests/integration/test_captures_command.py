"""`mpm-elk captures` and `mpm-elk run` on captures, as cron calls them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.timespan import DAY_MS, to_ms
from tests.integration.command import Command
from tests.integration.sent import Endpoint, request, response

# They look at every endpoint there is.
pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("empty")]

ClientFor = Callable[[str], Elasticsearch]
SettingsFor = Callable[[str], ElasticsearchSettings]

MAPPING = """
captures:
  - platform: kserve
    endpoint: {name}
    model: {word}
    version: 3
    features: [age, late, income]
    output: {{score: 0}}
"""
ROW = [41, 2, 310.5]


@pytest.fixture
def endpoint(client_for: ClientFor) -> Endpoint:
    """Two complete calls, a failed one, one that cannot be converted, and one of an endpoint without a mapping."""
    made = Endpoint(client_for)
    then = to_ms(datetime.now(tz=UTC)) - DAY_MS
    bodies = {"a": response(0.5), "b": response(0.7), "bad": response(0.5, 0.5)}
    for call, body in bodies.items():
        made.send([made.half(call, "request", request(ROW), then), made.half(call, "response", body, then)])
    made.send([made.half("lone", "request", request(ROW), then)])
    other = Endpoint(client_for)
    other.send([other.half("x", "request", request(ROW), then)])
    return made


@pytest.fixture
def command(endpoint: Endpoint, settings_for: SettingsFor, tmp_path: Path) -> Command:
    text = MAPPING.format(name=endpoint.name, word=endpoint.word)
    return Command(settings_for("job"), tmp_path).write(text)


def test_convert_and_status(command: Command, endpoint: Endpoint) -> None:
    dry = command.run("captures", "convert", "--dry-run")
    assert (dry.returncode, endpoint.predictions()) == (1, {})
    assert dry.stdout.startswith("dry run, nothing was written: 2 calls converted, 1 calls without an answer")
    converted = command.run("captures", "convert", "--json")
    assert converted.returncode == 1
    report = json.loads(converted.stdout)
    assert {name: report[name] for name in ("converted", "expired", "failed", "written", "unmapped")} == {
        "converted": 2, "expired": 1, "failed": 1, "written": 3, "unmapped": 1,
    }  # fmt: skip
    assert report["problems"][0]["call"] == "bad"
    assert sorted(endpoint.predictions()) == ["a", "b", "lone"]
    again = command.run("captures", "convert")
    assert (again.returncode, again.stdout) == (0, "1 captures of endpoints without a mapping\n")
    found = json.loads(command.run("captures", "status", "--json").stdout)
    ours, theirs = sorted(found, key=lambda one: one["model"] is None)
    assert (theirs["model"], theirs["captures"]) == (None, 1)
    assert {name: ours[name] for name in ("captures", "converted", "expired", "failed", "new", "outdated")} == {
        "captures": 7, "converted": 2, "expired": 1, "failed": 1, "new": 0, "outdated": 0,
    }  # fmt: skip
    text = command.run("captures", "status").stdout
    assert f"{endpoint.name} (kserve) → {endpoint.word}: 7 captures" in text
    assert "2  calls converted" in text
    assert "1  lone requests: 1 1h to 1d" in text or "1  lone requests: 1 over 1d" in text
    assert "failed, row_counts: the request holds 1 rows and the response 2 (call bad)" in text
    assert "not mapped" in text


def test_run_converts_first_and_goes_on_where_that_fails(command: Command, endpoint: Endpoint) -> None:
    ran = command.run("run", "--json")
    report = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert report["captures"]["converted"] == 2
    assert [(model["model"], model["hours"]) for model in report["models"]] == [(endpoint.word, 1)]
    silent = command.run("run")
    assert (silent.returncode, silent.stdout) == (0, "")
    assert "captures" not in silent.stderr
    text = (command.folder / "mpm.yml").read_text()
    broken = command.write(text.replace("kserve", "kserv")).run("run")
    assert broken.returncode == 1
    assert "captures: `captures` has a mapping for the platform 'kserv', which is not known" in broken.stderr
    assert "known platforms are kserve, sagemaker, seldon" in broken.stderr


def test_run_says_what_was_not_converted(command: Command) -> None:
    ran = command.run("run")
    assert ran.returncode == 0
    assert "1 calls of lending/" in ran.stderr
    assert "the request holds 1 rows and the response 2 (call bad)" in ran.stderr


def test_status_of_nothing(settings_for: SettingsFor, tmp_path: Path) -> None:
    command = Command(settings_for("job"), tmp_path).write("captures: []")
    assert command.run("captures", "status").stdout == "there are no captures\n"
    assert command.run("captures", "convert").stdout == "nothing to do\n"
