"""What several integration tests share."""

import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from mpm_elk.cluster import dev
from mpm_elk.cluster.dev.configuration import update_roles
from mpm_elk.cluster.dev.state import Folder
from mpm_elk.contract.roles import ROLES
from tests.integration.foreign import GRANTED, READ_ONLY

ClientFor = Callable[[str], Elasticsearch]


@pytest.fixture(scope="module")
def rights(cluster: dev.Node, admin_client: Elasticsearch, client_for: ClientFor) -> Iterator[None]:
    """The job may read the sources of these tests: the role that docs/sources.md shows, beside its own."""
    grants = [
        {"names": [GRANTED], "privileges": ["read", "monitor", "maintenance"]},
        {"names": [READ_ONLY], "privileges": ["read"]},
    ]
    job = client_for("job")
    if cluster.name:
        role = ROLES["mpm_job"]
        update_roles(Folder.of(cluster.name), {**ROLES, "mpm_job": {**role, "indices": [*role["indices"], *grants]}})
    else:
        admin_client.security.put_role(name="mpm-test-sources", indices=grants)
        admin_client.security.put_user(username="mpm-test-job", roles=["mpm_job", "mpm-test-sources"])
    probe = f"trysrc-probe-{secrets.token_hex(4)}"
    admin_client.indices.create(index=probe)
    for _ in range(60):
        try:
            job.indices.stats(index=probe)
            break
        except AuthorizationException:
            time.sleep(0.5)
    job.indices.refresh(index=probe)
    yield
    if cluster.name:
        update_roles(Folder.of(cluster.name), ROLES)
