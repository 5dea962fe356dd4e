"""Fill a node with a fleet's year (`fleet.py`): fast, and with the indices that the job would make."""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from elasticsearch import Elasticsearch

from benchmarks import fleet
from mpm_elk.cluster import dev
from mpm_elk.cluster.client import connect
from mpm_elk.cluster.fenced import Document
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, dated, monthly
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import quarantine
from mpm_elk.intake.reasons import Rejected
from mpm_elk.job.report import ModelReport, RunReport
from mpm_elk.job.run import run_document
from mpm_elk.timespan import DAY_MS, HOUR_MS

_BYTES = 6_000_000
_AT_ONCE = 3
_MONTH = 30
_CREATED_AT_ONCE = 80
_OF_A_MODEL = re.compile(r"-model\d{4}-")
_REFUSED: Any = b'{"create":{"_id":"x"}}\n{"@timestamp":"never"}'


class Loader:
    """Sends bodies to indices, several at once."""

    def __init__(self, client: Elasticsearch, *, shared: bool = False) -> None:
        self.client = client
        self.shared = shared
        self.pool = ThreadPoolExecutor(_AT_ONCE)
        self.waiting: set[Future[int]] = set()
        self.count = 0

    def send(self, index: str, lines: list[bytes]) -> None:
        """Send lines of a bulk request, in parts of some megabytes."""
        if self.shared:
            index = _OF_A_MODEL.sub("-all-", index)
        part: list[bytes] = []
        size = 0
        for line in lines:
            part.append(line)
            size += len(line)
            if size > _BYTES:
                self._queue(index, part)
                part, size = [], 0
        if part:
            self._queue(index, part)

    def _queue(self, index: str, part: list[bytes]) -> None:
        while len(self.waiting) > _AT_ONCE:
            self.finish(FIRST_COMPLETED)
        self.waiting.add(self.pool.submit(self._bulk, index, part))

    def _bulk(self, index: str, part: list[bytes]) -> int:
        operations: list[Any] = list(part)  # lines as they are sent: the client takes them too, and does not say so
        answer = self.client.options(request_timeout=300).bulk(index=index, operations=operations, timeout="300s")
        if answer["errors"]:
            wrong = next(item for item in answer["items"] if "error" in item["create"])
            sys.exit(f"{index}: {wrong}")
        return len(answer["items"])

    def finish(self, when: str = "ALL_COMPLETED") -> None:
        """Wait for what is under way."""
        done, self.waiting = wait(self.waiting, return_when=when)
        self.count += sum(each.result() for each in done)


def line(identity: str, source: bytes) -> bytes:
    """Write one document for a bulk request."""
    return b'{"create":{"_id":"%s"}}\n%s' % (identity.encode(), source)


def load(node: dev.Node, models: int, days: int, start: int, *, shared: bool = False) -> int:
    """Fill the cluster; returns the number of documents. With `shared` all models share the indices of a month."""
    client = connect(node.settings("admin"))
    recoveries = "cluster.routing.allocation.node_initial_primaries_recoveries"
    client.cluster.put_settings(persistent={"cluster.max_shards_per_node": 10_000, recoveries: 60})
    for index in (Index.METRICS, Index.PROFILES, Index.ALERT_EVENTS, Index.RUNS, Index.QUARANTINE):
        name = index.value.removesuffix("-v1")
        settings = {"refresh_interval": "-1", "translog": {"durability": "async", "sync_interval": "60s"}}
        client.cluster.put_component_template(name=f"{name}@custom", template={"settings": {"index": settings}})
    loader, began = Loader(client, shared=shared), time.time()
    years = [fleet.Year(kind, start, days) for kind in range(min(fleet.KINDS, models))]
    if not shared:
        created = make_indices(node, models, days, start)
        print(f"{created:,} indices, {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    for first in range(0, days, _MONTH):
        for year in years:
            some = range(first, min(first + _MONTH, days))
            made = [document for day in some for part in (year.metrics(day), year.profiles(day)) for document in part]
            copies(loader, made, year, range(year.kind, models, len(years)))
        loader.finish()
        print(
            f"{loader.count:,} documents until day {some.stop}, {time.time() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    for year in years:
        for number in range(year.kind, models, len(years)):
            grouped(loader, fleet.alerts(year, ModelKey(fleet.ENVIRONMENT, fleet.name_of(number))))
    grouped(loader, runs(models, days, start))
    grouped(loader, unaccepted(days, start))
    loader.finish()
    return loader.count


def make_indices(node: dev.Node, models: int, days: int, start: int) -> int:
    """Make the indices that the documents will be in, many at once; returns how many."""
    months = range(start, start + days * DAY_MS, DAY_MS)
    kinds = (Index.METRICS, Index.PROFILES, Index.ALERT_EVENTS)
    names = {
        monthly(kind, fleet.name_of(number), fleet.ENVIRONMENT, at)
        for kind in kinds
        for number in range(models)
        for at in months
    }
    clients = [connect(node.settings("admin")) for _ in range(_CREATED_AT_ONCE // 10)]
    with ThreadPoolExecutor(_CREATED_AT_ONCE) as pool:
        # A refused document makes its index all the same: those made so are made together, others one by one.
        for at, name in enumerate(sorted(names)):
            pool.submit(clients[at % len(clients)].bulk, index=name, operations=[_REFUSED])
    return len(names)


def copies(loader: Loader, made: list[Document], year: fleet.Year, numbers: Iterable[int]) -> None:
    """Send documents of one model as those of others: with their names, and ids of their own."""
    own = year.model.name
    by_index: dict[str, list[tuple[str, bytes]]] = {}
    for document in made:
        text = json.dumps(document.source, ensure_ascii=False, separators=(",", ":")).encode()
        by_index.setdefault(document.index, []).append((document.id, text))
    for number in numbers:
        name = fleet.name_of(number)
        for index, documents in by_index.items():
            lines = [
                line(fleet.copy_id(identity, name), text.replace(own.encode(), name.encode()))
                for identity, text in documents
            ]
            loader.send(index.replace(own, name), lines)


def grouped(loader: Loader, documents: Iterable[Document]) -> None:
    """Send documents index by index."""
    by_index: dict[str, list[bytes]] = {}
    for document in documents:
        text = json.dumps(document.source, ensure_ascii=False, separators=(",", ":")).encode()
        by_index.setdefault(document.index, []).append(line(document.id, text))
    for index, lines in by_index.items():
        loader.send(index, lines)


def runs(models: int, days: int, start: int) -> Iterator[Document]:
    """Make the report of a run of every hour."""
    for hour in range(days * 24):
        now = start + (hour + 1) * HOUR_MS + 300_000
        entries = [
            ModelReport(ModelKey(fleet.ENVIRONMENT, fleet.name_of(number)), 1, 1, 1, 1) for number in range(models)
        ]
        took = 20_000 + hour * 7919 % 9000
        report = RunReport(fleet.run_id(now), now, now, False, now + took, entries, cpu_ms=took // 2)
        yield Document(dated(Index.RUNS, report.ended_ms), report.id, run_document(report))


def unaccepted(days: int, start: int) -> Iterator[Document]:
    """Make 100 lines in quarantine a day."""
    for number in range(days * 100):
        reason = Rejected("missing_field", field="mpm.model.name") if number % 3 else Rejected("empty_field", field="m")
        raw = b'{"mpm": {"number": %d}}' % number
        action = quarantine(
            Line(number, 0, raw, size=len(raw)), reason, source="a.log", now_ms=start + number * DAY_MS // 100
        )
        yield Document(action.index, action.id, json.loads(action.body))
