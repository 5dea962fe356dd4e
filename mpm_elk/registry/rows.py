"""Read rows from Parquet, CSV, or NDJSON files, chunk by chunk.

A row is a flat mapping of columns to numbers, texts, or None; nested names are joined with dots. NDJSON lines may be
flat rows or whole prediction events. Values are treated as intake treats them, so that a file and the same rows in
Elasticsearch count alike.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any

from mpm_elk.contract.limits import CATEGORY_MAX
from mpm_elk.errors import InputError
from mpm_elk.intake.features import utf16_length
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import read as read_lines
from mpm_elk.intake.reasons import Rejected
from mpm_elk.intake.timestamps import timestamp_ms
from mpm_elk.profiles.cells import LABEL, SCORE, VALUE, feature_subject
from mpm_elk.registry.csv_rows import read_csv, to_value
from mpm_elk.timespan import to_ms

CHUNK = 20_000
_INDEX_COLUMN = "__index_level_"
_ANY_TIME = Limits(max_age_ms=None, max_ahead_ms=0)
_LAST_MS = 253_402_300_799_999  # the end of the year 9999

Value = float | str | None


Row = Mapping[str, Any]
"""Subject (or `TIME`) → value."""

TIME = "@timestamp"


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are not features: the time, the outputs, and what to leave out."""

    timestamp: str = TIME
    score: str = "score"
    label: str = "label"
    value: str = "value"
    exclude: frozenset[str] = frozenset()

    def name(self, column: str) -> str | None:
        """Give the subject that a column holds, or `TIME`, or None for a column to leave out.

        A column without a name is the index that pandas writes, and no feature.
        """
        if column in self.exclude or not column.strip() or column.startswith(_INDEX_COLUMN):
            return None
        special = {self.timestamp: TIME, self.score: SCORE, self.label: LABEL, self.value: VALUE}
        return special.get(column, feature_subject(column))


@dataclass
class Chunk:
    """Some rows: the values of each subject, and the times (ms) where the rows have them."""

    size: int
    subjects: dict[str, list[Value]]
    times: list[int] | None


def kind_of(path: Path) -> str:
    """Tell the kind of a file by its name: parquet, csv, or ndjson. Raises InputError."""
    if not path.is_file():
        raise InputError(f"{path}: no such file", remedy="check the path")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] in ([".gz"], [".zst"]) and len(suffixes) > 1
    kind = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}.get(
        (suffixes[-2] if packed else suffixes[-1]) if suffixes else ""
    )
    if kind is None or (packed and (kind == "parquet" or (kind == "csv" and suffixes[-1] == ".zst"))):
        raise InputError(
            f"{path}: unknown kind of file",
            remedy="use .parquet, .csv or .csv.gz, or .ndjson, .jsonl, plain or as .gz or .zst",
        )
    return kind


def read(path: Path, columns: Columns, texts: frozenset[str] = frozenset()) -> Iterator[Chunk]:
    """Stream the rows of a file in bounded memory. Raises InputError with the place of what cannot be read.

    CSV has no types: the subjects `texts` are read as texts, others as numbers where they look like one.
    """
    kind = kind_of(path)
    if kind == "parquet":
        from mpm_elk.registry.arrow_rows import read_parquet  # noqa: PLC0415 — which needs what is here

        yield from read_parquet(path, columns)
        return
    if kind == "csv":
        kept = texts | {LABEL, TIME}
        rows: Iterator[Row] = (
            {name: to_value(text, textual=name in kept) for name, text in _named(row, columns).items()}
            for row in read_csv(path)
        )
    else:
        rows = _ndjson_rows(path, columns)
    for some in _chunks(rows):
        yield to_chunk(some, str(path))


def _named(row: Mapping[str, Any], columns: Columns) -> Row:
    flat = dict(_flatten(row)) if any(isinstance(value, dict) for value in row.values()) else row
    return {name: value for column, value in flat.items() if (name := _name(columns, column)) is not None}


@lru_cache(maxsize=10_000)
def _name(columns: Columns, column: str) -> str | None:
    return columns.name(column)


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while some := list(islice(rows, CHUNK)):
        yield some


def _ndjson_rows(path: Path, columns: Columns) -> Iterator[Row]:
    for line in read_lines(path):
        try:
            row = json.loads(line.raw)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{line.number}: not valid JSON: {error}", remedy="mend the line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{line.number}: a row must be a JSON object", remedy="mend the line")
        if not isinstance(row.get("mpm"), dict):
            yield _named(row, columns)
        elif (row.get("event") or {}).get("outcome") != "failure":  # subjects are counted where inference did not fail
            yield {name: value for name, value in from_event(row).items() if not _excluded(name, columns)}


def _excluded(subject: str, columns: Columns) -> bool:
    return subject.removeprefix("features.") in columns.exclude


def from_event(event: Mapping[str, Any]) -> Row:
    """Read a prediction event as it was sent: features nested, of any type."""
    return _event_row(event, dict(_flatten(event["mpm"].get("features") or {})))


def from_stored(event: Mapping[str, Any]) -> Row:
    """Read a prediction event as it is stored: features split by type."""
    features = event["mpm"].get("features") or {}
    return _event_row(event, {**features.get("numeric", {}), **features.get("categorical", {})})


def _event_row(event: Mapping[str, Any], features: Mapping[str, Any]) -> Row:
    prediction = event["mpm"].get("prediction") or {}
    outputs = {f"prediction.{name}": prediction.get(name) for name in ("score", "label", "value")}
    row: dict[str, Any] = {feature_subject(name): value for name, value in features.items()}
    row |= {name: value for name, value in outputs.items() if value is not None}
    return {**row, TIME: event[TIME]} if event.get(TIME) is not None else row


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def to_chunk(rows: Sequence[Row], source: str) -> Chunk:
    """Turn rows into columns; a row without a subject misses it."""
    names = dict.fromkeys(name for row in rows for name in row)
    subjects = {name: [_clean(row.get(name), textual=name == LABEL) for row in rows] for name in names if name != TIME}
    timed = any(row.get(TIME) is not None for row in rows)
    times = [_time(row.get(TIME), source) for row in rows] if timed else None
    return Chunk(len(rows), subjects, times)


def _clean(value: object, *, textual: bool) -> Value:
    """Treat a value as intake would: booleans and labels are texts, what no finite double can hold is missing."""
    if type(value) is float and not textual:  # most values; the checks below are slower
        return value if math.isfinite(value) else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if len(value) * 2 <= CATEGORY_MAX or utf16_length(value) <= CATEGORY_MAX else None
    if isinstance(value, Decimal):
        value = float(value)
    if not isinstance(value, Real):
        return None
    if isinstance(value, int):
        if not -sys.float_info.max <= value <= sys.float_info.max:
            return None
        return str(value) if textual else float(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    return category(number) if textual else number


def category(number: float) -> str:
    """Write a number as a category: a float is what pandas makes of whole numbers beside missing ones."""
    return f"{number:.0f}" if number.is_integer() else repr(number)


def _time(value: object, source: str) -> int:
    """Give a time in ms, read as intake reads `@timestamp`; in CSV, eight digits are a date."""
    if isinstance(value, datetime):
        return to_ms(value)
    if isinstance(value, date):
        return to_ms(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if value is None:
        raise InputError(f"{source}: a row has no time, others have one", remedy="give each row its time, or none")
    try:
        return timestamp_ms(_time_text(value) if isinstance(value, str) else value, now_ms=_LAST_MS, limits=_ANY_TIME)
    except (Rejected, ValueError):
        message = f"{source}: {str(value)[:50]!r} is no time"
        raise InputError(message, remedy="name the column of the time with --timestamp-column") from None


def _time_text(text: str) -> str | float:
    if text.isascii() and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else int(text)
    try:
        return float(text)
    except ValueError:
        return text
