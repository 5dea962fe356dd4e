"""Start peers in their own virtual environment, and ask them about tables."""

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.planted import Table

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "benchmarks" / "requirements-peers.txt"
ENVIRONMENT = ROOT / ".venv-peers"
_VERSIONS = "import importlib.metadata as m, sys; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"


def environment(folder: Path = ENVIRONMENT) -> Path:
    """Give the Python of the peers' environment, which is made where it is not there: 3 GB, some minutes."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)  # noqa: S603
    return python


def versions(python: Path, names: Iterable[str]) -> str:
    """Name the versions of packages in the peers' environment."""
    done = subprocess.run([python, "-c", _VERSIONS, *names], check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.strip()


class Peer:
    """One peer's process, which lives until `close`."""

    def __init__(self, python: Path, module: str, window_rows: int | None) -> None:
        self.window_rows = window_rows
        self.cost: dict[str, float] = {}
        """What the last request cost: CPU and wall time (s), peak memory of the process (MB)."""
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(  # noqa: S603
            [python, "-m", "benchmarks.peers.worker", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(Path(self._folder.name) / "stderr").open("w"),
            text=True,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def learn(self, reference: Table, history: Iterable[Table]) -> None:  # noqa: ARG002 — peers know no history
        """Give the reference."""
        self.learn_file(self._write(reference))

    def alarms(
        self,
        window: Table,
        *,
        keep: bool = False,  # noqa: ARG002 — it knows no history
        only: tuple[str, ...] | None = None,
    ) -> Mapping[str, set[str]]:
        """Name the features that alarm."""
        return self.alarms_file(self._write(window), only)

    def learn_file(self, file: Path) -> None:
        """Give the reference as a file."""
        self._ask({"learn": str(file), "rows": self.window_rows})

    def alarms_file(self, file: Path, only: tuple[str, ...] | None = None) -> Mapping[str, set[str]]:
        """Name the features that alarm in a file."""
        answer = self._ask({"alarms": str(file), "columns": only and list(only)})
        return {column: set(features) for column, features in answer["found"].items()}

    def query(self, text: str) -> list[list[Any]]:
        """Ask a database."""
        rows: list[list[Any]] = self._ask({"query": text})["found"]
        return rows

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=60)
        self._folder.cleanup()

    def _write(self, table: Table) -> Path:
        file = Path(self._folder.name) / "table.parquet"
        table.write(file)
        return file

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 — asked for
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.cost = {name: answer[name] for name in ("cpu", "wall", "memory")}
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 — asked for
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError((Path(self._folder.name) / "stderr").read_text()[-3000:])
        answer: dict[str, Any] = json.loads(line)
        return answer
