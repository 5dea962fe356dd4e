from pathlib import Path

import pytest

from mpm_elk.cluster.dev import jdk, places
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError

MODULES = "java.base@25.0.3\njdk.incubator.vector@25.0.3\njdk.jlink@25.0.3\n"


@pytest.mark.parametrize(
    ("text", "major"),
    [
        (
            'openjdk version "25.0.3" 2026-04-21 LTS\nOpenJDK Runtime Environment (build 25.0.3+9-LTS)',
            25,
        ),
        ('openjdk version "17.0.15" 2025-04-15\n', 17),
        ('java version "1.8.0_392"\nJava(TM) SE Runtime Environment (build 1.8.0_392-b08)', 8),
        ('openjdk version "26-ea" 2026-03-17\n', 26),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=1\nopenjdk version "21" 2023-09-19\n', 21),
    ],
)
def test_major_version(text: str, major: int) -> None:
    assert jdk.parse_major(text) == major


def test_a_text_without_a_version_is_quoted() -> None:
    with pytest.raises(ValueError, match="The operation couldn’t be completed"):
        jdk.parse_major("The operation couldn’t be completed. Unable to locate a Java Runtime.")


def test_modules() -> None:
    assert jdk.parse_modules(MODULES) == {"java.base", "jdk.incubator.vector", "jdk.jlink"}


def test_what_is_wrong_with_a_java() -> None:
    full = jdk.parse_modules(MODULES)
    assert jdk.Java(Path("/j"), 21, full).problem(21) is None
    assert jdk.Java(Path("/j"), 17, full).problem(21) == "is Java 17, 21 is needed"
    problem = jdk.Java(Path("/j"), 25, full - {"jdk.jlink"}).problem(21)
    assert problem == "lacks the module jdk.jlink: it is no full JDK"
    assert jdk.Java(Path("/j"), 25, frozenset({"java.base"})).problem(21) == (
        "lacks the module jdk.incubator.vector and jdk.jlink: it is no full JDK"
    )


def make_java(home: Path, version: str, modules: str = MODULES) -> Path:
    """Write a script that answers as a `java` would."""
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    answer = f"if [ \"$1\" = -version ]; then echo 'openjdk version \"{version}\"' >&2; else printf '{modules}'; fi"
    java.write_text(f"#!/bin/sh\n{answer}\n")
    java.chmod(0o755)
    return home


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ES_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(jdk, "_USUAL_PLACES", ())


@pytest.mark.usefixtures("no_java")
def test_the_first_that_fits_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make_java(tmp_path / "old", "17.0.1")
    trimmed = make_java(tmp_path / "trimmed", "25.0.1", "java.base@25\n")
    good = make_java(tmp_path / "places/jdk-21", "21.0.4")
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", str(trimmed / "bin"))
    monkeypatch.setattr(jdk, "_USUAL_PLACES", (f"{tmp_path}/places/*",))
    said: list[str] = []
    # PATH is emptied for the probe, which must not need it.
    assert jdk.find(21, user=None, say=said.append) == good
    assert jdk.find(17, user=None, say=said.append) == old
    assert said == []


@pytest.mark.usefixtures("no_java")
def test_the_java_that_was_named_must_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ES_JAVA_HOME", str(make_java(tmp_path / "old", "17.0.1")))
    with pytest.raises(EmbeddedUnavailableError, match=r"ES_JAVA_HOME=.* is Java 17, 21 is needed"):
        jdk.find(21, user=None, say=lambda _text: None)


@pytest.mark.usefixtures("no_java")
def test_a_java_home_without_java_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ES_JAVA_HOME", str(tmp_path))
    with pytest.raises(EmbeddedUnavailableError, match=r"ES_JAVA_HOME=.* has no bin/java"):
        jdk.find(21, user=None, say=lambda _text: None)


@pytest.mark.usefixtures("no_java")
def test_without_any_java_one_is_fetched_and_the_failure_tells_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cjdk = pytest.importorskip("cjdk")
    asked: list[dict[str, object]] = []

    def java_home(**options: object) -> Path:
        asked.append(options)
        raise cjdk.InstallError("no network")

    monkeypatch.setattr(cjdk, "java_home", java_home)
    monkeypatch.setattr(places, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(places, "make_root", lambda _path: None)
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "old", "17.0.1")))
    said: list[str] = []
    with pytest.raises(EmbeddedUnavailableError, match=r"old is Java 17, 21 is needed.*no network") as raised:
        jdk.find(21, user=None, say=said.append)
    assert said == ["no fitting JDK found, fetching adoptium 21"]
    assert asked[0]["cache_dir"] == tmp_path / "jdk"
    assert "ES_JAVA_HOME" in str(raised.value.remedy)
