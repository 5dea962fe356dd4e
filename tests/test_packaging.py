"""The wheel: it builds, holds what it must and nothing else, and its command answers at once."""

import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP_SECONDS = 0.3
HEAVY = ("elasticsearch", "numpy", "pandas", "pyarrow", "pydantic", "rich", "scipy", "sklearn", "yaml")


def run(*arguments: str | Path, path: Path | None = None) -> str:
    """Run a program, with `path` first on Python's search path; gives what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(path)} if path else None
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd="/", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy, so that the build leaves nothing in the project."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("mpm_elk", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", target, source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it."""
    folder = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def test_the_wheel_holds_every_module_the_type_marker_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mpm_elk").rglob("*.py")}
    assert modules | {"mpm_elk/py.typed"} <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mpm_elk"}


def test_help_works_from_the_installed_wheel_and_is_quick(installed: Path) -> None:
    used = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        shown = run(sys.executable, installed / "bin" / "mpm-elk", "--help", path=installed)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        assert "Usage: mpm-elk" in shown
    assert min(used) < HELP_SECONDS


def test_help_loads_nothing_heavy(installed: Path) -> None:
    code = (
        "import json, sys; from mpm_elk.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "import mpm_elk; print(json.dumps([mpm_elk.__file__, sorted(sys.modules)]))"
    )
    file, modules = json.loads(run(sys.executable, "-c", code, path=installed).splitlines()[-1])
    assert Path(file).is_relative_to(installed)
    assert not set(HEAVY) & {name.split(".")[0] for name in modules}


def test_the_version_is_that_of_the_package(installed: Path) -> None:
    from mpm_elk import __version__  # noqa: PLC0415 — of the source, to compare

    shown = run(sys.executable, installed / "bin" / "mpm-elk", "--version", path=installed)
    assert shown.strip().endswith(__version__)
