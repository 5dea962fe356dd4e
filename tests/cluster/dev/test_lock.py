import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpm_elk.cluster.dev.lock import locked

HOLD = "import sys, time; print('held', flush=True); time.sleep(60)"


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pytest.fail("two hold one lock")
    with locked(path, wait=False):
        pass


def test_a_child_that_inherited_the_lock_holds_it_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as descriptor:
        child = subprocess.Popen([sys.executable, "-c", HOLD], pass_fds=(descriptor,), stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
    with pytest.raises(BlockingIOError), locked(path, wait=False):
        pytest.fail("the child should hold it")
    child.kill()
    child.wait()
    child.stdout.close()
    with locked(path, wait=False):
        pass


def test_a_lock_file_that_was_removed_is_not_mistaken_for_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as descriptor:
        path.unlink()
        with locked(path, wait=False) as other:
            assert os.fstat(other).st_ino != os.fstat(descriptor).st_ino
            with pytest.raises(BlockingIOError), locked(path, wait=False):
                pytest.fail("two hold one lock")
