"""`mpm-elk drift show` on what a run has written, as a person calls it: with the rights of a reader."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.timespan import DAY_MS, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 38
SEGMENTED = {
    "id": "by-region", "metric": "drift.psi", "on": {"subject": "prediction.*", "segments": ["region"]},
    "against": "rolling 28d", "warning": 0.5,
}  # fmt: skip
PREVIOUS = {"id": "jump", "metric": "drift.psi", "against": "previous", "warning": 5, "evidence": "none"}
RULES = [*(rule.model_dump(by_alias=True) for rule in DEFAULT_RULES), SEGMENTED, PREVIOUS]


@pytest.fixture(scope="module")
def model(client_for: ClientFor) -> Monitored:
    """A model with 38 days of traffic, judged by the default rules; on the last day `income` has moved."""
    config = Config.model_validate({"rules": RULES, "models": [{"name": "job-*", "segments": ["region"]}]})
    model = Monitored(client_for, config)
    model.send([*days_of(model.name, range(DAYS - 1)), *days_of(model.name, [DAYS - 1], shift=1.5)])
    model.ran(midnight(DAYS) + SETTLED)
    return model


@pytest.fixture
def reader(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of a reader, on a pipe of 100 columns."""
    return Command(settings_for("reader"), tmp_path, {"COLUMNS": "100"})


def shown(reader: Command, *arguments: str) -> str:
    done = reader.run("drift", "show", *arguments)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    return done.stdout


def documents(reader: Command, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(reader, *arguments, "--json"))
    return found


def test_the_last_day_is_shown_with_the_worst_first(reader: Command, model: Monitored) -> None:
    text = shown(reader, model.name, "--against", "rolling 28d")
    last = iso(midnight(DAYS - 1))[:10]
    assert f"{model.name} (production), version 1: {last} (1d)" in text
    rows = [row for row in text.splitlines() if re.match(r"[‼!·?] \w+ +\w", row)]
    assert rows[0].split()[:3] == ["‼", "critical", "income"]
    assert {row.split()[2] for row in rows} >= {"income", "age", "temperature", "purpose", "prediction.score"}
    assert "feature-drift: drift.psi_adjusted is" in text
    assert "240 predictions" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_drawn_is_what_is_stored(reader: Command, model: Monitored) -> None:
    text = shown(reader, model.name, "--feature", "income", "--against", "rolling 28d")
    [stored] = [mpm for mpm in model.metrics("features.income") if mpm["reference"]["kind"] == "rolling 28d"][-1:]
    assert " ".join(stored["finding"].split()) in " ".join(text.split())
    [marked] = [row for row in text.splitlines() if "◄" in row]
    assert stored["drift"]["culprit"] in marked
    counts = stored["distributions"]
    at = counts["cells"].index(stored["drift"]["culprit"])
    before, now = (100 * counts[side][at] / sum(counts[side]) for side in ("reference", "window"))
    assert re.findall(r"([\d.]+) %", marked) == [f"{before:.1f}", f"{now:.1f}"]
    assert "age" not in text


def test_json_holds_the_whole_documents(reader: Command, model: Monitored) -> None:
    found = documents(reader, model.name, "--feature", "inc*", "--feature", "score")
    assert (found["model"], found["environment"]) == (model.name, "production")
    assert {section["against"] for section in found["sections"]} == {"rolling 28d", "previous"}
    assert {mpm["subject"]["name"] for section in found["sections"] for mpm in section["subjects"]} == {
        "features.income",
        "prediction.score",
    }
    [mpm] = [
        mpm
        for section in found["sections"]
        for mpm in section["subjects"]
        if (section["against"], mpm["subject"]["name"]) == ("rolling 28d", "features.income")
    ]
    assert mpm == [m for m in model.metrics("features.income") if m["reference"]["kind"] == "rolling 28d"][-1]


def test_a_day_a_segment_a_version_can_be_chosen(reader: Command, model: Monitored) -> None:
    day = iso(midnight(30))[:10]
    for window in (day, iso(midnight(30) + DAY_MS // 2)):
        found = documents(reader, model.name, "--window", window, "--version", "1", "--against", "rolling 28d")
        assert [section["window"]["start"] for section in found["sections"]] == [iso(midnight(30))]
    found = documents(reader, model.name, "--segment", "region=EU")
    [section] = found["sections"]
    assert {(mpm["segment_key"], mpm["subject"]["name"]) for mpm in section["subjects"]} == {
        ("region=EU", "prediction.score"),
        ("region=EU", "prediction.label"),
    }
    assert f"{model.name} (production), version 1, region=EU" in shown(reader, model.name, "--segment", "region=EU")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--feature", "incme"), "did you mean 'income'?"),
        (("--version", "7"), "there are: 1"),
        (("--segment", "region=EUR"), "did you mean 'region=EU'?"),
        (("--against", "rolling28d"), "did you mean 'rolling 28d'?"),
        (("--against", "baseline"), "there are: previous, rolling 28d, rolling 7d"),
        (("--window", "2031-01-01"), "windows are stored from"),
        (("--environment", "staging"), "it has metrics in production"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    reader: Command, model: Monitored, arguments: tuple[str, ...], says: str
) -> None:
    done = reader.run("drift", "show", model.name, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr


def test_a_model_that_is_misspelt(reader: Command, model: Monitored) -> None:
    done = reader.run("drift", "show", model.name[:-1])
    assert done.returncode == 1
    assert f"did you mean {model.name}?" in done.stderr


def test_a_time_that_is_none(reader: Command, model: Monitored) -> None:
    done = reader.run("drift", "show", model.name, "--window", "yesterday")
    assert done.returncode == 2
    assert "2026-11-24" in done.stderr
