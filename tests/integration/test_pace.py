"""Backpressure on a real cluster: what it refuses or finds too large is asked otherwise, and counts the same."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3
from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import connect
from mpm_elk.cluster.pace import Pace
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.keys import Segment
from mpm_elk.contract.names import Index, all_months
from mpm_elk.errors import ClusterError
from mpm_elk.profiles.cells import SCORE, CellSet
from mpm_elk.profiles.rollup import RolledUp, roll_up
from mpm_elk.profiles.slices import Slice
from mpm_elk.registry.store import load
from mpm_elk.timespan import HOUR_MS
from tests.integration.traffic import SETTLED, Monitored, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 3
HOURS = [midnight(day) + hour * HOUR_MS for day in range(DAYS) for hour in range(9, 15)]
REFUSED = {
    "error": {
        "root_cause": [{"type": "es_rejected_execution_exception", "reason": "rejected execution of a search"}],
        "type": "es_rejected_execution_exception",
        "reason": "rejected execution of a search",
    },
    "status": 429,
}


@dataclass
class Door:
    """Stands before a node, and refuses multi-searches that run more than `takes` at once, as a busy node would."""

    settings: ElasticsearchSettings
    takes: int = 99
    wholly: bool = True
    asked: list[int] = field(default_factory=list)
    refused: int = 0

    def start(self) -> ThreadingHTTPServer:
        """Open it on a free port."""
        door, pool = self, urllib3.PoolManager(ca_certs=str(self.settings.ca_certs))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = door.refusal(self.path, body)
                if answer is None:
                    kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
                    found = pool.request(self.command, door.settings.hosts[0] + self.path, body=body, headers=kept)
                    self.answer(found.status, found.data, found.headers.get("content-type", "application/json"))
                else:
                    status, content = answer
                    self.answer(status, json.dumps(content).encode(), "application/json")

            do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 — names that the base class looks for

            def do_HEAD(self) -> None:
                self.answer(200, b"", "application/json")

            def answer(self, status: int, data: bytes, content: str) -> None:
                self.send_response(status)
                self.send_header("content-type", content)
                self.send_header("x-elastic-product", "Elasticsearch")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def refusal(self, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """Say what a busy node answers: 429, or 200 with each search refused."""
        if "_msearch" not in path:
            return None
        at_once = int(re.search(r"max_concurrent_searches=(\d+)", path)[1])  # type: ignore[index]
        self.asked.append(at_once)
        if at_once <= self.takes:
            return None
        self.refused += 1
        number = body.count(b"\n") // 2
        return (429, REFUSED) if self.wholly else (200, {"took": 1, "responses": [REFUSED] * number})


@pytest.fixture(scope="module")
def model(client_for: ClientFor) -> Monitored:
    """Three days of events, with cells."""
    made = Monitored(client_for, Config.model_validate({"rules": []}))
    made.send(days_of(made.name, range(DAYS)))
    made.ran(midnight(DAYS) + SETTLED)
    return made


@pytest.fixture
def door(settings_for: Callable[[str], ElasticsearchSettings]) -> Iterator[tuple[Door, Elasticsearch]]:
    settings = settings_for("job")
    made = Door(settings)
    server = made.start()
    port = server.server_address[1]
    with connect(settings.model_copy(update={"hosts": (f"http://127.0.0.1:{port}",), "ca_certs": None})) as client:
        yield made, client
    server.shutdown()
    server.server_close()


def cells(model: Monitored) -> CellSet:
    entry = load(model.admin, model.key)
    assert entry.cells is not None
    return entry.cells.cells


def rolled(client: Elasticsearch, model: Monitored, pace: Pace, waited: list[float] | None = None) -> RolledUp:
    pattern = all_months(Index.PREDICTIONS, model.name, "production")
    waits = [] if waited is None else waited
    # Values that no event has make every hour's search as large as a segment of many values does.
    regions = Slice("region", (("EU",), ("US",), *((f"none-{at}",) for at in range(40))), (SCORE,))
    return roll_up(
        client, pattern, model.version, HOURS, cells=cells(model), slices=[regions], pace=pace, wait=waits.append
    )


def counted(found: RolledUp) -> dict[tuple[Segment, int], dict[str, Any]]:
    return {(s, hour): p.to_document() for s, hours in found.profiles.items() for hour, p in hours.items()}


@pytest.mark.parametrize("wholly", [True, False])
def test_a_busy_cluster_is_asked_less_at_once_and_then_slowly_more(
    model: Monitored, door: tuple[Door, Elasticsearch], *, wholly: bool
) -> None:
    expected = counted(rolled(model.client_for("job"), model, Pace()))
    node, client = door
    node.takes, node.wholly = 2, wholly
    # Small answers, so that there are many searches.
    pace, waited = Pace(at_once=6, buckets=200), list[float]()
    assert counted(rolled(client, model, pace, waited)) == expected
    assert node.refused >= 1
    assert waited[0] == 0.5
    assert len(waited) == node.refused < sum(1 for number in node.asked if number <= 2)
    assert max(node.asked[-10:]) <= 3


def test_a_cluster_that_stays_busy_is_given_up_with_a_reason(
    model: Monitored, door: tuple[Door, Elasticsearch]
) -> None:
    node, client = door
    node.takes = 0
    waited: list[float] = []
    pattern = all_months(Index.PREDICTIONS, model.name, "production")
    with pytest.raises(ClusterError, match="the cluster is too busy: rejected execution"):
        roll_up(client, pattern, model.version, HOURS, cells=cells(model), pace=Pace(), wait=waited.append)
    assert waited[-1] == 30.0


@pytest.mark.parametrize("limit", [1000, 300])
def test_a_low_limit_of_buckets_is_kept_to(model: Monitored, limit: int) -> None:
    job = model.client_for("job")
    expected = counted(rolled(job, model, Pace()))
    model.admin.cluster.put_settings(persistent={"search.max_buckets": limit})
    try:
        pace = Pace()
        assert counted(rolled(job, model, pace)) == expected
        assert pace.buckets == limit * 0.9
    finally:
        model.admin.cluster.put_settings(persistent={"search.max_buckets": None})


def test_a_limit_below_one_subject_in_one_hour_is_told(model: Monitored) -> None:
    model.admin.cluster.put_settings(persistent={"search.max_buckets": 40})
    try:
        with pytest.raises(ClusterError, match=r"search\.max_buckets"):
            rolled(model.client_for("job"), model, Pace())
    finally:
        model.admin.cluster.put_settings(persistent={"search.max_buckets": None})


def test_a_whole_run_keeps_to_a_low_limit(client_for: ClientFor) -> None:
    config = Config.model_validate({"rules": []})
    one, two = Monitored(client_for, config), Monitored(client_for, config)
    for model in (one, two):
        model.send(days_of(model.name, range(60), events=40))
    one.ran(midnight(60) + SETTLED)
    # Fewer buckets than there are hours: also the hours are found in parts.
    one.admin.cluster.put_settings(persistent={"search.max_buckets": 300})
    try:
        two.take_cells(one)
        report = two.run(midnight(60) + SETTLED)
    finally:
        one.admin.cluster.put_settings(persistent={"search.max_buckets": None})
    assert [entry.error for entry in report.models] == [None]
    assert two.results(Index.PROFILES).same(one.results(Index.PROFILES))
