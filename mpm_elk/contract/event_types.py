"""The types of an event's fields: what is accepted, how long it may be, and how it looks in a JSON Schema.

Types are strict: a text is no number. One thing is mended: a whole number where a text belongs (`"version": 3`) is
written as decimal text.
"""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
from typing_extensions import TypeAliasType

from mpm_elk.contract.limits import (
    CATEGORY_MAX,
    DEPTH_MAX,
    ENVIRONMENT_MAX,
    FEATURE_NAME_MAX,
    FEATURES_MAX,
    MODEL_NAME_MAX,
    PREDICTION_ID_MAX,
    VERSION_MAX,
)

_SECONDS_BELOW = 1e11
"""A number below is seconds since the epoch, from here on milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ISO_8601 = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)


def _decimal_text(value: object) -> object:
    """Write a whole number as decimal text; `True` is no number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _label_text(value: object) -> object:
    """Write a whole number as decimal text and a boolean as JSON does."""
    return str(value).lower() if isinstance(value, bool) else _decimal_text(value)


def _instant(value: object) -> datetime:
    """Read ISO 8601 (without a zone: UTC), or seconds or milliseconds since the epoch."""
    try:
        if isinstance(value, str) and _ISO_8601.fullmatch(value):
            moment = datetime.fromisoformat(value)
            return _since_1970((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            seconds = value if abs(value) < _SECONDS_BELOW else value / 1000
            return _since_1970(datetime.fromtimestamp(seconds, tz=UTC))
    except (OverflowError, OSError) as error:
        msg = "is out of range"
        raise ValueError(msg) from error
    msg = "is neither ISO 8601 nor a number of seconds or milliseconds since 1970"
    raise ValueError(msg)


def _since_1970(moment: datetime) -> datetime:
    if moment < _EPOCH:
        msg = "is before 1970"
        raise ValueError(msg)
    return moment


def _check_name(name: str) -> str:
    """Refuse a name of white space only: Elasticsearch takes no such field."""
    if not name.strip():
        msg = "is empty or only white space"
        raise ValueError(msg)
    return name


def _check_names(tree: dict[str, Any]) -> dict[str, Any]:
    """Check the names of a tree's leaves, joined with dots."""
    names = _leaves(tree, prefix="", depth=1)
    if len(set(names)) < len(names):
        msg = "holds a name twice: once with dots, once nested"
        raise ValueError(msg)
    for name in names:
        _check_name(name)
        if len(name) > FEATURE_NAME_MAX:
            msg = f"holds a name of {len(name)} characters, more than {FEATURE_NAME_MAX}"
            raise ValueError(msg)
    return tree


def _check_features(features: dict[str, Any]) -> dict[str, Any]:
    count = len(_leaves(features, prefix="", depth=1))
    if count > FEATURES_MAX:
        msg = f"holds {count} features, more than {FEATURES_MAX}"
        raise ValueError(msg)
    return _check_names(features)


def _leaves(tree: dict[str, Any], *, prefix: str, depth: int) -> list[str]:
    if depth > DEPTH_MAX:
        msg = f"is nested deeper than {DEPTH_MAX} levels"
        raise ValueError(msg)
    names: list[str] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            names += _leaves(value, prefix=f"{prefix}{name}.", depth=depth + 1)
        else:
            names.append(prefix + name)
    return names


def _text_schema(limit: int, *types: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", *types], "minLength": 1, "maxLength": limit})


def _text_rule(limit: int) -> Any:
    return Field(min_length=1, max_length=limit, strict=True)


Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Rank = Annotated[int, Strict(), Field(ge=0, lt=2**31)]
Nanoseconds = Annotated[int, Strict(), Field(ge=0, lt=2**63)]

Timestamp = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{_ISO_8601.pattern.replace(chr(92) + 'd', '[0-9]')}$"},
                {"type": "number", "minimum": 0},
            ],
            "description": "ISO 8601 (without a zone: UTC), or seconds (below 1e11) or milliseconds since 1970",
            "examples": ["2026-11-23T10:00:00.123Z"],
        }
    ),
]

Id = Annotated[
    str, BeforeValidator(_decimal_text), _text_rule(PREDICTION_ID_MAX), _text_schema(PREDICTION_ID_MAX, "integer")
]
Name = Annotated[
    str, BeforeValidator(_decimal_text), _text_rule(MODEL_NAME_MAX), _text_schema(MODEL_NAME_MAX, "integer")
]
Version = Annotated[str, BeforeValidator(_decimal_text), _text_rule(VERSION_MAX), _text_schema(VERSION_MAX, "integer")]
Environment = Annotated[
    str, BeforeValidator(_decimal_text), _text_rule(ENVIRONMENT_MAX), _text_schema(ENVIRONMENT_MAX, "integer")
]
Label = Annotated[
    str, BeforeValidator(_label_text), _text_rule(CATEGORY_MAX), _text_schema(CATEGORY_MAX, "integer", "boolean")
]
Group = Annotated[Label | Number | None, Field(union_mode="left_to_right")]
"""The value of a segment; null is left out."""

FieldName = Annotated[
    str, AfterValidator(_check_name), Field(max_length=FEATURE_NAME_MAX), WithJsonSchema({"type": "string"})
]
NAMED: dict[str, Any] = {"propertyNames": {"maxLength": FEATURE_NAME_MAX, "pattern": r"\S"}}
"""What the JSON Schema says of an object whose names are `FieldName`."""

Features = Annotated[dict[str, Any], AfterValidator(_check_features)]

Numbers = TypeAliasType("Numbers", "dict[str, Number | Numbers | None]")
NumbersByName = Annotated[Numbers, AfterValidator(_check_names)]
"""Numbers by name; nested names are joined with dots, null is left out."""
