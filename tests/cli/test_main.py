import json
import sys

import pytest

from mpm_elk.cli import main

NOWHERE = "https://127.0.0.1:1"


def failed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setenv("MPM_ES_URL", NOWHERE)
    monkeypatch.setattr(sys, "argv", ["mpm-elk", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


@pytest.mark.parametrize("arguments", [["--log-format", "ecs"], ["--log-format=ecs"]])
def test_a_log_of_json_lines_stays_so_where_the_command_fails(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed(monkeypatch, "run", *arguments)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["log.level"] == "error"
    assert "no Elasticsearch answers" in json.loads(line)["message"]


def test_people_read_the_message_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed(monkeypatch, "run")
    error = capsys.readouterr().err
    assert error.startswith("error: no Elasticsearch answers")
    assert "→" in error
