"""The bundle's Ruby scripts on real JRuby: their own tests, the golden cases, and odd events compared with Python."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import quarantine
from mpm_elk.intake.receive import receive
from mpm_elk.timespan import DAY_MS
from tests.logstash.golden import MAX_AGE, Case, Document, Outcome, Quarantined, cases, check
from tests.logstash.jruby import in_logstash
from tests.logstash.jruby.odd import Body, bodies
from tests.logstash.jruby.process import JRuby

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(file.name for file in (ROOT / "logstash" / "ruby").glob("*.rb"))
NOW_MS = 1_796_083_200_000  # 2026-12-01T00:00:00Z
CASES = cases()
ODD_EVENTS = 6000
_SHOWN = 5


@pytest.fixture(scope="session")
def jruby() -> Iterator[JRuby]:
    """One process for all tests."""
    try:
        process = JRuby()
    except EmbeddedUnavailableError as error:
        if os.environ.get("MPM_REQUIRE_ES"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    with process:
        yield process


def outcome(answer: Mapping[str, Any]) -> Outcome:
    """Read what the scripts made of a case."""
    return Outcome(
        stored=[Document(one["index"], one["id"], one["document"]) for one in answer["stored"]],
        quarantined=[Quarantined.of(one["document"]) for one in answer["quarantined"]],
        passed=answer["passed"],
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_inline_tests(jruby: JRuby, script: str) -> None:
    results = jruby.ask("inline", script=script)
    assert results
    assert {name: found for name, found in results.items() if found is not True} == {}


def test_the_event_stand_in(jruby: JRuby) -> None:
    results = jruby.ask("event_facts")
    assert results
    assert {name: found for name, found in results.items() if found is not True} == {}


def test_contract_vectors(jruby: JRuby) -> None:
    vectors = json.loads((ROOT / "tests" / "contract" / "vectors.json").read_text())
    assert jruby.ask("vectors", vectors=vectors) == {
        "parts": [one["part"] for one in vectors["parts"]],
        "indices": [one["index"] for one in vectors["indices"]],
        "canonical": [one["canonical"] for one in vectors["digests"]],
        "digests": [one["digest"] for one in vectors["digests"]],
        "ids": [one["id"] for one in vectors["predictions"]],
        "buckets": [one["bucket"] for one in vectors["predictions"]],
    }


def golden() -> list[dict[str, Any]]:
    """Give the golden cases as the scripts take them."""
    return [
        {
            "via": case.via,
            "path": case.path,
            "headers": case.headers,
            "texts": case.texts,
            "params": {"pool": case.pool} if case.pool else {},
        }
        for case in CASES
    ]


@pytest.fixture(scope="session")
def answers(jruby: JRuby) -> dict[str, Any]:
    """What the scripts make of all golden cases, by name."""
    found = jruby.run(golden(), params={"max_age": MAX_AGE}, now_ms=NOW_MS)
    return {case.name: answer for case, answer in zip(CASES, found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_case(answers: dict[str, Any], case: Case) -> None:
    wanted = case.expect
    stored = [Document(one.index, one.id, one.document) for one in wanted.stored]
    expected = Outcome(stored, wanted.quarantined, wanted.passed)
    check(
        Case(case.name, case.via, case.path, case.headers, case.body, case.pool, expected), outcome(answers[case.name])
    )


def in_python(body: bytes, headers: Mapping[str, str], path: str | None, limits: Limits) -> dict[str, Any]:
    """Give what Python makes of a body, in the form of the scripts' answers."""
    stored, quarantined, passed = [], [], 0
    for event in receive(body, headers=headers, source=path, now_ms=NOW_MS, limits=limits):
        if event.stored is not None:
            one = event.stored
            stored.append({"index": one.index, "id": one.id, "document": one.document})
        elif event.rejected is not None:
            line = Line(1, 0, event.raw, size=len(event.raw))
            kept = quarantine(line, event.rejected, source="here", now_ms=NOW_MS)
            quarantined.append({"index": kept.index, "id": kept.id, "document": json.loads(kept.body)})
        else:
            passed += 1
    for item in quarantined:
        for name in ("source", "line"):
            item["document"]["mpm"]["quarantine"].pop(name)
    return {"stored": stored, "quarantined": quarantined, "passed": passed}


def exact(answer: Mapping[str, Any]) -> str:
    """Write an answer so that two texts are equal when, and only when, all values and types are."""
    for item in answer["quarantined"]:
        for name in ("source", "line"):
            item["document"]["mpm"]["quarantine"].pop(name, None)
    return json.dumps(answer, sort_keys=True, indent=1, ensure_ascii=False)


def difference(wanted: str, found: str) -> str:
    """Show where two answers differ."""
    lines = unified_diff(wanted.splitlines(), found.splitlines(), "Python", "Ruby", lineterm="", n=0)
    return "\n".join(line[:300] for line in lines)


def odd_cases(odd: Sequence[Body]) -> list[dict[str, Any]]:
    """Give odd bodies as the scripts take them."""
    return [{"via": "http", "path": one.path, "headers": one.headers, "texts": [one.body], "params": {}} for one in odd]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_odd_events_are_the_same_in_python_and_ruby(jruby: JRuby, seed: int) -> None:
    limits = Limits(max_age_ms=400 * DAY_MS, max_line_bytes=20_000)
    odd = list(bodies(random.Random(seed), ODD_EVENTS // 3))  # noqa: S311
    found = jruby.run(odd_cases(odd), params={"max_line_bytes": "20000"}, now_ms=NOW_MS)
    differing = []
    kinds: Counter[str] = Counter()
    for one, answer in zip(odd, found, strict=True):
        wanted = in_python(one.body, one.headers, one.path, limits)
        kinds.update(stored=len(wanted["stored"]), quarantined=len(wanted["quarantined"]), passed=wanted["passed"])
        if exact(wanted) != exact(answer):
            differing.append(f"{one.body!r} {one.headers}\n{difference(exact(wanted), exact(answer))}")
    assert not differing, f"{len(differing)} differ\n\n" + "\n\n".join(differing[:_SHOWN])
    assert min(kinds.values()) > ODD_EVENTS / 100, kinds


def test_the_scripts_do_the_same_with_logstashs_own_events(jruby: JRuby, tmp_path: Path) -> None:
    home = os.environ.get("LOGSTASH_HOME")
    if not home:
        pytest.skip("a real Logstash: set LOGSTASH_HOME to an unpacked 9.x")
    given = [*golden(), *odd_cases(list(bodies(random.Random(4), 1000)))]  # noqa: S311
    params = {"max_line_bytes": "20000"}
    real = in_logstash.run(Path(home), tmp_path, given, params=params, now_ms=NOW_MS)
    assert {name: found for name, found in real["event_facts"].items() if found is not True} == {}
    assert list(map(exact, real["cases"])) == list(map(exact, jruby.run(given, params=params, now_ms=NOW_MS)))
