"""`mpm-elk drift classify` on real events, with the rights of a reader, and its twin in a notebook."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from elasticsearch import Elasticsearch

import mpm_elk
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.config.references import parse_reference
from mpm_elk.contract.source import EVENTS as OURS
from mpm_elk.errors import RegistryError
from mpm_elk.profiles.rows import Rows
from mpm_elk.registry.sampled import Events, kinds_of
from mpm_elk.registry.store import load
from mpm_elk.rules.classification import Classified
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from mpm_elk.views.classification import Wanted, classify
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS, EVENTS = 12, 400
LOST = DAYS - 1
"""On the last day age and income no longer hang together; each alone is as before."""


def day_of(model: str, day: int, *, events: int = EVENTS, correlation: float = 0.9) -> list[Event]:
    """Make events of eight hours."""
    rng = np.random.default_rng([day, events])
    made = []
    for at in range(events):
        age, other, distance = rng.normal(size=3)
        income = correlation * age + np.sqrt(1 - correlation**2) * other
        features: dict[str, Any] = {"age": float(age), "distance": float(distance), "income": float(income)}
        features["kind"] = str(rng.choice(["car", "home"]))
        if rng.random() < 0.05:
            del features["income"]
        when = midnight(day) + 9 * HOUR_MS + int(rng.integers(0, 8 * HOUR_MS))
        one = event(model, when, f"{day}-{at}", features, score=0.5, label="grant", failed=at % 50 == 7)
        one["mpm"]["segment"] = {"region": ("EU", "US")[at % 2]}
        made.append(one)
    return made


def sent(model: str) -> list[Event]:
    days = [one for day in range(LOST) for one in day_of(model, day)]
    return [*days, *day_of(model, LOST, correlation=0.0)]


@pytest.fixture(scope="module")
def model(client_for: ClientFor) -> Monitored:
    model = Monitored(client_for, Config())
    model.send(sent(model.name))
    model.ran(midnight(DAYS) + SETTLED)
    return model


@pytest.fixture
def reader(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of a reader."""
    return Command(settings_for("reader"), tmp_path, {"COLUMNS": "100"})


def found(client_for: ClientFor, model: Monitored, day: int = LOST, **wanted: Any) -> Classified:
    window = iso(midnight(day))[:10]
    return classify(client_for("reader"), Wanted(model.key, window, **wanted), now_ms=midnight(DAYS))


def table(events: list[Event]) -> pd.DataFrame:
    rows = [
        {
            **one["mpm"]["features"],
            "at": one["@timestamp"],
            "id": one["mpm"]["prediction"]["id"],
            "failed": one["event"]["outcome"] == "failure",
        }
        for one in events
    ]
    return pd.DataFrame(rows)


def test_a_reader_asks_and_is_told_which_features(reader: Command, model: Monitored) -> None:
    arguments = ("drift", "classify", model.name, "--window", iso(midnight(LOST))[:10])
    done = reader.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "warning"
    assert document["culprits"] == ["age", "income"] or document["culprits"] == ["income", "age"]
    assert document["drift.classifier_auc"] > 0.6
    assert document["drift.classifier_auc_usual"] < 0.57
    assert document["events"]["window"] == EVENTS - EVENTS // 50
    assert len(document["past"]) >= 7
    text = reader.run(*arguments)
    assert text.returncode == 0, text.stderr
    assert "a classifier can tell the window's events" in " ".join(text.stdout.split())
    assert json.loads(reader.run(*arguments, "--json").stdout) == document


def test_a_day_like_those_before_is_not_told_apart(client_for: ClientFor, model: Monitored) -> None:
    quiet = found(client_for, model, LOST - 1)
    assert quiet.status == "ok"
    assert "cannot tell" in quiet.finding


def test_the_notebook_says_the_same_of_the_same_rows(client_for: ClientFor, model: Monitored) -> None:
    events = sent(model.name)
    last = iso(midnight(LOST))
    now, before = (table([e for e in events if (e["@timestamp"] >= last) == late]) for late in (True, False))
    entry = load(client_for("reader"), model.key)
    assert entry.cells is not None
    how: dict[str, Any] = {"time": "at", "id": "id", "failed": "failed", "cells": entry.cells.cells}
    for rows in (5_000, 300):
        cluster = found(client_for, model, rows=rows).to_document()
        twin = mpm_elk.classify(before.sample(frac=1, random_state=1), now, rows=rows, **how).to_document()
        for name in ("status", "sample", "events", "folds", "culprits"):
            assert cluster[name] == twin[name], (rows, name)
        numbers = [name for name in cluster if name.startswith("drift.")]
        assert numbers
        assert {n: cluster[n] for n in numbers} == pytest.approx({n: twin[n] for n in numbers}, abs=1e-12)
        assert cluster["importance"] == twin["importance"]
        assert cluster["past"] == twin["past"]


def test_a_file_is_a_reference_too(client_for: ClientFor, model: Monitored, tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    rows = table([one for day in range(20, 24) for one in day_of(model.name, day)])
    rows.drop(columns=["at", "id", "failed"]).to_csv(path, index=False)
    told = found(client_for, model, file=path)
    assert (told.status, sorted(told.culprits)) == ("warning", ["age", "income"])
    assert told.against == "training.csv"
    with pytest.raises(RegistryError, match="has no baseline"):
        found(client_for, model, against=parse_reference("baseline"))


@pytest.mark.parametrize("against", ["previous", "window 2020-01-01 2020-01-02", "version 7"])
def test_a_reference_without_events_is_no_answer(client_for: ClientFor, model: Monitored, against: str) -> None:
    told = found(client_for, model, 0 if against == "previous" else LOST, against=parse_reference(against))
    assert told.status == "insufficient_data"
    assert "0 rows of reference, 200 are needed" in told.finding
    assert told.auc is None


def test_a_segment_and_a_window_of_hours(client_for: ClientFor, model: Monitored) -> None:
    told = found(client_for, model, segment={"region": "EU"})
    assert 190 <= told.events[0] <= 200
    start, end = (iso(midnight(LOST) + at * HOUR_MS) for at in (9, 17))
    wanted = Wanted(model.key, f"{start}/{end}", parse_reference("previous"))
    hours = classify(client_for("reader"), wanted, now_ms=midnight(DAYS))
    assert hours.events == (EVENTS - EVENTS // 50, 0)


def test_a_window_without_events_says_so(client_for: ClientFor, model: Monitored) -> None:
    with pytest.raises(RegistryError, match="has no events"):
        found(client_for, model, DAYS + 5)


def test_the_sample_is_exact(client_for: ClientFor, model: Monitored) -> None:
    entry = load(client_for("reader"), model.key)
    assert entry.cells is not None
    events = Events(client_for("reader"), OURS, model.key.filters())
    kinds, days = kinds_of(entry.cells.cells), [(midnight(0), midnight(0) + 5 * DAY_MS)]
    first, number = events.sample(days, kinds, 500)
    again, _ = events.sample(days, kinds, 500)
    assert number == 5 * (EVENTS - EVENTS // 50)
    assert 400 < first.size < 600
    assert same(first, again)


def same(first: Rows, second: Rows) -> bool:
    numbers = all(np.array_equal(first.numbers[n], second.numbers[n], equal_nan=True) for n in first.numbers)
    return numbers and first.texts == second.texts and np.array_equal(first.hours, second.hours)  # type: ignore[arg-type]
