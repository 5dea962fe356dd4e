"""A day of events in Elasticsearch, with all that it is compared with: what `report.py` measures on."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from elasticsearch import Elasticsearch

from benchmarks.planted import HOURS, Table, Traffic
from mpm_elk.cluster.bulk import Action, Result, send
from mpm_elk.cluster.fenced import append
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.ids import bucket, prediction_id
from mpm_elk.contract.keys import EVERYTHING, ModelKey
from mpm_elk.contract.names import Index, monthly, part
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.profiles.store import DAY, ProfileKey, to_document
from mpm_elk.registry.store import Baseline, ModelCells, baseline_id, save_baseline, save_cells, save_version
from mpm_elk.registry.training import count_rows, survey
from mpm_elk.rules.judgement import HISTORY
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso

START = 1_772_323_200_000
"""Midnight of 2026-03-01: the day that is reported."""
HOURS_OF_DAY = range(START, START + DAY_MS, HOUR_MS)
USUAL_DAY = 10_000
_SLICE = 20_000


@dataclass(frozen=True)
class Subject:
    """What a process of ours needs to know: how to connect, and the model."""

    settings: ElasticsearchSettings
    model: ModelKey

    @property
    def index(self) -> str:
        """The index of the day's events."""
        return monthly(Index.PREDICTIONS, self.model.name, self.model.environment, START)


def prepare(admin: Elasticsearch, subject: Subject, count: int, reference_rows: int, folder: Path) -> CellSet:
    """Make the tables, store the events, the baseline, and the profiles of the days before."""
    traffic, version = Traffic(np.random.default_rng(7)), subject.model.version("1")
    reference, day = traffic.draw(reference_rows, 10 * HOURS), traffic.draw(count)
    times = np.sort(traffic.rng.integers(START, START + DAY_MS, count))
    reference.write(folder / "reference.parquet")
    day.write(folder / "day.parquet")
    day.write(folder / "timed.parquet", times)
    chunk = reference.to_chunk()
    cells = survey([chunk]).cells
    counts, _ = count_rows([chunk], cells)
    save_cells(admin, subject.model, ModelCells(cells), START)
    save_version(admin, version, {}, START)
    identity = baseline_id(version, "benchmark", cells)
    save_baseline(admin, Baseline(identity, version, counts, {}, "benchmark", cells.hash, iso(START)), START)
    print(f"storing {count:,} events", file=sys.stderr)
    began = time.perf_counter()
    for outcome in send(admin, events(day, times.tolist(), subject)):
        if outcome.result is not Result.CREATED:
            raise RuntimeError(outcome.reason)
    print(f"stored in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    admin.indices.refresh(index=subject.index)
    today = sum(
        roll_up(admin, subject.index, version, HOURS_OF_DAY, cells=cells).profiles[EVERYTHING].values(), Profile()
    )
    past = [count_rows([t.to_chunk()], cells)[0] for t in islice(traffic.windows(USUAL_DAY), HISTORY)]
    keys = [ProfileKey(version, EVERYTHING, DAY, START + (at - HISTORY) * DAY_MS) for at in range(HISTORY + 1)]
    append(admin, [to_document(key, profile, "benchmark") for key, profile in zip(keys, [*past, today], strict=True)])
    admin.indices.refresh(index="mpm-*")
    return cells


def events(table: Table, times: list[int], subject: Subject, number: int = 0) -> Iterator[Action]:
    """Make the documents that intake would make of the rows, faster than intake does; the first has this number."""
    model = subject.model
    first = {
        "@timestamp": iso(START),
        "mpm": {
            "model": {"name": model.name, "version": "1"},
            "prediction": {"id": "0", "score": 0.5},
            "features": {"x": 1.0},
        },
        "event": {"outcome": "success", "duration": 5_000_000},
    }
    stored = normalise(json.dumps(first).encode(), now_ms=START + DAY_MS, limits=Limits(max_age_ms=None))
    pattern = stored.document
    for start in range(0, table.rows, _SLICE):
        rows = slice(start, start + _SLICE)
        numbers = zip(*(values[rows].tolist() for values in table.numeric.values()), strict=True)
        texts = zip(*(table.texts(name, rows) for name in table.categorical), strict=True)
        for at, (row, words) in enumerate(zip(numbers, texts, strict=True), start):
            identity = str(number + at)
            features = {
                "numeric": {n: x for n, x in zip(table.numeric, row, strict=True) if x == x},  # noqa: PLR0124 — nan
                "categorical": {n: text for n, text in zip(table.categorical, words, strict=True) if text is not None},
            }
            prediction = {"id": identity, "score": 0.5, "bucket": bucket(identity)}
            mpm = {**pattern["mpm"], "prediction": prediction, "features": features}
            body = json.dumps({**pattern, "@timestamp": iso(times[at]), "mpm": mpm}, separators=(",", ":"))
            key = prediction_id(model.environment, model.name, "1", identity, times[at])
            yield Action(subject.index, key, body.encode())


def delete(admin: Elasticsearch, model: ModelKey) -> None:
    """Delete what the benchmark stored."""
    for index in admin.indices.get(index=f"mpm-*-{part(model.name)}-*"):
        admin.indices.delete(index=index)
    for index in (Index.MODELS, Index.BASELINES):
        for hit in admin.search(index=index, query={"term": {"mpm.model.name": model.name}})["hits"]["hits"]:
            admin.delete(index=hit["_index"], id=hit["_id"])
