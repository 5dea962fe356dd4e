"""Features together, through the job: the sample is the rows that it should be, and a lost correlation is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.ids import bucket
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.contract.names import Index, part
from mpm_elk.contract.source import EVENTS as OURS
from mpm_elk.profiles.cells import CellSet, NumericCells
from mpm_elk.profiles.joint import Joint, paired, scores
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.profiles.sampling import share_of
from mpm_elk.registry.store import load
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.traffic import SETTLED, Event, Monitored, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS, EVENTS, BUSY = 44, 120, 1_500
NAMES = ("age", "distance", "income")
CONFIG = Config.model_validate(
    {
        "job": {"false_alarms_per_month": 1},
        "rules": [
            {"id": "together", "metric": "drift.correlation_shift", "against": "rolling 7d", "warning": 0.2,
             "critical": 0.4, "min_samples": 50},
        ],
    }
)  # fmt: skip


def day_of(model: str, day: int, *, events: int = EVENTS, correlation: float = 0.7, tag: str = "") -> list[Event]:
    """Make events of two hours; income hangs on age, is missing now and then, and has no tail that anything minds."""
    rng = np.random.default_rng([day, events, len(tag)])
    made = []
    for at in range(events):
        age, other, distance = rng.normal(size=3)
        income = float(np.exp(2 * (correlation * age + np.sqrt(1 - correlation**2) * other)))
        features: dict[str, Any] = {"age": float(age), "distance": float(distance), "income": income, "kind": "car"}
        if rng.random() < 0.05:
            del features["income"]
        when = midnight(day) + 9 * HOUR_MS + int(rng.integers(0, 2 * HOUR_MS))
        made.append(event(model, when, f"{tag}{day}-{at}", features, score=0.5, label="grant", failed=at % 50 == 7))
    return made


def columns(events: list[Event], share: int = 1000) -> dict[str, Any]:
    chosen = [
        one["mpm"]["features"]
        for one in events
        if one["event"]["outcome"] == "success" and bucket(one["mpm"]["prediction"]["id"]) < share
    ]
    return {f"features.{name}": np.array([row.get(name, np.nan) for row in chosen]) for name in NAMES}


def cells_of(model: Monitored) -> dict[str, NumericCells]:
    found = load(model.admin, model.key).cells
    assert found is not None
    return paired(found.cells)


def stored(model: Monitored, granularity: str) -> dict[str, Any]:
    found = model.documents(Index.PROFILES, {"term": {"mpm.profile.granularity": granularity}})
    return {hit["_source"]["@timestamp"]: hit["_source"]["mpm"]["profile"].get("joint") for hit in found.values()}


def sent(model: Monitored) -> list[Event]:
    days = [one for day in range(DAYS - 1) for one in day_of(model.name, day)]
    lost = day_of(model.name, DAYS - 1, events=BUSY, correlation=0.0)
    events = days + lost
    model.send(events)
    model.ran(midnight(DAYS) + SETTLED)
    return events


@pytest.fixture(scope="module")
def watched(client_for: ClientFor) -> tuple[Monitored, list[Event]]:
    model = Monitored(client_for, CONFIG)
    return model, sent(model)


def expected(cells: dict[str, NumericCells], events: list[Event]) -> dict[str, Joint]:
    """Add up each hour's sample."""
    hours: dict[str, list[Event]] = {}
    for one in events:
        hours.setdefault(one["@timestamp"][:13] + ":00:00.000Z", []).append(one)
    found = {}
    for hour, some in hours.items():
        share = share_of(len(some))
        rows = columns(some, share)
        found[hour] = Joint.of(cells, rows, len(rows["features.age"]), share)
    return found


def test_each_hour_holds_the_sums_of_its_sample(watched: tuple[Monitored, list[Event]]) -> None:
    model, events = watched
    made = expected(cells_of(model), events)
    hours = stored(model, "hour")
    assert {hour: joint.to_document() for hour, joint in made.items()} == hours
    assert {*hours[max(hours)]["samples"]} == {"500"}
    days: dict[str, Joint] = {}
    for hour, joint in made.items():
        day = hour[:10] + "T00:00:00.000Z"
        days[day] = days.get(day, Joint()) + joint
    assert {day: joint.to_document() for day, joint in days.items()} == stored(model, "day")


@pytest.mark.parametrize("identity", ["mpm.prediction.id", None])
def test_a_source_without_buckets_gives_the_same_sample_again(
    watched: tuple[Monitored, list[Event]], identity: str | None
) -> None:
    model, events = watched
    source, busy = replace(OURS, bucket=None, id=identity), midnight(DAYS - 1) + 9 * HOUR_MS
    cells = CellSet(cells_of(model))
    index = f"{Index.PREDICTIONS}-{part(model.name)}-*"
    found = [
        roll_up(model.client_for("job"), index, model.version, [busy], cells=cells, source=source).profiles[EVERYTHING]
        for _ in range(2)
    ]
    first, again = (hours[busy].joint for hours in found)
    assert first.to_document() == again.to_document()
    [(share, sums)] = first.samples.items()
    succeeded = sum(
        one["event"]["outcome"] == "success" and one["@timestamp"].startswith(iso(busy)[:13]) for one in events
    )
    assert share == 500
    assert abs(sums.rows - succeeded / 2) < 5 * np.sqrt(succeeded) / 2


def test_a_lost_correlation_is_found_and_nothing_else(watched: tuple[Monitored, list[Event]]) -> None:
    model, events = watched
    found = model.metrics("features")
    assert [mpm["status"] for mpm in found[-10:]] == ["ok"] * 9 + ["critical"]
    last = found[-1]
    assert last["drift"]["culprit"] == "age and income"
    assert "the correlation of age and income is " in last["finding"]
    cells = cells_of(model)
    rows = columns([one for one in events if one["@timestamp"] >= iso(midnight(DAYS - 1))], 500)
    table = pd.DataFrame({name: scores(cells[name], values) for name, values in rows.items()})
    assert last["drift"]["correlation"] == pytest.approx(table.corr().iloc[0, 2], rel=1e-9)
    assert last["sample"]["window"] == len(table)
    assert [a["_source"]["mpm"]["subject"]["name"] for a in model.documents(Index.ALERTS).values()] == ["features"]


def test_late_events_rewrite_what_was_found(watched: tuple[Monitored, list[Event]], client_for: ClientFor) -> None:
    model, events = watched
    late = day_of(model.name, DAYS - 1, events=2 * BUSY, tag="late")
    model.send(late)
    model.ran(midnight(DAYS) + SETTLED + HOUR_MS)
    last = model.metrics("features")[-1]
    assert last["revision"]["number"] == 2
    assert -0.4 < last["drift"]["correlation_shift"] < -0.1
    made = expected(cells_of(model), events + late)
    assert {hour: joint.to_document() for hour, joint in made.items()} == stored(model, "hour")

    calm = Monitored(client_for, CONFIG)
    for one in events + late:
        one["mpm"]["model"]["name"] = calm.name
    calm.send(events + late)
    calm.take_cells(model)
    calm.ran(midnight(DAYS) + SETTLED + HOUR_MS)
    assert calm.results(Index.PROFILES).same(model.results(Index.PROFILES))
    assert calm.results(Index.METRICS).same(model.results(Index.METRICS))
