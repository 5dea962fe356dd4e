"""Every type of field counts as the same rows count from a file, or shipped."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.sources import resolve
from mpm_elk.config.sources import SourceSettings
from mpm_elk.contract.keys import EVERYTHING, VersionKey
from mpm_elk.contract.source import Source
from mpm_elk.profiles.cells import Cells, CellSet
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import roll_up
from mpm_elk.registry.as_stored import as_stored
from mpm_elk.registry.rows import to_chunk
from mpm_elk.registry.training import count_rows, fields_of
from mpm_elk.timespan import iso
from tests.integration.try_model import T0, Model

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("rights")]

ClientFor = Callable[[str], Elasticsearch]

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
    time = {"@timestamp": {"type": "date_nanos" if seed > 1 else "date"}}
    mappings = {**NARROW, "properties": {**NARROW["properties"], **time}}
    admin.indices.create(index=index, mappings=mappings, settings={"number_of_shards": 1 + seed % 2})
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
    assert counted.last == T0 + len(rows) - 1
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
    assert counted.last == shipped.last == T0 + len(rows) - 1
