"""Field mappings that several kinds of documents share.

Only types that every Elasticsearch has are used: no `scaled_float`, `constant_keyword`, `wildcard`, `match_only_text`.
"""

from typing import Any

from mpm_elk.contract.limits import CATEGORY_MAX

Mapping = dict[str, Any]

DATE: Mapping = {"type": "date"}
BOOLEAN: Mapping = {"type": "boolean"}
SHORT: Mapping = {"type": "short"}
INTEGER: Mapping = {"type": "integer"}
LONG: Mapping = {"type": "long"}
DOUBLE: Mapping = {"type": "double"}
KEYWORD: Mapping = {"type": "keyword"}

TEXT: Mapping = {"type": "keyword", "ignore_above": 2 * CATEGORY_MAX}
"""Text that people write: searchable as a whole. Longer ones are stored and shown, but not found.

Elasticsearch counts UTF-16 units, of which a character has up to two.
"""

NUMBER: Mapping = {"type": "double", "index": False}
"""A number that is aggregated, never searched for: doc values only, at half the disk."""

SHOWN: Mapping = {"type": "keyword", "index": False, "doc_values": False}
"""Text of any length that is only shown: stored in `_source`, neither searched nor aggregated."""

STORED: Mapping = {"type": "object", "enabled": False}
"""A value of any shape that is stored as it came and never searched."""

OPEN: Mapping = {"type": "object", "dynamic": True, "subobjects": False}
"""Open names. Dotted ones stay as they are, so `a` and `a.b` cannot clash. A dynamic template gives the type."""


def group(**fields: Mapping) -> Mapping:
    """Map an object with exactly these fields; whatever else arrives in it is stored and not searched."""
    return {"dynamic": False, "properties": fields}


def every(path: str, mapping: Mapping, *, name: str | None = None, value: str = "*") -> Mapping:
    """Make the dynamic template that maps each new field under `path` whose JSON type is `value`."""
    return {name or path: {"path_match": f"{path}.*", "match_mapping_type": value, "mapping": mapping}}


def measured(path: str) -> list[Mapping]:
    """Make the dynamic templates of metrics under `path`: a double, even when its first value is a whole number."""
    return [
        every(path, DOUBLE, name=f"{path} long", value="long"),
        every(path, DOUBLE, name=f"{path} double", value="double"),
        every(path, TEXT, name=f"{path} string", value="string"),
    ]


MODEL: Mapping = group(name=KEYWORD, version=KEYWORD)

LABELS: list[Mapping] = [every("labels", TEXT)]

SEGMENTS: list[Mapping] = [every("mpm.segment", TEXT)]

ECS: dict[str, Mapping] = {
    "@timestamp": DATE,
    "ecs": group(version=KEYWORD),
    "error": group(type=KEYWORD, message=TEXT, code=KEYWORD),
    "event": group(
        action=KEYWORD,
        category=KEYWORD,
        code=KEYWORD,
        created=DATE,
        dataset=KEYWORD,
        duration=LONG,
        end=DATE,
        id=KEYWORD,
        ingested=DATE,
        kind=KEYWORD,
        module=KEYWORD,
        original=SHOWN,
        outcome=KEYWORD,
        provider=KEYWORD,
        reason=TEXT,
        severity=LONG,
        start=DATE,
        type=KEYWORD,
    ),
    "host": group(name=KEYWORD),
    "labels": OPEN,
    "service": group(name=KEYWORD, version=KEYWORD, environment=KEYWORD),
    "tags": KEYWORD,
    "trace": group(id=KEYWORD),
    "transaction": group(id=KEYWORD),
    "user": group(hash=KEYWORD, name=KEYWORD),
}
"""The ECS fields of every document. `message`, a service's log line, is stored and not searched."""

RULE: Mapping = group(
    category=KEYWORD,
    description=TEXT,
    id=KEYWORD,
    name=KEYWORD,
    reference=KEYWORD,
    ruleset=KEYWORD,
    uuid=KEYWORD,
    version=KEYWORD,
)


def document(mpm: dict[str, Mapping], *dynamic: list[Mapping], **ecs: Mapping) -> Mapping:
    """Map a kind of document: our own fields `mpm.*`, the shared ECS fields, and the types of new names."""
    return {
        "dynamic": False,
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": [template for templates in (LABELS, *dynamic) for template in templates],
        "properties": {**ECS, **ecs, "mpm": group(**mpm)},
    }
