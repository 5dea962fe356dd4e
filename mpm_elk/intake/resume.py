"""Remember how far a file has been sent, so that a killed `ship` goes on where it was.

Nothing depends on it: ids are deterministic, so what is sent again is stored once. It saves time only.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from mpm_elk.intake.lines import Position

_FINGERPRINT_BYTES = 64 << 10
_SAVE_SECONDS = 2.0


def state_folder() -> Path:
    """Give the folder of the user's resume files: below XDG_STATE_HOME, or `~/.local/state`."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mpm-elk" / "ship"


class Checkpoint:
    """How far one file has been sent to one cluster.

    A file is known by its path, device and inode, and the hash of its first bytes; one that was replaced or became
    shorter starts anew. The checkpoint is removed when the file has been sent whole.
    """

    def __init__(self, file: Path, cluster: str, folder: Path | None = None) -> None:
        self._file = file.resolve()
        name = hashlib.sha256(f"{self._file}\n{cluster}".encode()).hexdigest()[:32]
        self._path = (folder or state_folder()) / f"{name}.json"
        self._saved_at = time.monotonic()

    def load(self) -> Position:
        """Give the position to start from: the beginning where nothing fits."""
        try:
            known = json.loads(self._path.read_bytes())
            if known["file"] == self._identity(known["file"]["first_bytes"]) and known["size"] <= self._size():
                return Position(int(known["line"]), int(known["offset"]))
        except (OSError, ValueError, KeyError, TypeError):
            # No checkpoint, or one that cannot be read, costs only time.
            return Position()
        return Position()

    def is_due(self) -> bool:
        """Tell whether it is time to save again."""
        return time.monotonic() - self._saved_at >= _SAVE_SECONDS

    def save(self, position: Position) -> None:
        """Write that everything before `position` is acknowledged."""
        self._saved_at = time.monotonic()
        content = {
            "file": self._identity(min(self._size(), _FINGERPRINT_BYTES)),
            "size": self._size(),
            "line": position.line,
            "offset": position.offset,
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(content))
        new.replace(self._path)

    def remove(self) -> None:
        """Forget the file."""
        self._path.unlink(missing_ok=True)

    def _size(self) -> int:
        return self._file.stat().st_size

    def _identity(self, first_bytes: int) -> dict[str, Any]:
        status = self._file.stat()
        with self._file.open("rb") as stream:
            start = stream.read(first_bytes)
        return {
            "path": str(self._file),
            "device": status.st_dev,
            "inode": status.st_ino,
            "first_bytes": first_bytes,
            "sha256": hashlib.sha256(start).hexdigest(),
        }
