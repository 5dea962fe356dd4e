"""The golden cases through `mpm-elk ship` into a real Elasticsearch: what its indices hold is what the cases expect.

All cases that a file can hold are shipped once, each as a file of its own.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import quarantine_id
from mpm_elk.timespan import iso
from tests.integration.command import Command
from tests.logstash.golden import MAX_AGE, Case, Document, Outcome, Quarantined, cases, check

pytestmark = pytest.mark.integration

CASES = [case for case in cases() if case.file]
STORES = ",".join(index.pattern for index in (Index.PREDICTIONS, Index.GROUND_TRUTH, Index.CAPTURES))
REFUSED = "refused_by_elasticsearch"

_Hit = dict[str, Any]


@dataclass(frozen=True)
class Shipped:
    """What `mpm-elk ship` said in all, and what the indices hold afterwards, by id."""

    began: str
    ended: str
    folder: Path
    passed: int
    stored: dict[str, list[_Hit]]
    quarantined: dict[str, _Hit]

    def outcome(self, case: Case) -> Outcome:
        """Gather what became of one case; how many lines passed by is told for all cases together only."""
        hits = [hit for wanted in case.expect.stored for hit in self.stored.get(wanted.id, ())]
        found = [self.quarantined.get(self.identity(case, wanted)) for wanted in case.expect.quarantined]
        return Outcome(
            [Document(hit["_index"], hit["_id"], self._as_written(case, hit["_source"])) for hit in hits]
            + [wanted for wanted in case.expect.stored if wanted.refused and self._refused(case)],
            [Quarantined.of(hit["_source"]) for hit in found if hit],
            case.expect.passed,
        )

    def identity(self, case: Case, wanted: Quarantined) -> str:
        """Give the id of a quarantine document: of an event that is not kept whole, the hash of the whole."""
        return quarantine_id(Line(1, 0, case.body.strip() if wanted.truncated else wanted.original))

    def meanwhile(self, hits: Iterable[_Hit]) -> set[str]:
        """Give the ids of what came into Elasticsearch while the cases were shipped; other tests have other clocks."""
        return {hit["_id"] for hit in hits if self.began <= hit["_source"]["event"]["ingested"] <= self.ended}

    def _refused(self, case: Case) -> bool:
        """Tell whether the one event of a case is in quarantine with Elasticsearch's own reason."""
        hit = self.quarantined.get(quarantine_id(Line(1, 0, case.body.strip())))
        return hit is not None and hit["_source"]["mpm"]["quarantine"]["reason_code"] == REFUSED

    def _as_written(self, case: Case, document: dict[str, Any]) -> dict[str, Any]:
        """Put the path of the case in place of that of its file."""
        capture = document["mpm"].get("capture")
        if capture is None:
            return document
        capture = {key: value for key, value in capture.items() if key != "source"}
        if case.path is not None:
            capture["source"] = case.path
        return {**document, "mpm": {**document["mpm"], "capture": capture}}


@pytest.fixture(scope="module")
def shipped(
    settings_for: Callable[[str], ElasticsearchSettings],
    admin_client: Elasticsearch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Shipped:
    folder = tmp_path_factory.mktemp("cases")
    began = _now()
    passed = 0
    for pool, members in groupby(sorted(enumerate(CASES), key=_pool), key=_pool):
        intake = {"max_age": MAX_AGE, **({"pool": pool} if pool else {})}
        place = folder / f"pool-{pool}"
        place.mkdir()
        command = Command(settings_for("shipper"), place).write(json.dumps({"intake": intake}))
        done = command.run("ship", "--json", "--no-resume", *_written(members, folder))
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["complete"]
        passed += report["passed"]
    ended = _now()
    admin_client.indices.refresh(index=f"{STORES},{Index.QUARANTINE.pattern}")
    stored: dict[str, list[_Hit]] = {}
    for hit in scan(admin_client, index=STORES):
        stored.setdefault(hit["_id"], []).append(hit)
    quarantined = {hit["_id"]: hit for hit in scan(admin_client, index=Index.QUARANTINE.pattern)}
    return Shipped(began, ended, folder, passed, stored, quarantined)


def _now() -> str:
    return iso(int(datetime.now(tz=UTC).timestamp() * 1000))


def _pool(numbered: tuple[int, Case]) -> str:
    return numbered[1].pool or ""


def _written(numbered: Iterator[tuple[int, Case]], folder: Path) -> Iterator[str]:
    """Write each case as a file; where its path matters, the file's path ends with it."""
    for i, case in numbered:
        path = case.path if case.path and case.via == "file" else "/case"
        file = folder / str(i) / path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(case.body)
        yield str(file)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(shipped: Shipped, case: Case) -> None:
    check(case, shipped.outcome(case))


def test_nothing_else_was_stored(shipped: Shipped) -> None:
    wanted = {document.id for case in CASES for document in case.expect.stored if not document.refused}
    assert shipped.meanwhile(hit for hits in shipped.stored.values() for hit in hits) <= wanted
    refused = [case for case in CASES if any(document.refused for document in case.expect.stored)]
    kept = {shipped.identity(case, item) for case in CASES for item in case.expect.quarantined}
    kept |= {quarantine_id(Line(1, 0, case.body.strip())) for case in refused}
    assert shipped.meanwhile(shipped.quarantined.values()) <= kept


def test_what_passed_by_was_counted(shipped: Shipped) -> None:
    assert shipped.passed == sum(case.expect.passed for case in CASES)


def test_most_cases_can_be_files() -> None:
    assert len(CASES) >= 250
    assert {document.refused for case in CASES for document in case.expect.stored} == {True, False}
