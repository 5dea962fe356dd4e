from pathlib import Path

import pytest

from mpm_elk.cluster.dev import container, lifecycle, route
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.errors import ConfigError, DevClusterError


@pytest.fixture(autouse=True)
def no_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("MPM_ES_URL", raising=False)


def test_the_named_cluster_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPM_ES_URL", "https://es.example:9200/")
    monkeypatch.setenv("MPM_ES_USERNAME", "elastic")
    monkeypatch.setenv("MPM_ES_PASSWORD", "very-secret")
    monkeypatch.setenv("MPM_ES_CA_CERTS", "/ca.crt")
    with route.elasticsearch(roles={}) as node:
        assert (node.url, node.ca_certs, node.fresh) == ("https://es.example:9200", Path("/ca.crt"), False)
        assert node.settings("elastic").hosts == ("https://es.example:9200",)
        assert "very-secret" not in repr(node)
        with pytest.raises(DevClusterError, match="no user 'job'"):
            node.password("job")


def test_an_address_without_a_login_is_an_error() -> None:
    assert route.from_environment({}) is None
    with pytest.raises(ConfigError, match="how to log in"):
        route.from_environment({"MPM_ES_URL": "https://es.example:9200"})


def test_an_api_key_is_enough() -> None:
    node = route.from_environment({"MPM_ES_URL": "https://es.example:9200", "MPM_ES_API_KEY": "abc"})
    assert node is not None
    key = node.settings().api_key
    assert key is not None
    assert key.get_secret_value() == "abc"
    assert node.settings().username is None


def test_without_any_way_the_error_names_what_is_missing_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def up(*_args: object, **_options: object) -> None:
        raise EmbeddedUnavailableError("no JDK here", remedy="install a JDK")

    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr(container, "missing", lambda: "no Docker engine answers")
    with (
        pytest.raises(EmbeddedUnavailableError, match=r"no JDK here.*no Docker engine.*MPM_ES_URL") as raised,
        route.elasticsearch(roles={}),
    ):
        pytest.fail("there is nothing to use")
    assert raised.value.remedy == "install a JDK"


def test_a_node_that_does_not_start_is_no_reason_for_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    def up(*_args: object, **_options: object) -> None:
        raise DevClusterError("ended while it started")

    def missing() -> str:
        pytest.fail("Docker would hide the failure")

    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr(container, "missing", missing)
    with pytest.raises(DevClusterError, match="ended while it started"), route.elasticsearch(roles={}):
        pytest.fail("it did not start")
