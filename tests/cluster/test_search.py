"""What a response to a search is: an answer, a reason to wait, to ask in parts, to try again, or to give up."""

from typing import Any

import pytest

from mpm_elk.cluster.search import Answer, TooLarge, _Fault, _take
from mpm_elk.errors import ClusterError

# As Elasticsearch 9.5.3 sent them.
TOO_MANY_BUCKETS = {
    "error": {
        "root_cause": [],
        "type": "search_phase_execution_exception",
        "reason": "",
        "phase": "fetch",
        "grouped": True,
        "failed_shards": [],
        "caused_by": {
            "type": "too_many_buckets_exception",
            "reason": (
                "Trying to create too many buckets. Must be less than or equal to: [50] but this number of buckets "
                "was exceeded. This limit can be set by changing the [search.max_buckets] cluster level setting."
            ),
            "max_buckets": 50,
        },
    },
    "status": 400,
}
CIRCUIT_BREAKER = {
    "error": {
        "root_cause": [{"type": "circuit_breaking_exception", "reason": "[request] Data too large, data for [x]"}],
        "type": "circuit_breaking_exception",
        "reason": "[request] Data too large, data for [x]",
        "durability": "TRANSIENT",
    },
    "status": 429,
}


def nested(kind: str, status: int) -> dict[str, Any]:
    """Make the error of a search that one shard refused."""
    cause = {"type": kind, "reason": f"because of {kind}"}
    return {
        "error": {
            "root_cause": [cause],
            "type": "search_phase_execution_exception",
            "reason": "all shards failed",
            "failed_shards": [{"shard": 0, "index": "i", "reason": cause}],
        },
        "status": status,
    }


def taken(response: dict[str, Any]) -> _Fault | Answer | TooLarge:
    answers: dict[int, Answer | TooLarge] = {}
    fault = _take(response, 0, answers)
    return fault or answers[0]


def test_too_many_buckets_is_no_refusal_for_ever() -> None:
    found = taken(TOO_MANY_BUCKETS)
    assert isinstance(found, TooLarge)
    assert found.limit == 50
    assert found.reason.startswith("Trying to create too many buckets")


def test_a_busy_cluster_is_one_to_wait_for() -> None:
    assert taken(CIRCUIT_BREAKER) == _Fault("[request] Data too large, data for [x]", busy=True, memory=True)
    rejected = taken(nested("es_rejected_execution_exception", 429))
    assert rejected == _Fault("because of es_rejected_execution_exception", busy=True)
    # Some shards answered, one was too busy: the status is that of the whole.
    assert taken(nested("es_rejected_execution_exception", 503)) == rejected


def test_what_failed_is_tried_again() -> None:
    assert taken(nested("node_disconnected_exception", 500)) == _Fault("because of node_disconnected_exception")
    assert taken({"timed_out": True}) == _Fault("timed out")
    shards = {"timed_out": False, "_shards": {"total": 3, "failed": 1}}
    assert taken(shards) == _Fault("1 of 3 shards failed")


def test_what_cannot_be_asked_is_an_error() -> None:
    with pytest.raises(ClusterError, match="a search was refused: because of parsing_exception"):
        taken(nested("parsing_exception", 400))


def test_an_answer_is_taken() -> None:
    whole = {"timed_out": False, "_shards": {"total": 3, "failed": 0}, "aggregations": {}}
    assert taken(whole) == whole
