"""What is wrong with a source is said, and stops that source or model only."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.sources import resolve
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.config.sources import SourceSettings
from mpm_elk.errors import ClusterError, ConfigError, MpmError, PermissionDeniedError
from mpm_elk.timespan import iso
from tests.integration.command import Command
from tests.integration.foreign import RULES, Foreign, declared, foreign, traffic
from tests.integration.traffic import SETTLED, days_of, midnight

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("rights")]

ClientFor = Callable[[str], Elasticsearch]


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
