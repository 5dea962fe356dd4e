"""Baselines from files and from windows, through the command line and below it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch
from pyarrow import parquet

from mpm_elk.cli import cli
from mpm_elk.cluster.changes import refresh
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.errors import InputError, MpmError, RegistryError, UsageError
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.registry.baseline import Made, from_file, from_window
from mpm_elk.registry.rows import Columns
from mpm_elk.registry.store import ModelCells, find_baseline, list_models, load, save_cells, save_version
from mpm_elk.registry.training import fields_of
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from tests.integration.try_model import NOW, T0, Model

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]


@pytest.fixture
def admin(client_for: ClientFor) -> Elasticsearch:
    """A client with the rights of who keeps the registry."""
    return client_for("admin")


@pytest.fixture
def model(admin_client: Elasticsearch) -> Model:
    """A model of this test's own."""
    return Model(admin_client)


def write_table(path: Path, rows: int = 500, **more: Any) -> Path:
    rng = np.random.default_rng(rows)
    columns: dict[str, Any] = {
        "x": rng.normal(size=rows),
        "c": rng.choice(["a", "b", "c"], rows),
        "score": rng.random(rows),
        "row_id": [f"u{at}" for at in range(rows)],
        "when": pa.array([T0 + at * DAY_MS // 100 for at in range(rows)], pa.timestamp("ms", tz="UTC")),
    }
    parquet.write_table(pa.table(columns | more), path)
    return path


TIMED = Columns(timestamp="when")


def provisional(name: str, edges: list[float]) -> ModelCells:
    main, other = fields_of(f"features.{name}", numeric=True)
    cells = NumericCells(main, np.array(edges), np.array([0, len(edges) - 1]), other)
    return ModelCells(CellSet({f"features.{name}": cells}), frozenset({f"features.{name}"}))


def test_a_file_becomes_cells_and_counts(admin: Elasticsearch, model: Model, tmp_path: Path) -> None:
    made = from_file(admin, model.version, write_table(tmp_path / "t.parquet"), TIMED, now_ms=NOW)
    assert made.new
    assert made.registered
    assert made.ids == ("features.row_id",)
    entry = load(admin, model.key)
    assert entry.cells is not None
    assert set(entry.cells.cells.subjects) == {"features.x", "features.c", "prediction.score"} == set(made.fresh)
    assert entry.cells.provisional == frozenset()
    [baseline] = entry.baselines
    assert baseline.counts.to_document() == made.baseline.counts.to_document()
    assert baseline.counts.count == 500
    assert {day: profile.count for day, profile in baseline.days.items()} == {
        T0 + day * DAY_MS: 100 for day in range(5)
    }
    assert list(entry.versions) == ["1"]
    assert model.key in list_models(admin)


def test_the_same_file_gives_the_same_baseline(admin: Elasticsearch, model: Model, tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet")
    first = from_file(admin, model.version, path, TIMED, now_ms=NOW)
    # A feature that the model gets in between changes nothing for this file.
    save_cells(admin, model.key, provisional("new", [0.0, 1.0]), NOW)
    second = from_file(admin, model.version, path, TIMED, now_ms=NOW + 1)
    assert (second.new, second.registered, second.fresh) == (False, False, ())
    assert second.baseline.id == first.baseline.id
    assert len(load(admin, model.key).baselines) == 1
    other = from_file(admin, model.version, path, Columns(timestamp="when", exclude=frozenset({"c"})), now_ms=NOW)
    assert other.baseline.id != first.baseline.id


def test_a_second_version_is_counted_in_the_cells_of_the_first(
    admin: Elasticsearch, model: Model, tmp_path: Path
) -> None:
    first = from_file(admin, model.version, write_table(tmp_path / "a.parquet"), TIMED, now_ms=NOW)
    path = write_table(tmp_path / "b.parquet", 700, extra=[float(at % 7) for at in range(700)])
    second = from_file(admin, model.key.version("2"), path, TIMED, now_ms=NOW + 1)
    assert second.fresh == ("features.extra",)
    for name in first.cells.subjects:
        assert second.cells.subjects[name].hash == first.cells.subjects[name].hash
    entry = load(admin, model.key)
    for version, made in (("1", first), ("2", second)):
        found = entry.baseline_for(version)
        assert found is not None
        assert found.id == made.baseline.id
    assert find_baseline(admin, second.baseline.id) is not None
    assert find_baseline(admin, "none") is None


def test_provisional_cells_give_way_and_others_stay(admin: Elasticsearch, model: Model, tmp_path: Path) -> None:
    both = CellSet({**provisional("x", [0.0, 1.0]).cells.subjects, **provisional("other", [0.0, 1.0]).cells.subjects})
    save_cells(admin, model.key, ModelCells(both, frozenset(both.subjects)), NOW)
    made = from_file(admin, model.version, write_table(tmp_path / "t.parquet"), TIMED, now_ms=NOW)
    cells = load(admin, model.key).cells
    assert cells is not None
    assert "features.x" in made.fresh
    assert cells.cells.subjects["features.x"].hash != both.subjects["features.x"].hash
    assert cells.cells.subjects["features.other"].hash == both.subjects["features.other"].hash
    assert cells.provisional == {"features.other"}
    assert "features.other" not in made.baseline.counts.subjects


def test_values_of_another_type_than_the_cells_are_noticed(admin: Elasticsearch, model: Model, tmp_path: Path) -> None:
    main, other = fields_of("features.x", numeric=False)
    frozen = CellSet({"features.x": CategoricalCells(main, ("a",), other_field=other)})
    save_cells(admin, model.key, ModelCells(frozen), NOW)
    made = from_file(admin, model.version, write_table(tmp_path / "t.parquet"), TIMED, now_ms=NOW)
    assert made.unlike == ("features.x",)
    assert made.baseline.counts.subjects["features.x"].type_violations == 500


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "no rows"), ("x,y\n", "no rows"), ("x,y\n,\n,\n", "no usable columns"), ("x,y\n1\n", "as many fields")],
)
def test_files_that_hold_nothing(
    admin: Elasticsearch, model: Model, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        from_file(admin, model.version, path, Columns(), now_ms=NOW)
    entry = load(admin, model.key)  # nothing was half done
    assert (entry.cells, dict(entry.versions), entry.baselines) == (None, {}, ())


def test_a_column_that_was_named_must_be_there(admin: Elasticsearch, model: Model, tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="--label-column"):
        from_file(admin, model.version, path, TIMED, now_ms=NOW, named=frozenset({"prediction.label"}))
    with pytest.raises(InputError, match="--timestamp-column"):
        from_file(admin, model.version, path, Columns(), now_ms=NOW, named=frozenset({"@timestamp"}))


def send_window(model: Model) -> None:
    """Send two days of version 1, some failures, and one event of version 2."""
    rng = np.random.default_rng(0)
    for day in range(2):
        model.send(
            model.event(
                T0 + day * DAY_MS + at * 60_000,
                {"x": float(rng.normal()), "c": "ab"[at % 2]} | ({"from": float(at), "to": "t"} if at % 3 else {}),
                score=float(rng.random()),
                failed=at % 50 == 49,
            )
            for at in range(300)
        )
    model.send([model.event(T0, {"only_two": 1.0}, version="2")])
    refresh(model.client, [f"{Index.PREDICTIONS}-*"])


def window(admin: Elasticsearch, model: Model, start: int = T0, end: int = T0 + 2 * DAY_MS, version: str = "1") -> Made:
    return from_window(admin, model.key.version(version), start, end, now_ms=NOW)


def test_a_window_becomes_cells_and_counts_by_day(admin: Elasticsearch, model: Model) -> None:
    send_window(model)
    made = window(admin, model)
    counts = made.baseline.counts
    assert (counts.count, counts.failures) == (600, 12)
    # `from` and `to` are words that answers of Elasticsearch use too.
    names = {"features.x", "features.c", "features.from", "features.to", "prediction.score"}
    assert set(counts.subjects) == names == set(made.fresh)
    x = counts.subjects["features.x"]
    assert (x.present, x.missing, x.cells[0], x.cells[-1]) == (588, 0, 0, 0)
    assert counts.subjects["features.to"].present == counts.subjects["features.from"].present == 392
    assert {day: profile.count for day, profile in made.baseline.days.items()} == {T0: 300, T0 + DAY_MS: 300}
    again = window(admin, model)
    assert (again.new, again.baseline.id) == (False, made.baseline.id)


def test_a_late_event_makes_another_baseline(admin: Elasticsearch, model: Model) -> None:
    send_window(model)
    first = window(admin, model)
    model.send([model.event(T0 + 7, {"x": 0.0})])
    second = window(admin, model)
    assert second.new
    assert second.baseline.id != first.baseline.id
    assert second.baseline.counts.count == 601


def test_a_window_freezes_provisional_cells_as_they_are(admin: Elasticsearch, model: Model) -> None:
    send_window(model)
    before = provisional("x", [-1.0, 0.0, 1.0])
    save_cells(admin, model.key, before, NOW)
    window(admin, model)
    cells = load(admin, model.key).cells
    assert cells is not None
    assert cells.provisional == frozenset()
    assert cells.cells.subjects["features.x"].hash == before.cells.subjects["features.x"].hash


def test_windows_that_cannot_be(admin: Elasticsearch, model: Model) -> None:
    send_window(model)
    for start, end in ((T0 + 1, T0 + DAY_MS), (T0, T0), (T0 + DAY_MS, T0)):
        with pytest.raises(UsageError, match="whole hours"):
            window(admin, model, start, end)
    with pytest.raises(RegistryError, match="no events of version 3") as error:
        window(admin, model, version="3")
    assert "versions with events then: 1, 2" in str(error.value)
    with pytest.raises(RegistryError, match="no events of version 1"):
        window(admin, model, T0 + 12 * HOUR_MS, T0 + 13 * HOUR_MS)
    with pytest.raises(RegistryError, match="no events"):
        from_window(admin, Model(model.client).version, T0, T0 + DAY_MS, now_ms=NOW)


def test_facts_of_a_version_can_be_added_and_not_changed(admin: Elasticsearch, model: Model) -> None:
    assert save_version(admin, model.version, {}, NOW)
    assert save_version(admin, model.version, {"type": "binary"}, NOW)
    assert save_version(admin, model.version, {"owner": "me", "type": "binary"}, NOW)
    assert not save_version(admin, model.version, {"owner": "me"}, NOW)
    with pytest.raises(RegistryError, match="type is 'binary', not 'ranking'"):
        save_version(admin, model.version, {"type": "ranking"}, NOW)
    source = load(admin, model.key).versions["1"]
    assert source["mpm"]["schema"] == {"type": "binary", "owner": "me"}
    assert source["mpm"]["owner"] == "me"


@pytest.fixture
def run(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Callable[..., Any]:
    """Call the command line as the keeper of the registry; gives its JSON."""
    settings = settings_for("admin")
    assert settings.password is not None
    config = {
        "elasticsearch": {
            "hosts": list(settings.hosts),
            "username": settings.username,
            "password": settings.password.get_secret_value(),
            "ca_certs": str(settings.ca_certs) if settings.ca_certs else None,
        }
    }
    path = tmp_path / "mpm.yml"
    path.write_text(json.dumps(config))

    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(cli, ["--config", str(path), *arguments], catch_exceptions=False)
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    return call


def test_the_command_line(run: Callable[..., Any], model: Model, tmp_path: Path) -> None:
    name = model.name
    path = write_table(tmp_path / "t.parquet")
    create = ("baseline", "create", name, "--version", "1", "--from", str(path), "--timestamp-column", "when")
    made = run(*create, "--json")
    assert (made["count"], made["days"], made["new"], made["version_registered"]) == (500, 5, True, True)
    assert made["left_out"] == {"ids": ["features.row_id"], "empty": []}
    assert "stored already" in run(*create)
    assert run("model", "register", name, "--version", "1", "--type", "binary", "--json")["written"] is True
    shown = run("model", "show", name, "--json")
    assert shown["versions"] == {"1": {"type": "binary"}}
    assert {cell["subject"]: cell["provisional"] for cell in shown["cells"]}["features.x"] is False
    assert [b["id"] for b in run("baseline", "list", name, "--json")] == [made["id"]]
    assert run("baseline", "show", made["id"], "--json")["rows_by_day"][iso(T0)[:10]] == 100
    assert name in run("model", "list")
    assert f"{name} (production)" in run("model", "show", name)
    assert "features.c: 500 values" in run("baseline", "show", made["id"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("baseline", "create", "m", "--version", "1"),
        ("baseline", "create", "m", "--version", "1", "--from", "x.csv", "--from-window", "2026-01-01", "2026-01-02"),
        ("baseline", "create", "m", "--version", "1", "--from-window", "soon", "2026-01-02"),
        ("baseline", "create", "m", "--version", "1", "--from-window", "2026-01-01", "2026-01-02", "--exclude", "x"),
        ("model", "register", "m" * 129, "--version", "1"),
        ("model", "register", "m", "--version", ""),
        ("model", "register", "m", "--version", "1", "--artifact-sha256", "abc"),
    ],
)
def test_calls_that_cannot_be_right(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as error:
        run(*arguments)
    assert error.value.exit_code == 2
    assert error.value.remedy


@pytest.mark.parametrize(
    "arguments",
    [
        ("baseline", "create", "m", "--version", "1", "--from", "no/such/file.csv"),
        ("baseline", "show", "nothing"),
        ("model", "show", "nobody-knows-this-model"),
    ],
)
def test_what_is_not_there(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    with pytest.raises(MpmError) as error:
        run(*arguments)
    assert error.value.exit_code == 1
    assert error.value.remedy
