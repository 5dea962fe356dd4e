"""Write the configuration of a development node."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mpm_elk.cluster.dev import certificates, places, users
from mpm_elk.cluster.dev.state import Folder


def write(folder: Folder, *, home: Path, roles: Mapping[str, users.Body], user: places.RunAs | None) -> None:
    """Fill the node's folder: what it needs to start, owned by the user that runs it; passwords stay ours.

    Data, passwords and certificates that are there already are kept.
    """
    # Others must be able to pass through when root runs the node as another user; nothing secret is open to them.
    folder.path.chmod(0o711 if user else 0o700)
    for path in (folder.config, folder.data, folder.logs, folder.tmp):
        path.mkdir(exist_ok=True, mode=0o700)
    for source in (home / "config").iterdir():
        if source.is_file():
            shutil.copyfile(source, folder.config / source.name)
    (folder.config / "jvm.options.d").mkdir(exist_ok=True)
    (folder.config / "elasticsearch.yml").write_text(elasticsearch_yml(folder), encoding="utf-8")
    write_security(folder, roles)
    for path in (folder.config, folder.data, folder.logs, folder.tmp):
        places.give(path, user)


def write_security(folder: Folder, roles: Mapping[str, users.Body]) -> None:
    """Write users, roles and certificates."""
    secrets_of = users.passwords(folder.passwords)
    users.write_private(folder.config / "users", users.users_file(secrets_of))
    users.write_private(folder.config / "users_roles", users.users_roles_file())
    (folder.config / "roles.yml").write_text(users.roles_file(roles), encoding="utf-8")
    key = folder.config / "http.key"
    if not (folder.ca_certs.exists() and key.exists()):
        certificates.make(ca=folder.ca_certs, certificate=folder.config / "http.crt", key=key)


def update_roles(folder: Folder, roles: Mapping[str, users.Body]) -> bool:
    """Give a running node other roles, which it reads within seconds; tell whether they differ from those it has."""
    path = folder.config / "roles.yml"
    text = users.roles_file(roles)
    if path.read_text(encoding="utf-8") == text:
        return False
    # In place, so that the file keeps its owner.
    path.write_text(text, encoding="utf-8")
    return True


def elasticsearch_yml(folder: Folder) -> str:
    """Write `elasticsearch.yml`."""
    settings: dict[str, Any] = {
        "cluster.name": f"mpm-elk-dev-{folder.name}",
        "node.name": folder.name,
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        # The node takes free ports itself and writes them down: no other process can take them in between.
        "http.port": 0,
        "transport.port": 0,
        "node.portsfile": True,
        "path.data": str(folder.data),
        "path.logs": str(folder.logs),
        # A developer's disk is often fuller than a server's should be.
        "cluster.routing.allocation.disk.threshold_enabled": False,
        **security(),
    }
    return yaml.safe_dump(settings, sort_keys=False)


def security() -> dict[str, Any]:
    """Give the settings of the file realm and of TLS, which are the same in every kind of node."""
    return {
        "xpack.security.enabled": True,
        "xpack.security.autoconfiguration.enabled": False,
        "xpack.security.enrollment.enabled": False,
        "xpack.security.http.ssl.enabled": True,
        "xpack.security.http.ssl.key": "http.key",
        "xpack.security.http.ssl.certificate": "http.crt",
        "xpack.security.authc.realms.file.file1.order": 0,
        # Needs no more than the JDK; the file realm's hashes are in this form.
        "xpack.security.authc.password_hashing.algorithm": "pbkdf2",
    }
