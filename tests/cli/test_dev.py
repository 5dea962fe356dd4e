import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from mpm_elk.cli.dev import command
from mpm_elk.cluster import dev
from mpm_elk.errors import UsageError

NODE = dev.Node(
    url="https://127.0.0.1:9200",
    ca_certs=Path("/state/ca.crt"),
    passwords={"admin": "very secret", "job": "job's secret"},
    name="default",
    version="9.5.3",
    fresh=True,
)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    """Have `up` answer with NODE; what it was called with is in the result."""
    asked: dict[str, object] = {}

    def up(name: str, **options: object) -> dev.Node:
        asked.update(options, name=name)
        return NODE

    monkeypatch.setattr(dev, "up", up)
    monkeypatch.setattr(dev, "running", lambda name: NODE if name == "default" else None)
    return asked


def test_up_says_how_to_reach_the_node_and_no_password(started: Mapping[str, object]) -> None:
    result = CliRunner().invoke(command, ["up", "--version", "9", "--heap", "2g"], catch_exceptions=False)
    assert (started["name"], started["version"], started["heap"]) == ("default", "9", "2g")
    for shown in (NODE.url, "passwords.json", "/state/ca.crt", 'eval "$(mpm-elk dev env)"', "mpm-elk dev down"):
        assert shown in result.output
    assert "secret" not in result.output


@pytest.mark.usefixtures("started")
def test_the_password_is_shown_on_demand_only() -> None:
    run = CliRunner().invoke
    assert "very secret" in run(command, ["up", "--show-password"], catch_exceptions=False).output
    document = json.loads(run(command, ["up", "--json", "--user", "job"], catch_exceptions=False).output)
    assert (document["user"], document["started"]) == ("job", True)
    assert "password" not in document
    shown = json.loads(run(command, ["up", "--json", "--show-password"], catch_exceptions=False).output)
    assert shown["password"] == "very secret"


@pytest.mark.usefixtures("started")
def test_env_prints_exports_that_a_shell_reads() -> None:
    result = CliRunner().invoke(command, ["env", "--user", "job"], catch_exceptions=False)
    assert result.output.splitlines() == [
        "export MPM_ES_URL=https://127.0.0.1:9200",
        "export MPM_ES_USERNAME=job",
        """export MPM_ES_PASSWORD='job'"'"'s secret'""",
        "export MPM_ES_CA_CERTS=/state/ca.crt",
    ]


@pytest.mark.usefixtures("started")
def test_env_of_a_node_that_does_not_run_says_how_to_start_it() -> None:
    with pytest.raises(UsageError, match="no node 'other' runs") as raised:
        CliRunner().invoke(command, ["env", "--name", "other"], catch_exceptions=False)
    assert raised.value.remedy == "start it: mpm-elk dev up --name other"


def test_without_nodes_status_is_an_empty_list_and_down_no_error() -> None:
    run = CliRunner().invoke
    assert json.loads(run(command, ["status", "--json"], catch_exceptions=False).stdout) == []
    assert run(command, ["down"], catch_exceptions=False).stderr == "default: there is no such node\n"
    assert run(command, ["down", "--all"], catch_exceptions=False).stderr == "there are no nodes\n"
