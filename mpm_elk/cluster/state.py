"""What the job remembers between runs: how far it has read and judged. Kept by compare-and-set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ConflictError, Elasticsearch

from mpm_elk.cluster.changes import ReadPosition
from mpm_elk.cluster.client import translated
from mpm_elk.cluster.fenced import Document, write
from mpm_elk.cluster.leases import Lease
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso

_DISCOVERY = "discovery"


@dataclass(frozen=True)
class ModelState:
    """How far the job is with one model.

    `read` is the position in each index of predictions; `profiles` counts the hourly profiles in each index, so that
    deleted ones are noticed; `cells` holds the hash of each subject's cells at the time; `judged` the begin of the
    first and the end of the last judged window (ms) of each monitor; `days_until` the end of the last merged day.
    """

    read: Mapping[str, ReadPosition] = field(default_factory=dict)
    profiles: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    judged: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    days_until: int = 0

    def to_document(self) -> dict[str, Any]:
        """Write the state as JSON."""
        return {
            "read": {index: position.to_document() for index, position in sorted(self.read.items())},
            "profiles": dict(self.profiles),
            "cells": dict(self.cells),
            "judged": dict(self.judged),
            "days_until": self.days_until,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ModelState":
        """Read the state from JSON."""
        read = {index: ReadPosition.from_document(entry) for index, entry in document["read"].items()}
        judged = {monitor: (begin, end) for monitor, (begin, end) in document["judged"].items()}
        return cls(**{**document, "read": read, "judged": judged})


def load(client: Elasticsearch, model: ModelKey) -> ModelState:
    """Read what is remembered of a model; nothing where it is new."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=_id(model))
    return ModelState.from_document(found["_source"]["mpm"]["state"]["model"]) if found.get("found") else ModelState()


def save(client: Elasticsearch, lease: Lease, model: ModelKey, state: ModelState, now_ms: int) -> None:
    """Remember a model's state, under its lease."""
    write(client, lease, [Document(Index.STATE, _id(model), _source("model", state.to_document(), now_ms))])


def _id(model: ModelKey) -> str:
    return f"model:{model.environment}:{model.name}"


def _source(kind: str, content: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    return {"@timestamp": iso(now_ms), "mpm": {"state": {"kind": kind, kind: content}}}


@dataclass(frozen=True)
class IndexModels:
    """Which models an index holds, as far as it was looked through."""

    position: ReadPosition
    models: frozenset[ModelKey]


def load_discovery(client: Elasticsearch) -> tuple[dict[str, IndexModels], dict[str, Any]]:
    """Read which models each index holds, and the condition under which `save_discovery` may replace it."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=_DISCOVERY)
    if not found.get("found"):
        return {}, {"op_type": "create"}
    known = {
        index: IndexModels(
            ReadPosition.from_document(entry["position"]), frozenset(ModelKey(*model) for model in entry["models"])
        )
        for index, entry in found["_source"]["mpm"]["state"][_DISCOVERY].items()
    }
    return known, {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}


def save_discovery(
    client: Elasticsearch, known: Mapping[str, IndexModels], condition: Mapping[str, Any], now_ms: int
) -> None:
    """Remember which models each index holds; where another run was faster, its finding stands."""
    content = {
        index: {
            "position": entry.position.to_document(),
            "models": sorted([model.environment, model.name] for model in entry.models),
        }
        for index, entry in sorted(known.items())
    }
    try:
        with translated():
            document = _source(_DISCOVERY, content, now_ms)
            client.index(index=Index.STATE, id=_DISCOVERY, document=document, **condition)
    except ConflictError:
        return
