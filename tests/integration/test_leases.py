"""Leases: one holder at a time, and an overtaken holder changes nothing."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from elasticsearch import ConflictError, Elasticsearch

from mpm_elk.cluster.fenced import Document, append, write
from mpm_elk.cluster.leases import Lease
from mpm_elk.contract.names import Index, monthly
from mpm_elk.errors import ClusterError, LeaseHeldError, LeaseLostError
from mpm_elk.timespan import iso
from tests.integration.try_model import T0

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
LONG, NONE = timedelta(minutes=5), timedelta(0)


@pytest.fixture
def job(client_for: ClientFor) -> Elasticsearch:
    """A client with the rights of the job."""
    return client_for("job")


@pytest.fixture
def name() -> str:
    """Something that nobody else works on."""
    return f"try-{secrets.token_hex(6)}"


def document(name: str, content: int) -> Document:
    source: dict[str, Any] = {"@timestamp": iso(T0), "mpm": {"profile": {"count": content}, "model": {"name": name}}}
    return Document(monthly(Index.PROFILES, name, "production", T0), f"id-{name}", source)


def stored(client: Elasticsearch, document: Document) -> int:
    found = client.get(index=document.index, id=document.id)
    return int(found["_source"]["mpm"]["profile"]["count"])


def test_a_second_holder_is_refused(job: Elasticsearch, name: str) -> None:
    with Lease(job, name, "first", LONG), pytest.raises(LeaseHeldError, match="first") as refused:
        Lease(job, name, "second", LONG).__enter__()
    assert refused.value.exit_code == 75


def test_a_lease_that_was_given_back_is_free_and_the_token_grows(job: Elasticsearch, name: str) -> None:
    tokens = []
    for holder in ("a", "b", "a"):
        with Lease(job, name, holder, LONG) as lease:
            tokens.append(lease.token)
    assert tokens == sorted(set(tokens))


def test_a_lease_is_given_back_after_an_error(job: Elasticsearch, name: str) -> None:
    with pytest.raises(RuntimeError, match="inside"), Lease(job, name, "first", LONG) as first:
        raise RuntimeError("inside")
    with Lease(job, name, "second", LONG) as lease:
        assert lease.token > first.token


def test_a_lease_that_ran_out_is_taken_over(job: Elasticsearch, name: str) -> None:
    died = Lease(job, name, "died", NONE).__enter__()
    with Lease(job, name, "successor", LONG) as lease:
        assert lease.token > died.token


def test_tokens_go_on_growing_when_the_state_was_lost(
    job: Elasticsearch, admin_client: Elasticsearch, name: str
) -> None:
    with Lease(job, name, "before", LONG) as before:
        write(job, before, [document(name, 1)])
    admin_client.delete(index=Index.STATE, id=f"lease:{name}")
    with Lease(job, name, "after", LONG) as after:
        write(job, after, [document(name, 2)])
    assert stored(job, document(name, 0)) == 2


def test_an_overtaken_holder_can_neither_keep_nor_write(job: Elasticsearch, name: str) -> None:
    stalled = Lease(job, name, "stalled", NONE).__enter__()
    with Lease(job, name, "successor", LONG) as lease:
        with pytest.raises(LeaseLostError):
            stalled.keep()
        write(job, lease, [document(name, 2)])
        with pytest.raises(LeaseLostError):
            write(job, stalled, [document(name, 1)])
        with pytest.raises(LeaseLostError):
            stalled.__exit__(None, None, None)
        assert stored(job, document(name, 2)) == 2
        lease.keep()


def test_the_token_refuses_what_a_stalled_holder_still_sends(
    job: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Lease(job, name, "stalled", NONE).__enter__()
    monkeypatch.setattr(stalled, "keep", lambda: None)  # it was stopped between its last look and its write
    with Lease(job, name, "successor", LONG) as lease:
        assert write(job, lease, [document(name, 2)]) == 1
        with pytest.raises(LeaseLostError):
            write(job, stalled, [document(name, 1)])
    assert stored(job, document(name, 2)) == 2


def test_a_holder_may_write_again_and_a_successor_over_it(job: Elasticsearch, name: str) -> None:
    with Lease(job, name, "first", LONG) as first:
        assert write(job, first, [document(name, 1)]) == write(job, first, [document(name, 2)]) == 1
        assert write(job, first, []) == 0
    with Lease(job, name, "second", LONG) as second:
        write(job, second, [document(name, 3)])
    assert stored(job, document(name, 3)) == 3


def test_keeping_renews_a_lease_before_it_runs_out(
    job: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Lease(job, name, "first", LONG) as lease:
        before = _expiry(job, name)
        lease.keep()
        assert _expiry(job, name) == before  # a third of its time is not gone yet
        monkeypatch.setattr(lease, "_renewed", lease._renewed - LONG.total_seconds() / 2)
        lease.keep()
        assert _expiry(job, name) > before


def _expiry(client: Elasticsearch, name: str) -> int:
    found = client.get(index=Index.STATE, id=f"lease:{name}")
    return int(found["_source"]["mpm"]["state"]["lease"]["expires"])


def test_a_request_that_was_sent_twice_does_not_lose_the_lease(
    job: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = job.index

    def lost_answer(**request: Any) -> Any:
        index(**request)
        return index(**request)  # the client sends it again when the answer to the first was lost

    with Lease(job, name, "first", LONG) as first:
        monkeypatch.setattr(first, "_renewed", 0.0)
        monkeypatch.setattr(job, "index", lost_answer)
        first.keep()
        monkeypatch.undo()
    monkeypatch.setattr(job, "index", lost_answer)
    with Lease(job, name, "second", LONG) as lease:
        assert lease.token > first.token
        monkeypatch.undo()


def test_appended_documents_are_created_once(job: Elasticsearch, name: str) -> None:
    event = Document(f"{Index.ALERT_EVENTS}-2026.11", f"id-{name}", {"@timestamp": iso(T0)})
    assert append(job, [event]) == 1
    assert append(job, [event, event]) == 0


def test_a_document_that_is_refused_is_an_error(job: Elasticsearch, name: str) -> None:
    bad = Document(monthly(Index.PROFILES, name, "production", T0), "id", {"@timestamp": "no time"})
    with Lease(job, name, "first", LONG) as lease, pytest.raises(ClusterError, match="refuses a document"):
        write(job, lease, [bad])


def test_a_lease_document_is_changed_by_compare_and_set_only(job: Elasticsearch, name: str) -> None:
    with Lease(job, name, "first", LONG), pytest.raises(ConflictError):
        job.index(index=Index.STATE, id=f"lease:{name}", document={}, op_type="create")
