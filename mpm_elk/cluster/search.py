"""Searches that are an answer or an error: partial results are refused."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.errors import ClusterError, PartialResultError

_ATTEMPTS = 3
_PAGE = 1000
_LEAN = "-responses.aggregations.**.from,-responses.aggregations.**.to"
"""Leaves a range's bounds out of the answer. Below `aggregations` only: `from` may be the name of a feature in a hit.

Filtering makes Elasticsearch parse its whole answer again: of documents twice the CPU, so it is for aggregations only.
"""


@dataclass(frozen=True)
class Search:
    """One search: where, what, and optionally on which shard only."""

    index: str
    body: Mapping[str, Any]
    shard: int | None = None

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


def search_all(client: Elasticsearch, searches: Sequence[Search], *, concurrency: int = 2) -> list[dict[str, Any]]:
    """Run searches together and give their answers in order.

    A search that failed on a shard or timed out is no answer: it is tried again, then PartialResultError is raised.
    """
    if not searches:
        return []
    answers: list[dict[str, Any] | None] = [None] * len(searches)
    trouble = ""
    for _ in range(_ATTEMPTS):
        waiting = [at for at, answer in enumerate(answers) if answer is None]
        if not waiting:
            break
        lines = [line for at in waiting for line in searches[at].lines()]
        lean = _LEAN if any("aggs" in searches[at].body for at in waiting) else None
        with translated():
            responses = client.msearch(searches=lines, max_concurrent_searches=concurrency, filter_path=lean)[
                "responses"
            ]
        for at, response in zip(waiting, responses, strict=True):
            trouble = _fault(response) or trouble
            if not _fault(response):
                answers[at] = response
    complete = [answer for answer in answers if answer is not None]
    if len(complete) < len(searches):
        raise PartialResultError(
            f"{len(searches) - len(complete)} of {len(searches)} searches got no complete answer: {trouble}",
            remedy="check the cluster's health; nothing was written for this model, the next run reads it again",
        )
    return complete


def _fault(response: Mapping[str, Any]) -> str | None:
    """Say why a response is no answer. Raises ClusterError where trying again cannot help."""
    if error := response.get("error"):
        roots = error.get("root_cause") or [{}]
        cause = roots[0].get("reason") or error.get("reason") or error.get("type")
        if response.get("status", 500) in (400, 403, 404):
            raise ClusterError(f"a search was refused: {cause}", remedy="run with --debug and report it")
        return str(cause)
    if response["timed_out"]:
        return "timed out"
    shards = response["_shards"]
    if shards["failed"]:
        return f"{shards['failed']} of {shards['total']} shards failed"
    return None


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
            if fault := _fault(response.body):
                raise PartialResultError(
                    f"reading {index}: {fault}", remedy="check the cluster's health, then run again"
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
