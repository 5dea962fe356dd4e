"""The users of a development node: random passwords, and the files of Elasticsearch's file realm."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Body = Mapping[str, Any]

# Each has the least-privileged role of its part; `admin` may do everything.
USERS = {
    "admin": "superuser",
    "shipper": "mpm_shipper",
    "job": "mpm_job",
    "reader": "mpm_reader",
    "responder": "mpm_responder",
    "setup": "mpm_admin",
}
_ITERATIONS = 10_000


def passwords(path: Path) -> dict[str, str]:
    """Read the passwords from `path`; make what is missing. Only the owner may read the file."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    wanted = {user: known.get(user) or secrets.token_urlsafe(24) for user in USERS}
    if wanted != known:
        write_private(path, json.dumps(wanted, indent=2) + "\n")
    return wanted


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read at any moment; a crash leaves the old or the new one."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def hashed(password: str, salt: bytes | None = None) -> str:
    """Hash a password as Elasticsearch's `pbkdf2` does: HMAC-SHA-512, 10,000 rounds, salt and key of 32 bytes."""
    salt = secrets.token_bytes(32) if salt is None else salt
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, dklen=32)
    return f"{{PBKDF2}}{_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def users_file(secrets_of: Mapping[str, str]) -> str:
    """Write `users`: one `name:hash` a line."""
    return "".join(f"{user}:{hashed(password)}\n" for user, password in secrets_of.items())


def users_roles_file() -> str:
    """Write `users_roles`: one `role:user` a line."""
    return "".join(f"{role}:{user}\n" for user, role in USERS.items())


def roles_file(roles: Mapping[str, Body]) -> str:
    """Write `roles.yml` from role definitions as the role API takes them.

    Elasticsearch cuts this file at every line that is not indented, so each role is one block, and takes no anchors.
    """
    return "\n".join(yaml.dump({name: dict(body)}, Dumper=_Plain, sort_keys=True) for name, body in roles.items())


class _Plain(yaml.SafeDumper):
    """Writes a list that stands in two places twice, not as an anchor and an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 — PyYAML's signature
        return True
