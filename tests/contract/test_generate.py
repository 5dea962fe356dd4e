"""The committed files are what the contract says."""

from pathlib import Path

import pytest

from mpm_elk.contract.generate import FOLDER, files, main, stale, write


def test_committed_files_are_fresh() -> None:
    assert stale() == [], "run `python -m mpm_elk.contract.generate`"


def test_a_changed_a_missing_and_a_left_over_file_are_stale(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    changed, missing = sorted(files())[:2]
    (tmp_path / changed).write_text("{}", encoding="utf-8")
    (tmp_path / missing).unlink()
    left_over = Path("roles/mpm_old.json")
    (tmp_path / left_over).write_text("{}", encoding="utf-8")
    assert stale(tmp_path) == sorted([changed, missing, left_over])
    assert write(tmp_path) == sorted([changed, missing, left_over])
    assert stale(tmp_path) == []
    assert not (tmp_path / left_over).exists()


def test_check_names_the_stale_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"]) == 0
    monkeypatch.setattr(stale, "__defaults__", (tmp_path,))
    assert main(["--check"]) == 1
    assert "stale: index_templates/roles/mpm_job.json" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_beside_the_package() -> None:
    assert (FOLDER.parent / "mpm_elk").is_dir()
