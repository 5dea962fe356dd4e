"""The image of mpm-elk: what can be known of its Dockerfile without Docker."""

import re
from typing import Any

from tests.compose.conftest import ROOT

LINES = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]


def words(instruction: str) -> list[list[str]]:
    """Give the words after each use of an instruction."""
    return [line.split()[1:] for line in LINES if line.startswith(f"{instruction} ")]


def stages() -> dict[str, str]:
    """Give each stage and what it builds upon."""
    return {name: base for base, _, name in words("FROM")}


def test_targets_that_compose_builds_exist(services: dict[str, Any]) -> None:
    targets = {service["build"]["target"] for service in services.values() if "build" in service}
    assert targets == {"runtime", "demo"}
    assert targets <= set(stages())


def test_the_base_has_a_version() -> None:
    bases = {base for base in stages().values() if base not in stages()}
    assert bases == {"python:${PYTHON_VERSION}-slim"}
    assert re.search(r"^ARG PYTHON_VERSION=3\.1[1-9]$", "\n".join(LINES), re.MULTILINE)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [word.strip("./") for line in words("COPY") if not line[0].startswith("--") for word in line[:-1]]
    assert copied == ["pyproject.toml", "README.md", "LICENSE", "mpm_elk"]
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_stages_copied_from_exist() -> None:
    named = {line[0].removeprefix("--from=") for line in words("COPY") if line[0].startswith("--from=")}
    assert named == {"build", "build-demo"}
    assert named <= set(stages())


def test_it_does_not_run_as_root() -> None:
    text = "\n".join(LINES)
    base = text[text.index("AS base") : text.index("FROM base AS demo")]
    assert re.search(r"^USER 10001:10001$", base, re.MULTILINE)
    assert [line for line in words("USER") if line != ["10001:10001"]] == []
    assert stages()["demo"] == stages()["runtime"] == "base"
