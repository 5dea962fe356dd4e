import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mpm_elk.cluster.dev.process import Process, _ps_mark, identify, remember_child, start_mark


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        yield child
        child.kill()


def described(child: subprocess.Popen[bytes]) -> Process:
    process = identify(child.pid)
    assert process is not None
    return process


def test_a_running_process_is_alive_and_another_of_the_same_id_is_not(sleeper: subprocess.Popen[bytes]) -> None:
    process = described(sleeper)
    assert process.alive
    assert not replace(process, mark=process.mark + "0").alive, "an id that was used again"


def test_an_ended_child_is_not_alive_even_before_it_is_waited_for(sleeper: subprocess.Popen[bytes]) -> None:
    process = described(sleeper)
    os.kill(sleeper.pid, signal.SIGKILL)
    assert process.wait(5)
    assert identify(sleeper.pid) is None, "a zombie counts as ended"


def test_a_mark_stays_and_an_unused_id_has_none() -> None:
    assert start_mark(os.getpid()) == start_mark(os.getpid())
    assert start_mark(2**22 + 1) is None


def test_the_way_by_ps_knows_the_same_processes(sleeper: subprocess.Popen[bytes]) -> None:
    mark = _ps_mark(sleeper.pid)
    assert mark
    assert _ps_mark(sleeper.pid) == mark
    sleeper.kill()
    assert described_until_gone(sleeper) is None


def described_until_gone(child: subprocess.Popen[bytes]) -> str | None:
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return _ps_mark(child.pid)


def test_a_process_that_does_not_listen_is_killed_with_its_group() -> None:
    code = (
        "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    remember_child(parent)
    assert parent.stdout is not None
    child = identify(int(parent.stdout.readline()))
    assert child is not None
    process = described(parent)
    process.stop(patience=0.2)
    assert not process.alive
    assert child.wait(5)
    parent.stdout.close()
