"""Tensors of the Open Inference Protocol (V2) and of Seldon, as tables. Pure.

A column per tensor and all columns in one tensor are both in use, and `data` may be flat or nested.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mpm_elk.intake.platforms.exchange import Table, Unconvertible


def table_of(tensors: Sequence[Any], part: str) -> Table:
    """Stand tensors side by side; raises Unconvertible.

    The first dimension counts rows. A tensor with one value a row is a column of its name, others are columns
    `name:0`, `name:1` and so on.
    """
    names: list[str] = []
    columns: list[Sequence[Any]] = []
    for tensor in tensors:
        if not isinstance(tensor, dict):
            raise Unconvertible("unknown_payload", part=part, found="a tensor that is no object")
        name = str(tensor.get("name", len(names)))
        found = _columns(tensor, name, part)
        names += [name] if len(found) == 1 else [f"{name}:{at}" for at in range(len(found))]
        columns += found
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise Unconvertible("unlike_rows", part=part, found=f"tensors of {min(lengths)} to {max(lengths)} rows")
    return Table(list(zip(*columns, strict=True)), tuple(names))


def _columns(tensor: Mapping[str, Any], name: str, part: str) -> list[Sequence[Any]]:
    parameters = tensor.get("parameters")
    data, shape = tensor.get("data"), tensor.get("shape")
    if data is None and isinstance(parameters, dict) and "binary_data_size" in parameters:
        raise Unconvertible("binary_tensors", part=part)
    if not isinstance(data, list):
        raise Unconvertible("bad_tensor", part=part, name=name, found="it has no `data`")
    values = list(_flat(data))
    if tensor.get("datatype") == "BOOL":
        values = [bool(value) if isinstance(value, int) else value for value in values]
    return split(values, shape, name, part)


def split(values: Sequence[Any], shape: Any, name: str, part: str) -> list[Sequence[Any]]:
    """Split row-major values into columns; raises Unconvertible."""
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise Unconvertible("bad_tensor", part=part, name=name, found="its `shape` is no list of sizes")
    rows, width = (shape[0] if shape else 1), math.prod(shape[1:])
    if rows * width != len(values):
        found = f"its shape {shape} is not that of {len(values)} values"
        raise Unconvertible("bad_tensor", part=part, name=name, found=found)
    return [values[at::width] for at in range(width)]


def _flat(data: list[Any]) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
