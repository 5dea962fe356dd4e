"""What the job remembers between runs: how far it has read and judged. Kept by compare-and-set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ConflictError, Elasticsearch

from mpm_elk.cluster.changes import ReadPosition, refresh
from mpm_elk.cluster.client import translated
from mpm_elk.cluster.fenced import Document, write
from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.search import scan
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.errors import ClusterError
from mpm_elk.timespan import iso

_DISCOVERY, _REREAD = "discovery", "reread"
_TRIES = 20


@dataclass(frozen=True)
class CatchUp:
    """How far a run got that had much to do: the next one goes on from there.

    Of all that lies in the indices up to `upto`, the hours before `until` (ms) are read, and those of their days merged
    that had ended by `days_until`. That holds for profiles `counted` alike (a hash of cells and segments), of hours
    from `hours_from` on, that are still there (`profiles`: how many in each index). `reread` is why hours were read
    that had not changed. For the monitors in `judged` all that had changed by then is judged: as far as the model's
    `judged` says, and of what a `backfill` asked for, up to the time given here. `new` tells that no window had been
    judged before.
    """

    upto: Mapping[str, ReadPosition]
    counted: str
    until: int = 0
    days_until: int = 0
    hours_from: int = 0
    reread: str | None = None
    profiles: Mapping[str, int] = field(default_factory=dict)
    judged: Mapping[str, int] = field(default_factory=dict)
    backfill: tuple[int, int] | None = None
    new: bool = False

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {**vars(self), "upto": _positions_to_document(self.upto)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CatchUp":
        """Read it from JSON."""
        backfill = tuple(document["backfill"]) if document["backfill"] else None
        return cls(**{**document, "upto": _positions_from_document(document["upto"]), "backfill": backfill})


@dataclass(frozen=True)
class ModelState:
    """How far the job is with one model.

    `read` is the position in each index of predictions; `profiles` counts the profiles in each index that must be
    there, so that deleted ones are noticed; `cells` holds the hash of each subject's cells at the time; `judged` the
    begin of the first and the end of the last judged window (ms) of each monitor, and `backfilled` the stretches before
    it that are judged too; `days_until` the end of the last merged day. Hours before `hours_from` are dropped: days
    hold what they held. `unkept` is the first window of a monitor that a run judged and then died, its alerts not kept.
    """

    read: Mapping[str, ReadPosition] = field(default_factory=dict)
    profiles: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    judged: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    days_until: int = 0
    hours_from: int = 0
    backfilled: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    unkept: Mapping[str, int] = field(default_factory=dict)
    catch_up: CatchUp | None = None

    @property
    def new(self) -> bool:
        """Tell whether no finished run has judged a window."""
        return self.catch_up.new if self.catch_up else not self.judged

    def to_document(self) -> dict[str, Any]:
        """Write the state as JSON."""
        return {
            "read": _positions_to_document(self.read),
            "profiles": dict(self.profiles),
            "cells": dict(self.cells),
            "judged": dict(self.judged),
            "days_until": self.days_until,
            "hours_from": self.hours_from,
            "backfilled": dict(self.backfilled),
            "unkept": dict(self.unkept),
            "catch_up": self.catch_up.to_document() if self.catch_up else None,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ModelState":
        """Read the state from JSON; an older state knows less."""
        judged = {monitor: (begin, end) for monitor, (begin, end) in document["judged"].items()}
        backfilled = {
            monitor: tuple((start, end) for start, end in some)
            for monitor, some in document.get("backfilled", {}).items()
        }
        caught_up = document.get("catch_up")
        special = {
            "read": _positions_from_document(document["read"]),
            "judged": judged,
            "backfilled": backfilled,
            "catch_up": CatchUp.from_document(caught_up) if caught_up else None,
        }
        return cls(**{**document, **special})


def _positions_to_document(positions: Mapping[str, ReadPosition]) -> dict[str, Any]:
    return {index: position.to_document() for index, position in sorted(positions.items())}


def _positions_from_document(document: Mapping[str, Any]) -> dict[str, ReadPosition]:
    return {index: ReadPosition.from_document(entry) for index, entry in document.items()}


def load(client: Elasticsearch, model: ModelKey) -> ModelState:
    """Read what is remembered of a model; nothing where it is new."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=_id(model))
    return ModelState.from_document(found["_source"]["mpm"]["state"]["model"]) if found.get("found") else ModelState()


def save(client: Elasticsearch, lease: Lease, model: ModelKey, state: ModelState, now_ms: int) -> None:
    """Remember a model's state, under its lease."""
    write(client, lease, [Document(Index.STATE, _id(model), _source("model", state.to_document(), now_ms))])


def judged_models(client: Elasticsearch) -> list[ModelKey]:
    """List the models that a run has finished with at least once, whether they have events now or not."""
    body = {"query": {"term": {"mpm.state.kind": "model"}}, "_source": False}
    refresh(client, [Index.STATE])
    return sorted(ModelKey(*hit["_id"].split(":", 2)[1:]) for hit in scan(client, Index.STATE, body, sort="@timestamp"))


@dataclass(frozen=True)
class Noted:
    """Hours of a model that must be read again though no new document says so: version → starts (ms).

    `condition` is what `forget_hours` needs: how the note stood when it was read.
    """

    hours: Mapping[str, frozenset[int]] = field(default_factory=dict)
    condition: Mapping[str, Any] | None = None


def noted_hours(client: Elasticsearch, model: ModelKey) -> Noted:
    """Read which hours of a model are noted."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=_note_id(model))
    if not found.get("found"):
        return Noted()
    hours = found["_source"]["mpm"]["state"][_REREAD]
    condition: dict[str, Any] = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
    return Noted({version: frozenset(starts) for version, starts in hours.items()}, condition)


def note_hours(client: Elasticsearch, model: ModelKey, hours: Mapping[str, Iterable[int]], now_ms: int) -> None:
    """Note hours that must be read again: a deleted document leaves no number that could be found.

    It is noted before the deletion, so that none is forgotten, and after it, so that a run between the two reads again.
    """
    for _ in range(_TRIES):
        noted = noted_hours(client, model)
        merged = {version: frozenset(starts) for version, starts in noted.hours.items()}
        for version, starts in hours.items():
            merged[version] = merged.get(version, frozenset()) | frozenset(starts)
        if merged == noted.hours:
            return
        content = {version: sorted(starts) for version, starts in sorted(merged.items())}
        condition: Mapping[str, Any] = noted.condition or {"op_type": "create"}
        try:
            with translated():
                document = _source(_REREAD, content, now_ms)
                client.index(index=Index.STATE, id=_note_id(model), document=document, **condition)
        except ConflictError:
            continue
        return
    raise ClusterError(f"the hours of {model} to read again could not be noted", remedy="run the same command again")


def forget_hours(client: Elasticsearch, model: ModelKey, noted: Noted) -> None:
    """Forget hours that have been read; where more were noted meanwhile, all stay and are read once more."""
    if noted.condition is None:
        return
    try:
        with translated():
            client.options(ignore_status=404).delete(index=Index.STATE, id=_note_id(model), **noted.condition)
    except ConflictError:
        return


def _note_id(model: ModelKey) -> str:
    return f"reread:{model.environment}:{model.name}"


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
