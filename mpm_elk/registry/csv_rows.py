"""Read CSV, which has no types: what is a number, and what is a text."""

import csv
import gzip
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from mpm_elk.errors import InputError

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_MISSING = frozenset({"", "nan", "NaN", "null"})
_NOT_FINITE = frozenset({"inf", "-inf", "+inf", "Inf", "-Inf", "+Inf", "Infinity", "-Infinity"})
_BOOLEANS = frozenset({"True", "False", "TRUE", "FALSE"})


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """Give each row as column → text. Raises InputError with the line of what cannot be read."""
    with _open(path) as file:
        reader = csv.DictReader(file, strict=True)
        try:
            _check_header(reader.fieldnames or (), path)
            for row in reader:
                if None in row or None in row.values():
                    raise InputError(
                        f"{path}:{reader.line_num}: this row has not as many fields as the header",
                        remedy="mend the row",
                    )
                yield row
        except (csv.Error, UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}:{reader.line_num}: {error}", remedy="mend the file") from None


def _open(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


def _check_header(names: Sequence[str], path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}:1: the column {twice[0]!r} stands twice", remedy="give each column its own name")


def to_value(text: str, *, textual: bool) -> float | str | None:
    """Read one field: None where it is empty, `nan` or `null`; booleans as they are stored, `true` and `false`.

    With `textual`, what looks like a number stays a text: `07` is not `7`.
    """
    if text in _MISSING:
        return None
    if text in _BOOLEANS:
        return text.lower()
    if textual:
        return text
    if _NUMBER.fullmatch(text):
        return float(text)
    return math.inf if text in _NOT_FINITE else text
