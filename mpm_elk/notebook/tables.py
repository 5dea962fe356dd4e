"""Tables as the registry reads them: pandas, polars, Arrow or plain columns, in chunks of rows.

Everything goes through Arrow, as Parquet files do, so that a table counts as its file would. A table is anything that
has `__arrow_c_stream__` (pandas, polars, pyarrow, duckdb and others) or a mapping of columns; no library is imported
but pyarrow.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mpm_elk.errors import InputError, MpmError
from mpm_elk.registry.arrow_rows import flat, to_columns
from mpm_elk.registry.rows import CHUNK, Chunk, Columns, to_chunk

Arrow = Any
"""A `pyarrow.Table`; pyarrow is an extra, and has no types."""


def arrow() -> Any:
    """Import pyarrow. Raises MpmError that says how to install it."""
    try:
        import pyarrow as pa  # noqa: PLC0415 — an extra
        import pyarrow.compute  # noqa: PLC0415
    except ImportError:
        raise MpmError("comparing tables needs pyarrow", remedy="pip install 'mpm-elk[parquet]'") from None
    return pa


def as_arrow(table: object, name: str) -> Arrow:
    """Make an Arrow table of any table; columns of objects are named `a.b` after their parts.

    Raises InputError, which calls the table `name`, for what is no table.
    """
    pa = arrow()
    if isinstance(table, Mapping):
        found = pa.table({str(column): _array(values, f"{name}[{column!r}]") for column, values in table.items()})
    elif type(table).__module__.partition(".")[0] == "pandas" and hasattr(table, "columns"):
        found = _from_pandas(table, name)
    elif hasattr(table, "__arrow_c_stream__"):
        found = pa.table(table)
    else:
        raise InputError(
            f"{name} is a {type(table).__name__}, which is no table",
            remedy="give a pandas or polars frame, an Arrow table, or a dict of columns",
        )
    found = flat(pa, found)
    twice = sorted({column for column in found.column_names if found.column_names.count(column) > 1})
    if twice:
        raise InputError(f"{name}: the column {twice[0]!r} stands twice", remedy="give each column its own name")
    return found


def _array(values: Any, where: str) -> Any:
    pa = arrow()
    if _has_booleans_among_others(values):  # which Arrow would take for numbers
        return _tagged(values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return _tagged(values)
    except pa.ArrowException as error:
        raise InputError(f"{where}: {error}", remedy="give a column of numbers, texts, booleans or times") from None


def _has_booleans_among_others(values: Any) -> bool:
    if str(getattr(values, "dtype", "object")) != "object":
        return False
    kinds = set(map(type, values)) - {type(None)}
    return len(kinds) > 1 and bool(kinds & {bool, np.bool_})


def _tagged(values: Any) -> Any:
    """Hold values of several types, numbers with a text among them, in a union, sorted as intake sorts them."""
    pa = arrow()
    rows = to_chunk([{"mixed": value} for value in _plain(values)], "table").subjects["mixed"]
    kinds = np.array([1 if isinstance(value, str) else 0 for value in rows], dtype=np.int8)
    numbers = pa.array([value if isinstance(value, float) else None for value in rows], pa.float64())
    texts = pa.array([value if isinstance(value, str) else None for value in rows], pa.string())
    return pa.UnionArray.from_sparse(pa.array(kinds), [numbers, texts], ["number", "text"])


def _plain(values: Any) -> list[Any]:
    plain = values.tolist() if hasattr(values, "tolist") else values
    return [value.item() if isinstance(value, np.generic) else value for value in plain]


def _from_pandas(frame: Any, name: str) -> Arrow:
    """Take the columns of a pandas frame, and its index where it has a name, as `to_parquet` would write them."""
    named = [level for level in frame.index.names if level is not None]
    frame = frame.reset_index(level=named) if named else frame
    return arrow().table({str(c): _array(frame[c], f"{name}[{c!r}]") for c in _unique(frame.columns, name)})


def _unique(columns: Any, name: str) -> list[Any]:
    known = list(columns)
    for column in known:
        if known.count(column) > 1:
            raise InputError(f"{name}: the column {column!r} stands twice", remedy="give each column its own name")
    return known


def require(table: Arrow, column: str, name: str, option: str) -> None:
    """Make sure that a table has a column that an option names. Raises InputError that says what was meant."""
    if column in table.column_names:
        return
    alike = difflib.get_close_matches(column, table.column_names, n=1)
    raise InputError(
        f"{name} has no column {column!r}, which `{option}` names",
        remedy=f"did you mean {alike[0]!r}?" if alike else f"its columns are {', '.join(table.column_names)}",
    )


def chunks(table: Arrow, columns: Columns, name: str, also: Sequence[str] = ()) -> Iterator[Chunk]:
    """Give a table's rows as the registry reads them; the subjects `also` are missing where there is no such column."""
    table = table.select([column for column in table.column_names if columns.name(column) is not None])
    for batch in table.to_batches(max_chunksize=CHUNK):
        yield to_columns(batch, columns, name, also)
