"""JRuby and Jackson as Logstash carries them, and one process that runs the bundle's scripts on them."""

import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mpm_elk.cluster.dev import jdk, places
from mpm_elk.cluster.dev.artifact import sha
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.lock import locked

_JAVA = 21
_RUN = Path(__file__).with_name("run.rb")

# The versions of Logstash 9.5.2, with the SHA-256 of the JAR files.
_ARTIFACTS = (
    (
        "org.jruby",
        "jruby-complete",
        "10.0.6.0",
        "b1a83ca46053894fcfd47df4094a21eac6db7fcba6fa6d99d77e391f620e85b7",
    ),
    (
        "com.fasterxml.jackson.core",
        "jackson-core",
        "2.21.4",
        "4b40a06396f239f8de2da57419adde6e94e5edc18a2171d471ea05eeed4e5c2d",
    ),
)


class JRuby:
    """A process that answers requests; use it as a context."""

    def __init__(self) -> None:
        self._command = [
            str(jdk.find(_JAVA, user=None, say=lambda _: None) / "bin" / "java"),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Dfile.encoding=UTF-8",
            "-cp",
            os.pathsep.join(str(_jar(*artifact)) for artifact in _ARTIFACTS),
            "org.jruby.Main",
            str(_RUN),
        ]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)

    def ask(self, op: str, **request: Any) -> Any:
        """Ask for something; raises RuntimeError with what Ruby says was wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            message = f"JRuby ended with {self._process.wait(timeout=60)}"
            raise RuntimeError(message)
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def run(
        self, cases: Sequence[Mapping[str, Any]], *, params: Mapping[str, str], now_ms: int | None = None
    ) -> list[Any]:
        """Send cases (`via`, `path`, `headers`, `texts` as bytes, `params`) through all scripts: what becomes of each.

        Times are as the clock says, unless `now_ms` tells.
        """
        answers: list[Any] = self.ask("cases", cases=written(cases), params=params, now_ms=now_ms)
        return answers


def written(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write cases so that JSON can hold them."""
    return [{**case, "texts": [b64encode(text).decode() for text in case["texts"]]} for case in cases]


def _jar(group: str, name: str, version: str, checksum: str) -> Path:
    """Return an artifact's file, fetching it when the cache lacks it; raises EmbeddedUnavailableError."""
    cache = places.cache_dir() / "jruby"
    places.make_root(cache)
    target = cache / f"{name}-{version}.jar"
    with locked(cache / ".lock"):
        if not target.is_file() or sha(target) != checksum:
            with _fetched(group, name, version, cache) as file:
                if (found := sha(file)) != checksum:
                    raise EmbeddedUnavailableError(
                        f"the fetched {name} {version} is not what it should be: sha256 {found}, expected {checksum}",
                        remedy="something between here and Maven Central changes files: find out what before you go on",
                    )
                shutil.copyfile(file, target.with_suffix(".part"))
            target.with_suffix(".part").replace(target)
    return target


@contextmanager
def _fetched(group: str, name: str, version: str, cache: Path) -> Iterator[Path]:
    try:
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 — heavy, and an optional dependency
    except ImportError as error:
        raise EmbeddedUnavailableError(
            "the library jgo is needed to fetch JRuby", remedy="pip install 'mpm-elk[dev-cluster]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as folder:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(folder))
        try:
            yield Path(context.project(group, name).at_version(version).artifact(packaging="jar").resolve())
        except (OSError, RuntimeError) as error:
            raise EmbeddedUnavailableError(
                f"{name} {version} could not be fetched: {error}", remedy="check the connection to Maven Central"
            ) from error
