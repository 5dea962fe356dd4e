"""Index names: what each index is called, and how a document finds its own."""

import re
from datetime import UTC, datetime
from enum import StrEnum

SCHEMA_VERSION = "v1"

_UNSAFE = re.compile(r"[^a-z0-9_]")
_ASCII_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Index(StrEnum):
    """The roots of all index names."""

    PREDICTIONS = f"mpm-predictions-{SCHEMA_VERSION}"
    GROUND_TRUTH = f"mpm-ground-truth-{SCHEMA_VERSION}"
    OUTCOMES = f"mpm-outcomes-{SCHEMA_VERSION}"
    CAPTURES = f"mpm-captures-{SCHEMA_VERSION}"
    PROFILES = f"mpm-profiles-{SCHEMA_VERSION}"
    METRICS = f"mpm-metrics-{SCHEMA_VERSION}"
    ALERTS = f"mpm-alerts-{SCHEMA_VERSION}"
    ALERT_EVENTS = f"mpm-alert-events-{SCHEMA_VERSION}"
    RUNS = f"mpm-runs-{SCHEMA_VERSION}"
    MODELS = f"mpm-models-{SCHEMA_VERSION}"
    BASELINES = f"mpm-baselines-{SCHEMA_VERSION}"
    AUDIT = f"mpm-audit-{SCHEMA_VERSION}"
    QUARANTINE = f"mpm-quarantine-{SCHEMA_VERSION}"
    STATE = f"mpm-state-{SCHEMA_VERSION}"

    @property
    def pattern(self) -> str:
        """All indices of this kind: `mpm-metrics-v1-*`."""
        return f"{self.value}-*"


FROM_CAPTURES = "captures."
"""Stands before the model in the names of indices that the job fills from captures.

No part of a name holds a dot, so these indices are told from those of shipped events, which nobody may change.
"""


def from_captures(name: str) -> str:
    """Name the index of what was made from captures, beside the index `name` of what was shipped.

    `mpm-predictions-v1-m-production-2026.11` gives `mpm-predictions-v1-captures.m-production-2026.11`.
    """
    root = next(index.value for index in (Index.PREDICTIONS, Index.GROUND_TRUTH) if name.startswith(f"{index}-"))
    return f"{root}-{FROM_CAPTURES}{name.removeprefix(f'{root}-')}"


def part(text: str) -> str:
    """Turn `text` into one part of an index name.

    ASCII capitals become small letters; then every character (Unicode code point) outside `[a-z0-9_]` becomes `_`,
    so parts cannot run together and no name can leave its place. Nothing ever parses an index name.
    """
    return _UNSAFE.sub("_", text.translate(_ASCII_UPPER))


def month(timestamp_ms: int) -> str:
    """Name the UTC month of a time in milliseconds since the epoch: `2026.11`."""
    return f"{datetime.fromtimestamp(timestamp_ms // 1000, tz=UTC):%Y.%m}"


def monthly(index: Index, model: str, environment: str, timestamp_ms: int) -> str:
    """Name the index of one model's documents of one month: `mpm-metrics-v1-credit_risk-production-2026.11`."""
    return f"{_of_model(index, model, environment)}-{month(timestamp_ms)}"


def all_months(index: Index, model: str, environment: str) -> str:
    """Match the indices of one model's documents of every month: `mpm-metrics-v1-credit_risk-production-*`."""
    return f"{_of_model(index, model, environment)}-*"


def _of_model(index: Index, model: str, environment: str) -> str:
    return f"{index.value}-{part(model)}-{part(environment)}"


def dated(index: Index, timestamp_ms: int) -> str:
    """Name the index of documents that no model owns: `mpm-runs-v1-2026.11`."""
    return f"{index.value}-{month(timestamp_ms)}"
