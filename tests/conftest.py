"""Elasticsearch for the integration tests: MPM_ES_URL, else an embedded node, else Docker.

`ES_VERSION` selects the version (`ES_VERSION=8.19`). Tests are skipped only where there is no way to
Elasticsearch, and with MPM_REQUIRE_ES not even then: they fail.
"""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster import dev
from mpm_elk.cluster.client import check, connect
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.users import USERS
from mpm_elk.cluster.setup import install
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.roles import ROLES

ClientFor = Callable[[str], Elasticsearch]


@pytest.fixture(scope="session")
def cluster() -> Iterator[dev.Node]:
    """An Elasticsearch of this session."""
    try:
        with dev.elasticsearch(version=os.environ.get("ES_VERSION"), roles=ROLES) as node:
            yield node
    except EmbeddedUnavailableError as error:
        if os.environ.get("MPM_REQUIRE_ES"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def admin_settings(cluster: dev.Node) -> ElasticsearchSettings:
    """How to connect as the user who may do everything."""
    return cluster.settings("admin" if "admin" in cluster.passwords else next(iter(cluster.passwords), ""))


@pytest.fixture(scope="session")
def admin_client(admin_settings: ElasticsearchSettings) -> Iterator[Elasticsearch]:
    """A client that may do everything: for preparing and looking, never for the part that is tested."""
    with connect(admin_settings) as client:
        check(client)
        yield client


@pytest.fixture(scope="session")
def installed(admin_client: Elasticsearch) -> None:
    """Templates and roles, as `mpm-elk setup` installs them."""
    install(admin_client)


@pytest.fixture(scope="session")
def settings_for(
    cluster: dev.Node,
    admin_client: Elasticsearch,
    installed: None,  # noqa: ARG001 — users need their roles
) -> Callable[[str], ElasticsearchSettings]:
    """Connection settings of a user by the name of its part: admin, setup, shipper, job, reader."""
    made: dict[str, str] = {}

    def settings(user: str) -> ElasticsearchSettings:
        if user in cluster.passwords:
            return cluster.settings(user)
        # A cluster that is not ours, where roles are installed by the API: so are the users.
        name = f"mpm-test-{user}"
        if user not in made:
            made[user] = secrets.token_urlsafe(24)
            admin_client.security.put_user(username=name, password=made[user], roles=[USERS[user]])
        return ElasticsearchSettings.model_validate(
            {"hosts": [cluster.url], "ca_certs": cluster.ca_certs, "username": name, "password": made[user]}
        )

    return settings


@pytest.fixture(scope="session")
def client_for(settings_for: Callable[[str], ElasticsearchSettings]) -> Iterator[ClientFor]:
    """Connected clients by the name of the part: `client_for("job")`."""
    clients: dict[str, Elasticsearch] = {}

    def client(user: str) -> Elasticsearch:
        if user not in clients:
            clients[user] = connect(settings_for(user))
            check(clients[user])
        return clients[user]

    yield client
    for opened in clients.values():
        opened.close()


@pytest.fixture
def empty(cluster: dev.Node, admin_client: Elasticsearch, installed: None) -> None:  # noqa: ARG001 — templates first
    """No index of ours, at the start of the test. A cluster that we did not start is wiped only on demand."""
    if "shipper" not in cluster.passwords and os.environ.get("MPM_TEST_WIPE") != "1":
        pytest.fail(
            "this test deletes every mpm-* index, and MPM_ES_URL names a cluster that mpm-elk did not start: "
            "set MPM_TEST_WIPE=1 if nothing there matters",
            pytrace=False,
        )
    found = list(admin_client.indices.get(index="mpm-*", expand_wildcards="all", ignore_unavailable=True))
    # By name: a wildcard may not delete.
    for index in found:
        admin_client.indices.delete(index=index, ignore_unavailable=True)
