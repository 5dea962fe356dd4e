"""The clients that the tests use: each user has the role of its part, and no more."""

from collections.abc import Callable

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from mpm_elk.cluster.dev.users import USERS

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("user", [user for user in USERS if user != "admin"])
def test_every_part_connects_with_its_own_role(client_for: Callable[[str], Elasticsearch], user: str) -> None:
    client = client_for(user)
    assert client.security.authenticate()["roles"] == [USERS[user]]
    with pytest.raises(AuthorizationException):
        client.indices.create(index="not-ours")


@pytest.fixture
def left_behind(admin_client: Elasticsearch) -> None:
    admin_client.indices.create(index="mpm-left-behind")


@pytest.mark.usefixtures("left_behind", "empty")
def test_what_another_test_left_is_wiped(admin_client: Elasticsearch) -> None:
    assert not admin_client.indices.exists(index="mpm-left-behind")
