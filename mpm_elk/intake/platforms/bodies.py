"""The bodies of requests and responses that several platforms share: JSON of known forms, and CSV. Pure."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from mpm_elk.intake.platforms.cloudevents import is_json
from mpm_elk.intake.platforms.exchange import Exchange, Part, Payload, Table, Unconvertible, columns, table
from mpm_elk.intake.platforms.tensors import split, table_of
from mpm_elk.intake.reasons import show

_ROWS = {"request": "instances", "response": "predictions"}
_TENSORS = {"request": "inputs", "response": "outputs"}


def exchange(payloads: Mapping[Part, Payload]) -> Exchange:
    """Read the halves of a call, each in one of the known forms of JSON; raises Unconvertible."""
    tables: dict[str, Table] = {}
    version: str | None = None
    for part in ("request", "response"):
        if payload := payloads.get(part):
            body = load(payload.body, part)
            tables[part] = read(body, part)
            version = model_version(body) if part == "response" else None
    return Exchange(tables.get("request"), tables.get("response"), version=version)


def load(raw: bytes, part: str) -> Any:
    """Read JSON; raises Unconvertible."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unconvertible(_binary(raw) or "not_text", part=part, charset="UTF-8") from None
    return load_text(text, part)


def load_text(text: str, part: str) -> Any:
    """Read JSON; raises Unconvertible."""
    try:
        return json.loads(text, parse_int=whole)
    except (ValueError, RecursionError):
        raise Unconvertible(_binary(text.encode()) or "not_json", part=part, found=show(text)) from None


def _binary(raw: bytes) -> str | None:
    """Tell by a tensor's size that what follows the JSON is binary."""
    return "binary_tensors" if b'"binary_data_size"' in raw else None


def whole(digits: str) -> int | float:
    """Read a whole number; Python refuses more than 4300 digits, and no double is as large."""
    return int(digits) if len(digits) < 4300 else float(digits)


def model_version(body: Any) -> str | None:
    """Give the version that a response of the Open Inference Protocol names."""
    version = body.get("model_version") if isinstance(body, dict) else None
    return str(version) if isinstance(version, str | int) and not isinstance(version, bool) and version != "" else None


def read(body: Any, part: str) -> Table:
    """Read the rows of a body in the forms V1, V2 (Open Inference Protocol) or Seldon's; raises Unconvertible."""
    if isinstance(body, list):
        return table(body, part)
    if isinstance(body, dict):
        for key in (_ROWS[part], _TENSORS[part]):
            if isinstance(rows := body.get(key), list):
                return table_of(rows, part) if _are_tensors(rows) else table(rows, part)
            if isinstance(rows, dict) and rows:
                return columns(rows, part)
        if isinstance(body.get("data"), dict):
            return _seldon(body["data"], part)
    keys = f"an object with {', '.join(body) or 'nothing in it'}" if isinstance(body, dict) else show(body)
    raise Unconvertible("unknown_payload", part=part, found=keys[:200])


def _are_tensors(rows: list[Any]) -> bool:
    return bool(rows) and all(isinstance(row, dict) and "name" in row and "shape" in row for row in rows)


def _seldon(data: Mapping[str, Any], part: str) -> Table:
    """Read the `data` of Seldon's protocol: `names`, and an `ndarray` or a `tensor`."""
    tensor = data.get("tensor")
    if isinstance(data.get("ndarray"), list):
        found = table(data["ndarray"], part)
    elif isinstance(tensor, dict) and isinstance(tensor.get("values"), list):
        parts = split(tensor["values"], tensor.get("shape"), "tensor", part)
        found = Table(list(zip(*parts, strict=True)))
    else:
        keys = f"`data` with {', '.join(data) or 'nothing in it'}"
        raise Unconvertible("unknown_payload", part=part, found=keys[:200])
    names = data.get("names")
    if isinstance(names, list) and names and len(names) == found.width and found.ordered:
        return Table(found.rows, tuple(map(str, names)))
    return found


def read_text(text: str, content_type: str | None, part: str) -> Table:
    """Read a body by its content type: CSV, JSON lines, else JSON; raises Unconvertible."""
    media_type = (content_type or "").split(";")[0].strip().lower()
    if media_type == "text/csv":
        return read_csv(text, part)
    if media_type.rpartition("/")[2] in ("jsonlines", "x-jsonlines", "jsonl", "x-ndjson"):
        rows = [load_text(line, part) for line in text.splitlines() if line.strip()]
        return table([_only(row) for row in rows], part)
    if not is_json(content_type) and media_type not in ("", "text/plain", "application/octet-stream"):
        raise Unconvertible("unknown_payload", part=part, found=media_type)
    return read(load_text(text, part), part)


def _only(row: Any) -> Any:
    """Take a row out of a line such as `{"features": [...]}`; other objects are rows themselves."""
    return row["features"] if isinstance(row, dict) and list(row) == ["features"] else row


def read_csv(text: str, part: str) -> Table:
    """Read CSV without a header; blank lines are no rows. Raises Unconvertible."""
    try:
        read_rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [row for row in read_rows if len(row) > 1 or (row and row[0].strip())]
    except csv.Error as error:
        raise Unconvertible("unknown_payload", part=part, found=f"no CSV: {error}") from None
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise Unconvertible("unlike_rows", part=part, found=f"{min(widths)} to {max(widths)} values")
    return Table(rows, csv=True)
