"""Processes that are known again later: by id and start time, so that a reused id is not mistaken."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Our own children must be waited for, or they stay as zombies while we run.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """One process: its id, and a mark of when it started."""

    pid: int
    mark: str

    @property
    def alive(self) -> bool:
        """Tell whether this very process runs."""
        child = _CHILDREN.get(self.pid)
        if child is not None and child.poll() is not None:
            del _CHILDREN[self.pid]
        return start_mark(self.pid) == self.mark

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and to its group where it leads one; gone is as good as reached."""
        if not self.alive:
            return
        try:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def stop(self, *, patience: float) -> None:
        """Ask the process to end, wait `patience` seconds, then end it and its group."""
        if self.alive:
            _kill(self.pid, signal.SIGTERM)
        if not self.wait(patience):
            self.signal_group(signal.SIGKILL)
            self.wait(5.0)

    def wait(self, seconds: float) -> bool:
        """Wait until the process is gone; False when it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def remember_child(child: subprocess.Popen[bytes]) -> None:
    """Keep hold of a child, so that `alive` waits for it when it has ended."""
    _CHILDREN[child.pid] = child


def identify(pid: int) -> Process | None:
    """Describe the running process `pid`; None when there is none."""
    mark = start_mark(pid)
    return None if mark is None else Process(pid, mark)


def start_mark(pid: int) -> str | None:
    """Tell when a process started, in a form that no other process of this id shares; None when it ended.

    Linux: the boot's id and the ticks since boot, which no change of the clock moves. Elsewhere: `ps -o lstart`.
    """
    return _linux_mark(pid) if _BOOT_ID.exists() else _ps_mark(pid)


def _linux_mark(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, which may hold anything.
    fields = text.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return None
    return f"{_BOOT_ID.read_text(encoding='ascii').strip()}:{fields[19]}"


def _ps_mark(pid: int) -> str | None:
    answer = subprocess.run(  # noqa: S603 — nothing but a number goes in
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 — found by PATH as any shell would
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
