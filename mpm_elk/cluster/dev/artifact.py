"""Fetch Elastic's minimal distribution from Maven Central, check it, and unpack it into the user's cache."""

import hashlib
import logging
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mpm_elk.cluster.dev import places
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.lock import locked
from mpm_elk.cluster.dev.versions import PINNED

if TYPE_CHECKING:
    from jgo.maven import Artifact

_GROUP = "org.elasticsearch.distribution.integ-test-zip"
_NAME = "elasticsearch"
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


def home(version: str, *, say: Callable[[str], None]) -> Path:
    """Return the unpacked distribution, fetching it when the cache lacks it.

    A pinned version must have its pinned SHA-256. Any other version is checked against the repository's own SHA-512,
    SHA-256 or SHA-1; a warning is logged when there is none. Raises EmbeddedUnavailableError when it cannot be had.
    """
    cache = places.cache_dir() / "elasticsearch"
    places.make_root(cache)
    target = cache / f"{_NAME}-{version}"
    if target.is_dir():
        return target
    with locked(cache / ".lock"):
        # Another process may have been faster.
        if not target.is_dir():
            _clean(cache)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as folder:
                archive = _download(version, Path(folder), say)
                say(f"unpacking Elasticsearch {version}")
                _unpack(archive, Path(folder) / "unpacked").rename(target)
    return target


def sha(path: Path, algorithm: str = "sha256") -> str:
    """Compute the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _clean(cache: Path) -> None:
    # What a killed fetch left behind; the lock says that none is under way.
    for leftover in cache.glob(".fetch-*"):
        shutil.rmtree(leftover)


def _download(version: str, folder: Path, say: Callable[[str], None]) -> Path:
    try:
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 — heavy, and an optional dependency
    except ImportError as error:
        raise EmbeddedUnavailableError(
            "the library jgo is needed to fetch Elasticsearch", remedy="pip install 'mpm-elk[dev-cluster]'"
        ) from error
    say(f"fetching Elasticsearch {version}")
    for attempt in range(_ATTEMPTS):
        # A folder of its own each time: the library leaves the part of a broken download under the final name.
        context = MavenContext(
            resolver=PythonResolver(progress_callback=_reporter(version, say)), repo_cache=folder / f"maven-{attempt}"
        )
        artifact = context.project(_GROUP, _NAME).at_version(version).artifact(packaging="zip")
        try:
            archive = Path(artifact.resolve())
            _check(archive, artifact, version, say)
        except OSError as error:  # what `requests` raises is one
            failure: Exception = error
            continue
        except RuntimeError as error:
            raise EmbeddedUnavailableError(
                f"the Maven repository has no Elasticsearch {version}",
                remedy=f"the pinned versions are {', '.join(PINNED)}",
            ) from error
        return archive
    raise EmbeddedUnavailableError(
        f"Elasticsearch {version} could not be fetched: {failure}",
        remedy="check the connection to Maven Central, or set MPM_ES_URL to a cluster that runs",
    ) from failure


def _check(archive: Path, artifact: "Artifact", version: str, say: Callable[[str], None]) -> None:
    if version in PINNED:
        algorithm, expected = "sha256", PINNED[version]
    elif published := _published(artifact):
        algorithm, expected = published
        say(f"Elasticsearch {version} is not pinned: checked against the repository's own {algorithm}")
    else:
        # Not by `say`: a spinner shows that for a moment only.
        _log.warning("Elasticsearch %s is not pinned, and the repository has no checksum of it: unchecked", version)
        return
    if (found := sha(archive, algorithm)) != expected:
        raise EmbeddedUnavailableError(
            f"the fetched Elasticsearch {version} is not what it should be: {algorithm} {found}, expected {expected}",
            remedy="something between here and Maven Central changes files: find out what before you go on",
        )


def _published(artifact: "Artifact") -> tuple[str, str] | None:
    import requests  # noqa: PLC0415 — comes with jgo

    for repository in artifact.context.remote_repos.values():
        url = f"{repository}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
        for algorithm in ("sha512", "sha256", "sha1"):
            answer = requests.get(f"{url}.{algorithm}", timeout=30)
            if answer.status_code == requests.codes.ok and answer.text.strip():
                return algorithm, answer.text.split()[0].lower()
    return None


def _unpack(archive: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    except zipfile.BadZipFile as error:
        raise EmbeddedUnavailableError(f"what was fetched is broken: {error}", remedy="try again") from error
    (root,) = folder.iterdir()
    # zipfile drops permissions. The node may read and run, and changes nothing here.
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    # Launched from here, Elasticsearch writes nowhere but into the folders that its configuration names.
    (root / "plugins").mkdir(exist_ok=True)
    return root


def _reporter(version: str, say: Callable[[str], None]) -> Callable[[str, int], object]:
    @contextmanager
    def report(_filename: str, size: int) -> Iterator[Callable[[int], None]]:
        done, shown = 0, -1

        def update(count: int) -> None:
            nonlocal done, shown
            done += count
            if (tenth := done * 10 // size) > shown:
                shown = tenth
                say(f"fetching Elasticsearch {version}: {done // 1_000_000} of {size // 1_000_000} MB")

        yield update

    return report
