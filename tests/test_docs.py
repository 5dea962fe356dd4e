"""What README and docs show is true: configurations load, events are valid, commands exist, links lead somewhere."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mpm_elk.cli import cli
from mpm_elk.config import load
from mpm_elk.contract.events import PredictionEvent

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "index_templates" / "README.md"]

_BLOCK = re.compile(r"^```(?P<tag>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def blocks(*tags: str) -> Iterator[tuple[str, str]]:
    """Give the code blocks whose tag is one of `tags`, each with the place where it stands."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if match["tag"].strip() in tags:
                yield f"{page.relative_to(ROOT)}:{text[: match.start()].count(chr(10)) + 1}", match["text"]


def cases(*tags: str) -> list[object]:
    """Give the code blocks as parameters; that there are none is a failure of its own."""
    return [pytest.param(text, id=where) for where, text in blocks(*tags)]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Give each call of mpm-elk in a shell block, or between backticks in the text, as words."""
    for where, text in blocks("sh", ""):
        for line in text.splitlines():
            for call in re.findall(r"\bmpm-elk [^#|)]*", line):
                yield where, shlex.split(call.split(">>")[0].strip('" '))
    for page in PAGES:
        text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
        for call in re.findall(r"`(mpm-elk [^`]*)`", text):
            yield str(page.relative_to(ROOT)), shlex.split(call)


def unknown(words: list[str]) -> str | None:
    """Say what of a call of mpm-elk does not exist."""
    command: click.Command = cli
    path = words[0]
    for word in words[1:]:
        if word.startswith("--"):
            if word.partition("=")[0] not in {option for p in command.params for option in p.opts + p.secondary_opts}:
                return f"{path} has no option {word}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+(\|[a-z-]+)*", word):
            found = [command.get_command(click.Context(command), name) for name in word.split("|")]
            if None in found:
                return f"{path} has no command {word}"
            command, path = found[0] or command, f"{path} {word}"
    return None


@pytest.mark.parametrize("text", cases("yaml mpm.yml"))
def test_configurations_load(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mpm.yml"
    file.write_text(text, encoding="utf-8")
    load(file, {})


@pytest.mark.parametrize(
    "file",
    sorted(file for file in (ROOT / "examples").rglob("*.yml") if file.parent.name != "tests"),
    ids=lambda file: os.path.relpath(file, ROOT),
)
def test_example_configurations_load(file: Path) -> None:
    load(file, {})


@pytest.mark.parametrize("text", cases("json prediction"))
def test_events_are_valid(text: str) -> None:
    for line in text.splitlines():
        PredictionEvent.model_validate_json(line)


@pytest.mark.parametrize("tag", ["yaml mpm.yml", "json prediction", "sh"])
def test_the_readme_shows_one_of_each(tag: str) -> None:
    assert any(where.startswith("README.md") for where, _ in blocks(tag))


def test_commands_and_options_exist() -> None:
    found = list(commands())
    assert len(found) > 10
    assert [f"{where}: {problem}" for where, words in found if (problem := unknown(words))] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for _, text in blocks("sh") for name in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.path.relpath(page, ROOT))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []
