"""Write documents that people change too: only where nobody else has changed them meanwhile."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.fenced import Document
from mpm_elk.errors import ChangedError, ClusterError

_AT_ONCE = 500


@dataclass(frozen=True)
class Stored:
    """A document as it was read, and where it stood in the order of writes."""

    source: dict[str, Any]
    seq_no: int
    primary_term: int


def get_many(
    client: Elasticsearch, keys: Sequence[tuple[str, str]], fields: Iterable[str] | None = None
) -> dict[str, Stored]:
    """Read documents by index and id, as last written (no refresh is needed); those that are not there are left out."""
    found: dict[str, Stored] = {}
    for start in range(0, len(keys), _AT_ONCE):
        docs = [{"_index": index, "_id": document_id} for index, document_id in keys[start : start + _AT_ONCE]]
        with translated():
            answer = client.mget(docs=docs, source_includes=list(fields) if fields else None)
        for doc in answer["docs"]:
            if doc.get("found"):
                found[doc["_id"]] = Stored(doc["_source"], doc["_seq_no"], doc["_primary_term"])
            elif "error" in doc and doc["error"]["type"] != "index_not_found_exception":
                raise ClusterError(f"{doc['_index']} cannot be read: {doc['error']['reason']}")
    return found


def put_if_unchanged(client: Elasticsearch, documents: Sequence[tuple[Document, Stored | None]]) -> int:
    """Write each document where it still is as it was read, or is still absent; returns how many were written.

    Raises ChangedError where somebody else was faster: the next run reads their change and goes on from there.
    """
    operations: list[dict[str, Any]] = []
    for document, before in documents:
        action: dict[str, Any] = {"_index": document.index, "_id": document.id}
        if before is None:
            operations += [{"create": action}, document.source]
        else:
            position = {"if_seq_no": before.seq_no, "if_primary_term": before.primary_term}
            operations += [{"index": {**action, **position}}, document.source]
    with translated():
        answer = client.bulk(operations=operations)
    for item in answer["items"]:
        result = next(iter(item.values()))
        if result["status"] == 409:
            raise ChangedError(
                f"{result['_index']}: {result['_id']} was changed by somebody else just now",
                remedy="nothing to do: the next run goes on from their change",
            )
        if result["status"] >= 300:
            raise ClusterError(f"{result['_index']} refuses a document: {result['error']['reason']}")
    return len(documents)
