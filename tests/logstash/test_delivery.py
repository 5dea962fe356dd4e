"""At least once, stored once: Logstash and then Elasticsearch are killed while events flow."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
import urllib3
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.dev.state import Folder, read_process
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.contract.roles import ROLES
from mpm_elk.job import Options, run
from mpm_elk.timespan import HOUR_MS, iso
from tests.logstash import bundle
from tests.logstash.proxy import Backend, Proxy

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

EVENTS = 100_000
_BATCH = 500
_SENDERS = 3
_HOURS = 12
_DOWN_SECONDS = 20
_PATIENCE_SECONDS = 600


@dataclass
class Traffic:
    """Events of a model over some hours, in no order; some break a rule, some Elasticsearch refuses."""

    good: dict[str, int] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)

    def hours(self) -> Counter[str]:
        """Count the good events of each hour."""
        return Counter(iso(ms - ms % HOUR_MS) for ms in self.good.values())


def traffic(now_ms: int) -> Traffic:
    """Make the events, in bodies of JSON lines; one in a hundred comes twice in different bodies."""
    chance = random.Random(7)  # noqa: S311 — no secret
    made, lines = Traffic(), []
    last = now_ms - now_ms % HOUR_MS - 1
    for i in range(EVENTS):
        identity, at_ms = f"p-{i:06d}", last - chance.randrange(_HOURS * HOUR_MS)
        event: dict[str, Any] = {
            "@timestamp": iso(at_ms),
            "mpm": {
                "model": {"name": "delivered", "version": "1"},
                "prediction": {"id": identity, "score": chance.random()},
                "features": {"income": chance.gauss(50, 10), "purpose": chance.choice(["car", "home"])},
            },
        }
        kind = i % 100
        if kind == 17:
            del event["mpm"]["prediction"]["score"]
            made.invalid.add(identity)
        elif kind == 53:
            event["host"] = {"name": {"not": "a name"}}
            made.refused.add(identity)
        else:
            made.good[identity] = at_ms
        lines.append(json.dumps(event).encode())
        if kind == 71:
            lines.append(lines[-1])
    chance.shuffle(lines)
    made.bodies = [b"\n".join(lines[start : start + _BATCH]) for start in range(0, len(lines), _BATCH)]
    return made


class Senders:
    """Services that send each body again until it is acknowledged."""

    def __init__(self, logstash: bundle.Logstash, bodies: list[bytes]) -> None:
        self._logstash = logstash
        self._waiting: SimpleQueue[bytes] = SimpleQueue()
        for body in bodies:
            self._waiting.put(body)
        self.total, self.acknowledged, self.repeated = len(bodies), 0, 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, share: float) -> None:
        """Wait until this share of the bodies is acknowledged."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while self.acknowledged < share * self.total:
            assert time.monotonic() < until, f"{self.acknowledged} of {self.total} bodies were acknowledged"
            time.sleep(0.05)

    def _work(self) -> None:
        with suppress(Empty):
            while True:
                body = self._waiting.get_nowait()
                while not self._sent(body):
                    self.repeated += 1
                    time.sleep(0.5)
                with self._lock:
                    self.acknowledged += 1

    def _sent(self, body: bytes) -> bool:
        try:
            return self._logstash.post(body, {"Content-Type": "application/x-ndjson"}) == 200
        except urllib3.exceptions.HTTPError:
            return False


class Node:
    """An Elasticsearch that can be killed, and comes back with its data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.node = self.start()

    def start(self) -> dev.Node:
        self.node = dev.up(self.name, roles=ROLES)
        return self.node

    def kill(self) -> None:
        folder = Folder.of(self.name)
        server, keeper = read_process(folder.server), read_process(folder.keeper)
        assert server is not None
        assert keeper is not None
        server.signal_group(signal.SIGKILL)
        assert keeper.wait(30)

    def backend(self) -> Backend:
        return Backend(url=self.node.url, ca=self.node.ca_certs)

    def client(self, user: str) -> Elasticsearch:
        return connect(self.node.settings(user))


@pytest.fixture
def node() -> Iterator[Node]:
    name = f"delivery-{os.getpid()}"
    try:
        yield Node(name)
    finally:
        dev.down(name)


@pytest.fixture(autouse=True)
def _needs_logstash(require_logstash: None) -> None:
    """Skip before anything is started."""


def test_each_event_is_stored_once_though_both_are_killed(
    node: Node, certificates: bundle.Certificates, tmp_path: Path
) -> None:
    made = traffic(time.time_ns() // 1_000_000)
    install(node.client("admin"))
    shipper = node.node.passwords["shipper"]
    with Proxy(node.backend(), certificate=certificates.certificate, key=certificates.key) as proxy:
        elasticsearch = {"MPM_ES_URL": proxy.url, "MPM_ES_USERNAME": "shipper", "MPM_ES_PASSWORD": shipper}
        logstash = bundle.Logstash(tmp_path / "logstash", certificates, elasticsearch)
        try:
            logstash.start()
            senders = Senders(logstash, made.bodies)
            senders.start()
            senders.wait_for(0.3)
            logstash.kill()
            logstash.start()
            senders.wait_for(0.5)
            count_with_the_job(node)
            senders.wait_for(0.6)
            node.kill()
            time.sleep(_DOWN_SECONDS)
            node.start()
            proxy.move(node.backend())
            senders.wait_for(1.0)
            count_with_the_job(node)
            wait_until_all_arrived(node, made)
        finally:
            print(logstash.tail())  # noqa: T201 — shown when the test fails
            logstash.kill()
    assert senders.repeated > 0, "nothing was interrupted"
    check_documents(node.client("admin"), made)
    count_with_the_job(node)
    assert profiled(node.client("admin")) == made.hours()


def count_with_the_job(node: Node) -> None:
    """Run the job over what has arrived so far."""
    report = run(node.client("job"), Config(), Options(now=datetime.now(tz=UTC)))
    assert [entry.error for entry in report.models if entry.error] == []


def wait_until_all_arrived(node: Node, made: Traffic) -> None:
    """Wait for the queues, and for the dead letters."""
    client = node.client("admin")
    until = time.monotonic() + _PATIENCE_SECONDS
    wanted = [(Index.PREDICTIONS, len(made.good)), (Index.QUARANTINE, len(made.invalid) + len(made.refused))]
    while True:
        client.indices.refresh(index="mpm-*", ignore_unavailable=True)
        found = [client.count(index=index.pattern, ignore_unavailable=True)["count"] for index, _ in wanted]
        if all(count >= least for count, (_, least) in zip(found, wanted, strict=True)):
            return
        assert time.monotonic() < until, f"{found} of {[least for _, least in wanted]} documents have arrived"
        time.sleep(1)


def check_documents(client: Elasticsearch, made: Traffic) -> None:
    """Each good event is one document; each other one is in quarantine, once, with its text."""
    predictions = Counter(
        hit["_source"]["mpm"]["prediction"]["id"]
        for hit in scan(client, index=Index.PREDICTIONS.pattern, _source=["mpm.prediction.id"])
    )
    assert predictions == Counter(made.good.keys())
    kept = {"invalid": Counter[str](), "refused": Counter[str]()}
    for hit in scan(client, index=Index.QUARANTINE.pattern):
        source = hit["_source"]
        code = source["mpm"]["quarantine"]["reason_code"]
        raw = json.loads(source["event"]["original"])
        identity = raw["mpm"]["prediction"]["id"]
        kept["refused" if code == "refused_by_elasticsearch" else "invalid"][identity] += 1
    assert kept["invalid"] == Counter(made.invalid)
    assert kept["refused"] == Counter(made.refused)


def profiled(client: Elasticsearch) -> Counter[str]:
    """Give the events that the job counted in each hour."""
    client.indices.refresh(index=Index.PROFILES.pattern)
    query = {"bool": {"filter": [{"term": {"mpm.profile.granularity": "hour"}}, {"term": {"mpm.segment_key": "all"}}]}}
    found: Counter[str] = Counter()
    for hit in scan(client, index=Index.PROFILES.pattern, query={"query": query}):
        profile = hit["_source"]["mpm"]["profile"]
        found[profile["start"]] += profile["count"]
    return found
