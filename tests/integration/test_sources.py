"""An index that others fill, monitored where it is: the same numbers as the same rows shipped, with rights to read."""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from mpm_elk.cluster import dev
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.dev.configuration import update_roles
from mpm_elk.cluster.dev.state import Folder
from mpm_elk.cluster.sources import resolve
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.config.sources import SourceSettings
from mpm_elk.contract.keys import EVERYTHING, VersionKey
from mpm_elk.contract.names import Index
from mpm_elk.contract.roles import ROLES
from mpm_elk.contract.source import Source
from mpm_elk.errors import ClusterError, ConfigError, MpmError, PermissionDeniedError
from mpm_elk.profiles.cells import LABEL, SCORE, Cells, CellSet
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.registry.as_stored import as_stored
from mpm_elk.registry.rows import to_chunk
from mpm_elk.registry.training import count_rows, fields_of
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, days_of, event, midnight
from tests.integration.try_model import T0, Model

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("rights")]

ClientFor = Callable[[str], Elasticsearch]
Document = dict[str, Any]
RULES = {
    "rules": [
        {"id": "drift", "metric": "drift.psi", "against": "rolling 3d", "critical": 0.2, "min_samples": 50,
         "evidence": "none"},
        {"id": "wrong", "metric": "quality.type_violation_increase", "against": "rolling 3d", "critical": 0.001},
        {"id": "failures", "metric": "traffic.failure_rate", "window": "6h", "against": "rolling 1d", "critical": 0.5,
         "min_samples": 30, "evidence": "none"},
    ],
}  # fmt: skip
GRANTED = "trysrc-*"
READ_ONLY = "readsrc-*"
MAPPING = {
    "dynamic": False,
    "properties": {
        "@timestamp": {"type": "date"},
        "ml": {"properties": {"model": {"type": "keyword"}, "version": {"type": "long"}, "id": {"type": "keyword"}}},
        "env": {"type": "keyword"},
        "in": {
            "properties": {
                "income": {"type": "double"},
                "age": {"type": "long"},
                "temperature": {"type": "double", "ignore_malformed": True},
                "purpose": {"type": "keyword"},
                "channel": {"type": "keyword"},
            }
        },
        "out": {"properties": {"p": {"type": "double"}, "decision": {"type": "keyword"}}},
        "status": {"type": "short"},
        "took": {"type": "long"},
        "geo": {"type": "keyword"},
    },
}


def declared(index: str, **changes: Any) -> dict[str, Any]:
    """Declare a source over documents as `foreign` makes them."""
    source: dict[str, Any] = {
        "name": "credit-log",
        "index": index,
        "model": {"field": "ml.model"},
        "version": {"field": "ml.version"},
        "environment": {"field": "env"},
        "id": "ml.id",
        "score": "out.p",
        "label": "out.decision",
        "failure": {"field": "status", "at_least": 500},
        "duration": {"field": "took", "unit": "us"},
        "segments": {"region": "geo"},
        "features": {"income": "in.income", "age": "in.age", "temperature": "in.temperature",
                     "purpose": "in.purpose", "channel": "in.channel"},
    }  # fmt: skip
    return {name: value for name, value in {**source, **changes}.items() if value is not None}


def foreign(one: Event, model: str) -> Document:
    """Write an event of ours as another service would log it."""
    mpm, outputs = one["mpm"], one["mpm"]["prediction"]
    failed = one["event"]["outcome"] == "failure"
    document: Document = {
        "@timestamp": one["@timestamp"],
        "ml": {"model": model, "version": int(mpm["model"]["version"]), "id": outputs["id"]},
        "env": one["service"]["environment"],
        "in": mpm["features"],
        "status": 503 if failed else 200,
        "took": one["event"]["duration"] // 1000,
        "geo": mpm.get("segment", {}).get("region"),
    }
    return document if failed else {**document, "out": {"p": outputs["score"], "decision": outputs["label"]}}


@pytest.fixture(scope="module")
def rights(cluster: dev.Node, admin_client: Elasticsearch, client_for: ClientFor) -> Iterator[None]:
    """The job may read the sources of these tests: the role that docs/sources.md shows, beside its own."""
    grants = [
        {"names": [GRANTED], "privileges": ["read", "monitor", "maintenance"]},
        {"names": [READ_ONLY], "privileges": ["read"]},
    ]
    job = client_for("job")
    if cluster.name:
        role = ROLES["mpm_job"]
        update_roles(Folder.of(cluster.name), {**ROLES, "mpm_job": {**role, "indices": [*role["indices"], *grants]}})
    else:
        admin_client.security.put_role(name="mpm-test-sources", indices=grants)
        admin_client.security.put_user(username="mpm-test-job", roles=["mpm_job", "mpm-test-sources"])
    probe = f"trysrc-probe-{secrets.token_hex(4)}"
    admin_client.indices.create(index=probe)
    for _ in range(60):
        try:
            job.indices.stats(index=probe)
            break
        except AuthorizationException:
            time.sleep(0.5)
    job.indices.refresh(index=probe)
    yield
    if cluster.name:
        update_roles(Folder.of(cluster.name), ROLES)


@dataclass
class Foreign(Monitored):
    """A model whose events stand in another team's index."""

    index: str = field(default_factory=lambda: f"trysrc-{secrets.token_hex(6)}")

    @classmethod
    def over(cls, client_for: ClientFor, *, rules: Mapping[str, Any] = RULES, **changes: Any) -> "Foreign":
        """Declare the source."""
        index = changes.pop("index", f"trysrc-{secrets.token_hex(6)}")
        config = Config.model_validate({**rules, "sources": [declared(index, **changes)]})
        return cls(client_for, config, index=index)

    def make(self, shards: int = 1, mapping: Mapping[str, Any] = MAPPING) -> "Foreign":
        """Make the index, as the other team would."""
        self.admin.indices.create(index=self.index, mappings=mapping, settings={"number_of_shards": shards})
        return self

    def log(self, documents: Iterable[Document]) -> None:
        """Index documents, without a word to mpm-elk."""
        operations: list[Any] = []
        for one in documents:
            operations += [{"create": {"_index": self.index}}, one]
        answer = self.admin.bulk(operations=operations)
        assert not answer["errors"], answer

    def log_events(self, events: Iterable[Event]) -> None:
        """Index events in the other team's form."""
        self.log(foreign(one, self.name) for one in events)


def traffic(model: str, days: Iterable[int]) -> list[Event]:
    """Make events with wrong types, whole numbers, and a drift on the fifth day."""
    events = [one for day in days for one in day_of(model, day, shift=1.5 if day == 5 else 0)]
    for at, one in enumerate(events):
        if at % 70 == 3:
            one["mpm"]["features"]["temperature"] = "n/a"
        if at % 110 == 5:
            del one["mpm"]["features"]["age"]
    return events


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


NARROW = {"properties": {
    "@timestamp": {"type": "date"}, "m": {"type": "keyword"}, "f": {"type": "float", "ignore_malformed": True},
    "h": {"type": "half_float"}, "d": {"type": "double"}, "n": {"type": "long"}, "code": {"type": "integer"},
    "b": {"type": "boolean"}, "k": {"type": "keyword"}, "i": {"type": "integer", "ignore_malformed": True},
}}  # fmt: skip
TYPED = {
    "name": "typed", "version": "1", "time": "@timestamp",
    "features": {"f": "f", "h": "h", "d": "d", "n": "n", "code": {"field": "code", "as": "categorical"}, "b": "b",
                 "k": "k", "i": "i"},
}  # fmt: skip


def hard_rows(seed: int, number: int = 400) -> list[dict[str, Any]]:
    """Make rows whose values lie on, and one step beside, the edges of their cells."""
    rng = np.random.default_rng(seed)
    spikes = [0.1, 0.3, 0.7, 1 / 3, 2.0**-24, -0.0, 0.0, 16_777_217.0, 1e-7]
    rows = []
    for at in range(number):
        number_like = float(rng.choice(spikes)) if rng.random() < 0.5 else float(rng.normal())
        row: dict[str, Any] = {
            "f": number_like,
            "h": float(rng.choice([0.1, 0.3, 2049.0, 65_504.0, 1e-8])) if at % 3 else float(rng.normal()),
            "d": float(np.nextafter(rng.choice(spikes), rng.choice([-np.inf, np.inf]))),
            "n": int(rng.choice([0, 1, 7, 2**53 + 1, -(2**62)])) if at % 2 else int(rng.integers(-1000, 1000)),
            "code": int(rng.integers(0, 8)),
            "b": bool(rng.random() < 0.2),
            "k": str(rng.choice(["a", "b", "", "é", "A"])),
            "i": float(rng.choice([1.0, 2.75, -2.75])),
        }
        if at % 11 == 0:
            row["f"] = "no number"
        if at % 13 == 0:
            row = {name: value for name, value in row.items() if rng.random() < 0.5}
        rows.append(row)
    return rows


def typed_source(client: Elasticsearch, index: str, model: str) -> Source:
    return resolve(client, SourceSettings.model_validate({**TYPED, "index": index, "model": model}))


def assert_same_counts(ours: Profile, theirs: Profile) -> None:
    assert ours.count == theirs.count
    assert set(ours.subjects) == set(theirs.subjects)
    for name, a in ours.subjects.items():
        b = theirs.subjects[name]
        assert a.cells.tolist() == b.cells.tolist(), name
        assert (a.cells_hash, a.missing, a.type_violations) == (b.cells_hash, b.missing, b.type_violations), name
        assert (a.moments.count, a.moments.min, a.moments.max) == (b.moments.count, b.moments.min, b.moments.max), name
        assert a.moments.sum == pytest.approx(b.moments.sum, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_every_type_of_field_counts_as_the_rows_of_a_file_would(client_for: ClientFor, seed: int) -> None:
    admin, index = client_for("admin"), f"trysrc-{secrets.token_hex(6)}"
    admin.indices.create(index=index, mappings=NARROW, settings={"number_of_shards": 1 + seed % 2})
    rows = hard_rows(seed)
    operations: list[Any] = []
    for at, row in enumerate(rows):
        operations += [{"create": {"_index": index}}, {"@timestamp": iso(T0 + at), **row}]
    assert not admin.bulk(operations=operations, refresh=True)["errors"]
    source = typed_source(client_for("job"), index, "typed")
    chunk = to_chunk([{f"features.{name}": value for name, value in row.items()} for row in rows], "")
    [held] = as_stored([chunk], source, Path("rows"))
    cells = cells_of(held.subjects)
    expected, _ = count_rows([held], cells)
    version = VersionKey("production", "typed", "1")
    counted = roll_up(client_for("job"), index, version, [T0], cells=cells, source=source).profiles[EVERYTHING][T0]
    assert_same_counts(counted, expected)
    assert counted.subjects["features.f"].type_violations > 0
    for name in ("f", "h", "d", "n"):
        assert counted.subjects[f"features.{name}"].cells[[0, -1]].tolist() == [0, 0], name
    # Cells that know nothing of the fields' precision divide what is stored all the same.
    raw = CellSet({f"features.{n}": cut_numeric(np.array([0.1, 0.3, 0.7, 1 / 3]), n) for n in ("f", "h", "d")})
    counted = roll_up(client_for("job"), index, version, [T0], cells=raw, source=source).profiles[EVERYTHING][T0]
    assert_same_counts(counted, count_rows([held], raw)[0])


def cells_of(columns: Mapping[str, list[Any]]) -> CellSet:
    cells: dict[str, Cells] = {}
    for name, column in columns.items():
        texts = [value for value in column if isinstance(value, str)]
        numbers = [value for value in column if isinstance(value, float)]
        if len(numbers) > len(texts):
            main, other = fields_of(name, numeric=True)
            cells[name] = cut_numeric(np.array(numbers), main, other_field=other)
        else:
            main, other = fields_of(name, numeric=False)
            cells[name] = cut_categorical({t: texts.count(t) for t in texts}, main, other_field=other)
    return CellSet(cells)


@pytest.mark.parametrize("seed", range(3))
def test_a_source_counts_what_the_same_rows_count_when_they_are_shipped(client_for: ClientFor, seed: int) -> None:
    admin, index = client_for("admin"), f"trysrc-{secrets.token_hex(6)}"
    admin.indices.create(index=index, mappings=NARROW)
    rows = [
        {n: v for n, v in row.items() if n in ("d", "n", "b", "k") and not (n == "n" and abs(v) > 2**53)}
        for row in hard_rows(seed)
    ]
    model = Model(admin)
    model.send([model.event(T0 + at, row) for at, row in enumerate(rows)])
    operations: list[Any] = []
    for at, row in enumerate(rows):
        operations += [{"create": {"_index": index}}, {"@timestamp": iso(T0 + at), **row}]
    assert not admin.bulk(operations=operations, refresh=True)["errors"]
    refresh(admin, [model.pattern])
    chunk = to_chunk([{f"features.{name}": value for name, value in row.items()} for row in rows], "")
    cells = cells_of(chunk.subjects)
    shipped = roll_up(admin, model.pattern, model.version, [T0], cells=cells).profiles[EVERYTHING][T0]
    source = typed_source(admin, index, model.name)
    version = VersionKey("production", model.name, "1")
    counted = roll_up(admin, index, version, [T0], cells=cells, source=source).profiles[EVERYTHING][T0]
    assert_same_counts(counted, shipped)


def test_several_values_in_a_document_are_an_error_of_that_model(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    events = traffic(model.name, range(2))
    model.log_events(events)
    model.log([{**foreign(events[0], model.name), "in": {"income": [1.0, 2.0], "purpose": ["car", "home"]}}] * 300)
    [entry] = model.run(midnight(2) + SETTLED).models
    assert isinstance(entry.error, ClusterError)
    assert "several values" in str(entry.error)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score": "out.pp"}, "did you mean `out.p`?"),
        ({"score": "out.decision"}, "`score` is the field out.decision, whose type is keyword"),
        ({"time": "ml.id"}, "`time` is the field ml.id, whose type is keyword"),
        ({"features": {"income": {"field": "in.income", "as": "categorical"}}}, "whose type is double"),
        ({"model": {"field": "in.income"}}, "`model` is the field in.income"),
        ({"index": "trysrc-nothing-*"}, "no index matches trysrc-nothing-*"),
    ],
)
def test_a_wrong_declaration_is_an_error_of_that_source_only(
    client_for: ClientFor, changes: dict[str, Any], says: str
) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(1)))
    wrong = {**declared(model.index), "name": "wrong", **changes}
    model.config = Config.model_validate({**RULES, "sources": [wrong, declared(model.index)]})
    report = model.run(midnight(1) + SETTLED)
    assert [problem.source for problem in report.sources] == ["wrong"]
    assert says in str(report.sources[0].error)
    assert isinstance(report.sources[0].error, ConfigError | ClusterError)
    assert ([entry.error for entry in report.models], report.exit_code) == ([None], 1)


def test_a_field_of_unlike_types_in_different_indices_is_refused(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    other = {"properties": {"in": {"properties": {"income": {"type": "float"}}}}}
    model.admin.indices.create(index=f"{model.index}-2", mappings=other)
    with pytest.raises(ConfigError, match="double and float in different indices"):
        resolve(client_for("job"), SourceSettings.model_validate(declared(f"{model.index}*")))


@pytest.mark.parametrize("prefix", ["readsrc", "othersrc"])
@pytest.mark.parametrize("wildcard", ["", "*"])
def test_missing_rights_are_said_and_the_other_models_go_on(client_for: ClientFor, prefix: str, wildcard: str) -> None:
    hidden = Foreign.over(client_for, index=f"{prefix}-{secrets.token_hex(6)}").make()
    hidden.log_events(traffic(hidden.name, range(1)))
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(1)))
    sources = [{**declared(hidden.index + wildcard), "name": "hidden"}, declared(model.index)]
    model.config = Config.model_validate({**RULES, "sources": sources})
    report = model.run(midnight(1) + SETTLED)
    [problem] = report.sources
    assert isinstance(problem.error, PermissionDeniedError | ClusterError)
    assert "hidden" in str(problem.error)
    assert "`read`, `monitor` and `maintenance`" in str(problem.error)
    assert [(entry.model.name, entry.error) for entry in report.models] == [(model.name, None)]
    hidden.admin.indices.delete(index=hidden.index)


def test_a_model_in_two_places_is_read_from_the_first_only(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    events = traffic(model.name, range(1))
    model.send(events)
    model.log_events(events)
    report = model.run(midnight(1) + SETTLED)
    [problem] = report.sources
    assert "is in events that were shipped too" in str(problem.error)
    assert [entry.error for entry in report.models] == [None]


def test_the_run_document_and_the_log_name_what_is_wrong(
    client_for: ClientFor, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(traffic(model.name, range(1)))
    job = Command(settings_for("job"), tmp_path).write(json.dumps({"sources": [declared(model.index, score="out.q")]}))
    done = job.run("run", "--model", model.name, "--at", iso(midnight(1) + SETTLED))
    assert done.returncode == 1
    assert "source credit-log: `score` is the field out.q" in done.stderr
    document = json.loads(job.run("run", "--model", model.name, "--at", iso(midnight(1) + SETTLED), "--json").stdout)
    assert document["sources"][0]["source"] == "credit-log"


def test_known_cells_of_another_kind_are_an_error_of_the_model(client_for: ClientFor) -> None:
    model = Foreign.over(client_for).make()
    model.log_events(days_of(model.name, range(1)))
    model.ran(midnight(1) + SETTLED)
    features = {"purpose": "in.income", "income": "in.income"}
    model.config = Config.model_validate({**RULES, "sources": [declared(model.index, features=features)]})
    [entry] = model.run(midnight(1) + SETTLED).models
    assert isinstance(entry.error, MpmError)
    assert "the cells of features.purpose are categorical" in str(entry.error)
