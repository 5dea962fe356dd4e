"""Retry or discard what is in quarantine."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action, Operation, Outcome, Result, send
from mpm_elk.cluster.search import scan
from mpm_elk.contract.names import Index
from mpm_elk.errors import ClusterError, InputError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.quarantine import DISCARDED, OPEN, RETRIED, Item, find, read, selection
from mpm_elk.intake.reasons import REFUSAL_MAX, Rejected
from mpm_elk.intake.receive import receive_one
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import iso

_BATCH_ITEMS = 200
_BATCH_BYTES = 8 << 20


@dataclass
class RepairReport:
    """What a retry or a discard did.

    `stored` and `duplicates` are events that are accepted now; `still_bad` stay open, counted by today's reason;
    `skipped` were not open, or somebody else changed them meanwhile.
    """

    stored: int = 0
    duplicates: int = 0
    discarded: int = 0
    still_bad: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    skipped: int = 0

    @property
    def bad(self) -> int:
        """Documents that stay open."""
        return sum(self.still_bad.values())


def retry_all(client: Elasticsearch, *, reason: str | None, limits: Limits, now_ms: int) -> RepairReport:
    """Apply today's rules to every open document, or to those with one reason, and store what passes.

    Several documents are held at a time, never all. Doing it twice changes nothing more.
    """
    report = RepairReport()
    for batch in _batches(client, selection(state=OPEN, reason=reason)):
        _retry(client, list(read(client, batch)), {}, limits=limits, now_ms=now_ms, report=report)
    return report


def retry_some(
    client: Elasticsearch, ids: list[str], *, limits: Limits, now_ms: int, mended: bytes | None = None
) -> RepairReport:
    """Retry documents by id; with `mended`, one document whose event is replaced by that one.

    The original text stays in the quarantine document, and the mended one beside it. Raises InputError
    for unknown ids.
    """
    if mended is not None and len(ids) != 1:
        message = f"a mended event stands for one document, and {len(ids)} are named"
        raise InputError(message, remedy="name the one id that the mended event replaces")
    report = RepairReport()
    for start in range(0, len(ids), _BATCH_ITEMS):
        items = find(client, ids[start : start + _BATCH_ITEMS])
        texts = {} if mended is None else {item.id: mended for item in items}
        _retry(client, items, texts, limits=limits, now_ms=now_ms, report=report)
    return report


def discard(client: Elasticsearch, ids: list[str], *, because: str, now_ms: int) -> RepairReport:
    """Mark open documents as discarded, with the reason; nothing is deleted. Raises InputError for unknown ids."""
    report = RepairReport()
    items = find(client, ids)
    changes = [
        _change(item, {"state": DISCARDED, "because": because, "updated": iso(now_ms)})
        for item in items
        if item.about["state"] == OPEN
    ]
    report.skipped += len(items) - len(changes)
    for outcome in _checked(send(client, changes, threads=1, refresh=True)):
        if outcome.result is Result.UPDATED:
            report.discarded += 1
        else:
            report.skipped += 1
    return report


def _batches(client: Elasticsearch, query: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    """Give index and id of the documents of a query, as many at a time as memory bears."""
    batch: list[tuple[str, str]] = []
    size = 0
    body = {"query": query, "_source": ["mpm.quarantine.bytes"]}
    for hit in scan(client, Index.QUARANTINE.pattern, body, sort="@timestamp"):
        length = int(hit["_source"]["mpm"]["quarantine"].get("bytes", 0))
        if batch and (len(batch) == _BATCH_ITEMS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((hit["_index"], hit["_id"]))
        size += length
    if batch:
        yield batch


def _retry(
    client: Elasticsearch,
    items: Iterable[Item],
    mended: dict[str, bytes],
    *,
    limits: Limits,
    now_ms: int,
    report: RepairReport,
) -> None:
    """Store what passes now, then note on each document what became of it."""
    changes: list[Action] = []
    creates: list[Action] = []
    for item in items:
        if item.about["state"] != OPEN:
            report.skipped += 1
            continue
        verdict = _normalise(item, mended.get(item.id), limits=limits, now_ms=now_ms)
        if isinstance(verdict, Rejected):
            changes.append(_still_bad(item, verdict, now_ms))
        else:
            creates.append(Action(verdict.index, verdict.id, verdict.source, item))
    # The event first, its note second: a crash between leaves an open document whose retry finds a duplicate.
    for outcome in _checked(send(client, creates, threads=1)):
        item = outcome.action.tag
        if outcome.result is Result.REFUSED:
            changes.append(
                _still_bad(item, Rejected("refused_by_elasticsearch", found=outcome.reason[:REFUSAL_MAX]), now_ms)
            )
        else:
            changes.append(_accepted(item, outcome, mended.get(item.id), now_ms))
    for outcome in _checked(send(client, changes, threads=1, refresh=True)):
        _count(outcome, report)


def _normalise(item: Item, mended: bytes | None, *, limits: Limits, now_ms: int) -> Stored | Rejected:
    try:
        if mended is None and item.about.get("truncated"):
            return Rejected("line_too_long", found=item.about["bytes"], limit=limits.max_line_bytes)
        raw = item.raw if mended is None else mended.strip()
        return receive_one(raw, source=item.about.get("source"), now_ms=now_ms, limits=limits)
    except Rejected as rejected:
        return rejected


def _accepted(item: Item, outcome: Outcome, mended: bytes | None, now_ms: int) -> Action:
    about: dict[str, Any] = {
        "state": RETRIED,
        "updated": iso(now_ms),
        "attempts": int(item.about.get("attempts", 0)) + 1,
        "stored_as": {"index": outcome.action.index, "id": outcome.action.id},
    }
    if mended is not None:
        about["mended"] = mended.decode(errors="replace")
    return _change(item, about, tag=outcome.result)


def _still_bad(item: Item, rejected: Rejected, now_ms: int) -> Action:
    about = {
        "reason_code": rejected.code,
        "updated": iso(now_ms),
        "attempts": int(item.about.get("attempts", 0)) + 1,
    }
    return _change(item, about, error={"message": rejected.reason}, tag=rejected)


def _change(item: Item, about: dict[str, Any], *, tag: object = None, **more: object) -> Action:
    """Make a compare-and-set: it is refused when somebody changed the document since it was read."""
    body = json.dumps({"doc": {"mpm": {"quarantine": about}, **more}}).encode()
    return Action(
        item.index,
        item.id,
        body,
        tag,
        operation=Operation.UPDATE,
        if_seq_no=item.seq_no,
        if_primary_term=item.primary_term,
    )


def _checked(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Raise ClusterError for what the cluster could not take."""
    for outcome in outcomes:
        if outcome.result is Result.FAILED or (
            outcome.result is Result.REFUSED and outcome.action.operation is Operation.UPDATE
        ):
            message = f"{outcome.action.index} could not be written: {outcome.reason}"
            raise ClusterError(message, remedy="run the same command again: nothing is done twice")
        yield outcome


def _count(outcome: Outcome, report: RepairReport) -> None:
    tag = outcome.action.tag
    if outcome.result is not Result.UPDATED:
        report.skipped += 1
    elif isinstance(tag, Rejected):
        report.still_bad[tag.code] = report.still_bad.get(tag.code, 0) + 1
        report.examples.setdefault(tag.code, tag.reason)
    elif tag is Result.CREATED:
        report.stored += 1
    else:
        report.duplicates += 1
