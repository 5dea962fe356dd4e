"""One call as every platform's adapter gives it: the rows that went in, the rows that came out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mpm_elk.intake.reasons import show

Part = Literal["request", "response", "call", "ground_truth", "feedback", "outlier", "drift"]

FAILURES: dict[str, str] = {
    "not_text": "the {part} is not text in {charset}",
    "not_json": "the {part} is not JSON: {found}",
    "binary_tensors": "the {part} holds tensors in binary form, and only those in JSON can be read",
    "unknown_payload": "the {part} has none of the forms that are known: {found}",
    "unlike_rows": "the rows of the {part} are unlike: {found}",
    "bad_tensor": "tensor `{name}` of the {part}: {found}",
    "no_rows": "the {part} holds no rows",
    "row_counts": "the request holds {requests} rows and the response {responses}",
    "column_count": "the {part} has {found} columns, and the mapping names {wanted}",
    "no_column": "the {part} has no column {wanted}: {found}",
    "no_names": "the columns of the request have no names: `features` must list them in order",
    "no_version": "the mapping names no version, and the response holds no `model_version`",
    "same_id": "two rows have the id {found}",
    "bad_id": "row {row} has no id that is a text or a whole number: {found}",
    "no_response": "no response was captured within {span}",
    "no_request": "no request was captured within {span}",
    "unsupported_part": "nothing is made of {part} yet",
    "row_rejected": "row {row}: {found}",
    "refused_by_elasticsearch": "Elasticsearch refuses a document of this call: {found}",
    "duplicate": "this half of the call came before, and the first one counts",
    "unexpected": "the conversion itself failed on this call: {found}",
}


class Unconvertible(Exception):  # noqa: N818 — a verdict on a call, not a fault of the program
    """A call that cannot become predictions: `code` is a key of FAILURES, `reason` the sentence."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.reason = FAILURES[code].format(**facts)
        super().__init__(self.reason)


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of one capture, and what their sender says they are."""

    body: bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of N values each, and the names of the columns where they have any.

    Columns that are not `ordered` are known by their names only. In a table from CSV all values are texts.
    """

    rows: Sequence[Sequence[Any]]
    names: tuple[str, ...] | None = None
    ordered: bool = True
    csv: bool = False

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0]) if self.rows else len(self.names or ())

    def described(self) -> str:
        """Name the columns, or say how many there are."""
        return show(", ".join(self.names)) if self.names else f"it has {self.width}, without names"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What went in and out in one call; what was not captured, or not asked for, is None.

    `identity` is an id that the caller gave, better than the call's. `truths` are the rows' true values.
    """

    request: Table | None = None
    response: Table | None = None
    identity: str | None = None
    version: str | None = None
    truths: Table | None = None


def table(rows: Sequence[Any], part: str) -> Table:
    """Make a table of rows that are all arrays, all objects, or all single values; raises Unconvertible."""
    if not rows:
        return Table([])
    if all(isinstance(row, dict) for row in rows):
        if all(list(row) == ["features"] and isinstance(row["features"], list) for row in rows):
            return table([row["features"] for row in rows], part)
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        return Table([[row.get(name) for name in names] for row in rows], names, ordered=False)
    if all(isinstance(row, list) for row in rows):
        widths = {len(row) for row in rows}
        if len(widths) > 1:
            raise Unconvertible("unlike_rows", part=part, found=f"{min(widths)} to {max(widths)} values")
        return Table(rows)
    if any(isinstance(row, (list, dict)) for row in rows):
        raise Unconvertible("unlike_rows", part=part, found="arrays, objects and single values")
    return Table([[value] for value in rows])


def columns(values: dict[str, Any], part: str) -> Table:
    """Make a table of columns by name; raises Unconvertible."""
    if not all(isinstance(column, list) for column in values.values()):
        raise Unconvertible("unlike_rows", part=part, found="columns that are no arrays")
    lengths = {len(column) for column in values.values()}
    if len(lengths) != 1:
        raise Unconvertible("unlike_rows", part=part, found=f"columns of {min(lengths)} to {max(lengths)} values")
    single = {name: [_single(value) for value in column] for name, column in values.items()}
    return Table(list(zip(*single.values(), strict=True)), tuple(single))


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
