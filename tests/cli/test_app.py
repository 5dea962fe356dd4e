import pytest

from mpm_elk.cli.app import App
from mpm_elk.errors import ConfigError


def test_a_wrong_connection_in_the_environment_is_said_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("MPM_ES_URL", "https://localhost:9200")
    monkeypatch.setenv("MPM_ES_PASSWORD", "topsecret")
    monkeypatch.delenv("MPM_ES_USERNAME", raising=False)
    with pytest.raises(ConfigError, match="go together") as caught:
        _ = App(None).config
    assert caught.value.exit_code == 2
    assert "topsecret" not in str(caught.value)
