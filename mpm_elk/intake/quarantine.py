"""Quarantine: what could not be accepted, kept with its reason until somebody mends or discards it."""

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action
from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.names import Index, dated
from mpm_elk.errors import InputError
from mpm_elk.intake.lines import HELD_MAX_BYTES, Line
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.stored import ECS_VERSION
from mpm_elk.timespan import iso

OPEN, RETRIED, DISCARDED = "open", "retried", "discarded"
STATES = (OPEN, RETRIED, DISCARDED)

_SHOWN_OF_CUT = 64 << 10
_GROUPS = 200


def quarantine_id(line: Line) -> str:
    """Give the id of a line's quarantine document: a hash of the line's bytes alone.

    The same line from another file, or sent again, is kept once in a month. Sent again in a later month it is kept
    there again, because a shipper may not read, and so cannot look for it.
    """
    return urlsafe_b64encode(_hash(line)).rstrip(b"=").decode()


def _hash(line: Line) -> bytes:
    return line.sha256 or hashlib.sha256(line.raw).digest()


def quarantine(line: Line, rejected: Rejected, *, source: str, now_ms: int) -> Action:
    """Make the action that puts `line` into quarantine.

    The line is kept as text, or in base64 where it is not UTF-8. Of a line above 8 MiB, which a small node refuses to
    take (429 for ever), the first 64 KiB are kept, with its size and hash: it can be looked at, not retried.
    """
    now = iso(now_ms)
    cut = line.cut or line.size > HELD_MAX_BYTES
    raw = line.raw[:_SHOWN_OF_CUT] if cut else line.raw
    about: dict[str, Any] = {
        "state": OPEN,
        "reason_code": rejected.code,
        "source": source,
        "line": line.number,
        "bytes": line.size,
        "updated": now,
        "attempts": 0,
    }
    if cut:
        about |= {"truncated": True, "sha256": _hash(line).hex()}
    event: dict[str, Any] = {"kind": "event", "module": "mpm", "dataset": "mpm.quarantine", "ingested": now}
    text = _text(raw, cut=cut)
    if text is None:
        about["raw_base64"] = b64encode(raw).decode()
    else:
        event["original"] = text
    document = {
        "@timestamp": now,
        "ecs": {"version": ECS_VERSION},
        "event": event,
        "error": {"message": rejected.reason},
        "mpm": {"quarantine": about},
    }
    return Action(dated(Index.QUARANTINE, now_ms), quarantine_id(line), json.dumps(document).encode())


def _text(raw: bytes, *, cut: bool) -> str | None:
    """Decode; a character that the cut went through is no fault."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        return raw[: error.start].decode() if cut and error.start > len(raw) - 4 else None


@dataclass(frozen=True, slots=True)
class Item:
    """One quarantine document as it is stored."""

    index: str
    id: str
    seq_no: int
    primary_term: int
    document: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        """The content of `mpm.quarantine`."""
        about: dict[str, Any] = self.document["mpm"]["quarantine"]
        return about

    @property
    def raw(self) -> bytes:
        """The line as it came."""
        if text := self.about.get("raw_base64"):
            return b64decode(text)
        return str(self.document["event"].get("original", "")).encode()


@dataclass(frozen=True, slots=True)
class Group:
    """The documents of one reason and state: how many, since when, and the youngest as an example."""

    reason_code: str
    state: str
    count: int
    first: str
    last: str
    example: dict[str, Any]


def groups(client: Elasticsearch, *, state: str | None = OPEN, reason: str | None = None) -> list[Group]:
    """Count the quarantine by reason and state; the largest group first."""
    body = {
        "size": 0,
        "query": selection(state=state, reason=reason),
        "aggs": {
            "states": {
                "terms": {"field": "mpm.quarantine.state", "size": len(STATES) + 5},
                "aggs": {
                    "reasons": {
                        "terms": {"field": "mpm.quarantine.reason_code", "size": _GROUPS},
                        "aggs": {
                            "first": {"min": {"field": "@timestamp"}},
                            "last": {"max": {"field": "@timestamp"}},
                            "example": {
                                "top_hits": {
                                    "size": 1,
                                    "sort": [{"@timestamp": "desc"}],
                                    "_source": ["error.message", "mpm.quarantine.source", "mpm.quarantine.line"],
                                }
                            },
                        },
                    }
                },
            }
        },
    }
    answer = search_all(client, [Search(Index.QUARANTINE.pattern, body)])[0]
    found = [
        _group(state_bucket["key"], bucket)
        for state_bucket in answer.get("aggregations", {}).get("states", {}).get("buckets", [])
        for bucket in state_bucket["reasons"]["buckets"]
    ]
    return sorted(found, key=lambda group: (-group.count, group.reason_code, group.state))


def _group(state: str, bucket: dict[str, Any]) -> Group:
    hit = bucket["example"]["hits"]["hits"][0]
    about = hit["_source"].get("mpm", {}).get("quarantine", {})
    return Group(
        reason_code=bucket["key"],
        state=state,
        count=bucket["doc_count"],
        first=bucket["first"]["value_as_string"],
        last=bucket["last"]["value_as_string"],
        example={
            "id": hit["_id"],
            "reason": hit["_source"].get("error", {}).get("message"),
            "source": about.get("source"),
            "line": about.get("line"),
        },
    )


def selection(*, state: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """Make the query for documents of a state and a reason."""
    wanted = {"mpm.quarantine.state": state, "mpm.quarantine.reason_code": reason}
    return {"bool": {"filter": [{"term": {name: value}} for name, value in wanted.items() if value is not None]}}


def find(client: Elasticsearch, ids: list[str]) -> list[Item]:
    """Read quarantine documents by id, whatever month they are of; raises InputError for an id that is not there."""
    body = {
        "size": 10_000,
        "query": {"ids": {"values": ids}},
        "_source": False,
        "track_total_hits": False,
    }
    hits = search_all(client, [Search(Index.QUARANTINE.pattern, body)])[0]["hits"]["hits"]
    missing = sorted(set(ids) - {hit["_id"] for hit in hits})
    if missing:
        message = f"the quarantine holds no document {', '.join(missing)}"
        raise InputError(message, remedy="`mpm-elk quarantine list` shows an id of each reason")
    return [item for hit in hits for item in read(client, [(hit["_index"], hit["_id"])])]


def read(client: Elasticsearch, places: list[tuple[str, str]]) -> Iterator[Item]:
    """Read documents by index and id, as they are now; one that has gone is left out."""
    with translated():
        answer = client.mget(docs=[{"_index": index, "_id": identity} for index, identity in places])
    for doc in answer["docs"]:
        if doc.get("found"):
            yield Item(doc["_index"], doc["_id"], doc["_seq_no"], doc["_primary_term"], doc["_source"])
