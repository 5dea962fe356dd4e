"""`mpm-elk model adopt` before it has a cluster."""

import pytest
from click.testing import CliRunner

from mpm_elk.cli import cli
from mpm_elk.errors import ConfigError, UsageError


def test_nobody_to_ask_is_told_before_anything_is_read() -> None:
    done = CliRunner().invoke(cli, ["model", "adopt", "credit-risk"])
    assert isinstance(done.exception, UsageError)
    assert "--yes" in str(done.exception)


@pytest.mark.parametrize("option", ["--since", "--learn"])
def test_what_is_no_span_is_refused(option: str) -> None:
    done = CliRunner().invoke(cli, ["model", "adopt", "credit-risk", "--dry-run", option, "soon"])
    assert isinstance(done.exception, UsageError)
    assert option in str(done.exception)


@pytest.mark.parametrize("nothing", ["none", "0d", "0"])
def test_no_learning_time_is_a_learning_time(nothing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("MPM_ES_URL", raising=False)
    done = CliRunner().invoke(cli, ["model", "adopt", "credit-risk", "--dry-run", "--learn", nothing])
    assert isinstance(done.exception, ConfigError)  # it got as far as looking for a cluster
