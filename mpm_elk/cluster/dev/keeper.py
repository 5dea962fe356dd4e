"""Keep one node: the process that starts Elasticsearch, and sees to it that it ends when it should.

It ends the node on SIGTERM, and when the node's owner has ended in whatever way, SIGKILL included. Should the keeper
itself be killed, the kernel ends the node (Linux), or the next `up` or `down` does. It is started in a session of its
own, so it outlives the command that started it, and Ctrl-C does not reach it.
"""

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from mpm_elk.cluster.dev.lock import locked
from mpm_elk.cluster.dev.process import Process, identify
from mpm_elk.cluster.dev.state import Folder, read_process, read_record, write_process

_INTERVAL = 0.25
_PATIENCE = 20.0
_PR_SET_PDEATHSIG = 1


class _Stop:
    """Whether a signal has asked the keeper to stop."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def main() -> int:
    """Start the node and wait for its end, or for the reason to end it."""
    arguments = _arguments()
    folder = Folder(arguments.folder)
    stop = _Stop()
    record = read_record(folder)
    me = identify(os.getpid())
    if record is None or me is None:
        return 1
    write_process(folder.keeper, me)
    # From here on others find us by that file; they have waited for this lock, which we inherited.
    os.close(arguments.lock)
    server = _start(folder, arguments)
    try:
        _wait(server, record.owner, stop)
    finally:
        _end(server)
    if record.owner is not None and not record.owner.alive:
        _remove(folder, me)
    return server.returncode or 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--java", type=Path, required=True)
    parser.add_argument("--heap", required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    return parser.parse_args()


def _start(folder: Folder, arguments: argparse.Namespace) -> subprocess.Popen[bytes]:
    environment = {
        # Elasticsearch's start script looks for coreutils; nothing else of our environment goes in.
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder.tmp),
        "ES_JAVA_HOME": str(arguments.java),
        "ES_PATH_CONF": str(folder.config),
        "ES_TMPDIR": str(folder.tmp),
        "ES_JAVA_OPTS": f"-Xms{arguments.heap} -Xmx{arguments.heap}",
    }
    with folder.console.open("wb") as console:
        server = subprocess.Popen(  # noqa: S603 — Elasticsearch's own script
            [arguments.home / "bin" / "elasticsearch"],
            env=environment,
            cwd=folder.logs,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            user=arguments.uid,
            group=arguments.gid,
            extra_groups=None if arguments.uid is None else [],
            # A group of its own, so that the script's children can be ended with it.
            process_group=0,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 — this process has one thread
        )
    if (identity := identify(server.pid)) is not None:
        write_process(folder.server, identity)
    return server


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Loaded here, because between fork and exec as little as possible should happen.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


def _wait(server: subprocess.Popen[bytes], owner: Process | None, stop: _Stop) -> None:
    while server.poll() is None and not stop.asked and (owner is None or owner.alive):
        time.sleep(_INTERVAL)


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(_PATIENCE)
    # What is left of the group, in case the script's child outlived it.
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _remove(folder: Folder, me: Process) -> None:
    # Who holds the lock now is starting or removing a node of this name, and clears up itself.
    with suppress(BlockingIOError), locked(folder.lock, wait=False):
        if read_process(folder.keeper) == me:
            shutil.rmtree(folder.path)
            folder.lock.unlink()


if __name__ == "__main__":
    sys.exit(main())
