"""Start, stop and describe development nodes."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mpm_elk.cluster.dev import artifact, boot, configuration, jdk, places, state, users, versions
from mpm_elk.cluster.dev.lock import locked
from mpm_elk.cluster.dev.node import Node
from mpm_elk.cluster.dev.process import Process, identify, remember_child
from mpm_elk.cluster.dev.state import Folder, Record
from mpm_elk.errors import DevClusterError, UsageError

DEFAULT_NAME = "default"
DEFAULT_HEAP = "1g"
BOOT_SECONDS = 180.0
# Longer than the keeper gives Elasticsearch.
_STOP_SECONDS = 30.0

Say = Callable[[str], None]


def silent(_text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Status:
    """What a node is doing: `running`, `starting`, `stopped` (its data are kept) or `crashed` (it ended by itself)."""

    name: str
    state: str
    version: str
    heap: str
    started: str
    url: str | None
    pid: int | None
    owner_pid: int | None
    folder: Path


def up(
    name: str = DEFAULT_NAME,
    *,
    version: str | None = None,
    heap: str | None = None,
    roles: Mapping[str, users.Body],
    owner_pid: int | None = None,
    patience: float = BOOT_SECONDS,
    say: Say = silent,
) -> Node:
    """Start the node `name` and wait until it answers; when it runs already, return it as it is.

    Without an owner it runs until `down`. With `owner_pid` it ends, and its files go, when that process ends.
    `version` may be a part (`8.19`), `heap` is in Java's notation (`1g`). Raises DevClusterError.
    """
    folder = Folder.of(name)
    if heap is not None and not re.fullmatch(r"[1-9][0-9]*[mMgG]", heap):
        raise UsageError(f"{heap!r} is no size of a heap", remedy="write it as 512m or 2g")
    owner = None if owner_pid is None else identify(owner_pid)
    if owner_pid is not None and owner is None:
        raise DevClusterError(f"the process {owner_pid}, which should own the node, does not run")
    places.make_root(folder.path.parent)
    with locked(folder.lock) as lock:
        if (keeper := _keeper(folder, owner)) is not None:
            return _join(folder, keeper, version=version, heap=heap, roles=roles, patience=patience, say=say)
        kept = _clear(folder, owner)
        record = Record(
            version=versions.resolve(version or (kept.version if kept else None)),
            heap=heap or (kept.heap if kept else DEFAULT_HEAP),
            started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
            owner=owner,
        )
        try:
            keeper = _launch(folder, record, roles, lock, say)
            return _ready(folder, keeper, record, patience=patience, say=say, fresh=True)
        except BaseException:
            _forget(folder, kept)
            raise


def down(name: str = DEFAULT_NAME, *, keep_data: bool = False) -> bool:
    """Stop the node `name` and remove its files, or keep them for the next `up`; False when there is none."""
    folder = Folder.of(name)
    if not folder.path.is_dir():
        return False
    with locked(folder.lock):
        _stop(folder)
        record = state.read_record(folder)
        if keep_data and record is not None:
            state.write_record(folder, replace(record, url=None, owner=None))
        else:
            shutil.rmtree(folder.path)
            folder.lock.unlink()
    return True


def status() -> list[Status]:
    """Describe every node of this user, by name."""
    return [found for name in state.names() if (found := _describe(Folder.of(name)))]


def running(name: str = DEFAULT_NAME) -> Node | None:
    """Find a node that runs; None when there is no such node."""
    folder = Folder.of(name)
    record = state.read_record(folder)
    if record is None or record.url is None or state.read_process(folder.keeper) is None:
        return None
    return _node(folder, record)


@contextmanager
def cluster(
    name: str | None = None,
    *,
    version: str | None = None,
    heap: str | None = None,
    roles: Mapping[str, users.Body],
    owner_pid: int | None = None,
    say: Say = silent,
) -> Iterator[Node]:
    """Run a node of this process inside the block: it ends with the block, or with the process, even on SIGKILL.

    The default name holds the owner's process id, so that several may run at a time.
    """
    owner_pid = os.getpid() if owner_pid is None else owner_pid
    name = name or f"owned-{owner_pid}"
    try:
        yield up(name, version=version, heap=heap, roles=roles, owner_pid=owner_pid, say=say)
    finally:
        record = state.read_record(Folder.of(name))
        # Not one that another owns, and that `up` has refused us.
        if record is not None and record.owner is not None and record.owner.pid == owner_pid:
            down(name)


def _keeper(folder: Folder, owner: Process | None) -> Process | None:
    """Find the keeper of a node that may be joined. Raises DevClusterError when the node is another process's."""
    keeper, record = state.read_process(folder.keeper), state.read_record(folder)
    if keeper is None or record is None:
        return None
    if record.owner is None or record.owner == owner:
        return keeper
    if record.owner.alive:
        raise DevClusterError(
            f"the node {folder.name!r} belongs to process {record.owner.pid} and ends with it",
            remedy="choose another --name",
        )
    # Its keeper is about to find that out.
    keeper.wait(_STOP_SECONDS)
    return None


def _clear(folder: Folder, owner: Process | None) -> Record | None:
    """End and remove what a crash left; return the record of a node whose data are kept."""
    _stop(folder)
    record = state.read_record(folder)
    if folder.path.is_dir() and (record is None or record.owner is not None):
        shutil.rmtree(folder.path)
        return None
    if record is None:
        return None
    if owner is not None:
        raise DevClusterError(
            f"the node {folder.name!r} keeps data, which would go with its owner",
            remedy=f"choose another name, or remove it: mpm-elk dev down --name {folder.name}",
        )
    return replace(record, url=None)


def _forget(folder: Folder, kept: Record | None) -> None:
    """After a failed start leave the logs, and of the record what was true before."""
    if kept is not None:
        state.write_record(folder, kept)
    else:
        folder.record.unlink(missing_ok=True)
    if not folder.path.exists():
        folder.lock.unlink()


def _stop(folder: Folder) -> None:
    for path in (folder.keeper, folder.server):
        if (process := state.read_process(path)) is not None:
            process.stop(patience=_STOP_SECONDS)
        path.unlink(missing_ok=True)


def _launch(folder: Folder, record: Record, roles: Mapping[str, users.Body], lock: int, say: Say) -> Process:
    home = artifact.home(record.version, say=say)
    user = places.run_as()
    java = jdk.find(versions.oldest_java(record.version), user=user, say=say)
    folder.path.mkdir(exist_ok=True)
    state.write_record(folder, record)
    configuration.write(folder, home=home, roles=roles, user=user)
    (folder.logs / "http.ports").unlink(missing_ok=True)
    command = [sys.executable, "-m", "mpm_elk.cluster.dev.keeper", str(folder.path)]
    command += ["--lock", str(lock), "--home", str(home), "--java", str(java), "--heap", record.heap]
    if user is not None:
        command += ["--uid", str(user.uid), "--gid", str(user.gid)]
    say(f"starting Elasticsearch {record.version}")
    with (folder.path / "keeper.log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 — our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
            cwd="/",
        )
    remember_child(child)
    keeper = identify(child.pid)
    if keeper is None:
        raise DevClusterError("the node's keeper ended at once", remedy=f"see {folder.path / 'keeper.log'}")
    return keeper


def _join(
    folder: Folder,
    keeper: Process,
    *,
    version: str | None,
    heap: str | None,
    roles: Mapping[str, users.Body],
    patience: float,
    say: Say,
) -> Node:
    record = state.read_record(folder)
    if record is None:
        raise DevClusterError(f"{folder.record} has gone", remedy=f"mpm-elk dev down --name {folder.name}")
    other_version = version is not None and versions.resolve(version) != record.version
    if other_version or (heap is not None and heap.lower() != record.heap.lower()):
        raise DevClusterError(
            f"the node {folder.name!r} runs already, as Elasticsearch {record.version} with a heap of {record.heap}",
            remedy=f"stop it (mpm-elk dev down --name {folder.name} --keep-data), or choose another --name",
        )
    configuration.update_roles(folder, roles)
    return _ready(folder, keeper, record, patience=patience, say=say, fresh=False)


def _ready(folder: Folder, keeper: Process, record: Record, *, patience: float, say: Say, fresh: bool) -> Node:
    """Wait for the node and write its address down; whatever goes wrong, no process of a failed start is left."""
    password = users.passwords(folder.passwords)["admin"]
    try:
        url = boot.wait(folder, keeper, password, patience=patience, say=say)
    except BaseException:
        if record.url is None:
            _stop(folder)
            keeper.stop(patience=_STOP_SECONDS)
        raise
    if record.url != url:
        record = replace(record, url=url)
        state.write_record(folder, record)
    return replace(_node(folder, record), fresh=fresh)


def _node(folder: Folder, record: Record) -> Node:
    return Node(
        url=record.url or "",
        ca_certs=folder.ca_certs,
        passwords=users.passwords(folder.passwords),
        name=folder.name,
        version=record.version,
    )


def _describe(folder: Folder) -> Status | None:
    record = state.read_record(folder)
    if record is None:
        return None
    keeper, server = state.read_process(folder.keeper), state.read_process(folder.server)
    answered = record.url is not None
    doing = {(True, True): "running", (True, False): "starting", (False, True): "crashed", (False, False): "stopped"}
    return Status(
        name=folder.name,
        state=doing[keeper is not None, answered],
        version=record.version,
        heap=record.heap,
        started=record.started,
        url=record.url if keeper else None,
        pid=server.pid if server else None,
        owner_pid=record.owner.pid if record.owner else None,
        folder=folder.path,
    )
