"""Searches that are an answer or an error: partial results are refused."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from mpm_elk.cluster.client import BUSY, RETRY_ON_BROKEN, translated
from mpm_elk.cluster.pace import Pace
from mpm_elk.errors import ClusterError, PartialResultError

_ATTEMPTS = 3
_REFUSALS, _REFUSALS_ALONE = 12, 3
"""So often in a row a busy cluster is asked again (four minutes); so often one search, before it is split."""

_BUSY_TYPES = {"es_rejected_execution_exception", "circuit_breaking_exception"}
_PAGE = 1000
_LEAN = "-responses.aggregations.**.from,-responses.aggregations.**.to"
"""Leaves a range's bounds out of the answer. Below `aggregations` only: `from` may be the name of a feature in a hit.

Filtering makes Elasticsearch parse its whole answer again: of documents twice the CPU, so it is for aggregations only.
"""


@dataclass(frozen=True)
class Search:
    """One search: where, what, optionally on which shard only, and about how many buckets its answer has."""

    index: str
    body: Mapping[str, Any]
    shard: int | None = None
    weight: int = 0

    def lines(self) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """Write the search as the header and body of a multi-search."""
        header: dict[str, Any] = {
            "index": self.index,
            "request_cache": False,
            "allow_partial_search_results": False,
            "ignore_unavailable": True,
        }
        if self.shard is not None:
            header["preference"] = f"_shards:{self.shard}"
        return header, self.body


@dataclass(frozen=True)
class TooLarge:
    """Why a search must be split: more buckets than the cluster's `limit`, or more memory than there is."""

    reason: str
    limit: int | None = None


Answer = dict[str, Any]


def search_all(client: Elasticsearch, searches: Sequence[Search], *, pace: Pace | None = None) -> list[Answer]:
    """Run searches and give their answers in order.

    A search that failed on a shard or timed out is no answer: it is tried again, then PartialResultError is raised.
    """
    answers: list[Answer] = []
    for answer in search_each(client, searches, pace=pace):
        if isinstance(answer, TooLarge):
            raise too_large(answer)
        answers.append(answer)
    return answers


def too_large(why: TooLarge) -> ClusterError:
    """Say that a search can be split no further."""
    return ClusterError(
        f"a search is more than the cluster allows: {why.reason}",
        remedy="raise the cluster setting `search.max_buckets`, or give the node more memory",
    )


def search_each(
    client: Elasticsearch,
    searches: Sequence[Search],
    *,
    pace: Pace | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Answer | TooLarge]:
    """Run searches, as many at once as `pace` says, and give their answers in order, as they come.

    Where the cluster is too busy the rest waits. What can only be answered in parts is given as TooLarge.
    """
    pace = pace or Pace()
    done = 0
    while done < len(searches):
        some = searches[done : done + pace.batch([search.weight for search in searches[done:]])]
        yield from _together(client, some, pace, wait)
        done += len(some)


def _together(
    client: Elasticsearch, searches: Sequence[Search], pace: Pace, wait: Callable[[float], None]
) -> list[Answer | TooLarge]:
    """Run some searches until each has an answer; what was refused or failed is sent again."""
    answers: dict[int, Answer | TooLarge] = {}
    failed = 0
    waiting = list(range(len(searches)))
    while waiting:
        some = waiting[: pace.batch([searches[at].weight for at in waiting])]
        faults = [
            (at, fault)
            for at, response in zip(some, _send(client, [searches[at] for at in some], pace.at_once), strict=True)
            if (fault := _take(response, at, answers)) is not None
        ]
        waiting = [at for at in waiting if at not in answers]
        busy = [fault for _, fault in faults if fault.busy]
        if not faults:
            pace.accepted()
        elif busy:
            if pace.refusals >= _REFUSALS:
                raise ClusterError(
                    f"the cluster is too busy: {busy[0].reason}",
                    remedy="nothing is lost: the next run goes on from here",
                )
            if len(some) == 1 and busy[0].memory and pace.refusals >= _REFUSALS_ALONE:
                answers[some[0]] = TooLarge(busy[0].reason)
                waiting.remove(some[0])
            wait(pace.refused())
        else:
            failed += 1
            if failed >= _ATTEMPTS:
                raise PartialResultError(
                    f"{len(faults)} of {len(searches)} searches got no complete answer: {faults[0][1].reason}",
                    remedy="check the cluster's health; the next run goes on from what is written",
                )
    return [answers[at] for at in range(len(searches))]


def _send(client: Elasticsearch, searches: Sequence[Search], at_once: int) -> list[Mapping[str, Any]]:
    """Send a multi-search; where it is refused as a whole, so is each search in it."""
    lines = [line for search in searches for line in search.lines()]
    try:
        with translated(but_busy=True):
            responses: list[Mapping[str, Any]] = client.options(retry_on_status=RETRY_ON_BROKEN).msearch(
                searches=lines,
                max_concurrent_searches=at_once,
                filter_path=_LEAN if any("aggs" in search.body for search in searches) else None,
            )["responses"]
    except ApiError as error:
        cause = error.body.get("error", error.body) if isinstance(error.body, dict) else {"reason": str(error.body)}
        return [{"error": cause, "status": BUSY}] * len(searches)
    return responses


@dataclass(frozen=True)
class _Fault:
    """Why a response is no answer: the cluster was `busy`, perhaps for want of `memory`, or something failed."""

    reason: str
    busy: bool = False
    memory: bool = False


def _take(response: Mapping[str, Any], at: int, answers: dict[int, Answer | TooLarge]) -> _Fault | None:
    """Take a response as the answer, or give its fault. Raises ClusterError where trying again cannot help."""
    if error := response.get("error"):
        causes = list(_causes(error))
        types = {cause.get("type") for cause in causes}
        reason = next((cause["reason"] for cause in reversed(causes) if cause.get("reason")), str(error.get("type")))
        if "too_many_buckets_exception" in types:
            limit = next((cause["max_buckets"] for cause in causes if "max_buckets" in cause), None)
            answers[at] = TooLarge(reason, limit)
            return None
        status = response.get("status", 500)
        if status == BUSY or types & _BUSY_TYPES:
            return _Fault(reason, busy=True, memory="circuit_breaking_exception" in types)
        if status in (400, 403, 404):
            raise ClusterError(f"a search was refused: {reason}", remedy="run with --debug and report it")
        return _Fault(reason)
    if response["timed_out"]:
        return _Fault("timed out")
    shards = response["_shards"]
    if shards["failed"]:
        return _Fault(f"{shards['failed']} of {shards['total']} shards failed")
    answers[at] = dict(response)
    return None


def _causes(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give an error and all that is said of where it comes from, the last the most exact."""
    yield error
    for failure in error.get("failed_shards", ()):
        yield from _causes(failure.get("reason", {}))
    for cause in error.get("root_cause", ()):
        yield from _causes(cause)
    if isinstance(cause := error.get("caused_by"), dict):
        yield from _causes(cause)


def scan(client: Elasticsearch, index: str, body: Mapping[str, Any], *, sort: str) -> Generator[dict[str, Any]]:
    """Give all hits in the order of the field `sort`, page by page; the documents' `sort` values should rarely tie.

    What fits one page costs one request. More is read inside a point in time, where ties are broken by `_shard_doc`, so
    every hit is given once even while others write.
    """
    [answer] = search_all(client, [Search(index, {**body, "size": _PAGE, "sort": [{sort: "asc"}]})])
    if len(answer["hits"]["hits"]) < _PAGE:
        yield from answer["hits"]["hits"]
        return
    with translated():
        pit = client.open_point_in_time(
            index=index, keep_alive="2m", ignore_unavailable=True, allow_partial_search_results=False
        )["id"]
    after: list[Any] | None = None
    try:
        while True:
            page_body: dict[str, Any] = {
                **body,
                "size": _PAGE,
                "sort": [{sort: "asc"}],
                "pit": {"id": pit, "keep_alive": "2m"},
                "track_total_hits": False,
            }
            if after is not None:
                page_body["search_after"] = after
            with translated():
                response = client.search(body=page_body, allow_partial_search_results=False)
            if fault := _take(response.body, 0, {}):
                raise PartialResultError(
                    f"reading {index}: {fault.reason}", remedy="check the cluster's health, then run again"
                )
            pit = response.get("pit_id", pit)
            hits = response["hits"]["hits"]
            yield from hits
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]
            del response, hits  # else two pages are held at a time
    finally:
        with translated():
            client.options(ignore_status=404).close_point_in_time(id=pit)
