"""Cells counted by Elasticsearch equal cells counted in Python on the same rows, integer by integer."""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.contract.names import Index, monthly
from mpm_elk.profiles.cells import LABEL, SCORE, CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.cut import cut_numeric
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.registry.rows import from_stored, to_chunk
from mpm_elk.registry.training import count_rows, cut_cells, fields_of
from mpm_elk.timespan import HOUR_MS
from tests.integration.try_model import T0, Model

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
EDGES = [-sys.float_info.max, -1.0, -5e-324, 0.0, 5e-324, 2.2250738585072014e-308, 0.1, 0.3, 1 / 3, 1.0, 1e15, 1e308]


def around(edges: list[float]) -> list[float]:
    """Give every edge, its neighbours, and the extremes."""
    values = {v for e in edges for v in (e, math.nextafter(e, -math.inf), math.nextafter(e, math.inf))}
    finite = sorted(v for v in values if math.isfinite(v))
    return [*finite, -0.0, 5e-324, 1e-310, sys.float_info.max, -sys.float_info.max]


def numeric(name: str, edges: list[float]) -> NumericCells:
    main, other = fields_of(f"features.{name}", numeric=True)
    return NumericCells(main, np.array(edges), np.array([0, 2, len(edges) - 1]), other)


def categorical(name: str, values: tuple[str, ...], rest: tuple[str, ...] = ()) -> CategoricalCells:
    main, other = fields_of(f"features.{name}", numeric=False)
    return CategoricalCells(main, values, rest, other_field=other)


def rows(number: int) -> list[dict[str, Any]]:
    """Make events with everything that can be in a feature."""
    rng = np.random.default_rng(number)
    hard: list[Any] = [*around(EDGES), None, "12", "", "text", True, 2**53 + 1, 10**400, math.nan, 7]
    names: list[Any] = ["a", "b", "rare", "new", "", "A", "a ", "é", "e\u0301", None, 3, False, "x" * 1500, "*", "a|b"]
    picked = [hard[i % len(hard)] for i in range(number)]
    return [
        {"x": value, "c": names[int(rng.integers(len(names)))], "y": float(rng.normal())}
        | ({} if at % 7 else {"z": at})
        for at, value in enumerate(picked)
    ]


CELLS = CellSet(
    {
        "features.x": numeric("x", EDGES),
        "features.c": categorical("c", ("a", "b", "", "é", "*"), ("rare", "true")),
        "features.y": numeric("y", sorted(np.random.default_rng(5).normal(size=200).tolist())),
        "features.z": numeric("z", [0.0, 7.0, 14.0, 300.0]),
        SCORE: NumericCells(f"mpm.{SCORE}", np.linspace(0, 1, 257), np.arange(0, 257, 16)),
        LABEL: CategoricalCells(f"mpm.{LABEL}", ("yes", "no")),
    }
)


def counted(model: Model, cells: CellSet = CELLS) -> dict[int, Profile]:
    """Count the model's stored documents in Python, hour by hour."""
    hits = model.client.search(index=model.pattern, size=10_000, query={"match_all": {}})["hits"]["hits"]
    events = [h["_source"] for h in hits if h["_source"]["event"].get("outcome") != "failure"]
    chunk = to_chunk([from_stored(event) for event in events], "")
    by_hour: dict[int, list[int]] = {}
    for at, time in enumerate(chunk.times or ()):
        by_hour.setdefault(time - time % HOUR_MS, []).append(at)
    columns = {name: chunk.subjects.get(name, [None] * chunk.size) for name in cells.subjects}
    return {
        hour: count_rows([type(chunk)(len(at), {n: [c[i] for i in at] for n, c in columns.items()}, None)], cells)[0]
        for hour, at in by_hour.items()
    }


def assert_same(ours: Profile, theirs: Profile) -> None:
    """Compare counts exactly, and sums to their last places."""
    assert set(ours.subjects) == set(theirs.subjects)
    for name, a in ours.subjects.items():
        b = theirs.subjects[name]
        assert a.cells.tolist() == b.cells.tolist(), name
        assert (a.cells_hash, a.missing, a.type_violations) == (b.cells_hash, b.missing, b.type_violations), name
        assert (a.moments.count, a.moments.min, a.moments.max) == (b.moments.count, b.moments.min, b.moments.max)
        if math.isfinite(b.moments.sum_sq):
            assert a.moments.sum == pytest.approx(b.moments.sum, rel=1e-12, abs=1e-9)
            assert a.moments.sum_sq == pytest.approx(b.moments.sum_sq, rel=1e-12)
        else:
            assert a.moments.sum_sq == b.moments.sum_sq


@pytest.mark.parametrize("shards", [1, 3])
def test_elasticsearch_and_python_count_the_same(
    admin_client: Elasticsearch, client_for: ClientFor, shards: int
) -> None:
    model = Model(admin_client)
    admin_client.indices.create(
        index=monthly(Index.PREDICTIONS, model.name, "production", T0), settings={"number_of_shards": shards}
    )
    events = [
        model.event(T0 + at % 3 * HOUR_MS + at * 1000 % HOUR_MS, row, score=at / 700, label=("yes", "no", "?")[at % 3])
        for at, row in enumerate(rows(600))
    ]
    assert model.send(events) == 600
    refresh(admin_client, [model.pattern])
    hours = [T0 + i * HOUR_MS for i in range(-1, 5)]
    profiles = roll_up(client_for("job"), model.pattern, model.version, hours, cells=CELLS).profiles[EVERYTHING]
    expected = counted(model)
    assert set(profiles) == set(expected)
    for hour, profile in profiles.items():
        assert profile.count == expected[hour].count
        assert_same(profile, expected[hour])


def test_cells_that_were_cut_from_the_rows_hold_them_alike(admin_client: Elasticsearch) -> None:
    model = Model(admin_client)
    values = np.random.default_rng(3).lognormal(0, 3, 800).tolist() + [0.0] * 200 + [-0.0] * 10
    model.send([model.event(T0 + at, {"x": value}) for at, value in enumerate(values)])
    refresh(admin_client, [model.pattern])
    main, other = fields_of("features.x", numeric=True)
    cells = CellSet({"features.x": cut_numeric(np.array(values), main, other_field=other)})
    profile = roll_up(admin_client, model.pattern, model.version, [T0], cells=cells).profiles[EVERYTHING][T0]
    assert_same(profile, counted(model, cells)[T0])
    assert profile.subjects["features.x"].cells[[0, -1]].tolist() == [0, 0]


def test_busy_hours_and_quiet_ones_are_counted_alike(
    admin_client: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(admin_client)
    model.send([model.event(T0 + at * 1000, row) for at, row in enumerate(rows(100))])
    refresh(admin_client, [model.pattern])
    quiet = roll_up(admin_client, model.pattern, model.version, [T0], cells=CELLS).profiles[EVERYTHING]
    monkeypatch.setattr("mpm_elk.profiles.requests._BUSY_HOUR", 10)
    busy = roll_up(admin_client, model.pattern, model.version, [T0], cells=CELLS).profiles[EVERYTHING]
    assert {h: p.to_document() for h, p in busy.items()} == {h: p.to_document() for h, p in quiet.items()}


def test_failed_inferences_are_counted_apart(admin_client: Elasticsearch) -> None:
    model = Model(admin_client)
    model.send([model.event(T0, {"y": 1.0}), model.event(T0, {"y": 2.0}, failed=True)])
    model.send([model.event(T0 + HOUR_MS, {"y": 3.0}, failed=True)])
    refresh(admin_client, [model.pattern])
    hours = [T0, T0 + HOUR_MS]
    profiles = roll_up(admin_client, model.pattern, model.version, hours, cells=CELLS).profiles[EVERYTHING]
    assert [(p.count, p.failures) for p in profiles.values()] == [(2, 1), (1, 1)]
    assert profiles[T0].subjects["features.y"].present == 1
    assert profiles[T0].subjects["features.c"].missing == 1
    day = profiles[T0] + profiles[T0 + HOUR_MS]  # an hour of failures only has no subjects, and merges all the same
    assert (day.count, day.subjects["features.y"].present) == (3, 1)


def test_a_name_may_be_a_number_in_one_model_and_a_text_in_another(admin_client: Elasticsearch) -> None:
    one, two = Model(admin_client), Model(admin_client)
    shared = monthly(Index.PREDICTIONS, f"pool-{one.name}", "production", T0)
    one.send([one.event(T0 + i, {"zone": float(i)}) for i in range(10)], shared)
    two.send([two.event(T0 + i, {"zone": f"z{i % 3}"}) for i in range(10)], shared)
    one.send([one.event(T0 + i, {"zone": "odd"}) for i in range(2)], shared)
    refresh(admin_client, [shared])
    hits = admin_client.search(index=shared, size=100, query={"match_all": {}})["hits"]["hits"]
    for model, kind in ((one, NumericCells), (two, CategoricalCells)):
        events = [h["_source"] for h in hits if h["_source"]["mpm"]["model"]["name"] == model.name]
        cells = cut_cells([to_chunk([from_stored(event) for event in events], "")]).only(["features.zone"])
        assert isinstance(cells.subjects["features.zone"], kind)
        profile = roll_up(admin_client, shared, model.version, [T0], cells=cells).profiles[EVERYTHING][T0]
        zone = profile.subjects["features.zone"]
        assert (profile.count, zone.present, zone.missing) == (len(events), 10, 0)
        assert zone.type_violations == (2 if model is one else 0)


def test_no_index_and_no_events_give_no_profiles(admin_client: Elasticsearch) -> None:
    model = Model(admin_client)
    assert roll_up(admin_client, model.pattern, model.version, [T0], cells=CELLS).profiles[EVERYTHING] == {}
    assert roll_up(admin_client, "mpm-predictions-v1-none", model.version, [T0], cells=CELLS).profiles == {
        EVERYTHING: {}
    }
    model.send([model.event(T0, {"y": 1.0})])
    refresh(admin_client, [model.pattern])
    assert roll_up(admin_client, model.pattern, model.version, [], cells=CELLS).profiles[EVERYTHING] == {}
    assert roll_up(admin_client, model.pattern, model.key.version("2"), [T0], cells=CELLS).profiles[EVERYTHING] == {}
