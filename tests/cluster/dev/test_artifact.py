import hashlib
import stat
import zipfile
from pathlib import Path

import pytest

from mpm_elk.cluster.dev import artifact, places, versions
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError

ROOT = "elasticsearch-9.5.3"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "elasticsearch.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("bin/elasticsearch", "config/jvm.options", "lib/a.jar"):
            file.writestr(f"{ROOT}/{name}", name)
    return path


@pytest.fixture
def home(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a repository that gives out `archive`."""
    resolver = pytest.importorskip("jgo.maven").Artifact
    monkeypatch.setattr(resolver, "resolve", lambda _self: archive)
    monkeypatch.setattr(places, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(places, "make_root", lambda path: path.mkdir(parents=True, exist_ok=True))
    return tmp_path / "cache/elasticsearch"


def test_what_has_another_checksum_is_not_used(home: Path) -> None:
    with pytest.raises(EmbeddedUnavailableError, match=r"is not what it should be: sha256 .* expected bec49f3b"):
        artifact.home("9.5.3", say=lambda _text: None)
    assert [path.name for path in home.iterdir()] == [".lock"]


def test_what_is_right_is_unpacked_once_and_can_be_run(
    home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(versions.PINNED, "9.5.3", artifact.sha(archive))
    leftover = home / ".fetch-killed"
    leftover.mkdir(parents=True)
    found = artifact.home("9.5.3", say=lambda _text: None)
    assert found == home / "elasticsearch-9.5.3"
    assert stat.S_IMODE((found / "bin/elasticsearch").stat().st_mode) == 0o755
    assert stat.S_IMODE((found / "lib/a.jar").stat().st_mode) == 0o644
    assert (found / "config/jvm.options").read_text() == "config/jvm.options"
    assert not leftover.exists()
    archive.unlink()
    assert artifact.home("9.5.3", say=lambda _text: None) == found


@pytest.mark.parametrize("right", [True, False])
def test_what_is_not_pinned_is_checked_against_the_repository(
    home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, *, right: bool
) -> None:
    digest = hashlib.sha512(archive.read_bytes() if right else b"").hexdigest()
    monkeypatch.setattr(artifact, "_published", lambda _artifact: ("sha512", digest))
    said: list[str] = []
    if right:
        assert artifact.home("9.1.0", say=said.append).parent == home
    else:
        with pytest.raises(EmbeddedUnavailableError, match="sha512"):
            artifact.home("9.1.0", say=said.append)
    assert "Elasticsearch 9.1.0 is not pinned: checked against the repository's own sha512" in said


@pytest.mark.usefixtures("home")
def test_what_cannot_be_checked_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(artifact, "_published", lambda _artifact: None)
    artifact.home("9.1.0", say=lambda _text: None)
    assert "9.1.0 is not pinned, and the repository has no checksum" in caplog.text


def test_an_archive_that_is_broken_is_not_used(home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.write_bytes(archive.read_bytes()[:50])
    monkeypatch.setattr(artifact, "_published", lambda _artifact: None)
    with pytest.raises(EmbeddedUnavailableError, match="what was fetched is broken"):
        artifact.home("9.1.0", say=lambda _text: None)
    assert [path.name for path in home.iterdir()] == [".lock"]


def test_a_version_that_does_not_exist_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_self: object) -> Path:
        raise RuntimeError("not found in remote repositories")

    monkeypatch.setattr(pytest.importorskip("jgo.maven").Artifact, "resolve", missing)
    with pytest.raises(EmbeddedUnavailableError, match=r"has no Elasticsearch 9\.99\.0"):
        artifact.home("9.99.0", say=lambda _text: None)
    assert [path.name for path in home.iterdir()] == [".lock"]


def test_a_connection_that_breaks_is_tried_again_then_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def broken(_self: object) -> Path:
        tries.append(1)
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(pytest.importorskip("jgo.maven").Artifact, "resolve", broken)
    with pytest.raises(EmbeddedUnavailableError, match="could not be fetched: reset by peer"):
        artifact.home("9.5.3", say=lambda _text: None)
    assert len(tries) == 3
    assert [path.name for path in home.iterdir()] == [".lock"]
