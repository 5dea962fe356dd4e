"""Tables of every library are read as the registry reads a Parquet file."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mpm_elk.errors import InputError
from mpm_elk.notebook.tables import as_arrow, chunks, require
from mpm_elk.registry.rows import Chunk, Columns, read, to_chunk

WHEN = datetime(2026, 11, 24, 5, 6, 7, 890123, tzinfo=UTC)
COLUMNS: dict[str, list[Any]] = {
    "income": [1.5, float("nan"), None, math.inf, -0.0],
    "age": [18, 2**53 + 1, None, -3, 0],
    "vip": [True, False, None, True, False],
    "purpose": ["car", "", None, "x" * 3000, "ä"],
    "price": [Decimal("1.25"), None, Decimal(3), Decimal("0.1"), Decimal(0)],
    "label": [1, 2, None, 3, 1],
    "score": [0.25, 0.5, None, 1.0, 0.0],
    "at": [WHEN] * 5,
    "day": [WHEN.date()] * 5,
}
KNOWN = Columns(timestamp="at")


def all_rows(table: object, columns: Columns = KNOWN) -> Chunk:
    [found] = list(chunks(as_arrow(table, "t"), columns, "t"))
    return found


def in_python(table: dict[str, list[Any]], columns: Columns = KNOWN) -> Chunk:
    names = {column: name for column in table if (name := columns.name(column)) is not None}
    size = len(next(iter(table.values())))
    return to_chunk([{name: table[column][row] for column, name in names.items()} for row in range(size)], "t")


def test_a_dict_of_columns_is_read_as_rows_are() -> None:
    assert all_rows(COLUMNS) == in_python(COLUMNS)


def test_a_table_is_read_as_the_file_it_would_be(tmp_path: Path) -> None:
    table = pa.table({**COLUMNS, "deep": [{"a": 1, "b": {"c": "x"}}, None, {"a": None, "b": None}, {}, {"a": 5.5}]})
    parquet.write_table(table, file := tmp_path / "t.parquet")
    [expected] = list(read(file, KNOWN))
    found = all_rows(table)
    assert found == expected
    assert found.subjects["features.deep.b.c"] == ["x", None, None, None, None]


def test_pandas_frames_with_times_categories_and_an_index(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "income": [1.0, np.nan, 3.0],
            "kind": pd.Categorical(["a", "b", None]),
            "big": pd.array([1, None, 3], dtype="Int64"),
            "at": pd.to_datetime(["2026-11-24T05:06:07.890123456Z"] * 3),
        },
        index=pd.Index([5, 6, 7], name="customer"),
    )
    frame.to_parquet(file := tmp_path / "t.parquet")
    [expected] = list(read(file, KNOWN))
    found = all_rows(frame)
    assert (found.subjects, found.times, found.size) == (expected.subjects, expected.times, 3)
    assert found.subjects["features.customer"] == [5.0, 6.0, 7.0]
    assert all_rows(frame[["income"]].reset_index(drop=True)[lambda f: f.income > 2]).subjects == {
        "features.income": [3.0]
    }


@pytest.mark.parametrize("make", [pd.DataFrame, dict], ids=["pandas", "dict"])
def test_numbers_with_texts_among_them_stay_what_they_are(make: Any) -> None:
    table = make({"temperature": [20.5, "n/a", None, True, 3, np.float64(1.5), math.nan]})
    assert all_rows(table).subjects == {"features.temperature": [20.5, "n/a", None, "true", 3.0, 1.5, None]}
    half = as_arrow(table, "t").filter(pa.array([False, True, True, True, False, False, True]))
    [kept] = list(chunks(half, KNOWN, "t"))
    assert kept.subjects == {"features.temperature": ["n/a", None, "true", None]}


def test_polars_frames() -> None:
    pl = pytest.importorskip("polars")
    found = all_rows(pl.DataFrame({"income": [1.0, math.nan, None], "kind": ["a", None, "b"], "at": [WHEN] * 3}))
    assert found.subjects == {"features.income": [1.0, None, None], "features.kind": ["a", None, "b"]}
    assert found.times == [int(WHEN.timestamp() * 1000)] * 3


class Foreign:
    """A table of a library that nobody here knows."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def test_whatever_speaks_the_arrow_stream_is_a_table() -> None:
    assert all_rows(Foreign(pa.table({"income": [1, 2]}))).subjects == {"features.income": [1.0, 2.0]}


VALUES = st.one_of(st.none(), st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5), st.booleans())


@given(
    numbers=st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=20),
    whole=st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20),
    texts=st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=20),
    mixed=st.lists(VALUES, min_size=1, max_size=20),
)
def test_columns_are_read_as_values_one_by_one(**columns: list[Any]) -> None:
    for name, values in columns.items():
        assert all_rows({name: values}) == in_python({name: values})


@given(st.lists(st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=10))  # noqa: DTZ001
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_instants_are_read_as_times_one_by_one(unit: str, zone: str | None, instants: list[datetime]) -> None:
    column = pa.array(instants, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    column = column.cast(pa.timestamp(unit, tz=zone), safe=False) if zone else column
    texts = [
        str(value).replace("Z", "+00:00")
        for value in column.cast(pa.timestamp("us", tz="UTC")).cast(pa.string()).to_pylist()
    ]
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    assert all_rows({"at": column}).times == in_python({"at": times}).times


def test_many_rows_come_in_chunks() -> None:
    found = list(chunks(as_arrow({"a": list(range(50_001))}, "t"), KNOWN, "t", also=["features.b"]))
    assert [chunk.size for chunk in found] == [20_000, 20_000, 10_001]
    assert found[2].subjects["features.a"][-1] == 50_000
    assert found[2].subjects["features.b"] == [None] * 10_001


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ([1, 2], "is a list, which is no table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' stands twice"),
        (pa.table([[1], [2]], names=["a", "a"]), "'a' stands twice"),
    ],
)
def test_what_is_no_table(table: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        as_arrow(table, "reference")


def test_a_column_that_is_missing_is_said_with_what_was_meant() -> None:
    table = as_arrow({"timestamp": [1], "b": [2]}, "t")
    with pytest.raises(InputError, match="did you mean 'timestamp'"):
        require(table, "timestmp", "reference", "time")
    with pytest.raises(InputError, match="its columns are timestamp, b"):
        require(table, "zzz", "reference", "time")
