import os
from pathlib import Path

import pytest

from mpm_elk.cluster.dev import places
from mpm_elk.errors import DevClusterError


def test_xdg_folders_are_used_where_they_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert places.state_root() == tmp_path / "mpm-elk/dev"
    assert places.cache_dir().is_absolute()


@pytest.mark.parametrize(("uid", "state"), [(0, "/var/lib/mpm-elk/dev"), (1000, "/home/me/.local/state/mpm-elk/dev")])
def test_root_keeps_the_node_out_of_its_closed_home(monkeypatch: pytest.MonkeyPatch, uid: int, state: str) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert places.state_root() == Path(state)
    assert (places.run_as() is None) == (uid != 0)


def test_a_folder_that_the_nodes_user_cannot_enter_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(DevClusterError, match=f"may not enter {closed}"):
        places.make_root(closed / "mpm-elk")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    places.make_root(closed / "mpm-elk")
