"""What the job writes equals numpy and scipy on the raw rows, to 1e-9: real flights, three windows, twenty features."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.demo.flights import FEATURES, SEGMENTS, load_flights
from mpm_elk.demo.model import MODEL
from mpm_elk.demo.traffic import prediction_lines, replay, write_training_file
from mpm_elk.registry.baseline import from_file
from mpm_elk.registry.rows import Columns
from mpm_elk.timespan import DAY_MS, iso, parse_instant, to_ms
from tests.integration.recount import count, expected_metrics
from tests.integration.traffic import SETTLED, Event, Monitored, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
START, END = datetime(2013, 4, 17, tzinfo=UTC), datetime(2013, 5, 2, tzinfo=UTC)
WINDOWS = [to_ms(datetime(2013, *day, tzinfo=UTC)) for day in ((4, 26), (4, 29), (5, 1))]
ROLLING = 7
THREE_SHARDS = "mpm-predictions@custom"
RULES = [
    {"id": f"{metric}-{against[0]}", "metric": metric, "against": against, "warning": 0.25, "min_samples": 100,
     "evidence": "none"}
    for metric, against in (("drift.psi", f"rolling {ROLLING}d"), ("drift.psi", "baseline"),
                            ("traffic.failure_rate", f"rolling {ROLLING}d"))
]  # fmt: skip


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


class Scorer:
    """Stands in for the model: what it says does not matter here, that it says something does."""

    def score(self, frame: pd.DataFrame) -> Any:
        late = frame["scheduled_hour"].to_numpy() / 30 + np.nan_to_num(frame["precipitation"].to_numpy())
        return np.clip(late, 0, 1).round(6)


@dataclass(frozen=True)
class Flights:
    """Events of fifteen days, and the training file with its rows as events."""

    events: list[Event]
    training: Path
    trained_on: list[Event]


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """Real flights with what real traffic has: failures, texts in numbers, categories that nobody knows."""
    year = load_flights()
    scorers: Any = {"1": Scorer()}
    scored = replay(year, scorers, START, END)
    events = [json.loads(line) for _, lines in prediction_lines(scored) for line in lines]
    for at, one in enumerate(events):
        features = one["mpm"]["features"]
        if at % 90 == 0:
            one["event"]["outcome"] = "failure"
        if at % 70 == 3:
            features["temperature"] = "n/a"
        if at % 80 == 5:
            features["carrier"] = "XX"
        if at % 60 == 7:
            features["day_of_week"] = 3
        # A twentieth feature of another kind, now and then beyond all that training knew.
        features["load"] = at % 97 / 7 if at % 97 else 1e6
    past = replay(year, scorers, datetime(2013, 3, 12, tzinfo=UTC), datetime(2013, 3, 31, tzinfo=UTC), incidents=())
    file = tmp_path_factory.mktemp("training") / "training.parquet"
    write_training_file(past, file)
    table = pd.read_parquet(file)
    table["load"] = np.arange(len(table)) % 89 / 7
    table.to_parquet(file, index=False)
    rows = [_as_event(row) for row in table.to_dict("records")]
    return Flights(events, file, rows)


def _as_event(row: Mapping[str, Any]) -> Event:
    known = {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 — NaN
    prediction = {name: known.pop(name) for name in ("score", "label")}
    return {"mpm": {"features": known, "prediction": prediction}, "event": {"outcome": "success"}}


@pytest.fixture
def three_shards(admin_client: Elasticsearch, installed: None) -> Iterator[None]:  # noqa: ARG001
    """New indices of predictions have three shards."""
    admin_client.cluster.put_component_template(
        name=THREE_SHARDS, template={"settings": {"index": {"number_of_shards": 3}}}
    )
    yield
    admin_client.cluster.delete_component_template(name=THREE_SHARDS)


def monitored(client_for: ClientFor, flights: Flights) -> Monitored:
    model = Monitored(client_for, Config.model_validate({"rules": RULES}))
    columns = Columns(exclude=frozenset({"late", *(f"segment.{name}" for name in SEGMENTS)}))
    from_file(client_for("setup"), model.version, flights.training, columns, now_ms=to_ms(START))
    return model


def renamed(events: list[Event], name: str) -> list[Event]:
    text = json.dumps(events).replace(json.dumps(MODEL), json.dumps(name))
    made: list[Event] = json.loads(text)
    return made


def test_metrics_equal_the_same_formulas_on_the_raw_rows(flights: Flights, client_for: ClientFor) -> None:
    model = monitored(client_for, flights)
    events = renamed(flights.events, model.name)
    assert model.send(events) == len(events)
    model.ran(to_ms(END) + SETTLED)
    check(model, events, flights.trained_on)


@pytest.mark.usefixtures("three_shards")
def test_so_they_do_with_three_shards_late_events_and_events_sent_twice(
    flights: Flights, client_for: ClientFor
) -> None:
    model = monitored(client_for, flights)
    events = renamed(flights.events, model.name)
    timely = [one for at, one in enumerate(events) if at % 12 and to_ms(parse_instant(one["@timestamp"])) < WINDOWS[2]]
    assert model.send(timely) == len(timely)
    model.ran(WINDOWS[2] + SETTLED)
    assert model.send(events) == len(events) - len(timely)
    assert model.send(events[::2]) == 0
    model.ran(to_ms(END) + SETTLED)
    indices = model.admin.indices.get_settings(index=f"{Index.PREDICTIONS}-{model.name.replace('-', '_')}-*")
    assert {entry["settings"]["index"]["number_of_shards"] for entry in indices.values()} == {"3"}
    check(model, events, flights.trained_on)


def cells_of(model: Monitored) -> dict[str, Any]:
    found = model.admin.search(index=Index.MODELS, query={"bool": {"filter": model.key.filters()}})["hits"]["hits"]
    [cells] = [hit["_source"]["mpm"]["cells"] for hit in found if hit["_source"]["mpm"]["kind"] == "cells"]
    return dict(cells)


def by_day(events: list[Event]) -> dict[int, list[Event]]:
    days: dict[int, list[Event]] = {}
    for one in events:
        time = to_ms(parse_instant(one["@timestamp"]))
        days.setdefault(time - time % DAY_MS, []).append(one)
    return days


def check(model: Monitored, events: list[Event], trained_on: list[Event]) -> None:
    days, cells = by_day(events), cells_of(model)
    assert {f"features.{name}" for name in FEATURES} - set(cells) == set()
    documents = [hit["_source"]["mpm"] for hit in model.documents(Index.METRICS).values()]
    values = 0
    for start in WINDOWS:
        for mpm in (document for document in documents if document["window"]["start"] == iso(start)):
            subject, kind = mpm["subject"]["name"], mpm["reference"]["kind"]
            before = trained_on if kind == "baseline" else reference(days, documents, mpm, start)
            if subject == "model":
                values += check_traffic(mpm, days, start)
                continue
            window, other = count(cells[subject], days[start], subject), count(cells[subject], before, subject)
            assert mpm["distributions"]["window"] == window.coarse.tolist(), subject
            assert mpm["distributions"]["reference"] == other.coarse.tolist(), subject
            assert mpm["sample"] == {"window": window.rows, "reference": other.rows}
            found = expected_metrics(cells[subject], window, other, mpm.get("dispersion", {}).get("phi", 1.0))
            for name in ("drift.psi", "drift.chi2", "drift.mean_shift"):
                assert (name.removeprefix("drift.") in mpm.get("drift", {})) == (name in found)
            for name, expected in found.items():
                family, metric = name.split(".")
                assert mpm[family][metric] == near(expected), (subject, kind, name)
                values += 1
    # 22 features and two outputs against two references, at least twelve numbers each; traffic against one.
    assert values > len(WINDOWS) * 24 * 2 * 12


def reference(days: Mapping[int, list[Event]], documents: Any, mpm: Any, start: int) -> list[Event]:
    """Take the days before, without those on which this subject raised an alert, as the document says it did."""
    alarmed = {
        other["window"]["start"]
        for other in documents
        if other["subject"] == mpm["subject"]
        and other["reference"]["kind"] == mpm["reference"]["kind"]
        and other["status"] in ("warning", "critical")
    }
    known = [day for at in range(ROLLING, 0, -1) if (day := start - at * DAY_MS) in days]
    kept = [day for day in known if iso(day) not in alarmed]
    chosen = kept if 2 * len(kept) >= len(known) else known
    used = mpm["reference"]
    assert used["windows"] == len(chosen)
    assert (used["start"], used["end"]) == (iso(chosen[0]), iso(chosen[-1] + DAY_MS))
    return [one for day in chosen for one in days[day]]


def check_traffic(mpm: Any, days: Mapping[int, list[Event]], start: int) -> int:
    before = [days[start - at * DAY_MS] for at in range(1, ROLLING + 1)]
    pooled = [one for day in before for one in day]
    failures, earlier = (sum(one["event"]["outcome"] == "failure" for one in some) for some in (days[start], pooled))
    expected = {
        "count": len(days[start]),
        "failures": failures,
        "count_expected": np.mean([len(day) for day in before]),
        "count_ratio": len(days[start]) / np.mean([len(day) for day in before]),
        "failure_rate": failures / len(days[start]),
        "failure_rate_reference": earlier / len(pooled),
        "failure_increase": failures / len(days[start]) - earlier / len(pooled),
        "duration_mean": np.mean([one["event"]["duration"] for one in days[start]]),
        "freshness": (start + DAY_MS - max(to_ms(parse_instant(one["@timestamp"])) for one in days[start])) / 1000,
        "duration_mean_reference": np.mean([one["event"]["duration"] for one in pooled]),
    }
    for name, value in expected.items():
        assert mpm["traffic"][name] == near(value), name
    return len(expected)


def test_a_name_may_be_a_number_in_one_model_and_a_text_in_another_that_share_an_index(client_for: ClientFor) -> None:
    config = Config.model_validate({"rules": [{**RULES[0], "against": "rolling 3d"}]})
    one, two = (Monitored(client_for, config, pool="shared_zone") for _ in range(2))
    rng = np.random.default_rng(3)
    sent: dict[str, list[Event]] = {one.name: [], two.name: []}
    for day in range(4):
        for at in range(150):
            zone = float(rng.normal(day, 1))
            for model, value in ((one, zone), (two, f"zone {round(zone)}")):
                made = event(model.name, midnight(day) + at * 1000, f"{day}-{at}", {"zone": value}, score=0.5)
                sent[model.name].append(made)
    for model in (one, two):
        model.send(sent[model.name])
    for model, kind in ((one, "numeric"), (two, "categorical")):
        model.ran(midnight(4) + SETTLED)
        cells = cells_of(model)["features.zone"]
        mpm, days = model.metrics("features.zone")[-1], by_day(sent[model.name])
        assert (mpm["subject"]["kind"], cells["kind"]) == (kind, kind)
        window = count(cells, days[midnight(3)], "features.zone")
        before = [made for day in range(3) for made in days[midnight(day)]]
        flagged = [found["status"] for found in model.metrics("features.zone")[:3]]
        if mpm["reference"]["excluded"]:
            before = [m for day in range(3) if flagged[day] != "warning" for m in days[midnight(day)]]
        expected = expected_metrics(cells, window, count(cells, before, "features.zone"))
        assert (window.rows, window.wrong) == (150, 0)
        for name, value in expected.items():
            family, metric = name.split(".")
            assert mpm[family][metric] == near(value), name
