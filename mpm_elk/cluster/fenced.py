"""Write results so that a runner which was overtaken cannot overwrite its successor."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.helpers import streaming_bulk

from mpm_elk.cluster.client import translate
from mpm_elk.cluster.leases import Lease
from mpm_elk.errors import ClusterError, LeaseLostError

_CHUNK = 500
_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class Document:
    """A document on its way: where it goes, its id, and what it says."""

    index: str
    id: str
    source: dict[str, Any]


def write(client: Elasticsearch, lease: Lease, documents: Iterable[Document]) -> int:
    """Write documents under the lease's token as external version; returns how many.

    Elasticsearch refuses (409) a token lower than the one that a document carries: then LeaseLostError is raised.
    """
    return _send(client, (_fenced(lease, document) for document in documents))


def delete(client: Elasticsearch, lease: Lease, keys: Iterable[tuple[str, str]]) -> int:
    """Delete documents, given by index and id, under the lease's token; returns how many were there."""
    gone = ({**_token(lease), "_op_type": "delete", "_index": index, "_id": name} for index, name in keys)
    return _send(client, gone, ignore=(404,))


def append(client: Elasticsearch, documents: Iterable[Document]) -> int:
    """Create documents that nobody changes afterwards; returns how many were not there yet."""
    actions = ({"_op_type": "create", "_index": d.index, "_id": d.id, "_source": d.source} for d in documents)
    return _send(client, actions, ignore=(409,))


def _fenced(lease: Lease, document: Document) -> dict[str, Any]:
    where = {"_op_type": "index", "_index": document.index, "_id": document.id}
    return {**_token(lease), **where, "_source": document.source}


def _token(lease: Lease) -> dict[str, Any]:
    lease.keep()
    return {"version": lease.token, "version_type": "external_gte"}


def _send(client: Elasticsearch, actions: Iterator[dict[str, Any]], ignore: tuple[int, ...] = ()) -> int:
    written = 0
    try:
        results = streaming_bulk(
            client,
            actions,
            chunk_size=_CHUNK,
            max_chunk_bytes=_CHUNK_BYTES,
            max_retries=8,
            initial_backoff=0.5,
            max_backoff=30,
            raise_on_error=False,
        )
        for ok, item in results:
            result = next(iter(item.values()))
            if ok:
                written += 1
            elif result["status"] == 409 and 409 not in ignore:
                raise LeaseLostError(
                    "this run stalled, and another has overtaken it", remedy="nothing to do: the other goes on"
                )
            elif result["status"] not in ignore:
                cause = result.get("error", {})
                raise ClusterError(
                    f"{result['_index']} refuses a document: {cause.get('reason', cause)}",
                    remedy="run `mpm-elk setup`, then `mpm-elk run` again",
                )
    except (ApiError, TransportError) as error:
        raise translate(error) from error
    return written
