"""Run Elasticsearch in Docker, where no embedded node can be had.

Not tried on a Docker engine yet: there was none where this was written. The configuration files that it copies in
are those of the embedded node, which is tried.
"""

import importlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from mpm_elk.cluster.dev import boot, configuration, users, versions
from mpm_elk.cluster.dev.node import Node
from mpm_elk.cluster.dev.state import Folder
from mpm_elk.errors import DevClusterError

_IMAGE = "docker.elastic.co/elasticsearch/elasticsearch"
_CONFIG = "/usr/share/elasticsearch/config"
_PORT = 9200
_PATIENCE = 180.0


def missing() -> str | None:
    """Say what is missing to use Docker; None when an engine answers."""
    try:
        docker = importlib.import_module("docker")  # heavy, and comes with the optional testcontainers
        importlib.import_module("testcontainers.core.container")
    except ImportError:
        return "the Python library testcontainers is not installed"
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException:
        return "no Docker engine answers"
    client.close()
    return None


@contextmanager
def cluster(
    *, version: str | None, heap: str, roles: Mapping[str, users.Body], say: Callable[[str], None]
) -> Iterator[Node]:
    """Run the official image inside the block. Should this process be killed, testcontainers removes the container."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    version = versions.resolve(version)
    with tempfile.TemporaryDirectory(prefix="mpm-elk-docker-") as temporary:
        folder = Folder(Path(temporary))
        passwords = _write(folder, roles)
        say(f"starting Elasticsearch {version} in Docker")
        container = DockerContainer(f"{_IMAGE}:{version}").with_exposed_ports(_PORT)
        container = container.with_env("ES_JAVA_OPTS", f"-Xms{heap} -Xmx{heap}")
        for file in folder.config.iterdir():
            container = container.with_copy_into_container(file.read_bytes(), f"{_CONFIG}/{file.name}", 0o644)
        with container:
            url = f"https://{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}"
            node = Node(url=url, ca_certs=folder.ca_certs, passwords=passwords, name="docker", version=version)
            _wait(node)
            yield replace(node, fresh=True)


def _write(folder: Folder, roles: Mapping[str, users.Body]) -> dict[str, str]:
    folder.config.mkdir()
    configuration.write_security(folder, roles)
    settings = {"discovery.type": "single-node", "network.host": "0.0.0.0", **configuration.security()}  # noqa: S104
    (folder.config / "elasticsearch.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return users.passwords(folder.passwords)


def _wait(node: Node) -> None:
    deadline = time.monotonic() + _PATIENCE
    while node.ca_certs and not boot.answers(node.url, node.ca_certs, node.password("admin")):
        if time.monotonic() > deadline:
            raise DevClusterError(
                f"Elasticsearch in Docker did not answer within {_PATIENCE:.0f} s", remedy="see `docker logs`"
            )
        time.sleep(0.5)
