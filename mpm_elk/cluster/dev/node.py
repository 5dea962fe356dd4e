"""An Elasticsearch to work on, whichever way it was reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mpm_elk.errors import DevClusterError

if TYPE_CHECKING:
    from mpm_elk.config.model import ElasticsearchSettings


@dataclass(frozen=True)
class Node:
    """Where an Elasticsearch is, and the users that it has.

    `fresh` tells whether it was started for this call; `name` is empty when the cluster is not ours.
    """

    url: str
    ca_certs: Path | None
    passwords: Mapping[str, str] = field(repr=False)
    name: str = ""
    version: str = ""
    fresh: bool = False
    api_key: str | None = field(default=None, repr=False)

    def password(self, user: str) -> str:
        """Give the password of a user. Raises DevClusterError for one that there is not."""
        try:
            return self.passwords[user]
        except KeyError:
            raise DevClusterError(
                f"the cluster {self.name or self.url} has no user {user!r} that is known here",
                remedy=f"its users are {', '.join(self.passwords) or 'not known'}",
            ) from None

    def settings(self, user: str = "admin") -> "ElasticsearchSettings":
        """Give the connection settings of a user, as `mpm_elk.cluster.client.connect` takes them."""
        from mpm_elk.config.model import ElasticsearchSettings  # noqa: PLC0415 — pydantic is heavy

        who = {"api_key": self.api_key} if self.api_key else {"username": user, "password": self.password(user)}
        return ElasticsearchSettings.model_validate({"hosts": [self.url], "ca_certs": self.ca_certs, **who})

    def environment(self, user: str = "admin") -> dict[str, str]:
        """Give the environment variables by which mpm-elk finds this node as `user`."""
        variables = {"MPM_ES_URL": self.url, "MPM_ES_USERNAME": user, "MPM_ES_PASSWORD": self.password(user)}
        return variables | ({"MPM_ES_CA_CERTS": str(self.ca_certs)} if self.ca_certs else {})
