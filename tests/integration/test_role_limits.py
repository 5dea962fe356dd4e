"""The roles on a real Elasticsearch: each suffices for its part, and is refused what it does not need."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from elasticsearch import AuthorizationException, ConflictError, Elasticsearch

from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index, from_captures

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

ClientFor = Callable[[str], Elasticsearch]

DOCUMENT: dict[str, Any] = {
    "@timestamp": "2026-11-23T10:00:00.123Z",
    "message": "as it was",
    "mpm": {"model": {"name": "credit-risk", "version": "3"}},
}


@pytest.fixture
def name(admin_client: Elasticsearch) -> Iterator[Callable[[Index], str]]:
    """Name indices of this test only; they are deleted after it."""
    word = uuid4().hex
    made: list[str] = []

    def of(index: Index) -> str:
        made.append(f"{index.value}-{word}-2026.11")
        return made[-1]

    yield of
    if made:
        made += [from_captures(one) for one in made if one.startswith((Index.PREDICTIONS, Index.GROUND_TRUTH))]
        admin_client.indices.delete(index=made, ignore_unavailable=True)


def refused(call: Callable[[], object]) -> bool:
    """Say whether the user may not do this; any other failure is raised."""
    try:
        call()
    except AuthorizationException:
        return True
    return False


def test_a_repeated_event_is_a_conflict_for_the_shipper(name: Callable[[Index], str], client_for: ClientFor) -> None:
    target, shipper = name(Index.PREDICTIONS), client_for("shipper")
    operations = [{"create": {"_id": "1"}}, DOCUMENT]
    statuses = [shipper.bulk(index=target, operations=operations)["items"][0]["create"]["status"] for _ in range(2)]
    assert statuses == [201, 409]
    with pytest.raises(ConflictError):
        shipper.create(index=target, id="1", document=DOCUMENT)


def test_the_shipper_is_refused_all_else(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    target, shipper = name(Index.PREDICTIONS), client_for("shipper")
    shipper.bulk(index=target, operations=[{"create": {"_id": "1"}}, DOCUMENT])
    assert refused(lambda: shipper.search(index=target))
    assert refused(lambda: shipper.get(index=target, id="1"))
    assert refused(lambda: shipper.indices.stats(index=target))
    assert refused(lambda: shipper.indices.delete(index=target))
    assert refused(lambda: shipper.index(index=target, id="1", document={**DOCUMENT, "message": "changed"}))
    assert refused(lambda: shipper.create(index=name(Index.METRICS), id="1", document=DOCUMENT))
    assert refused(lambda: shipper.indices.put_index_template(name="mpm-x", index_patterns=["mpm-x"]))
    for operation in ({"index": {"_id": "1"}}, {"update": {"_id": "1"}}):
        body = {"doc": DOCUMENT} if "update" in operation else DOCUMENT
        (item,) = shipper.bulk(index=target, operations=[operation, body])["items"]
        assert next(iter(item.values()))["status"] == 403
    (item,) = shipper.bulk(index=target, operations=[{"delete": {"_id": "1"}}])["items"]
    assert item["delete"]["status"] == 403
    assert admin_client.get(index=target, id="1")["_source"] == DOCUMENT


def test_the_job_reads_by_sequence_number_and_cannot_change_events(
    name: Callable[[Index], str], client_for: ClientFor
) -> None:
    target, job = name(Index.PREDICTIONS), client_for("job")
    client_for("shipper").bulk(index=target, operations=[{"create": {"_id": "1"}}, DOCUMENT])
    job.indices.refresh(index=target)
    stats = job.indices.stats(index=target, level="shards")["indices"][target]
    assert stats["uuid"]
    assert stats["shards"]["0"][0]["seq_no"]["global_checkpoint"] == 0
    query = {"range": {"_seq_no": {"gt": -1, "lte": 0}}}
    assert job.search(index=target, preference="_shards:0", query=query)["hits"]["total"]["value"] == 1
    pit = job.open_point_in_time(index=target, keep_alive="10s")["id"]
    job.close_point_in_time(id=pit)
    assert refused(lambda: job.create(index=target, id="2", document=DOCUMENT))
    assert refused(lambda: job.delete(index=target, id="1"))
    assert refused(lambda: job.indices.delete(index=target))
    assert refused(lambda: job.indices.put_mapping(index=target, properties={"x": {"type": "keyword"}}))
    assert refused(lambda: job.cluster.put_component_template(name="mpm-x@custom", template={}))


def test_the_job_notes_in_captures_and_changes_only_what_it_made_of_them(
    name: Callable[[Index], str], client_for: ClientFor
) -> None:
    target, job = name(Index.CAPTURES), client_for("job")
    client_for("shipper").bulk(index=target, operations=[{"create": {"_id": "1"}}, DOCUMENT])
    job.update(index=target, id="1", doc={"mpm": {"capture": {"conversion": {"state": "waiting"}}}})
    assert refused(lambda: job.delete(index=target, id="1"))
    for index in (Index.PREDICTIONS, Index.GROUND_TRUTH):
        made = from_captures(name(index))
        job.index(index=made, id="1", document=DOCUMENT)
        job.index(index=made, id="1", document={**DOCUMENT, "message": "made again"})
        job.delete(index=made, id="1")
        assert refused(lambda made=made: job.indices.delete(index=made))  # type: ignore[misc]
        assert refused(lambda made=made: client_for("setup").delete(index=made, id="1"))  # type: ignore[misc]


def test_the_job_writes_results_fenced_and_only_adds_to_the_trail(
    name: Callable[[Index], str], client_for: ClientFor
) -> None:
    job, target = client_for("job"), name(Index.METRICS)
    for version in (5, 5):
        job.index(index=target, id="1", document=DOCUMENT, version=version, version_type="external_gte")
    with pytest.raises(ConflictError):
        job.index(index=target, id="1", document=DOCUMENT, version=4, version_type="external_gte")
    job.delete(index=target, id="1", version=6, version_type="external_gte")
    assert refused(lambda: job.indices.delete(index=target))
    for index in (Index.ALERT_EVENTS, Index.AUDIT):
        trail = name(index)
        job.create(index=trail, id="1", document=DOCUMENT)
        with pytest.raises(ConflictError):
            job.create(index=trail, id="1", document=DOCUMENT)
        assert job.get(index=trail, id="1")["found"]
        assert refused(lambda trail=trail: job.index(index=trail, id="1", document=DOCUMENT))  # type: ignore[misc]
        assert refused(lambda trail=trail: job.delete(index=trail, id="1"))  # type: ignore[misc]


def test_the_reader_reads_results_and_nothing_else(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    reader = client_for("reader")
    for index in MAPPINGS:
        target = name(index)
        admin_client.index(index=target, id="1", document=DOCUMENT)
        assert refused(lambda target=target: reader.get(index=target, id="1")) is (index is Index.STATE)  # type: ignore[misc]
        assert refused(lambda target=target: reader.create(index=target, id="2", document=DOCUMENT))  # type: ignore[misc]
        assert refused(lambda target=target: reader.update(index=target, id="1", doc=DOCUMENT))  # type: ignore[misc]
        assert refused(lambda target=target: reader.delete(index=target, id="1"))  # type: ignore[misc]
    assert refused(lambda: reader.indices.put_index_template(name="mpm-x", index_patterns=["mpm-x"]))


def test_the_admin_keeps_registry_alerts_and_quarantine_but_changes_no_event(
    name: Callable[[Index], str], client_for: ClientFor
) -> None:
    setup = client_for("setup")
    for index in (Index.MODELS, Index.BASELINES, Index.ALERTS, Index.QUARANTINE):
        target = name(index)
        setup.index(index=target, id="1", document=DOCUMENT)
        setup.update(index=target, id="1", doc={"message": "changed"})
    events = name(Index.PREDICTIONS)
    setup.create(index=events, id="1", document=DOCUMENT)
    assert refused(lambda: setup.index(index=events, id="1", document=DOCUMENT))
    assert refused(lambda: setup.delete(index=events, id="1"))
    assert refused(lambda: setup.indices.delete(index=events))
    assert refused(lambda: setup.index(index=name(Index.METRICS), id="1", document=DOCUMENT))
    assert refused(lambda: setup.security.put_role(name="mpm_more", cluster=["all"]))
    assert refused(lambda: setup.cluster.put_settings(persistent={"action.auto_create_index": "false"}))


def test_roles_end_at_our_indices(client_for: ClientFor, admin_client: Elasticsearch) -> None:
    other = f"other-{uuid4().hex}"
    admin_client.index(index=other, id="1", document={"a": 1})
    try:
        for user in ("shipper", "job", "reader", "setup"):
            client = client_for(user)
            assert refused(lambda client=client: client.get(index=other, id="1"))  # type: ignore[misc]
            assert refused(lambda client=client: client.create(index=other, id="2", document={}))  # type: ignore[misc]
    finally:
        admin_client.indices.delete(index=other)
