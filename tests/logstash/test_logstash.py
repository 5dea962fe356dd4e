"""The golden cases through a real Logstash that runs the committed bundle, into a real Elasticsearch."""

import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.contract.names import Index
from tests.logstash import beats, golden
from tests.logstash.bundle import Logstash
from tests.logstash.golden import Case, Document, Outcome, Quarantined

pytestmark = pytest.mark.integration

CASES = golden.cases()

_ARRIVAL_SECONDS = 120
_REFUSED = "refused_by_elasticsearch"
_SPACE = b" \t\r\n"

Places = dict[str, list[tuple[str, dict[str, Any]]]]


class Everything:
    """All documents that the cases left in Elasticsearch, and how many lines passed by."""

    def __init__(self, hits: list[dict[str, Any]], passed: int) -> None:
        self.passed = passed
        self.documents: Places = {}
        self.quarantined: dict[tuple[bytes, int], Quarantined] = {}
        for hit in hits:
            if hit["_index"].startswith(Index.QUARANTINE):
                found = Quarantined.of(hit["_source"])
                self.quarantined[found.original, found.size] = found
            else:
                self.documents.setdefault(hit["_id"], []).append((hit["_index"], hit["_source"]))

    def of(self, case: Case, folder: Path) -> Outcome:
        """Give what belongs to one case."""
        outcome = Outcome(passed=case.expect.passed)
        for wanted in case.expect.stored:
            if wanted.refused:
                found = self.quarantined.get((case.body.strip(_SPACE), len(case.body.strip(_SPACE))))
                if found and found.code == _REFUSED:
                    outcome.stored.append(wanted)
                continue
            for index, document in self.documents.get(wanted.id, ()):
                outcome.stored.append(Document(index, wanted.id, _with_source(document, case, folder)))
        for item in case.expect.quarantined:
            if found := self.quarantined.get((item.original, item.size)):
                outcome.quarantined.append(found)
        return outcome


def _with_source(document: dict[str, Any], case: Case, folder: Path) -> dict[str, Any]:
    """Name the source of a capture as the case does: its file is in the folder of the test, its topic was a request."""
    capture = document.get("mpm", {}).get("capture")
    if capture is None or not (case.via == "kafka" or str(capture.get("source", "")).startswith(str(folder))):
        return document
    capture = {key: value for key, value in capture.items() if key != "source"}
    if case.path is not None:
        capture["source"] = case.path
    return {**document, "mpm": {**document["mpm"], "capture": capture}}


@pytest.fixture(scope="module")
def everything(logstash_for: Any, admin_client: Elasticsearch) -> dict[str | None, tuple[Everything, Path]]:
    """Send all cases, each over its own input; the cases with another index pool need an instance of their own."""
    found: dict[str | None, tuple[Everything, Path]] = {}
    for pool in sorted({case.pool for case in CASES}, key=str):
        cases = [case for case in CASES if case.pool == pool]
        changes = {"MPM_INTAKE_MAX_AGE": golden.MAX_AGE, "MPM_INTAKE_POOL": pool or ""}
        wipe(admin_client)
        logstash: Logstash = logstash_for("http,tcp,beats,file", changes)
        try:
            for number, case in enumerate(cases):
                send(logstash, case, number)
            hits = arrived(admin_client, expected_count(cases))
            found[pool] = Everything(hits, logstash.passed()), logstash.folder
        finally:
            logstash.stop()
    return found


def send(logstash: Logstash, case: Case, number: int) -> None:
    """Send a case over the input that it names. There is no Kafka here: its messages go over http, whole too."""
    context = logstash.certificates.client()
    match case.via:
        case "http" | "kafka":
            assert logstash.post(case.body, case.headers, case.path or "/") == 200
        case "beats":
            event = {"@timestamp": "2026-11-01T00:00:00.000Z", "message": case.body.decode(), "host": {"name": "web-1"}}
            beats.send(logstash.beats_port, context, [event])
        case "tcp" | "line":
            with (
                socket.create_connection(("127.0.0.1", logstash.tcp_port), timeout=60) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                connection.sendall(case.body.removesuffix(b"\n") + b"\n")
                # Wait for the end: a connection that is closed at once takes with it what the other side has not read.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        case "file":
            file = logstash.folder / "logs" / str(number) / (case.path or "events.ndjson").lstrip("/")
            file.parent.mkdir(parents=True)
            file.write_bytes(case.body.removesuffix(b"\n") + b"\n")


def expected_count(cases: list[Case]) -> int:
    """Count the documents that the cases leave: what comes twice is stored once."""
    stored = {(one.index, one.id) for case in cases for one in case.expect.stored if not one.refused}
    quarantined = {(one.original, one.size) for case in cases for one in case.expect.quarantined}
    refused = {case.body.strip(_SPACE) for case in cases if any(one.refused for one in case.expect.stored)}
    return len(stored) + len(quarantined) + len(refused)


def arrived(client: Elasticsearch, count: int) -> list[dict[str, Any]]:
    """Wait until as many documents are there, or no more come; give them."""
    until = time.monotonic() + _ARRIVAL_SECONDS
    before, quiet_since = -1, time.monotonic()
    while True:
        client.indices.refresh(index="mpm-*", ignore_unavailable=True)
        found = client.count(index="mpm-*", ignore_unavailable=True)["count"]
        if found != before:
            before, quiet_since = found, time.monotonic()
        enough = found >= count and time.monotonic() - quiet_since > 3
        if enough or time.monotonic() > until or time.monotonic() - quiet_since > 40:
            break
        time.sleep(0.5)
    return read_all(client)


def read_all(client: Elasticsearch) -> list[dict[str, Any]]:
    """Read every document of ours."""
    hits: list[dict[str, Any]] = []
    for index in sorted(client.indices.get(index="mpm-*", ignore_unavailable=True)):
        answer = client.options(request_timeout=120).search(index=index, size=10_000, sort="_doc")
        hits += answer["hits"]["hits"]
    return hits


def wipe(client: Elasticsearch) -> None:
    """Delete what an earlier instance stored."""
    for index in client.indices.get(index="mpm-*", expand_wildcards="all", ignore_unavailable=True):
        client.indices.delete(index=index)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_case(everything: dict[str | None, tuple[Everything, Path]], case: Case) -> None:
    found, folder = everything[case.pool]
    wanted = case
    if case.via == "http" and case.path is None:
        wanted = replace(case, path="/")
    golden.check(case, found.of(wanted, folder))


def test_nothing_else_came_out(everything: dict[str | None, tuple[Everything, Path]]) -> None:
    for pool, (found, _) in everything.items():
        cases = [case for case in CASES if case.pool == pool]
        wanted = {one.id for case in cases for one in case.expect.stored}
        assert set(found.documents) <= wanted
        originals = {(one.original, one.size) for case in cases for one in case.expect.quarantined}
        refused = {case.body.strip(_SPACE) for case in cases if any(one.refused for one in case.expect.stored)}
        more = {key for key in found.quarantined if key not in originals and key[0] not in refused}
        assert not more, [found.quarantined[key] for key in more]


def test_lines_that_pass_by_are_counted(everything: dict[str | None, tuple[Everything, Path]]) -> None:
    for pool, (found, _) in everything.items():
        assert found.passed == sum(case.expect.passed for case in CASES if case.pool == pool)
