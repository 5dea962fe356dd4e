"""`mpm-elk dashboards`, and the dashboards' part of `mpm-elk setup`, without a cluster."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mpm_elk.cli import cli
from mpm_elk.cli.app import App
from mpm_elk.cli.setup import _dashboards
from mpm_elk.errors import ConfigError, UsageError
from mpm_elk.views.dashboards.saved import Bundle, shipped_text
from tests.views.dashboards.kibana_api import State, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[State]:
    monkeypatch.chdir(tmp_path)
    for name in ("MPM_ES_URL", "MPM_KIBANA_URL", "MPM_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    with serving() as state:
        yield state


def call(*arguments: str, **environment: str) -> Result:
    """Call `mpm-elk dashboards`."""
    return CliRunner().invoke(cli, ["dashboards", *arguments], env=environment)


def test_what_is_shipped_is_well(server: State) -> None:
    done = call("check")
    assert (done.exit_code, done.output) == (0, f"{len(Bundle.shipped().objects)} objects, 6 dashboards: 0 problems\n")
    assert server.requests == []


def test_a_file_with_a_fault_is_refused_and_the_fault_named(tmp_path: Path) -> None:
    file = tmp_path / "changed.ndjson"
    file.write_text(shipped_text().replace("mpm.drift.psi_adjusted_lower", "mpm.drift.psi_adjusted_lowest"))
    done = call("check", "--json", str(file))
    assert done.exit_code == 1
    assert {
        "where": "mpm-elk-drift/heat",
        "what": "there is no field mpm.drift.psi_adjusted_lowest",
    } in json.loads(done.output)["problems"]


def test_install_says_how_many_objects_went_where(server: State) -> None:
    done = call("install", "--kibana", server.url)
    assert done.output == f"imported  {len(Bundle.shipped().objects)} objects into {server.url}, space default\n"
    server.space = "/s/credit"
    done = call("install", "--space", "credit", "--json", MPM_KIBANA_URL=server.url, MPM_KIBANA_API_KEY="a2V5")
    assert json.loads(done.output)["space"] == "credit"
    assert server.requests[-1]["headers"]["authorization"] == "ApiKey a2V5"


def test_export_gives_back_what_was_imported(server: State) -> None:
    call("install", "--kibana", server.url)
    printed = call("export", "--kibana", server.url)
    call("export", "--kibana", server.url, "--out", "saved.ndjson")
    assert printed.output.strip() == Path("saved.ndjson").read_text().strip()
    assert {dashboard.id for dashboard in Bundle.read(printed.output).dashboards} == {
        dashboard.id for dashboard in Bundle.shipped().dashboards
    }


def test_without_credentials_of_its_own_those_of_elasticsearch_are_used(server: State) -> None:
    Path("mpm.yml").write_text(
        "elasticsearch: {hosts: ['https://es:9200'], username: mpm-admin, password: secret}\n"
        f"kibana: {{url: '{server.url}'}}\n"
    )
    assert call("install").exit_code == 0
    sent = server.requests[-1]["headers"]["authorization"]
    assert sent == f"Basic {b64encode(b'mpm-admin:secret').decode()}"
    assert call("install", MPM_KIBANA_USERNAME="editor", MPM_KIBANA_PASSWORD="other").exit_code == 0
    assert server.requests[-1]["headers"]["authorization"] == f"Basic {b64encode(b'editor:other').decode()}"


def test_setup_imports_the_dashboards_where_kibana_is_named(server: State) -> None:
    assert _dashboards(App(None), dry_run=False) is None
    Path("mpm.yml").write_text(f"kibana: {{url: '{server.url}'}}\n")
    assert _dashboards(App(None), dry_run=True) == {"url": server.url, "space": "default"}
    assert server.requests == []
    done = _dashboards(App(None), dry_run=False)
    assert done == {"url": server.url, "space": "default", "objects": len(Bundle.shipped().objects)}


def test_without_a_kibana_it_says_how_to_name_one(server: State) -> None:
    assert server.url
    done = call("install")
    assert isinstance(done.exception, ConfigError)
    assert "MPM_KIBANA_URL" in str(done.exception)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MPM_KIBANA_URL": "kibana:5601"}, "url"),
        ({"MPM_KIBANA_URL": "https://mpm:secret@kibana:5601"}, "not into the URL"),
        ({"MPM_KIBANA_URL": "https://k", "MPM_KIBANA_USERNAME": "u"}, "go together"),
        ({"MPM_KIBANA_URL": "https://k", "MPM_KIBANA_USERNAME": "u", "MPM_KIBANA_API_KEY": "secret"}, "not both"),
    ],
)
def test_a_wrong_connection_is_said_without_its_secrets(server: State, given: dict[str, str], said: str) -> None:
    done = call("install", **given)
    assert isinstance(done.exception, ConfigError)
    assert said in str(done.exception)
    assert "secret" not in str(done.exception)
    assert server.requests == []


def test_a_dashboard_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = call("preview", "drift", "costs")
    assert isinstance(done.exception, UsageError)
    assert "there is no dashboard costs" in str(done.exception)
    assert "alerts, drift, model" in str(done.exception)
