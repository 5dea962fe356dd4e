"""Split `mpm.features` by the type of each value, so that stored types cannot clash."""

import math
import sys
from typing import Any

from mpm_elk.contract.limits import CATEGORY_MAX, DEPTH_MAX, FEATURE_NAME_MAX, FEATURES_MAX
from mpm_elk.intake.checks import check_name
from mpm_elk.intake.reasons import Rejected, number_name, show_name

_LARGEST = sys.float_info.max


def split(features: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Give the content of `mpm.features` as it is stored, and of `mpm.features_invalid`; raises Rejected.

    Numbers go to `numeric` as they are; they are stored as doubles, so an integer above 2^53 is counted at the nearest
    double. Texts and booleans go to `categorical`. Nested names are joined with dots, null is left out. Numbers that no
    finite double can hold are left out and named as invalid. What is neither number, text nor boolean, and a text that
    Elasticsearch would not count for its length, is named as invalid and kept under `unsupported`.
    """
    numeric: dict[str, Any] = {}
    categorical: dict[str, Any] = {}
    unsupported: dict[str, Any] = {}
    invalid: list[str] = []
    flat = flatten(features, "mpm.features")
    if len(flat) > FEATURES_MAX:
        raise Rejected("too_many_features", found=len(flat), limit=FEATURES_MAX)
    for name, value in flat.items():
        kind = type(value)
        if kind is float or kind is int:
            if -_LARGEST <= value <= _LARGEST:
                numeric[name] = value
            else:
                invalid.append(name)
        elif kind is str:
            if len(value) * 2 <= CATEGORY_MAX or utf16_length(value) <= CATEGORY_MAX:
                categorical[name] = value
            else:
                invalid.append(name)
                unsupported[name] = value
        elif kind is bool:
            categorical[name] = "true" if value else "false"
        elif value is not None:
            invalid.append(name)
            unsupported[name] = writable(value)
    parts = {"numeric": numeric, "categorical": categorical, "unsupported": unsupported}
    return {name: part for name, part in parts.items() if part}, invalid


def flatten(values: dict[str, Any], field: str) -> dict[str, Any]:
    """Join the names of nested objects with dots, and check each name; raises Rejected.

    An empty object leaves nothing. A name that comes out twice is rejected: neither value may win by its place.
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if type(value) is dict:
            _join(flat, name, value, field, 2)
        elif name in flat:
            raise Rejected("name_clash", field=f"{field}.{show_name(name)}")
        else:
            if len(name) > FEATURE_NAME_MAX or not name.strip():
                check_name(name, field)
            flat[name] = value
    return flat


def _join(flat: dict[str, Any], prefix: str, values: dict[str, Any], field: str, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise Rejected("too_deep", field=f"`{field}`", limit=DEPTH_MAX)
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if type(value) is dict:
            _join(flat, name, value, field, depth + 1)
        elif name in flat:
            raise Rejected("name_clash", field=f"{field}.{show_name(name)}")
        else:
            check_name(name, field)
            flat[name] = value


def utf16_length(text: str) -> int:
    """Count a text's length as Elasticsearch does for `ignore_above`: in UTF-16 units (measured on 9.5.3)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def writable(value: Any) -> Any:
    """Copy a value with the numbers that JSON cannot write as texts: `"NaN"`, `"Infinity"`, `"-Infinity"`."""
    if isinstance(value, float):
        return value if math.isfinite(value) else number_name(value)
    if isinstance(value, list):
        return [writable(item) for item in value]
    if isinstance(value, dict):
        return {key: writable(item) for key, item in value.items()}
    return value
