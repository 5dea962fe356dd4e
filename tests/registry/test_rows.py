import gzip
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from mpm_elk.errors import InputError
from mpm_elk.profiles.cells import LABEL, SCORE, VALUE
from mpm_elk.registry.rows import Chunk, Columns, Row, from_event, from_stored, kind_of, read, to_chunk
from mpm_elk.timespan import to_ms

NOON = to_ms(datetime(2026, 1, 2, 12, tzinfo=UTC))


def one(path: Path, columns: Columns = Columns(), texts: frozenset[str] = frozenset()) -> Chunk:  # noqa: B008
    [chunk] = read(path, columns, texts)
    return chunk


def csv(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def table(folder: Path, **columns: Any) -> Path:
    path = folder / "t.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def test_csv_values(tmp_path: Path) -> None:
    chunk = one(csv(tmp_path, "x,c\n1,a\n-2.5e3,\nnan,True\ninf,FALSE\n2020_01, 7\n"))
    assert chunk.size == 5
    assert chunk.subjects["features.x"] == [1.0, -2500.0, None, None, "2020_01"]
    assert chunk.subjects["features.c"] == ["a", None, "true", "false", 7.0]
    assert chunk.times is None


def test_csv_texts_stay_texts_where_the_column_is_one(tmp_path: Path) -> None:
    path = csv(tmp_path, "zip,label\n01234,1\n1E5,0.10\n")
    chunk = one(path, texts=frozenset({"features.zip"}))
    assert chunk.subjects["features.zip"] == ["01234", "1E5"]
    assert chunk.subjects[LABEL] == ["1", "0.10"]


def test_columns_are_named(tmp_path: Path) -> None:
    path = csv(tmp_path, ",when,p,said,amount,target,x\n0,2026-01-02T12:00:00Z,0.5,yes,3,1,9\n")
    columns = Columns("when", "p", "said", "amount", frozenset({"target"}))
    chunk = one(path, columns)
    assert chunk.subjects == {SCORE: [0.5], LABEL: ["yes"], VALUE: [3.0], "features.x": [9.0]}
    assert chunk.times == [NOON]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1\n", "t.csv:2: this row"),
        ("a,b\n1,2\n1,2,3\n", "t.csv:3: this row"),
        ("a,a\n1,2\n", "stands twice"),
        ('a\n"open\n', "t.csv:"),
    ],
)
def test_broken_csv(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        one(csv(tmp_path, text))


def test_csv_in_another_encoding_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("a\né\n".encode("latin-1"))
    with pytest.raises(InputError, match="utf-8"):
        one(tmp_path / "latin.csv")
    assert one(csv(tmp_path, "\ufeffx\n1\n")).subjects == {"features.x": [1.0]}


def test_csv_in_gzip(tmp_path: Path) -> None:
    path = tmp_path / "t.CSV.gz"
    path.write_bytes(gzip.compress(b"x\n1\n"))
    assert one(path).subjects == {"features.x": [1.0]}
    path.write_bytes(gzip.compress(b"x\n" + b"1\n" * 1000)[:-9])
    with pytest.raises(InputError, match="mend the file"):
        one(path)


def test_files_without_rows_have_no_chunks(tmp_path: Path) -> None:
    assert list(read(csv(tmp_path, ""), Columns())) == []
    assert list(read(csv(tmp_path, "a,b\n"), Columns())) == []
    assert list(read(csv(tmp_path, "", "t.ndjson"), Columns())) == []
    assert sum(chunk.size for chunk in read(table(tmp_path, x=pa.array([], pa.float64())), Columns())) == 0


@pytest.mark.parametrize("name", ["t.txt", "t", "t.xlsx", "t.parquet.gz", "t.csv.zst", ".csv"])
def test_unknown_kinds(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="unknown kind"):
        kind_of(csv(tmp_path, "", name))
    with pytest.raises(InputError, match="no such file"):
        kind_of(tmp_path / "missing.csv")


def test_parquet_types(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        i=pa.array([1, None, 2**53 + 1], pa.int64()),
        f=pa.array([0.5, math.nan, math.inf]),
        small=pa.array([0.1, 1.0, None], pa.float32()),
        money=pa.array([Decimal("1.25"), None, Decimal("7.00")]),
        flag=[True, False, None],
        c=pa.array(["a", None, "b"]).dictionary_encode(),
        nested=[{"a": 1, "b": {"c": "x"}}, {"a": None, "b": {"c": None}}, {"a": 2, "b": {"c": "y"}}],
        __index_level_0__=[0, 1, 2],
    )
    subjects = one(path).subjects
    assert subjects["features.i"] == [1.0, None, float(2**53)]
    assert subjects["features.f"] == [0.5, None, None]
    assert subjects["features.small"] == [pytest.approx(0.1, rel=1e-7), 1.0, None]
    assert subjects["features.money"] == [1.25, None, 7.0]
    assert subjects["features.flag"] == ["true", "false", None]
    assert subjects["features.c"] == ["a", None, "b"]
    assert (subjects["features.nested.a"], subjects["features.nested.b.c"]) == ([1.0, None, 2.0], ["x", None, "y"])
    assert "features.__index_level_0__" not in subjects


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOON * 1_000_000 + 1], pa.timestamp("ns", tz="UTC")),
        pa.array([NOON], pa.timestamp("ms")),
        pa.array(
            [datetime(2026, 1, 2, 17, 30, tzinfo=UTC) - timedelta(hours=5.5)], pa.timestamp("us", tz="Asia/Kolkata")
        ),
        pa.array(["2026-01-02T13:00:00+01:00"]),
        pa.array(["2026-01-02 12:00:00"]),
        pa.array([NOON]),
        pa.array([NOON // 1000]),
        pa.array([NOON / 1000]),
    ],
)
def test_times(tmp_path: Path, column: pa.Array) -> None:
    assert one(table(tmp_path, when=column), Columns(timestamp="when")).times == [NOON]


def test_dates_are_midnights(tmp_path: Path) -> None:
    midnight = NOON - 12 * 3_600_000
    assert one(table(tmp_path, day=[date(2026, 1, 2)]), Columns(timestamp="day")).times == [midnight]
    for text in ("2026-01-02", "20260102", "1767312000", "1767312000.0"):
        assert one(csv(tmp_path, f"day\n{text}\n"), Columns(timestamp="day")).times == [midnight]


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "02/01/2026", "-5", "99999999"])
def test_what_is_no_time(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        one(csv(tmp_path, f"day\n{text}\n"), Columns(timestamp="day"))


def test_some_rows_with_times_and_some_without(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no time"):
        one(csv(tmp_path, "day,x\n2026-01-02,1\n,1\n"), Columns(timestamp="day"))
    assert one(csv(tmp_path, "day,x\n,1\n,1\n"), Columns(timestamp="day")).times is None


def test_parquet_columns_are_read_as_their_rows_would_be(tmp_path: Path) -> None:
    columns = {
        "x": pa.array([1.5, None, float("nan"), float("inf")]),
        "n": pa.array([1, 2**60 + 1, None, -3], pa.int64()),
        "c": pa.array(["a", None, "b", "a"]).dictionary_encode(),
        "codes": pa.array([7, 7, None, 8]).dictionary_encode(),
        "flag": pa.array([True, None, False, True]),
        "deep": pa.array([{"a": {"b": 1.0}}, None, {"a": None}, {"a": {"b": 2.0}}]),
    }
    rows = pa.table(columns).to_pylist()
    deep = [((row.pop("deep") or {}).get("a") or {}).get("b") for row in rows]
    flat = [{**row, "deep.a.b": value} for row, value in zip(rows, deep, strict=True)]
    expected = to_chunk([{f"features.{name}": value for name, value in row.items()} for row in flat], "t")
    assert one(table(tmp_path, **columns)) == expected


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        one(path)


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, x=[1])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match="needs pyarrow") as error:
        one(path)
    assert "mpm-elk[parquet]" in str(error.value)


def event(**mpm: Any) -> dict[str, Any]:
    return {"@timestamp": "2026-01-02T12:00:00Z", "mpm": {"model": {"name": "m", "version": "1"}, **mpm}}


def test_ndjson_rows_and_events(tmp_path: Path) -> None:
    lines = [
        {"x": 1, "c": "a", "deep": {"y": True}},
        event(prediction={"id": "1", "score": 0.25, "label": 7}, features={"x": 2, "deep": {"y": False}, "out": 3}),
        {**event(prediction={"id": "2"}, features={"x": 9}), "event": {"outcome": "failure"}},
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines[:1]))
    assert one(path).subjects == {"features.x": [1.0], "features.c": ["a"], "features.deep.y": ["true"]}
    path.write_text("\n".join(json.dumps(line) for line in lines[1:]))
    chunk = one(path, Columns(exclude=frozenset({"out"})))
    assert chunk.size == 1  # a failed inference is not counted
    assert chunk.subjects == {"features.x": [2.0], "features.deep.y": ["false"], SCORE: [0.25], LABEL: ["7"]}
    assert chunk.times == [NOON]


@pytest.mark.parametrize(("text", "message"), [("{", "t.ndjson:1: not valid JSON"), ("1", "t.ndjson:1: a row must be")])
def test_broken_ndjson(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        one(csv(tmp_path, text, "t.ndjson"))


def test_events_may_lack_parts() -> None:
    assert from_event({"mpm": {"features": None, "prediction": None}}) == {}
    assert from_stored({"mpm": {}}) == {}
    chunk = to_chunk([from_event(event(features={"x": 1})), from_event(event())], "")
    assert chunk.subjects == {"features.x": [1.0, None]}


def test_values_are_treated_as_intake_treats_them() -> None:
    given: list[object] = [10**400, -(10**400), 2**53 + 1, "x" * 1025, "x" * 1024, [1], {}, b"b"]
    rows: list[Row] = [{"features.x": value} for value in given]
    values = to_chunk(rows, "").subjects["features.x"]
    assert values == [None, None, float(2**53), None, "x" * 1024, None, None, None]


def test_labels_are_texts_as_intake_writes_them() -> None:
    rows = [{LABEL: value} for value in (1, 10**20, True, 1.0, 0.1, "yes", None)]
    assert to_chunk(rows, "").subjects[LABEL] == ["1", "1" + "0" * 20, "true", "1", "0.1", "yes", None]
