"""Write many documents: in order, in bounded memory, with patience for a busy or absent cluster.

`elasticsearch.helpers.streaming_bulk` retries neither connection faults nor a chunk that is too large, and does not say
which action an answer belongs to; this module does, over the same `_bulk` API.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from elastic_transport import ConnectionError as TransportConnectionError
from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError, Elasticsearch

from mpm_elk.cluster.client import reason as reason_of
from mpm_elk.cluster.client import translate
from mpm_elk.errors import CertificateError, PermissionDeniedError

MAX_BYTES = 8 << 20
MAX_ACTIONS = 1000

_RETRIED = frozenset({429, 502, 503, 504})
_CREATED, _NOT_FOUND, _TOO_LARGE = 201, 404, 413
_DOCUMENT_FAULTS = frozenset(
    {
        "document_parsing_exception",
        "mapper_parsing_exception",
        "strict_dynamic_mapping_exception",
        "illegal_argument_exception",
        "invalid_index_name_exception",
    }
)
"""Errors 400 that are the document's own. Others (a closed index, too many shards) are the cluster's."""


class Operation(StrEnum):
    """What to do with a document."""

    CREATE = "create"
    """Write it where its id is not taken yet."""
    INDEX = "index"
    """Write it, over what was there."""
    UPDATE = "update"
    """Change parts of it."""
    DELETE = "delete"


class Result(StrEnum):
    """What became of an action."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    """It is not there any more, or was not there."""
    DUPLICATE = "duplicate"
    """A create found its id taken, or a compare-and-set found the document changed."""
    REFUSED = "refused"
    """The document itself cannot be stored; sending it again is useless."""
    FAILED = "failed"
    """The cluster could not take it, for as long as `Patience` lasts."""


# Not frozen: one of each is made for every document, and freezing costs as much as hashing the id.
@dataclass(slots=True)
class Action:
    """One document to write: `body` is JSON in UTF-8, empty for a deletion. A sequence number makes it conditional."""

    index: str
    id: str
    body: bytes
    tag: Any = None
    operation: Operation = Operation.CREATE
    if_seq_no: int | None = None
    if_primary_term: int | None = None

    def header(self) -> bytes:
        """Write the line of the bulk request that comes before the body."""
        condition = ""
        if self.if_seq_no is not None:
            condition = f',"if_seq_no":{self.if_seq_no},"if_primary_term":{self.if_primary_term}'
        return f'{{"{self.operation}":{{"_index":{_quoted(self.index)},"_id":{_quoted(self.id)}{condition}}}}}'.encode()


@dataclass(slots=True)
class Outcome:
    """What became of one action, and why where it was not written."""

    action: Action
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try, and how long to wait between: doubling from `first` to `longest` seconds."""

    tries: int = 10
    first: float = 0.5
    longest: float = 30.0


def send(
    client: Elasticsearch,
    actions: Iterable[Action],
    *,
    max_bytes: int = MAX_BYTES,
    max_actions: int = MAX_ACTIONS,
    threads: int = 4,
    patience: Patience = Patience(),
    refresh: bool = False,
) -> Iterator[Outcome]:
    """Send `actions` and give one outcome an action, in the order of the actions.

    Requests hold at most `max_bytes` (a larger document goes alone) and `max_actions`. While `threads` requests are
    under way the next one is filled, and no more: memory is bounded by `threads` + 1 requests. Raises the
    fitting MpmError for what waiting does not mend: credentials, privileges, certificates.
    """
    sender = _Sender(client.options(max_retries=0, retry_on_status=()), patience, refresh=refresh)
    under_way: deque[Future[list[Outcome]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="bulk") as pool:
        try:
            for chunk in _chunks(actions, max_bytes, max_actions):
                under_way.append(pool.submit(sender.send, chunk))
                if len(under_way) > threads:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            # An error, or a caller that has enough: do not wait for requests that are waiting themselves.
            sender.stop.set()
            for future in under_way:
                future.cancel()


def _chunks(actions: Iterable[Action], max_bytes: int, max_actions: int) -> Iterator[list[Action]]:
    chunk: list[Action] = []
    size = 0
    for action in actions:
        # 200 bytes for the action's own line, which holds two names and an id.
        length = len(action.body) + 200
        if chunk and (size + length > max_bytes or len(chunk) == max_actions):
            yield chunk
            chunk, size = [], 0
        chunk.append(action)
        size += length
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class _TooLarge:
    reason: str


class _Sender:
    """Sends requests, each until all its actions have an outcome."""

    def __init__(self, client: Elasticsearch, patience: Patience, *, refresh: bool) -> None:
        self._client = client
        self._patience = patience
        self._refresh = refresh
        self.stop = threading.Event()

    def send(self, chunk: list[Action]) -> list[Outcome]:
        """Send one request, and again what may be taken later."""
        outcomes: dict[int, Outcome] = {}
        waiting = list(range(len(chunk)))
        problem = "stopped"
        for attempt in range(self._patience.tries):
            if not waiting or self.stop.is_set() or (attempt and self._wait(attempt - 1)):
                break
            answer = self._request([chunk[i] for i in waiting])
            if isinstance(answer, _TooLarge):
                halves = self._send_halves([chunk[i] for i in waiting], answer.reason)
                outcomes.update(zip(waiting, halves, strict=True))
                waiting = []
            elif isinstance(answer, str):
                problem = answer
            else:
                for i, item in zip(waiting, answer, strict=True):
                    if outcome := _judge(chunk[i], item):
                        outcomes[i] = outcome
                    else:
                        problem = _error(item)[1]
                waiting = [i for i in waiting if i not in outcomes]
        for i in waiting:
            outcomes[i] = Outcome(chunk[i], Result.FAILED, f"given up: {problem}")
        return [outcomes[i] for i in range(len(chunk))]

    def _wait(self, retry: int) -> bool:
        """Wait before a retry (counted from 0); True says that nobody waits for us any more."""
        return self.stop.wait(min(self._patience.first * 2.0**retry, self._patience.longest))

    def _request(self, chunk: list[Action]) -> list[dict[str, Any]] | str | _TooLarge:
        """Make one bulk request: the items of the answer, or why it is worth another try."""
        lines: list[Any] = [line for action in chunk for line in _lines(action)]
        try:
            answer = self._client.bulk(
                operations=lines,
                filter_path="items.*.status,items.*.error",
                refresh="wait_for" if self._refresh else None,
            )
        except (TransportConnectionError, ConnectionTimeout) as error:
            fault = translate(error)
            if isinstance(fault, CertificateError):
                raise fault from error
            return fault.message
        except ApiError as error:
            if error.meta.status == _TOO_LARGE:
                return _TooLarge(f"the request of {sum(map(len, lines))} bytes is too large for the cluster")
            if error.meta.status in _RETRIED:
                return f"Elasticsearch answered {error.meta.status}: {reason_of(error)}"
            raise translate(error) from error
        except TransportError as error:
            raise translate(error) from error
        return [next(iter(item.values())) for item in answer["items"]]

    def _send_halves(self, chunk: list[Action], reason: str) -> list[Outcome]:
        """Send what was too large in two halves; a single document that is too large is refused."""
        if len(chunk) == 1:
            return [Outcome(chunk[0], Result.REFUSED, reason)]
        middle = len(chunk) // 2
        return [*self.send(chunk[:middle]), *self.send(chunk[middle:])]


def _lines(action: Action) -> tuple[bytes, ...]:
    return (action.header(),) if action.operation is Operation.DELETE else (action.header(), action.body)


def _judge(action: Action, item: dict[str, Any]) -> Outcome | None:
    """Read one item of an answer; None says that it is worth another try."""
    status = int(item["status"])
    if action.operation is Operation.DELETE and (status < 300 or _is_absent(status, item)):
        return Outcome(action, Result.DELETED)
    if status < 300:
        return Outcome(action, Result.CREATED if status == _CREATED else Result.UPDATED)
    if status == 409:
        return Outcome(action, Result.DUPLICATE)
    if status in _RETRIED:
        return None
    kind, reason = _error(item)
    if status in (401, 403) and kind == "security_exception":
        message = f"the user may not write to {action.index}: {reason}"
        raise PermissionDeniedError(message, remedy="give the user the role that `mpm-elk setup` installs")
    refused = status == 400 and kind in _DOCUMENT_FAULTS
    return Outcome(action, Result.REFUSED if refused else Result.FAILED, reason)


def _is_absent(status: int, item: dict[str, Any]) -> bool:
    """Tell whether a document, or its whole index, was not there."""
    return status == _NOT_FOUND and _error(item)[0] in ("", "index_not_found_exception")


def _error(item: dict[str, Any]) -> tuple[str, str]:
    """Give type and reason of an item's error, with the cause behind it."""
    error = item.get("error") or {}
    reason = str(error.get("reason", "no reason given"))
    cause = (error.get("caused_by") or {}).get("reason")
    return str(error.get("type", "")), f"{reason}: {cause}" if cause and cause not in reason else reason
