"""Where the development cluster keeps its files, and as whom its node runs."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from mpm_elk.errors import DevClusterError

# Elasticsearch refuses to run as root, so root runs it as one of these.
_UNPRIVILEGED = ("elasticsearch", "nobody")


@dataclass(frozen=True)
class RunAs:
    """The user of the node's process, where it is not our own."""

    uid: int
    gid: int


def run_as() -> RunAs | None:
    """Choose the user of the node: None means our own. Raises DevClusterError when root finds nobody fitting."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(entry.pw_uid, entry.pw_gid)
    raise DevClusterError(
        "Elasticsearch does not run as root, and this machine has no user `elasticsearch` or `nobody`",
        remedy="create one of them, or run this as an ordinary user",
    )


def cache_dir() -> Path:
    """Tell where fetched distributions and JDKs are kept: XDG_CACHE_HOME, and for root /var/cache."""
    return _folder("XDG_CACHE_HOME", for_root="/var/cache", for_user=".cache") / "mpm-elk"


def state_root() -> Path:
    """Tell where the nodes keep data, logs and passwords: XDG_STATE_HOME, and for root /var/lib."""
    return _folder("XDG_STATE_HOME", for_root="/var/lib", for_user=".local/state") / "mpm-elk" / "dev"


def make_root(path: Path) -> None:
    """Make a folder that holds ours, and make sure that the node's user can pass through to what is below it."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    for folder in (path, *path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise DevClusterError(
                f"root runs Elasticsearch as another user, who may not enter {folder}",
                remedy="point XDG_STATE_HOME and XDG_CACHE_HOME at folders that everybody may enter",
            )


def give(path: Path, user: RunAs | None) -> None:
    """Make a folder and all in it the property of the node's user."""
    if user is None:
        return
    for folder, _, files in os.walk(path):
        os.chown(folder, user.uid, user.gid)
        for file in files:
            os.chown(Path(folder) / file, user.uid, user.gid, follow_symlinks=False)


def _folder(variable: str, *, for_root: str, for_user: str) -> Path:
    # Root's home is closed to the unprivileged user of the node, so root keeps these files where services do.
    named = os.environ.get(variable)
    if named and Path(named).is_absolute():
        return Path(named)
    return Path(for_root) if os.geteuid() == 0 else Path.home() / for_user
