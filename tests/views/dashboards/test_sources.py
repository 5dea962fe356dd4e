"""Each fault that one could make in a source, in every source: it is found, and named. The compiler must be there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mpm_elk.errors import InputError
from mpm_elk.views.dashboards import build
from mpm_elk.views.dashboards.checks import check
from mpm_elk.views.dashboards.saved import Bundle, from_lines, to_lines

ROOT = Path(__file__).parents[3]
COMPILER = os.environ.get("MPM_DASHBOARDS_PYTHON", str(ROOT / ".venv-dashboards" / "bin" / "python"))
NEEDS_COMPILER = pytest.mark.skipif(
    not Path(COMPILER).exists(), reason="the dashboards' compiler is not installed: `make dashboards` installs it"
)
SHARED = "shared.yml"
SOURCES = sorted(file.name for file in build.SOURCES.glob("*.yml") if file.name != SHARED)

DRIVER = """
import io, json, sys
from contextlib import redirect_stdout
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import compile
answers = []
for folder in sys.argv[2:]:
    try:
        answers.append("".join(json.dumps(dashboard) + chr(10) for dashboard in compile.load(Path(folder))))
    except SystemExit as error:
        answers.append(str(error))
print(json.dumps(answers))
"""

# What is searched for in a source, what stands there instead, and what must be said of it.
FAULTS = {
    "field": (r"field: (mpm\.[\w.]+)\b", r"field: \1x", "there is no field {0}x"),
    "field of a condition": (r'(kql: "[^"]*?)(mpm\.[\w.]+):', r"\1\2x:", "there is no field {1}x"),
    "data view": (r"data_view: (mpm-[\w-]+)", r"data_view: \1-x", "{0}-x"),
    "drilldown": (r"drilldowns: \[[^]]*\]", "drilldowns: [{id: x, name: X, dashboard: mpm-elk-x, triggers: [filter]}]",
                  "the dashboard mpm-elk-x, which is not there"),
    "grid cell that reaches out": (r"size: \{w: \d+,", "size: {w: 49,", "48"),
    "grid cell over another": (r"position: \{x: (\d+), y: [1-9]\d*\}", r"position: {x: \1, y: 1}", "overlaps with"),
    "saved search": (r"saved_search_id: ([\w-]+)", r"saved_search_id: \1-x", "the search {0}-x, which is not there"),
    "version of a specification": (r"vega-lite/v5", "vega-lite/v4", "its specification is not https://vega.github.io"),
    "field of a request": (r"(?:field|exists): \{?(?:field: )?(mpm\.[\w.]+)(?=\})", r"\g<0>x", "{0}x"),
    "field of a transform": (r"datum\._source\.(mpm\.[\w.]+\w)", r"\g<0>x", "{0}x"),
}  # fmt: skip
"""Each is made in every source that holds its pattern, where it stands first."""


def cases() -> list[tuple[str, str, tuple[str, str, str]]]:
    """List source, name of the fault, and the fault."""
    texts = {name: (build.SOURCES / name).read_text(encoding="utf-8") for name in SOURCES}
    return [
        (name, what, fault)
        for name, text in texts.items()
        for what, fault in FAULTS.items()
        if re.search(fault[0], text)
    ]


CASES = cases()


def compiled(folders: Sequence[Path]) -> list[str]:
    """Compile folders of sources in one process; gives of each the lines for `build`, or why it was refused."""
    done = subprocess.run(
        [COMPILER, "-c", DRIVER, str(build.SOURCES), *map(str, folders)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def faults(answer: str) -> list[str]:
    """Put a compiled dashboard among the others, and list what is said of it."""
    if not answer.startswith("{"):
        return [answer]
    try:
        objects = from_lines(build.made(answer.splitlines()))
    except InputError as error:
        return [str(error)]
    own = {saved["id"] for saved in objects if saved["type"] == "dashboard"}
    others = [saved for saved in Bundle.shipped().objects if saved["type"] == "dashboard" and saved["id"] not in own]
    return [str(problem) for problem in check(Bundle.read(to_lines([*objects, *others])))]


def broken(folder: Path, name: str, pattern: str, instead: str) -> re.Match[str]:
    """Break the first place in a source where a pattern stands; returns what stood there."""
    file = folder / name
    text = file.read_text(encoding="utf-8")
    found = re.search(pattern, text)
    assert found, f"{name} holds no {pattern}"
    file.write_text(text[: found.start()] + found.expand(instead) + text[found.end() :], encoding="utf-8")
    return found


def only(folder: Path, name: str) -> Path:
    """Copy one source with what it shares with others."""
    folder.mkdir(parents=True)
    for each in (name, SHARED):
        shutil.copy(build.SOURCES / each, folder)
    return folder


@pytest.fixture(scope="module")
def said_of(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Break each source in each way; (source, fault) → what must be said, and what is said."""
    root = tmp_path_factory.mktemp("sources")
    folders, wanted = [], []
    for number, (name, _, (pattern, instead, said)) in enumerate(CASES):
        folders.append(only(root / str(number), name))
        wanted.append(said.format(*broken(folders[-1], name, pattern, instead).groups()))
    answers = compiled(folders)
    return {
        (name, what): (text, faults(answer))
        for (name, what, _), text, answer in zip(CASES, wanted, answers, strict=True)
    }


@NEEDS_COMPILER
@pytest.mark.parametrize(("name", "what"), [pytest.param(n, what, id=f"{n}: {what}") for n, what, _ in CASES])
def test_a_fault_in_a_source_is_named(
    said_of: dict[tuple[str, str], tuple[str, list[str]]], name: str, what: str
) -> None:
    wanted, found = said_of[name, what]
    assert any(wanted in problem for problem in found), found


def test_every_kind_of_fault_is_made_and_every_source_is_broken() -> None:
    assert {what for _, what, _ in CASES} == set(FAULTS)
    assert {name for name, _, _ in CASES} == set(SOURCES)


@NEEDS_COMPILER
def test_sources_without_a_fault_have_none(tmp_path: Path) -> None:
    answers = compiled([only(tmp_path / name, name) for name in SOURCES])
    assert [faults(answer) for answer in answers] == [[]] * len(SOURCES)


@NEEDS_COMPILER
def test_a_fault_in_what_they_share_is_named(tmp_path: Path) -> None:
    linked, controlled = (only(tmp_path / name, SOURCES[0]) for name in ("linked", "controlled"))
    broken(linked, SHARED, r"dashboard: mpm-elk-drift", "dashboard: mpm-elk-drif")
    broken(controlled, SHARED, r"field: mpm\.model\.name", "field: mpm.model.nam")
    of_link, of_control = map(faults, compiled([linked, controlled]))
    assert any("the dashboard mpm-elk-drif, which is not there" in problem for problem in of_link), of_link
    assert any("control model: there is no field mpm.model.nam" in problem for problem in of_control), of_control


@NEEDS_COMPILER
def test_what_is_no_yaml_is_named(tmp_path: Path) -> None:
    folder = only(tmp_path / "sources", SOURCES[0])
    (folder / SOURCES[0]).write_text("dashboards: [", encoding="utf-8")
    [said] = compiled([folder])
    assert SOURCES[0] in said


@pytest.mark.parametrize("name", [*SOURCES, SHARED, "compile.py", "requirements.txt"])
def test_a_source_that_changed_since_is_named_without_the_compiler(tmp_path: Path, name: str) -> None:
    sources = Path(shutil.copytree(build.SOURCES, tmp_path / "sources"))
    file = sources / name
    file.write_text(file.read_text(encoding="utf-8") + "\n# another word\n", encoding="utf-8")
    assert build.stale(sources) == [f"kibana_dashboards/{name} changed since the objects were made"]
