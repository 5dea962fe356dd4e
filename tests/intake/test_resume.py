from pathlib import Path

import pytest

from mpm_elk.intake import resume
from mpm_elk.intake.lines import Position
from mpm_elk.intake.resume import Checkpoint

HERE = Position(3, 120)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 200)
    return path


def checkpoint(file: Path, cluster: str = "https://a") -> Checkpoint:
    return Checkpoint(file, cluster, file.parent / "state")


def test_it_is_found_again(file: Path) -> None:
    assert checkpoint(file).load() == Position()
    checkpoint(file).save(HERE)
    assert checkpoint(file).load() == HERE


def test_it_belongs_to_one_cluster(file: Path) -> None:
    checkpoint(file).save(HERE)
    assert checkpoint(file, "https://b").load() == Position()


def test_a_file_that_grew_is_the_same(file: Path) -> None:
    checkpoint(file).save(HERE)
    with file.open("ab") as stream:
        stream.write(b"more")
    assert checkpoint(file).load() == HERE


@pytest.mark.parametrize("content", [b"y" * 200, b"x" * 100])
def test_a_file_that_changed_or_shrank_starts_anew(file: Path, content: bytes) -> None:
    checkpoint(file).save(HERE)
    file.write_bytes(content)
    assert checkpoint(file).load() == Position()


def test_a_replaced_file_starts_anew(file: Path) -> None:
    checkpoint(file).save(HERE)
    new = file.with_suffix(".new")
    new.write_bytes(file.read_bytes())
    new.replace(file)
    assert checkpoint(file).load() == Position()


def test_a_broken_checkpoint_starts_anew(file: Path) -> None:
    checkpoint(file).save(HERE)
    (written,) = (file.parent / "state").iterdir()
    written.write_text("{")
    assert checkpoint(file).load() == Position()


def test_it_is_forgotten(file: Path) -> None:
    checkpoint(file).save(HERE)
    checkpoint(file).remove()
    checkpoint(file).remove()
    assert checkpoint(file).load() == Position()
    assert list((file.parent / "state").iterdir()) == []


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert resume.state_folder() == tmp_path / "mpm-elk" / "ship"
