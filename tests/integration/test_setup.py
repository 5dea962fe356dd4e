"""Setup, mappings and roles on a real Elasticsearch."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.setup import Action, Change, install, remove
from mpm_elk.contract.generate import FOLDER
from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index
from mpm_elk.contract.templates import Kind, managed, root

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

ClientFor = Callable[[str], Elasticsearch]

AT = "2026-11-23T10:00:00.123Z"
BEFORE = "2026-11-22T10:00:00.000Z"
MODEL = {"name": "credit-risk", "version": "3"}
ECS: dict[str, Any] = {
    "@timestamp": AT,
    "ecs": {"version": "9.4.0"},
    "event": {
        "kind": "event",
        "module": "mpm",
        "dataset": "mpm.x",
        "ingested": AT,
        "outcome": "success",
        "duration": 12,
    },
    "service": {"name": "credit-api", "version": "1.4.2", "environment": "production"},
    "labels": {"team": "risk", "team.sub": "eu"},
    "tags": ["a", "b"],
    "message": "kept, and not searched",
}
ALERT: dict[str, Any] = {
    **ECS,
    "rule": {"id": "score-drift", "name": "score-drift", "category": "drift", "version": "1"},
    "mpm": {
        "model": MODEL,
        "subject": {"name": "income", "type": "feature", "kind": "numeric"},
        "segment": {"region": "EU"},
        "segment_key": "region=EU",
        "alert": {
            "instance": {"id": "i"},
            "uuid": "u",
            "status": "active",
            "start": BEFORE,
            "duration": {"us": 86_400_000_000},
            "severity": "critical",
            "reason": "PSI of income is 0.3",
            "evaluation": {
                "metric": "drift.psi",
                "value": 1,
                "lower": 0.2,
                "upper": 0.4,
                "threshold": 0.1,
                "p_adjusted": 0,
            },
            "workflow_status": "open",
            "flapping": False,
            "windows": 2,
            "last_window": AT,
        },
        "owner": "credit-ml",
        "runbook": "https://example.org/runbook",
        "evidence": {"window": {"counts": [1, 2]}},
    },
}
# One document of each kind, and who writes it.
EXAMPLES: dict[Index, tuple[str, dict[str, Any]]] = {
    Index.PREDICTIONS: (
        "shipper",
        {
            "model": MODEL,
            "prediction": {"id": "p", "bucket": 7, "score": 1, "label": "deny", "probabilities": {"a": 0, "a.b": 1}},
            "features": {
                "numeric": {"income": 51000, "address.zip": 1, "address": 0.5},
                "categorical": {"purpose": "car", "purpose.detail": "new"},
                "unsupported": {"list": [1, {"a": 2}]},
            },
            "features_invalid": ["list"],
            "segment": {"region": "EU"},
            "query": {"id": "q", "rank": 1},
            "attributions": {"base_value": 0, "values": {"income": 1}},
        },
    ),
    Index.GROUND_TRUTH: ("shipper", {"model": MODEL, "prediction": {"id": "p"}, "ground_truth": {"value": 12.5}}),
    Index.CAPTURES: (
        "shipper",
        {
            "capture": {
                "platform": "kserve",
                "part": "request",
                "call": {"id": "c"},
                "endpoint": "lending/credit-risk",
                "attributes": {"id": "c", "metadata": "{}"},
                "payload": "A" * 1_500_000,
                "bytes": 1_500_000,
                "conversion": {"state": "waiting", "predictions": [{"index": "i", "id": "p"}]},
            }
        },
    ),
    Index.QUARANTINE: (
        "shipper",
        {
            "quarantine": {
                "state": "open",
                "line": 3,
                "bytes": 2,
                "reason_code": "bad_json",
                "raw_base64": "A" * 1_500_000,
            }
        },
    ),
    Index.PROFILES: (
        "job",
        {
            "model": MODEL,
            "segment": {},
            "segment_key": "",
            "profile": {
                "granularity": "hour",
                "start": BEFORE,
                "end": AT,
                "count": 10,
                "failures": 0,
                "cells_hash": "h",
                "hash": "h",
                "subjects": [{"name": "income", "counts": [1, 2]}],
            },
            "run": {"id": "r"},
        },
    ),
    Index.METRICS: (
        "job",
        {
            "model": MODEL,
            "subject": {"name": "income", "type": "feature", "kind": "numeric"},
            "window": {"start": BEFORE, "end": AT, "length": "1d"},
            "reference": {"kind": "baseline", "baseline": "b", "windows": 1, "excluded": 0},
            "sample": {"window": 500, "reference": 10_000},
            "drift": {"psi": 0, "psi_adjusted": {"value": 1, "lower": 0.5}, "culprit": "cell 3"},
            "quality": {"missing": {"rate": 0}},
            "traffic": {"count": 3},
            "dispersion": {"phi": 1},
            "status": "ok",
            "finding": "x" * 40_000,
            "distributions": [[1, 2], [3, 4]],
            "evaluations": [{"rule": "x", "value": "y"}],
            "revision": {"number": 1, "cause": "first", "first_value": {"psi": "x"}},
            "hash": "h",
        },
    ),
    Index.ALERTS: ("job", ALERT["mpm"]),
    Index.ALERT_EVENTS: ("job", ALERT["mpm"]),
    Index.RUNS: (
        "job",
        {"run": {"id": "r", "started": BEFORE, "ended": AT, "counts": {"read": 5}, "problems": [{"model": "m"}]}},
    ),
    Index.MODELS: (
        "setup",
        {"kind": "version", "model": MODEL, "hash": "h", "schema": {"x": 1}, "cells": [1, {"a": 2}]},
    ),
    Index.BASELINES: (
        "setup",
        {"kind": "file", "model": MODEL, "baseline": {"id": "b", "count": 5}, "counts": [[1], "x"]},
    ),
    Index.AUDIT: ("setup", {"model": MODEL, "change": {"before": 1, "after": {"x": "y"}}}),
    Index.STATE: ("job", {"state": {"kind": "lease", "holder": "x", "token": 3}}),
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
        admin_client.indices.delete(index=made, ignore_unavailable=True)


def test_a_second_install_changes_nothing(admin_client: Elasticsearch) -> None:
    changes = install(admin_client)
    assert {change.action for change in changes} <= {Action.UNCHANGED, Action.SKIPPED}
    assert all(change.detail for change in changes if change.action is Action.SKIPPED)


def test_the_admin_role_suffices_for_setup_without_roles(client_for: ClientFor, admin_client: Elasticsearch) -> None:
    client = client_for("setup")
    for index in MAPPINGS:
        admin_client.indices.delete_index_template(name=root(index))
        admin_client.cluster.delete_component_template(name=f"{root(index)}@mappings")
    changes = install(client)
    made = {change.name for change in changes if change.action is Action.CREATED}
    assert made >= {f"{root(index)}@mappings" for index in MAPPINGS} | {root(index) for index in MAPPINGS}
    skipped = {change.name for change in changes if change.action is Action.SKIPPED}
    assert skipped >= {"mpm_shipper", "mpm_job", "mpm_reader", "mpm_admin"}
    assert {change.action for change in install(client)} <= {Action.UNCHANGED, Action.SKIPPED}


def test_the_committed_files_are_what_is_installed(admin_client: Elasticsearch) -> None:
    found = admin_client.indices.get_index_template(name="mpm-*")["index_templates"]
    bodies = {each["name"]: each["index_template"] for each in found}
    for index in MAPPINGS:
        file = json.loads((FOLDER / "index_templates" / f"{root(index)}.json").read_text("utf-8"))
        assert {key: bodies[root(index)][key] for key in file} == file


@pytest.mark.parametrize("index", MAPPINGS, ids=str)
def test_a_document_of_each_kind_is_stored_by_who_writes_it(
    index: Index, name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    user, ours = EXAMPLES[index]
    document = {**(ALERT if index in (Index.ALERTS, Index.ALERT_EVENTS) else ECS), "mpm": ours}
    target = name(index)
    answer = client_for(user).bulk(index=target, operations=[{"create": {"_id": "1"}}, document])
    assert answer["items"][0]["create"]["status"] == 201, answer
    admin_client.indices.refresh(index=target)
    (hit,) = admin_client.search(index=target)["hits"]["hits"]
    assert hit["_source"] == document
    assert "_ignored" not in hit
    settings = admin_client.indices.get_settings(index=target, flat_settings=True)[target]["settings"]
    assert settings["index.codec"] == "best_compression"
    assert settings["index.auto_expand_replicas"] == "0-1"


def test_names_of_one_object_do_not_clash_and_numbers_are_doubles(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    target = name(Index.METRICS)
    client_for("job").index(index=target, document={**ECS, "mpm": EXAMPLES[Index.METRICS][1]})
    mapping = admin_client.indices.get_mapping(index=target)[target]["mappings"]["properties"]["mpm"]["properties"]
    types = {field: body["type"] for field, body in mapping["drift"]["properties"].items()}
    assert types == {
        "culprit": "keyword",
        "psi": "double",
        "psi_adjusted.lower": "double",
        "psi_adjusted.value": "double",
    }


@pytest.mark.parametrize("order", [("number", "text"), ("text", "number")], ids=" first, then ".join)
def test_a_feature_that_is_a_number_here_and_a_text_there(
    order: tuple[str, str], name: Callable[[Index], str], client_for: ClientFor
) -> None:
    target = name(Index.PREDICTIONS)
    features = {"number": {"numeric": {"zone": 7}}, "text": {"categorical": {"zone": "B"}}}
    for kind in order:
        client_for("shipper").bulk(
            index=target, operations=[{"create": {}}, {**ECS, "mpm": {"features": features[kind]}}]
        )
    # What no intake of ours would send: the wrong type in the numeric branch, a new name among it.
    wrong = {"zone": "x", "fresh": "text", "digits": "5", "flag": True}
    answer = client_for("shipper").bulk(
        index=target, operations=[{"create": {}}, {**ECS, "mpm": {"features": {"numeric": wrong}}}]
    )
    assert answer["items"][0]["create"]["status"] == 201
    client_for("job").indices.refresh(index=target)
    found = client_for("job").search(
        index=target,
        size=0,
        aggs={
            "numbers": {"extended_stats": {"field": "mpm.features.numeric.zone"}},
            "texts": {"terms": {"field": "mpm.features.categorical.zone"}},
            "digits": {"value_count": {"field": "mpm.features.numeric.digits"}},
            "ignored": {"terms": {"field": "_ignored"}},
            "missing": {"missing": {"field": "mpm.features.categorical.zone"}},
        },
    )["aggregations"]
    assert (found["numbers"]["count"], found["numbers"]["sum"]) == (1, 7.0)
    assert [(bucket["key"], bucket["doc_count"]) for bucket in found["texts"]["buckets"]] == [("B", 1)]
    assert found["digits"]["value"] == 0
    assert {bucket["key"] for bucket in found["ignored"]["buckets"]} == {
        f"mpm.features.numeric.{each}" for each in wrong
    }
    assert found["missing"]["doc_count"] == 2


def test_ground_truth_of_any_type(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    target = name(Index.GROUND_TRUTH)
    for value in ("repaid", 12.5, True, 7):
        document = {**ECS, "mpm": {"ground_truth": {"value": value}}}
        answer = client_for("shipper").bulk(index=target, operations=[{"create": {}}, document])
        assert answer["items"][0]["create"]["status"] == 201
    admin_client.indices.refresh(index=target)
    found = admin_client.search(
        index=target,
        size=0,
        aggs={
            "labels": {"terms": {"field": "mpm.ground_truth.value"}},
            "sum": {"sum": {"field": "mpm.ground_truth.value.number"}},
        },
    )["aggregations"]
    assert {bucket["key"] for bucket in found["labels"]["buckets"]} == {"repaid", "12.5", "true", "7"}
    assert found["sum"]["value"] == 19.5


def test_an_event_of_most_features_is_searchable(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    target = name(Index.PREDICTIONS)
    for branch, value in (("numeric", 1), ("categorical", "a")):
        document = {**ECS, "mpm": {"features": {branch: {f"f{i}": value for i in range(2000)}}}}
        client_for("shipper").bulk(index=target, operations=[{"create": {}}, document])
    admin_client.indices.refresh(index=target)
    hits = admin_client.search(index=target, source=False)["hits"]["hits"]
    assert len(hits) == 2
    assert not any("_ignored" in hit for hit in hits)


def test_new_fields_reach_indices_that_exist(
    name: Callable[[Index], str], client_for: ClientFor, admin_client: Elasticsearch
) -> None:
    component = f"{root(Index.ALERTS)}@mappings"
    (made,) = (made for made in managed() if made.name == component)
    older = copy.deepcopy(made.body)
    older["_meta"]["content_hash"] = "older"
    del older["template"]["mappings"]["properties"]["mpm"]["properties"]["owner"]
    admin_client.cluster.put_component_template(name=component, **{key.lstrip("_"): older[key] for key in older})
    target = name(Index.ALERTS)
    admin_client.index(index=target, id="1", document=ALERT)

    def owner() -> Any:
        mapping = admin_client.indices.get_mapping(index=target)[target]["mappings"]
        return mapping["properties"]["mpm"]["properties"].get("owner")

    assert owner() is None
    changes = [change for change in install(client_for("setup")) if change.action is Action.UPDATED]
    assert [change.name.split(" ")[0] for change in changes] == [component, root(Index.ALERTS)]
    assert owner() == {"type": "keyword"}


def test_the_users_own_settings_win_and_stay(name: Callable[[Index], str], admin_client: Elasticsearch) -> None:
    custom = f"{root(Index.RUNS)}@custom"
    admin_client.cluster.put_component_template(name=custom, template={"settings": {"index.number_of_shards": 3}})
    try:
        target = name(Index.RUNS)
        admin_client.index(index=target, document=ECS)
        settings = admin_client.indices.get_settings(index=target, flat_settings=True)[target]["settings"]
        assert settings["index.number_of_shards"] == "3"
        remove(admin_client)
        assert admin_client.cluster.exists_component_template(name=custom)
    finally:
        install(admin_client)
        admin_client.cluster.delete_component_template(name=custom)


def test_remove_takes_templates_and_leaves_data(name: Callable[[Index], str], admin_client: Elasticsearch) -> None:
    target = name(Index.ALERTS)
    admin_client.index(index=target, id="1", document=ALERT)
    try:
        gone = [change for change in remove(admin_client) if change.action is Action.REMOVED]
        assert Counter(change.kind for change in gone) >= Counter(
            {Kind.TEMPLATE: len(MAPPINGS), Kind.COMPONENT: 2 * len(MAPPINGS)}
        )
        assert not admin_client.indices.exists_index_template(name=root(Index.ALERTS))
        assert admin_client.get(index=target, id="1")["_source"] == ALERT
        assert [change for change in remove(admin_client) if change.action is not Action.SKIPPED] == []
    finally:
        install(admin_client)


def test_a_component_that_another_template_uses_is_kept(admin_client: Elasticsearch) -> None:
    mine = f"user-{uuid4().hex}"
    component = f"{root(Index.STATE)}@mappings"
    admin_client.indices.put_index_template(name=mine, index_patterns=[mine], composed_of=[component])
    try:
        kept = [change for change in remove(admin_client) if change.action is Action.KEPT]
        assert [change.name for change in kept] == [component]
        assert mine in kept[0].detail
    finally:
        admin_client.indices.delete_index_template(name=mine)
        changes = install(admin_client)
    assert Change("component template", component, Action.UNCHANGED) in changes


def test_fields_reach_a_kind_that_has_only_its_lasting_index(admin_client: Elasticsearch) -> None:
    admin_client.index(index=Index.STATE.value, id="test-lasting", document={"@timestamp": AT})
    try:
        remove(admin_client)
        changes = install(admin_client)
        assert f"{root(Index.STATE)} (1)" in {change.name for change in changes}
    finally:
        install(admin_client)
        admin_client.delete(index=Index.STATE.value, id="test-lasting")
