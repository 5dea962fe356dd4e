"""`mpm-elk drift` before it has a cluster."""

import pytest
from click.testing import CliRunner

from mpm_elk.cli import cli
from mpm_elk.errors import ConfigError, UsageError


def test_help_names_every_option() -> None:
    done = CliRunner().invoke(cli, ["drift", "show", "--help"])
    assert done.exit_code == 0
    for option in ("--feature", "--version", "--segment", "--window", "--against", "--environment", "--json"):
        assert option in done.output


def test_a_name_that_no_event_can_carry_is_refused_before_anything_is_asked() -> None:
    done = CliRunner().invoke(cli, ["drift", "show", ""])
    assert isinstance(done.exception, UsageError)


def test_without_a_cluster_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("MPM_ES_URL", raising=False)
    done = CliRunner().invoke(cli, ["drift", "show", "credit-risk"])
    assert isinstance(done.exception, ConfigError)
    assert "MPM_ES_URL" in str(done.exception)
