"""How numbers and times are written, as the saved objects say. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mpm_elk.timespan import parse_instant
from mpm_elk.views.dashboards.saved import Bundle

Format = Mapping[str, Any]

_NANOSECONDS = {"nanoseconds": 1, "microseconds": 1_000, "milliseconds": 1_000_000, "seconds": 1_000_000_000}
_UNITS = (("d", 86_400e9), ("h", 3600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3))
KEEPS = ("sum", "average", "median", "min", "max", "last_value")
_NOTHING = "–"


def of_column(bundle: Bundle, view: str, column: Mapping[str, Any]) -> Format:
    """Find the format of a column: its own, else that of its field where the operation keeps the field's unit."""
    own = column.get("params", {}).get("format")
    if own or column["operationType"] not in KEEPS:
        return dict(own or {"id": "number", "params": {"decimals": 0}})
    fields: Mapping[str, Format] = bundle.data_views[view]["attributes"]["fieldFormatMap"]
    return fields.get(column["sourceField"], {"id": "number", "params": {"decimals": 2}})


def of_field(bundle: Bundle, view: str, field: str) -> Format:
    """Find the format of a field."""
    fields: Mapping[str, Format] = bundle.data_views[view]["attributes"]["fieldFormatMap"]
    return fields.get(field, {})


def text(value: Any, how: Format, *, date: bool = False) -> str:
    """Write a value for a person."""
    if value is None:
        return _NOTHING
    if date:
        return moment(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    kind, params = how.get("id", ""), how.get("params", {})
    if kind == "percent":
        return f"{100 * value:.{params.get('decimals', 1)}f} %"
    if kind == "duration":
        return duration(value * _NANOSECONDS[params["inputFormat"]])
    if kind == "custom":
        return f"{value:.1e}" if value else "0"
    decimals = params.get("decimals", _decimals(params.get("pattern", "0.00" if isinstance(value, float) else "0")))
    return f"{value:,.{decimals}f}{params.get('suffix', '')}"


def _decimals(pattern: str) -> int:
    return len(pattern.split(".")[1].rstrip("%")) if "." in pattern else 0


def moment(value: Any) -> str:
    """Write a time, given in milliseconds or as ISO text, in UTC."""
    at = datetime.fromtimestamp(value / 1000, tz=UTC) if isinstance(value, int | float) else parse_instant(value)
    return f"{at:%Y-%m-%d %H:%M}"


def duration(nanoseconds: float) -> str:
    """Write a time span in the unit that suits it."""
    unit, size = unit_of(nanoseconds)
    return f"{nanoseconds / size:.3g} {unit}"


def unit_of(nanoseconds: float) -> tuple[str, float]:
    """Choose the unit for a time span: its name, and how many nanoseconds it has."""
    return next(((unit, size) for unit, size in _UNITS if nanoseconds >= size), ("ns", 1.0))


def scaled(how: Format, largest: float) -> tuple[float, str]:
    """Say by what an axis' numbers are divided, and the unit that they then have."""
    if how.get("id") != "duration":
        return 1.0, ""
    one = _NANOSECONDS[how["params"]["inputFormat"]]
    unit, size = unit_of(largest * one)
    return size / one, unit


def of_axis(how: Format) -> str:
    """Give the d3 format of an axis' numbers."""
    if how.get("id") == "percent":
        return ".1~%"
    return "~s" if how.get("params", {}).get("compact") else ",.3~r"
