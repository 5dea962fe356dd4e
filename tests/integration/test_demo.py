"""The demo as a user calls it: April until the first planted incident is found, refused a second time, interrupted."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster import dev
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.demo.flights import load_flights
from mpm_elk.demo.incidents import INCIDENTS
from mpm_elk.demo.model import TRAINED_UNTIL
from tests.integration.command import MPM_ELK, Command

pytestmark = pytest.mark.integration

DAYS = 29
"""The celsius incident begins on the last of them."""


@pytest.fixture
def demo(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """`mpm-elk` with a named cluster: of one that is ours the demo finds all users by itself."""
    return Command(settings_for("admin"), tmp_path)


@pytest.fixture
def state_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place for the nodes of one test, which is gone afterwards, nodes included."""
    # Not pytest's tmp_path: when root runs the tests, the node's user could not enter it.
    path = Path(tempfile.mkdtemp(prefix="mpm-elk-test-"))
    path.chmod(0o755)
    monkeypatch.setenv("XDG_STATE_HOME", str(path))
    yield
    for name in dev.names():
        dev.down(name)
    shutil.rmtree(path)


def run(command: Command, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; training and a month of days take longer than other commands."""
    process = command.start("demo", *arguments)
    out, err = process.communicate(timeout=500)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.usefixtures("empty")
def test_the_demo_finds_what_it_planted_and_tells_what_it_did(demo: Command, admin_client: Elasticsearch) -> None:
    ended = run(demo, "--days", str(DAYS), "--json")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)

    celsius, silent, version_2 = said["incidents"]
    assert celsius == {"name": "celsius", "expected": True, "found": "2013-04-30T00:10:00.000Z"}
    assert not silent["expected"]
    assert not version_2["expected"]
    assert [alert["subject"] for alert in said["alerts"] if alert["origin"] == "planted: celsius"] == [
        "features.temperature"
    ]
    assert "found on Tue 30 Apr at 00:10" in ended.stderr
    assert "✓ model trained; AUC by month: Jan 0." in ended.stderr

    end = TRAINED_UNTIL + pd.Timedelta(days=DAYS)
    flights = load_flights()
    expected = ((flights["timestamp"] >= TRAINED_UNTIL) & (flights["timestamp"] < end)).sum()
    admin_client.indices.refresh(index="mpm-*")
    stored = {
        what: admin_client.count(index=index)["count"]
        for what, index in {
            "events": "mpm-predictions-v1-*",
            "runs": "mpm-runs-v1-*",
            "metric_documents": "mpm-metrics-v1-*",
            "alerts": "mpm-alerts-v1",
        }.items()
    }
    assert stored == {**{name: said[name] for name in stored}, "alerts": len(said["alerts"])}
    assert (said["events"], said["quarantined"], said["runs"]) == (expected, 0, DAYS)

    again = run(demo, "--days", "1")
    assert again.returncode == 1
    assert "knows the model flight-delay (production) already" in again.stderr


@pytest.mark.skipif("MPM_ES_URL" in os.environ, reason="MPM_ES_URL is set: no node of the demo's own is wanted")
@pytest.mark.usefixtures("cluster", "state_home")
def test_interrupted_the_demo_leaves_no_node_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [str(MPM_ELK), "demo", "--days", "20", "--keep"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            # The replay begins.
            if "version 1 registered" in line:
                break
        assert dev.names() == ["demo"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert dev.names() == []


def test_the_incident_begins_on_the_last_day() -> None:
    assert INCIDENTS[0].start == TRAINED_UNTIL + pd.Timedelta(days=DAYS - 1)
