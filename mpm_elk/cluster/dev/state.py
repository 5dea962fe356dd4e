"""What is written down about a development node, and where."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mpm_elk.cluster.dev import places
from mpm_elk.cluster.dev.process import Process
from mpm_elk.errors import DevClusterError, UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Folder:
    """The folder of one node, and the paths in it."""

    path: Path

    @classmethod
    def of(cls, name: str) -> Self:
        """Find the folder of the node `name`. Raises UsageError for what is no name."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a development cluster",
                remedy="use up to 40 of a-z, 0-9, _ and -, beginning with a letter or digit",
            )
        return cls(places.state_root() / name)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.path.name

    @property
    def lock(self) -> Path:
        """The lock of those who change the node; beside the folder, because the folder comes and goes."""
        return self.path.with_name(f"{self.name}.lock")

    @property
    def record(self) -> Path:
        """What the node is, see `Record`."""
        return self.path / "node.json"

    @property
    def keeper(self) -> Path:
        """The identity of the process that keeps the node."""
        return self.path / "keeper.json"

    @property
    def server(self) -> Path:
        """The identity of the node's own process."""
        return self.path / "server.json"

    @property
    def passwords(self) -> Path:
        """The passwords, readable for the owner only."""
        return self.path / "passwords.json"

    @property
    def ca_certs(self) -> Path:
        """The certificate of the authority that signed the node's."""
        return self.path / "ca.crt"

    @property
    def config(self) -> Path:
        """Elasticsearch's configuration."""
        return self.path / "config"

    @property
    def data(self) -> Path:
        """Elasticsearch's data."""
        return self.path / "data"

    @property
    def logs(self) -> Path:
        """Elasticsearch's logs."""
        return self.path / "logs"

    @property
    def tmp(self) -> Path:
        """Elasticsearch's temporary files."""
        return self.path / "tmp"

    @property
    def console(self) -> Path:
        """What the node printed."""
        return self.logs / "console.log"


@dataclass(frozen=True)
class Record:
    """What a node is: written when it starts, completed when it answers."""

    version: str
    heap: str
    started: str
    url: str | None = None
    owner: Process | None = None


def write_record(folder: Folder, record: Record) -> None:
    """Write the node's record, whole or not at all."""
    _write(folder.record, asdict(record))


def read_record(folder: Folder) -> Record | None:
    """Read the node's record; None where there is none. Raises DevClusterError when it cannot be read."""
    document = _read(folder.record)
    if document is None:
        return None
    owner = document.pop("owner", None)
    try:
        return Record(**document, owner=Process(**owner) if owner else None)
    except TypeError as error:
        raise _unreadable(folder.record, error) from error


def write_process(path: Path, process: Process) -> None:
    """Write the identity of a process, whole or not at all."""
    _write(path, asdict(process))


def read_process(path: Path) -> Process | None:
    """Read the identity of a process and find it: None when it was not written, or does not run any more."""
    document = _read(path)
    if document is None:
        return None
    try:
        process = Process(**document)
    except TypeError as error:
        raise _unreadable(path, error) from error
    return process if process.alive else None


def names() -> list[str]:
    """List the nodes that have a folder."""
    root = places.state_root()
    return (
        sorted(path.name for path in root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))
        if root.is_dir()
        else []
    )


def _write(path: Path, document: object) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _unreadable(path, error) from error
    if not isinstance(document, dict):
        raise _unreadable(path, None)
    return document


def _unreadable(path: Path, error: Exception | None) -> DevClusterError:
    return DevClusterError(
        f"{path} is not what mpm-elk wrote" + (f": {error}" if error else ""), remedy="delete the folder it is in"
    )
