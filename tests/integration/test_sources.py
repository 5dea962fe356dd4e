"""An index that others fill, monitored where it is: the same numbers as the same rows shipped, with rights to read."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.profiles.cells import LABEL, SCORE
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.foreign import MAPPING, RULES, Foreign, declared, foreign, traffic
from tests.integration.traffic import SETTLED, Monitored, event, midnight

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("rights")]

ClientFor = Callable[[str], Elasticsearch]

TWIN = {**RULES, "models": [{"name": "job-*", "segments": ["region"]}]}


def stored_alike(model: Monitored, twin: Monitored) -> None:
    ours, theirs = model.results(), twin.results()
    assert len(ours) == len(theirs) > 100
    assert ours.unlike(theirs) == []
    assert ours.same(theirs)


@pytest.mark.parametrize("kind", ["index", "data stream"])
def test_a_source_gives_what_the_same_rows_give_when_they_are_shipped(client_for: ClientFor, kind: str) -> None:
    shipped = Monitored(client_for, Config.model_validate(TWIN))
    model = Foreign.over(client_for)
    if kind == "index":
        model.make(shards=3)
    else:
        template = {"mappings": MAPPING, "settings": {"number_of_shards": 2}}
        model.admin.indices.put_index_template(
            name=model.index, index_patterns=[model.index], data_stream={}, template=template, priority=900
        )
    events = traffic(shipped.name, range(7))
    shipped.send(events)
    model.log_events(events[: len(events) // 2])
    if kind != "index":
        model.admin.indices.rollover(alias=model.index)
    model.log_events(events[len(events) // 2 :])
    now = midnight(7) + SETTLED
    assert model.ran(now).hours == shipped.ran(now).hours > 30
    stored_alike(model, shipped)
    assert {hit["_source"]["mpm"]["alert"]["severity"] for hit in model.documents(Index.ALERTS).values()} == {
        "critical"
    }

    # Nothing new: nothing is read, nothing is written.
    written = model.written()
    again = model.run(now)
    assert again.totals == dict.fromkeys(again.totals, 0)
    assert model.written() == written

    # A document that is two days late changes its own hour, and what depends on it.
    late = event(shipped.name, midnight(5) + 10 * HOUR_MS, "late", {"income": 1e6, "age": 99}, score=0.9, label="deny")
    shipped.send([late])
    model.log_events([late])
    assert (model.ran(now + HOUR_MS).hours, shipped.ran(now + HOUR_MS).hours) == (1, 1)
    stored_alike(model, shipped)


def test_the_rows_of_a_source_are_only_read(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(2)))
    before = model.admin.indices.stats(index=model.index)["indices"][model.index]["primaries"]["indexing"]
    model.ran(midnight(2) + SETTLED)
    after = model.admin.indices.stats(index=model.index)["indices"][model.index]["primaries"]["indexing"]
    assert after["index_total"] == before["index_total"]
    with pytest.raises(AuthorizationException):
        client_for("job").index(index=model.index, document={})


def test_documents_without_a_time_are_not_counted(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    events = traffic(model.name, range(1))
    model.log_events(events)
    untimed = [
        {name: value for name, value in foreign(one, model.name).items() if name != "@timestamp"} for one in events
    ]
    model.log(untimed)
    model.ran(midnight(1) + SETTLED)
    days = model.documents(
        Index.PROFILES, {"term": {"mpm.profile.granularity": "day"}}, {"term": {"mpm.segment_key": "all"}}
    )
    assert [hit["_source"]["mpm"]["profile"]["count"] for hit in days.values()] == [len(events)]


def test_audit_finds_nothing_wrong_in_a_source(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(2)))
    now = midnight(2) + SETTLED
    model.ran(now)
    assert model.ran(now, audit=True).hours == 0


def test_a_dry_run_counts_a_source_and_writes_nothing(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(2)))
    report = model.ran(midnight(2) + SETTLED, dry_run=True)
    assert report.hours > 0 < report.metrics
    assert model.documents(Index.PROFILES) == {}


def test_another_field_for_a_subject_counts_all_hours_again(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(2)))
    now = midnight(2) + SETTLED
    hours = model.ran(now).hours
    sources = [declared(model.index, duration={"field": "took", "unit": "ms"})]
    model.config = Config.model_validate({**RULES, "sources": sources})
    assert model.ran(now).hours == hours
    assert model.ran(now).hours == 0
    features = {**sources[0]["features"], "income": "in.temperature"}
    model.config = Config.model_validate({**RULES, "sources": [{**sources[0], "features": features}]})
    assert model.ran(now).hours == hours


def test_a_fixed_model_with_features_under_a_prefix_in_a_dynamic_mapping(client_for: ClientFor) -> None:
    name = f"job-{secrets.token_hex(6)}"
    model = Foreign.over(
        client_for, model=name, version=3, environment="staging", features=None, feature_prefix="in.", segments=None,
        duration=None, id=None, failure={"field": "error.message"}, label="out.decision.keyword",
    )  # fmt: skip
    model.name = name
    events = traffic(name, range(2))
    for one in events:
        del one["mpm"]["features"]["temperature"]
    failed = [one for one in events if one["event"]["outcome"] == "failure"]
    model.log(
        {**foreign(one, name), "error": {"message": "boom"}} if one in failed else foreign(one, name) for one in events
    )
    report = model.run(midnight(2) + SETTLED)
    assert report.sources == []
    [entry] = report.models
    assert (entry.error, str(entry.model)) == (None, f"{name} (staging)")
    of_days = [{"term": {"mpm.model.name": name}}, {"term": {"mpm.profile.granularity": "day"}}]
    query = {"bool": {"filter": of_days}}
    found = model.admin.search(index=Index.PROFILES.pattern, size=100, query=query)["hits"]["hits"]
    profiles = [hit["_source"]["mpm"] for hit in found]
    assert {profile["model"]["version"] for profile in profiles} == {"3"}
    assert sum(profile["profile"]["count"] for profile in profiles) == len(events)
    assert sum(profile["profile"]["failures"] for profile in profiles) == len(failed) > 0
    subjects = {"features.income", "features.age", "features.purpose", "features.channel", SCORE, LABEL}
    assert set(profiles[0]["profile"]["subjects"]) == subjects


def test_a_model_of_a_source_is_listed_and_gets_baselines(
    client_for: ClientFor, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(3)))
    admin = Command(settings_for("admin"), tmp_path).write(json.dumps({"sources": [declared(model.index)]}))
    day = iso(midnight(0))[:10], iso(midnight(2))[:10]
    made = admin.run("baseline", "create", model.name, "--version", "1", "--from-window", *day, "--json")
    assert made.returncode == 0, made.stderr
    window = json.loads(made.stdout)
    assert window["count"] == 480
    subjects = {cell["subject"]: cell["kind"] for cell in window["cells"]}
    assert subjects == {
        "features.income": "numeric", "features.age": "numeric", "features.temperature": "numeric",
        "features.purpose": "categorical", "features.channel": "categorical", SCORE: "numeric", LABEL: "categorical",
    }  # fmt: skip
    table = tmp_path / "train.csv"
    table.write_text("income,age,purpose,nobody\n" + "".join(f"{at * 1.5},{at % 7 + 18},car,1\n" for at in range(300)))
    made = admin.run("baseline", "create", model.name, "--version", "2", "--from", str(table), "--json")
    assert made.returncode == 0, made.stderr
    assert {cell["subject"] for cell in json.loads(made.stdout)["cells"]} == {
        "features.income", "features.age", "features.purpose",
    }  # fmt: skip
    listed = json.loads(admin.run("model", "list", "--json").stdout)
    [about] = [entry for entry in listed if entry["model"] == model.name]
    assert (about["versions"], about["subjects"], about["baselines"]) == (["1", "2"], 7, 2)
    model.ran(midnight(3) + SETTLED)
