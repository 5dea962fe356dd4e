import os
from pathlib import Path

import pytest

from mpm_elk.cluster.dev import lifecycle, places, state
from mpm_elk.cluster.dev.process import Process, identify
from mpm_elk.cluster.dev.state import Folder, Record
from mpm_elk.errors import DevClusterError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def folder(name: str = "default") -> Folder:
    made = Folder.of(name)
    made.path.mkdir(parents=True)
    return made


RECORD = Record(version="9.5.3", heap="1g", started="2026-11-24T07:00:00+00:00", url="https://127.0.0.1:1")


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "-a", "a" * 41, "a.b", "a\n"])
def test_a_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        Folder.of(name)


def test_a_record_is_read_as_it_was_written() -> None:
    made = folder()
    assert state.read_record(made) is None
    for record in (RECORD, Record(**{**vars(RECORD), "url": None, "owner": Process(1, "x:2")})):
        state.write_record(made, record)
        assert state.read_record(made) == record
    assert [path.name for path in made.path.iterdir()] == ["node.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1, "other": 2}'])
def test_a_record_that_cannot_be_read_is_an_error(text: str) -> None:
    made = folder()
    made.record.write_text(text)
    with pytest.raises(DevClusterError, match="is not what mpm-elk wrote"):
        state.read_record(made)


def test_a_process_is_found_only_while_it_runs() -> None:
    made = folder()
    me = identify(os.getpid())
    assert me is not None
    assert state.read_process(made.keeper) is None
    state.write_process(made.keeper, me)
    assert state.read_process(made.keeper) == me
    state.write_process(made.keeper, Process(me.pid, "another-boot:1"))
    assert state.read_process(made.keeper) is None


def test_only_folders_with_the_name_of_a_node_are_nodes(home: Path) -> None:
    assert state.names() == []
    folder("b")
    folder("a")
    (home / "mpm-elk/dev/Other").mkdir()
    (home / "mpm-elk/dev/a.lock").touch()
    assert state.names() == ["a", "b"]


def test_a_node_of_before_a_reboot_is_told_and_taken_down() -> None:
    made = folder()
    state.write_record(made, RECORD)
    # Our own id, used by another process in another boot: it must not be mistaken, let alone ended.
    state.write_process(made.keeper, Process(os.getpid(), "another-boot:1"))
    state.write_process(made.server, Process(os.getppid(), "another-boot:2"))
    (found,) = lifecycle.status()
    assert (found.state, found.url, found.pid) == ("crashed", None, None)
    assert lifecycle.running() is None
    assert lifecycle.down()
    assert not made.path.exists()
    assert not made.lock.exists()


def test_keeping_data_keeps_files_and_forgets_the_address() -> None:
    made = folder()
    made.data.mkdir()
    state.write_record(made, RECORD)
    assert lifecycle.down(keep_data=True)
    assert made.data.is_dir()
    assert [found.state for found in lifecycle.status()] == ["stopped"]


def test_what_a_start_without_a_record_left_is_taken_down() -> None:
    made = folder("half")
    made.config.mkdir()
    assert lifecycle.status() == []
    assert lifecycle.down("half")
    assert state.names() == []
    assert not lifecycle.down("half")


def test_data_that_are_kept_do_not_go_with_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    # Root's test folders are closed to the node's user, which matters only when a node starts.
    monkeypatch.setattr(places, "make_root", lambda _path: None)
    made = folder("mine")
    state.write_record(made, RECORD)
    with (
        pytest.raises(DevClusterError, match="keeps data"),
        lifecycle.cluster("mine", roles={}),
    ):
        pytest.fail("must not start")
    assert state.read_record(made) == RECORD


def test_heap_and_owner_are_checked_before_anything_is_done(home: Path) -> None:
    with pytest.raises(UsageError, match="heap"):
        lifecycle.up(heap="1x", roles={})
    with pytest.raises(DevClusterError, match="does not run"):
        lifecycle.up(owner_pid=2**22 + 1, roles={})
    assert list(home.iterdir()) == []
