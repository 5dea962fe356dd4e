"""Our metrics beside the peers' own functions on the same cells: their kept answers, and the peers where they are."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.agreement import AGREEMENTS, KEPT, PAGE, Agreement, ask, cases, page

PEERS = os.environ.get("MPM_PEERS_PYTHON")


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("one", AGREEMENTS, ids=lambda one: f"{one.metric} {one.answer}")
def test_the_difference_is_within_what_is_said(one: Agreement, kept: dict[str, Any]) -> None:
    found = dict(one.differences(kept["answers"]))
    assert found
    assert max(found.values()) <= one.tolerance, found
    assert one.why or one.tolerance == 1e-12


def test_every_answer_is_compared_and_the_cases_are_those_that_were_asked(kept: dict[str, Any]) -> None:
    answers = set().union(*kept["answers"].values())
    assert {one.answer for one in AGREEMENTS} == answers
    asked = {
        name: {"window": case.window.tolist(), "reference": case.reference.tolist()} for name, case in cases().items()
    }
    assert asked == kept["cases"]
    assert kept["answers"].keys() == asked.keys()


def test_refusals_are_known(kept: dict[str, Any]) -> None:
    refused = {
        (name, answer): found
        for name, answers in kept["answers"].items()
        for answer, found in answers.items()
        if isinstance(found, str)
    }
    unlike = {name for name, case in cases().items() if case.sizes[0] != case.sizes[1]}
    # Evidently's G-test takes sides of one size only; whylogs' χ² is infinite where an expected count rounds to 0.
    assert {name for name, answer in refused if answer == "evidently.g_p"} <= unlike
    assert {answer for _, answer in refused} == {"evidently.g_p", "whylogs.chi2"}
    assert all(found == "inf" for (_, answer), found in refused.items() if answer == "whylogs.chi2")


def test_the_page_is_not_stale(kept: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(kept), "write it again: python -m benchmarks.agreement"


@pytest.mark.skipif(PEERS is None, reason="MPM_PEERS_PYTHON names no Python that has the peers")
def test_the_peers_say_so_today(kept: dict[str, Any]) -> None:
    assert PEERS is not None
    now = ask(Path(PEERS))
    assert now["answers"].keys() == kept["answers"].keys()
    for name, answers in now["answers"].items():
        for answer, found in answers.items():
            before = kept["answers"][name][answer]
            chance = 0.05 if answer == "whylogs.ks" else 0.0  # its sketch draws
            same = before if isinstance(found, str) else pytest.approx(before, rel=1e-9 + chance, abs=1e-12 + chance)
            assert found == same, (name, answer)
