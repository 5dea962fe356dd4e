"""What the tests of the Logstash bundle share."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mpm_elk.config.model import ElasticsearchSettings
from tests.logstash import bundle
from tests.logstash.proxy import Backend, Proxy

LogstashFor = Callable[[str, Mapping[str, str]], bundle.Logstash]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> bundle.Certificates:
    """Certificates for the servers of the tests."""
    return bundle.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def require_logstash() -> None:
    """Skip where there is no real Logstash; fail where there must be one (`make test-logstash`)."""
    if problem := bundle.missing():
        if os.environ.get("MPM_REQUIRE_LOGSTASH"):
            pytest.fail(problem, pytrace=False)
        pytest.skip(problem)


@pytest.fixture(scope="module")
def logstash_for(
    require_logstash: None,  # noqa: ARG001 — before anything is started
    settings_for: Callable[[str], ElasticsearchSettings],
    certificates: bundle.Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LogstashFor]:
    """Start a Logstash with these inputs and variables, which writes to the cluster as the user `shipper`."""
    shipper = settings_for("shipper")
    assert shipper.password is not None
    started: list[bundle.Logstash] = []
    backend = Backend(url=shipper.hosts[0], ca=Path(shipper.ca_certs) if shipper.ca_certs else None)
    with Proxy(backend, certificate=certificates.certificate, key=certificates.key) as proxy:
        elasticsearch = {
            "MPM_ES_URL": proxy.url,
            "MPM_ES_USERNAME": shipper.username or "",
            "MPM_ES_PASSWORD": shipper.password.get_secret_value(),
        }

        def start(inputs: str, changes: Mapping[str, str]) -> bundle.Logstash:
            folder = tmp_path_factory.mktemp("logstash")
            logstash = bundle.Logstash(folder, certificates, elasticsearch, inputs, changes)
            started.append(logstash)
            logstash.start()
            return logstash

        yield start
        for logstash in started:
            logstash.kill()
