"""How bulk requests meet faults, which a small server plays; the rest is tested on Elasticsearch itself."""

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action, Operation, Outcome, Patience, Result, send
from mpm_elk.errors import AuthenticationError, ClusterError, PermissionDeniedError

QUICK = Patience(tries=4, first=0.001, longest=0.01)

Fault = Callable[[list[str]], "tuple[int, dict[str, Any]] | None"]
"""Given the ids of a request: an HTTP answer, or None to drop the connection."""


class Faulty:
    """A server that plays `faults` in order, then takes everything."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.requests: list[list[str]] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).splitlines()
                ids = [next(iter(json.loads(header).values()))["_id"] for header in body[::2]]
                with outer.lock:
                    outer.requests.append(ids)
                    fault = outer.faults.pop(0) if outer.faults else taken
                answer = fault(ids)
                if answer is None:
                    self.connection.close()
                    return
                raw = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("content-type", "application/json")
                self.send_header("x-elastic-product", "Elasticsearch")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_PUT  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def client(self) -> Elasticsearch:
        return Elasticsearch(f"http://127.0.0.1:{self.server.server_address[1]}", request_timeout=5)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def items(ids: list[str], **statuses: int) -> tuple[int, dict[str, Any]]:
    """Answer 200; an item is created unless `statuses` says otherwise."""

    def item(identity: str) -> dict[str, Any]:
        status = statuses.get(identity, 201)
        kind = {400: "document_parsing_exception", 403: "security_exception", 429: "es_rejected_execution_exception"}
        error = (
            {"error": {"type": kind.get(status, "other"), "reason": f"because of {status}"}} if status >= 400 else {}
        )
        return {"create": {"status": status, **error}}

    return 200, {"items": [item(identity) for identity in ids]}


def taken(ids: list[str]) -> tuple[int, dict[str, Any]]:
    return items(ids)


def failing(status: int) -> Fault:
    return lambda _: (status, {"error": {"type": "x", "reason": f"played {status}"}, "status": status})


def dropped(_: list[str]) -> None:
    return None


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    server = Faulty()
    yield server
    server.close()


def actions(count: int, size: int = 10) -> list[Action]:
    return [Action("index", str(i), json.dumps({"x": "y" * size}).encode(), tag=i) for i in range(count)]


def test_outcomes_come_in_the_order_of_the_actions(faulty: Faulty) -> None:
    got = list(send(faulty.client, actions(95), max_actions=10, threads=3, patience=QUICK))
    assert [outcome.action.tag for outcome in got] == list(range(95))
    assert {outcome.result for outcome in got} == {Result.CREATED}
    assert sorted(len(ids) for ids in faulty.requests) == [5] + [10] * 9


def test_requests_are_bounded_in_bytes(faulty: Faulty) -> None:
    list(send(faulty.client, actions(10, size=1000), max_bytes=4000, threads=1, patience=QUICK))
    assert [len(ids) for ids in faulty.requests] == [3, 3, 3, 1]
    faulty.requests.clear()
    list(send(faulty.client, actions(2, size=9000), max_bytes=4000, threads=1, patience=QUICK))
    assert [len(ids) for ids in faulty.requests] == [1, 1]


def test_only_items_that_the_cluster_was_too_busy_for_are_sent_again(faulty: Faulty) -> None:
    faulty.faults = [lambda ids: items(ids, **{"1": 429, "3": 503}), lambda ids: items(ids, **{"3": 429})]
    got = list(send(faulty.client, actions(5), patience=QUICK))
    assert [outcome.result for outcome in got] == [Result.CREATED] * 5
    assert faulty.requests == [["0", "1", "2", "3", "4"], ["1", "3"], ["3"]]


@pytest.mark.parametrize("fault", [failing(429), failing(503), failing(502), dropped])
def test_a_request_that_failed_is_sent_again(faulty: Faulty, fault: Fault) -> None:
    faulty.faults = [fault, fault]
    got = list(send(faulty.client, actions(2), patience=QUICK))
    assert [outcome.result for outcome in got] == [Result.CREATED] * 2
    assert faulty.requests == [["0", "1"]] * 3


@pytest.mark.parametrize(
    ("fault", "words"), [(failing(503), "played 503"), (dropped, "answer"), (lambda i: items(i, **{"0": 429}), "429")]
)
def test_patience_ends(faulty: Faulty, fault: Fault, words: str) -> None:
    faulty.faults = [fault] * 4
    got = list(send(faulty.client, actions(1), patience=QUICK))
    assert [outcome.result for outcome in got] == [Result.FAILED]
    assert words in got[0].reason
    assert len(faulty.requests) == 4


def test_what_becomes_of_an_item(faulty: Faulty) -> None:
    faulty.faults = [lambda ids: items(ids, **{"1": 409, "2": 400, "3": 404})]
    got = list(send(faulty.client, actions(4), patience=QUICK))
    assert [o.result for o in got] == [Result.CREATED, Result.DUPLICATE, Result.REFUSED, Result.FAILED]
    assert [o.reason for o in got] == ["", "", "because of 400", "because of 404"]


def test_a_fault_of_the_cluster_is_not_the_documents(faulty: Faulty) -> None:
    error = {"type": "validation_exception", "reason": "this cluster has the maximum of shards"}
    faulty.faults = [lambda _: (200, {"items": [{"create": {"status": 400, "error": error}}]})]
    (got,) = send(faulty.client, actions(1), patience=QUICK)
    assert (got.result, got.reason) == (Result.FAILED, error["reason"])


def test_a_request_that_is_too_large_is_halved(faulty: Faulty) -> None:
    def limit(ids: list[str]) -> tuple[int, dict[str, Any]] | None:
        return taken(ids) if len(ids) < 3 and "4" not in ids else failing(413)(ids)

    faulty.faults = [limit] * 20
    got = list(send(faulty.client, actions(5), threads=1, patience=QUICK))
    assert [o.action.tag for o in got] == list(range(5))
    assert [o.result for o in got] == [Result.CREATED] * 4 + [Result.REFUSED]
    assert "too large" in got[4].reason


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (failing(401), AuthenticationError),
        (failing(403), PermissionDeniedError),
        (failing(400), ClusterError),
        (lambda ids: items(ids, **{"0": 403}), PermissionDeniedError),
    ],
)
def test_what_waiting_does_not_mend_is_raised_at_once(faulty: Faulty, fault: Fault, kind: type[Exception]) -> None:
    faulty.faults = [fault]
    with pytest.raises(kind):
        list(send(faulty.client, actions(1), patience=QUICK))
    assert len(faulty.requests) == 1


def test_a_caller_that_has_enough_does_not_wait_for_retries(faulty: Faulty) -> None:
    faulty.faults = [taken] + [failing(503)] * 50
    stream = send(faulty.client, actions(3), max_actions=1, threads=1, patience=Patience(tries=50, first=60))
    assert next(stream).result is Result.CREATED
    stop = threading.Timer(30, faulty.close)
    stop.start()
    stream.close()  # type: ignore[attr-defined]
    assert stop.is_alive()
    stop.cancel()


def test_memory_is_bounded(faulty: Faulty) -> None:
    def many() -> Iterator[Action]:
        for i in range(300):
            yield Action("index", str(i), b'{"x":"' + bytes([97 + i % 26]) * 100_000 + b'"}')

    tracemalloc.start()
    try:
        count = sum(1 for _ in send(faulty.client, many(), max_bytes=1 << 20, threads=2, patience=QUICK))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 300
    # Three requests of 1 MiB, joined and split again on both sides: far from the 30 MB that went through.
    assert peak < 16 << 20


def answered(operation: str, status: int, **error: str) -> Fault:
    """Answer one item."""
    item: dict[str, Any] = {"status": status} | ({"error": error} if error else {})
    return lambda _: (200, {"items": [{operation: item}]})


def one(faulty: Faulty, operation: Operation, *faults: Fault) -> Outcome:
    faulty.faults = list(faults)
    [outcome] = send(faulty.client, [Action("i", "1", b"{}", operation=operation)], patience=QUICK)
    return outcome


@pytest.mark.parametrize(("status", "result"), [(201, Result.CREATED), (200, Result.UPDATED)])
def test_writing_over_a_document_says_whether_one_was_there(faulty: Faulty, status: int, result: Result) -> None:
    assert one(faulty, Operation.INDEX, answered("index", status)).result is result


def test_what_is_not_there_is_deleted(faulty: Faulty) -> None:
    assert one(faulty, Operation.DELETE, answered("delete", 200)).result is Result.DELETED
    assert one(faulty, Operation.DELETE, answered("delete", 404)).result is Result.DELETED
    absent = answered("delete", 404, type="index_not_found_exception", reason="no such index [i]")
    assert one(faulty, Operation.DELETE, absent).result is Result.DELETED
    busy = answered("delete", 429, type="es_rejected_execution_exception", reason="busy")
    assert one(faulty, Operation.DELETE, busy, answered("delete", 200)).result is Result.DELETED
    assert faulty.requests == [["1"]] * 5


def test_an_update_of_what_is_not_there_is_no_success(faulty: Faulty) -> None:
    absent = answered("update", 404, type="document_missing_exception", reason="[1]: document missing")
    outcome = one(faulty, Operation.UPDATE, absent)
    assert (outcome.result, outcome.reason) == (Result.FAILED, "[1]: document missing")


def test_a_deletion_is_one_line(faulty: Faulty) -> None:
    mixed = [Action("i", "1", b"", operation=Operation.DELETE), Action("i", "2", b'{"a":1}', operation=Operation.INDEX)]
    list(send(faulty.client, mixed[:1], patience=QUICK))
    assert mixed[0].header() == b'{"delete":{"_index":"i","_id":"1"}}'
    assert mixed[1].header() == b'{"index":{"_index":"i","_id":"2"}}'
