"""Read Arrow columns, as Parquet files and tables in memory give them: whole columns where their type allows it.

What is read at once is what `to_chunk` would read value by value. pyarrow is an extra, and has no types: columns,
batches and schemas are `Any` here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mpm_elk.contract.limits import CATEGORY_MAX
from mpm_elk.errors import InputError
from mpm_elk.profiles.cells import LABEL
from mpm_elk.registry.rows import CHUNK, TIME, Chunk, Columns, Value, to_chunk


def read_parquet(path: Path, columns: Columns) -> Iterator[Chunk]:
    """Stream the rows of a Parquet file; columns of objects are named `a.b` after their parts."""
    try:
        import pyarrow as pa  # noqa: PLC0415 — an extra
        from pyarrow import ArrowException, parquet  # noqa: PLC0415
    except ImportError:
        raise InputError(f"{path}: reading Parquet needs pyarrow", remedy="pip install 'mpm-elk[parquet]'") from None
    try:
        # A time in nanoseconds fits no Python datetime; milliseconds are what is counted by.
        with parquet.ParquetFile(path, coerce_int96_timestamp_unit="ms") as file:
            for batch in file.iter_batches(batch_size=CHUNK):
                yield to_columns(flat(pa, pa.Table.from_batches([batch])), columns, str(path))
    except (ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}", remedy="check the file") from None


def flat(pa: Any, table: Any) -> Any:
    """Put the parts of columns of objects in their place."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def to_columns(rows: Any, columns: Columns, source: str, also: Sequence[str] = ()) -> Chunk:
    """Read some rows; the subjects `also` are missing where there is no such column."""
    subjects: dict[str, list[Value]] = {}
    times: list[int] | None = None
    for column, values in zip(rows.schema.names, rows.columns, strict=True):
        subject = columns.name(column)
        if subject == TIME:
            times = _times(values, source)
        elif subject is not None:
            subjects[subject] = _values(subject, values, source)
    absent: dict[str, list[Value]] = {subject: [None] * len(rows) for subject in also if subject not in subjects}
    return Chunk(len(rows), subjects | absent, times)


def _times(values: Any, source: str) -> list[int] | None:
    """Read times in ms: instants at once, rounded down; all else one by one, to the same values."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_timestamp(values.type) and not values.null_count:
        instants = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        times: list[int] = (instants.cast(pa.int64()).to_numpy() // 1000).tolist()
        return times
    return to_chunk([{TIME: value} for value in _microseconds(pa, values).to_pylist()], source).times


def _microseconds(pa: Any, values: Any) -> Any:
    """Make nanoseconds, which fit no Python datetime, microseconds."""
    if pa.types.is_timestamp(values.type) and values.type.unit == "ns":
        return values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
    return values


def _values(subject: str, values: Any, source: str) -> list[Value]:
    """Read a subject's values: the plain types at once, all others one by one, to the same values."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import compute  # noqa: PLC0415

    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if subject != LABEL and (pa.types.is_float64(kind) or pa.types.is_float32(kind) or pa.types.is_integer(kind)):
        numbers = values.cast(pa.float64(), safe=False)
        finite: list[Value] = compute.if_else(compute.is_finite(numbers), numbers, None).to_pylist()
        return finite
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        longest = compute.max(compute.utf8_length(values)).as_py() or 0
        if longest * 2 <= CATEGORY_MAX:  # in UTF-16 a character has at most two units
            texts: list[Value] = values.to_pylist()
            return texts
    return to_chunk([{subject: value} for value in _microseconds(pa, values).to_pylist()], source).subjects[subject]
