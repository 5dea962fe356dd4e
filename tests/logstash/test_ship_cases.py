"""The golden cases through the functions beneath `mpm-elk ship`."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import quarantine
from mpm_elk.intake.receive import receive
from mpm_elk.timespan import DAY_MS
from tests.logstash.golden import MAX_AGE, Case, Document, Outcome, Quarantined, cases, check

NOW_MS = 1_796_083_200_000  # 2026-12-01T00:00:00Z
CASES = cases()


def run(case: Case) -> Outcome:
    """Take in what a case gives."""
    limits = Limits(max_age_ms=int(MAX_AGE.removesuffix("d")) * DAY_MS, pool=case.pool)
    outcome = Outcome()
    for text in case.texts:
        for event in receive(text, headers=case.headers, source=case.path, now_ms=NOW_MS, limits=limits):
            if event.stored is not None:
                outcome.stored.append(Document(event.stored.index, event.stored.id, event.stored.document))
            elif event.rejected is not None:
                line = Line(1, 0, event.raw, size=len(event.raw))
                action = quarantine(line, event.rejected, source="a case", now_ms=NOW_MS)
                outcome.quarantined.append(Quarantined.of(json.loads(action.body)))
            else:
                outcome.passed += 1
    return outcome


def unrefused(case: Case) -> Case:
    """Expect that everything is stored: there is no Elasticsearch here to refuse it."""
    stored = [replace(document, refused=False) for document in case.expect.stored]
    return replace(case, expect=replace(case.expect, stored=stored))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    check(unrefused(case), run(case))


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) >= 100
    assert {case.via for case in CASES} == {"http", "line", "beats", "tcp", "file", "kafka"}
    indices = {document.index.split("-v1-")[0] for case in CASES for document in case.expect.stored}
    assert indices == {"mpm-predictions", "mpm-ground-truth", "mpm-captures"}
    assert sum(bool(case.expect.quarantined) for case in CASES) >= 40


def test_no_two_cases_can_be_taken_for_one_another() -> None:
    names = Counter(case.name for case in CASES)
    documents = Counter((doc.index, doc.id) for case in CASES for doc in case.expect.stored)
    originals = Counter(item.original for case in CASES for item in case.expect.quarantined)
    for counted in (names, documents, originals):
        assert [key for key, count in counted.items() if count > 1] == []
