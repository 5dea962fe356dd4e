"""Reach an Elasticsearch for tests and the demo: the one that MPM_ES_URL names, an embedded node, or Docker."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mpm_elk.cluster.dev import container, lifecycle, users
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.node import Node
from mpm_elk.errors import ConfigError


@contextmanager
def elasticsearch(
    name: str | None = None,
    *,
    version: str | None = None,
    heap: str = lifecycle.DEFAULT_HEAP,
    roles: Mapping[str, users.Body],
    say: Callable[[str], None] = lifecycle.silent,
) -> Iterator[Node]:
    """Give an Elasticsearch inside the block; one that was started for it ends with the block or with this process.

    Docker is tried only when the distribution or a JDK cannot be had, not when the node fails to start. Raises
    EmbeddedUnavailableError when there is no way, with what is missing for each.
    """
    if named := from_environment():
        yield named
        return
    with ExitStack() as stack:
        try:
            node = stack.enter_context(lifecycle.cluster(name, version=version, heap=heap, roles=roles, say=say))
        except EmbeddedUnavailableError as error:
            if lacking := container.missing():
                raise EmbeddedUnavailableError(
                    f"no Elasticsearch to use. Embedded: {error.message}. Docker: {lacking}. MPM_ES_URL is not set",
                    remedy=error.remedy,
                ) from error
            say(f"no embedded node ({error.message}), trying Docker")
            node = stack.enter_context(container.cluster(version=version, heap=heap, roles=roles, say=say))
        yield node


def from_environment(environment: Mapping[str, str] = os.environ) -> Node | None:
    """Find the cluster that MPM_ES_URL and its companions name; None when it is not set.

    When it is a development node of ours, all its users are known; else only the one that is named.
    """
    url = environment.get("MPM_ES_URL", "").rstrip("/")
    if not url:
        return None
    for status in lifecycle.status():
        if status.url == url and (node := lifecycle.running(status.name)):
            return node
    ca_certs = environment.get("MPM_ES_CA_CERTS")
    user, password = environment.get("MPM_ES_USERNAME"), environment.get("MPM_ES_PASSWORD")
    api_key = environment.get("MPM_ES_API_KEY")
    if not api_key and not (user and password):
        raise ConfigError(
            "MPM_ES_URL is set, but not how to log in",
            remedy="set MPM_ES_USERNAME and MPM_ES_PASSWORD, or MPM_ES_API_KEY",
        )
    return Node(
        url=url,
        ca_certs=Path(ca_certs) if ca_certs else None,
        passwords={user: password} if user and password else {},
        api_key=api_key,
    )
