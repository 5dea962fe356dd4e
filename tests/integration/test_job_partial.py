"""Partial results are refused: while a shard is missing, that model fails alone; afterwards it is caught up with."""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index, monthly
from mpm_elk.errors import PartialResultError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.job import Options, RunReport, run
from mpm_elk.timespan import from_ms
from tests.integration.traffic import RESULTS, SETTLED, Event, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
CONFIG = Config.model_validate({"rules": [{"id": "a", "metric": "drift.psi", "against": "rolling 5d", "warning": 0.5}]})
DECEMBER = 13
"""The number of the day on which a new month's index begins."""


def index_of(model: Monitored) -> str:
    return monthly(Index.PREDICTIONS, model.name, "production", midnight(DECEMBER))


def make_lame_index(model: Monitored) -> None:
    """Make the new month's index with three shards of which one finds no place."""
    settings = {"number_of_shards": 3, "number_of_replicas": 0, "routing.allocation.total_shards_per_node": 2}
    model.admin.indices.create(index=index_of(model), settings=settings, wait_for_active_shards="0")
    until = time.monotonic() + 60
    while sorted(found := [state(model, shard) for shard in range(3)]) != ["STARTED", "STARTED", "UNASSIGNED"]:
        assert time.monotonic() < until, found
        time.sleep(0.1)


def state(model: Monitored, number: int) -> str:
    shards: Any = model.admin.cat.shards(index=index_of(model), format="json")
    return next(str(shard["state"]) for shard in shards if shard["shard"] == str(number))


def can_be_stored(model: Monitored, one: Event) -> bool:
    """Tell whether an event belongs to a shard that has a place."""
    raw = json.dumps(one).encode()
    stored = normalise(raw, now_ms=midnight(4000), limits=Limits(max_age_ms=None))
    [copies] = model.admin.search_shards(index=stored.index, routing=stored.id)["shards"] or [[]]
    return any(copy["state"] == "STARTED" for copy in copies)


def run_both(models: tuple[Monitored, Monitored], day: int) -> RunReport:
    names = tuple(model.name for model in models)
    return run(models[0].client_for("job"), CONFIG, Options(from_ms(midnight(day) + SETTLED), names))


def written(model: Monitored) -> dict[str, int]:
    return {name: hit["_seq_no"] for kind in RESULTS for name, hit in model.documents(kind).items()}


def test_a_model_with_a_missing_shard_fails_alone_writes_nothing_and_is_caught_up_with(client_for: ClientFor) -> None:
    tag = secrets.token_hex(4)
    broken, sound = models = tuple(Monitored(client_for, CONFIG, name=f"job-{tag}-{at}") for at in range(2))
    for model in models:
        model.send(days_of(model.name, range(DECEMBER - 2, DECEMBER)))
    assert run_both((broken, sound), DECEMBER).exit_code == 0
    before = written(broken)
    assert before

    make_lame_index(broken)
    events = {model.name: day_of(model.name, DECEMBER, events=60) for model in models}
    stored = [one for one in events[broken.name] if can_be_stored(broken, one)]
    assert 0 < broken.send(stored) < 60
    sound.send(events[sound.name])
    report = run_both((broken, sound), DECEMBER + 1)
    errors = {entry.model.name: entry.error for entry in report.models}
    assert report.exit_code == 1, report.to_document()
    assert report.ended_ms - report.started_ms < 45_000, "it waited for the shard"
    assert isinstance(errors[broken.name], PartialResultError), errors
    assert "no complete answer" in str(errors[broken.name])
    assert written(broken) == before
    assert errors[sound.name] is None
    assert written(sound).keys() - before.keys()

    broken.admin.indices.put_settings(
        index=index_of(broken), settings={"index.routing.allocation.total_shards_per_node": None}
    )
    broken.admin.cluster.health(index=index_of(broken), wait_for_status="green", timeout="60s")
    broken.send(events[broken.name])
    assert run_both((broken, sound), DECEMBER + 1).exit_code == 0
    assert broken.results().same(sound.results())
