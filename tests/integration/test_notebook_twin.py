"""The notebook twin says of tables what the job says of the same rows in a cluster: to 1e-12, and to the word."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from elasticsearch import Elasticsearch
from pyarrow import parquet

import mpm_elk
from benchmarks.twin import DocumentKey, compare, key
from mpm_elk.config import Config, load
from mpm_elk.config.rules import Rule
from mpm_elk.contract.names import Index
from mpm_elk.demo.flights import SEGMENTS, load_flights
from mpm_elk.demo.run import NOT_FEATURES
from mpm_elk.demo.traffic import prediction_lines, replay, write_training_file
from mpm_elk.registry.baseline import from_file
from mpm_elk.registry.rows import Columns
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.timespan import DAY_MS, from_ms, iso, parse_instant, to_ms
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, midnight

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ClientFor = Callable[[str], Elasticsearch]
ABOUT: dict[str, Any] = {"time": "when", "failed": "failed", "duration": "took", "segments": ["region"]}
LEFT_OUT = frozenset({"failed", "took", "region"})
MORE = [
    {"id": "since-training", "metric": "drift.psi", "on": {"subject": "features.*"}, "against": "baseline",
     "warning": 0.05, "min_samples": 100},
    {"id": "moved", "metric": "drift.mean_shift", "against": "previous", "warning": 0.5, "evidence": "none"},
    {"id": "by-region", "metric": "drift.js_adjusted", "on": {"subject": "prediction.*", "segments": ["region"]},
     "against": "rolling 28d", "warning": 0.2, "min_samples": 50},
]  # fmt: skip
RULES = [*(rule.model_dump(by_alias=True) for rule in DEFAULT_RULES), *MORE]


def table(events: Sequence[Event]) -> pa.Table:
    """Lay events out as a table, as a notebook would have it."""
    rows = []
    for event in events:
        mpm, failed = event["mpm"], event["event"]["outcome"] == "failure"
        outputs = {name: mpm["prediction"].get(name) for name in ("score", "label")}
        when, took = from_ms(to_ms(parse_instant(event["@timestamp"]))), event["event"]["duration"]
        about = {"when": when, "took": took, "failed": failed, "region": mpm["segment"]["region"]}
        rows.append({**mpm["features"], **outputs, **about})
    names = ("income", "age", "temperature", "purpose", "channel", "score", "label", "when", "took", "failed", "region")
    return pa.table({name: [row.get(name) for row in rows] for name in names})


@dataclass(frozen=True)
class Case:
    """Training data and traffic as tables, and what the job wrote of that traffic; `how` names the columns."""

    documents: Mapping[DocumentKey, Mapping[str, Any]]
    reference: pa.Table
    current: pa.Table
    cells: Mapping[str, Any]
    rules: Sequence[Rule | Mapping[str, Any]]
    how: Mapping[str, Any]


def monitored(
    client_for: ClientFor, config: Config, training: Path, columns: Columns, *, events: Sequence[Event], end_ms: int
) -> tuple[dict[DocumentKey, Mapping[str, Any]], Mapping[str, Any]]:
    """Register the training data, send the events, run the job; gives metric documents and cells."""
    model = Monitored(client_for, config)
    from_file(client_for("setup"), model.version, training, columns, now_ms=midnight(0))
    for event in events:
        event["mpm"]["model"] = {"name": model.name, "version": "1"}
    model.send(events)
    model.ran(end_ms + SETTLED)
    parts = [hit["_source"]["mpm"] for hit in model.documents(Index.METRICS).values()]
    registered = [hit["_source"]["mpm"] for hit in model.documents(Index.MODELS).values()]
    [cells] = [mpm["cells"] for mpm in registered if mpm["kind"] == "cells"]
    return {key(mpm): mpm for mpm in parts}, cells


@pytest.fixture(scope="module")
def made(client_for: ClientFor, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Forty days of training data, and six days of traffic of which the last two drift."""
    config = Config.model_validate({"rules": RULES, "models": [{"name": "job-*", "segments": ["region"]}]})
    training = [one for day in range(-40, 0) for one in day_of("made", day + 100, seed=7)]
    for one in training:  # the numbers of days seed their chance, and may not be negative
        one["@timestamp"] = iso(to_ms(parse_instant(one["@timestamp"])) - 100 * DAY_MS)
    traffic = [one for day in range(6) for one in day_of("made", day, shift=0.8 if day > 3 else 0)]
    reference, current = table(training), table(traffic)
    succeeded = reference.filter(pa.array([not failed for failed in reference["failed"].to_pylist()]))
    parquet.write_table(succeeded, file := tmp_path_factory.mktemp("training") / "training.parquet")
    columns = Columns(timestamp="when", exclude=LEFT_OUT)
    documents, cells = monitored(client_for, config, file, columns, events=traffic, end_ms=midnight(6))
    return Case(documents, reference, current, cells, RULES, ABOUT)


class Scorer:
    """Stands in for the demo's model, which takes long to train."""

    def score(self, rows: pd.DataFrame) -> Any:
        return np.clip(rows["scheduled_hour"].to_numpy() / 30 + np.nan_to_num(rows["precipitation"].to_numpy()), 0, 1)


@pytest.fixture(scope="module")
def flights(client_for: ClientFor, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Real flights, by the demo's rules: trained on February and March, three weeks watched, °C for °F at their end."""
    rules = load(ROOT / "examples" / "flights" / "mpm.yml", {}).rules
    config = Config.model_validate({"rules": rules, "models": [{"name": "job-*", "segments": list(SEGMENTS)}]})
    year, scorers = load_flights(), cast("Any", {"1": Scorer()})
    past = replay(year, scorers, datetime(2013, 2, 10, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC), incidents=())
    write_training_file(past, file := tmp_path_factory.mktemp("training") / "training.parquet")
    end = datetime(2013, 5, 1, tzinfo=UTC)
    scored = replay(year, scorers, datetime(2013, 4, 10, tzinfo=UTC), end)
    events = [json.loads(line) for _, lines in prediction_lines(scored) for line in lines]
    columns = Columns(exclude=NOT_FEATURES)
    documents, cells = monitored(client_for, config, file, columns, events=events, end_ms=to_ms(end))
    rows = [
        {
            **event["mpm"]["features"],
            **{name: event["mpm"]["prediction"][name] for name in ("score", "label")},
            **{f"segment.{name}": event["mpm"]["segment"][name] for name in SEGMENTS},
            "@timestamp": event["@timestamp"],
            "took": event["event"]["duration"],
        }
        for event in events
    ]
    how = {
        "time": "@timestamp",
        "exclude": ["late"],
        "duration": "took",
        "segments": {name: f"segment.{name}" for name in SEGMENTS},
    }
    return Case(documents, parquet.read_table(file), pa.Table.from_pylist(rows), cells, rules or (), how)


@pytest.fixture(params=["made", "flights"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


def test_every_metric_document_is_the_cluster_s(case: Case) -> None:
    result = mpm_elk.compare(case.reference, case.current, rules=case.rules, **case.how)
    found = compare(case.documents, {key(document["mpm"]): document["mpm"] for document in result.documents})
    assert found.unlike == []
    assert found.documents > 126
    assert found.numbers > 4_000
    assert {"ok", "critical"} <= found.statuses.keys()


def test_the_cells_are_those_of_the_registry(case: Case) -> None:
    cut = mpm_elk.compare(case.reference, case.current, rules=case.rules, **case.how)
    known = mpm_elk.compare(case.reference, case.current, rules=case.rules, cells=case.cells, **case.how)
    assert cut.documents == known.documents


def test_one_window_against_the_baseline_has_the_cluster_s_effects(made: Case) -> None:
    """Without times the noise is that of random sampling; what does not depend on noise is what the cluster says."""
    last = [str(value)[:10] for value in made.current["when"].to_pylist()]
    day = made.current.filter(pa.array([value == last[-1] for value in last]))
    exclude = ["when", *LEFT_OUT]
    result = mpm_elk.compare(made.reference, day, exclude=exclude, failed="failed")
    twins = {document["mpm"]["subject"]["name"]: document["mpm"] for document in result.documents}
    ours = {name: mpm["drift"] for name, mpm in twins.items()}
    stored = {
        name[0]: mpm for name, mpm in made.documents.items()
        if name[1] == "all" and name[2][:10] == last[-1] and name[3:] == ("1d", "baseline")
    }  # fmt: skip
    assert ours.keys() >= stored.keys()
    assert len(stored) == 5
    for subject, mpm in stored.items():
        for metric in ("psi", "js", "total_variation", "chi2"):
            assert ours[subject][metric] == pytest.approx(mpm["drift"][metric], rel=1e-12), (subject, metric)
        assert twins[subject]["distributions"] == mpm["distributions"]
