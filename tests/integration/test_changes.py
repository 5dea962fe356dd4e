"""Changed hours are found by sequence numbers, whatever the clocks say."""

from collections.abc import Callable

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import (
    ReadPosition,
    all_hours,
    changed_hours,
    models_in,
    positions,
    refresh,
    unread,
)
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, monthly
from mpm_elk.timespan import DAY_MS, HOUR_MS
from tests.integration.try_model import T0, Model

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
Positions = dict[str, ReadPosition]


@pytest.fixture(params=[1, 3])
def model(request: pytest.FixtureRequest, admin_client: Elasticsearch) -> Model:
    """A model whose first index has one shard, or three."""
    made = Model(admin_client)
    index = monthly(Index.PREDICTIONS, made.name, "production", T0)
    admin_client.indices.create(index=index, settings={"number_of_shards": request.param})
    return made


def changes(client: Elasticsearch, model: Model, before: Positions) -> tuple[dict[int, int], Positions]:
    """Read what is new of version 1, as the job does: positions first, then refresh, then the searches."""
    now = positions(client, model.pattern)
    stretches = unread(now, before)
    refresh(client, {stretch.index for stretch in stretches})
    return changed_hours(client, stretches, model.key).get(model.version, {}), now


def test_what_is_new_is_found_once(model: Model, client_for: ClientFor) -> None:
    job = client_for("job")
    model.send([model.event(T0 + at * HOUR_MS // 2, {"x": at}) for at in range(10)])
    found, seen = changes(job, model, {})
    assert found == {T0 + hour * HOUR_MS: 2 for hour in range(5)}
    assert changes(job, model, seen) == ({}, seen)
    assert unread(positions(job, model.pattern), seen) == []


def test_late_events_are_found_in_their_own_hour(model: Model, client_for: ClientFor) -> None:
    job = client_for("job")
    model.send([model.event(T0 + at, {"x": at}) for at in range(30)])
    _, seen = changes(job, model, {})
    late = [T0 - 4 * HOUR_MS + 5, T0 - 40 * DAY_MS + 7]
    model.send([model.event(at, {"x": 0}) for at in late])
    found, seen = changes(job, model, seen)
    assert found == {at - at % HOUR_MS: 1 for at in late}
    assert len(seen) >= 2  # forty days earlier is another month
    assert changes(job, model, seen)[0] == {}


def test_refused_duplicates_change_nothing(model: Model, client_for: ClientFor) -> None:
    events = [model.event(T0 + at, {"x": at}) for at in range(20)]
    assert model.send(events) == 20
    _, seen = changes(client_for("job"), model, {})
    assert model.send(events) == 0
    assert changes(client_for("job"), model, seen)[0] == {}
    assert model.send([*events, model.event(T0 + HOUR_MS, {"x": 1})]) == 1
    assert changes(client_for("job"), model, seen)[0] == {T0 + HOUR_MS: 1}


def test_a_new_index_of_the_same_name_is_read_whole(model: Model, client_for: ClientFor) -> None:
    model.send([model.event(T0 + at, {"x": at}) for at in range(20)])
    _, seen = changes(client_for("job"), model, {})
    for index in seen:
        model.client.indices.delete(index=index)
    model.send([model.event(T0 + HOUR_MS + at, {"x": at}) for at in range(3)])
    found, now = changes(client_for("job"), model, seen)
    assert found == {T0 + HOUR_MS: 3}
    assert {p.uuid for p in now.values()}.isdisjoint(p.uuid for p in seen.values())


def test_what_comes_after_the_positions_were_read_comes_next_time(model: Model, client_for: ClientFor) -> None:
    job = client_for("job")
    model.send([model.event(T0, {"x": 1})])
    now = positions(job, model.pattern)
    model.send([model.event(T0 + HOUR_MS, {"x": 2})])
    refresh(job, list(now))
    assert changed_hours(job, unread(now, {}), model.key)[model.version] == {T0: 1}
    assert changes(job, model, now)[0] == {T0 + HOUR_MS: 1}


def test_versions_and_models_are_told_apart(model: Model, client_for: ClientFor) -> None:
    job, other = client_for("job"), Model(model.client)
    index = monthly(Index.PREDICTIONS, model.name, "production", T0)
    model.send([model.event(T0, {"x": 1}), model.event(T0, {"x": 1}, version="2")])
    other.send([other.event(T0, {"x": 1})], index)
    stretches = unread(positions(job, model.pattern), {})
    refresh(job, [index])
    assert models_in(job, stretches) == {index: {model.key, other.key}}
    assert changed_hours(job, stretches, model.key) == {
        model.key.version("1"): {T0: 1},
        model.key.version("2"): {T0: 1},
    }
    assert changed_hours(job, stretches, ModelKey("staging", model.name)) == {}


def test_all_hours_counts_everything(model: Model, client_for: ClientFor) -> None:
    model.send([model.event(T0 + at * HOUR_MS, {"x": at}) for at in (0, 0, 1, 5)])
    found = all_hours(client_for("job"), [model.pattern], model.key)
    assert found == {model.version: {T0: 2, T0 + HOUR_MS: 1, T0 + 5 * HOUR_MS: 1}}
    assert all_hours(client_for("job"), ["mpm-predictions-v1-none"], model.key) == {}


def test_nothing_there_is_no_error(client_for: ClientFor) -> None:
    assert positions(client_for("job"), "mpm-predictions-v1-none-*") == {}
    assert positions(client_for("job"), "mpm-predictions-v1-none") == {}
    assert unread({}, {"gone": ReadPosition("u", {0: 7})}) == []
    assert models_in(client_for("job"), []) == {}


def test_a_position_is_read_back_from_json() -> None:
    position = ReadPosition("u", {10: 5, 2: -1})
    assert ReadPosition.from_document(position.to_document()) == position
    assert [position.after(shard) for shard in (10, 2, 99)] == [5, -1, -1]
