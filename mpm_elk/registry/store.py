"""The registry in Elasticsearch: versions, the cells of each model, baselines, and who changed what."""

import getpass
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ConflictError, Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import scan
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.names import Index, dated
from mpm_elk.errors import RegistryError
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.timespan import iso, parse_instant, to_ms

_CELLS, _VERSION, _BASELINE, LEARNING = "cells", "version", "baseline", "learning"
_ATTEMPTS = 5
_OF_A_WINDOW = re.compile(r"\d{4}-\d\d-\d\dT\S+Z to \d{4}-\d\d-\d\dT\S+Z$")
"""The source of a baseline that was counted from events."""


@dataclass(frozen=True)
class ModelCells:
    """The cells of a model, and which of them were cut from traffic because no training data was there."""

    cells: CellSet
    provisional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Baseline:
    """Stored counts of training data or of a window, and of its single days (start in ms) where they are known."""

    id: str
    version: VersionKey
    counts: Profile
    days: Mapping[int, Profile]
    source: str
    cells_hash: str
    created: str


@dataclass(frozen=True)
class Learning:
    """How long a model is only watched: windows that end at or before `until` (ms) open no alert."""

    since: int
    until: int


@dataclass(frozen=True)
class ModelEntry:
    """What the registry knows of one model."""

    model: ModelKey
    cells: ModelCells | None = None
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    baselines: tuple[Baseline, ...] = ()
    learning: Learning | None = None

    @property
    def quiet_until(self) -> int:
        """The end of the model's learning time (ms), 0 where it has none."""
        return self.learning.until if self.learning else 0

    @property
    def newest_baseline(self) -> Baseline | None:
        """Give the model's newest baseline."""
        return max(self.baselines, key=lambda b: b.created, default=None)

    def baseline_for(self, version: str) -> Baseline | None:
        """Give the version's newest baseline, else the model's newest: versions inherit cells and baseline."""
        own = [b for b in self.baselines if b.version.version == version]
        return max(own or self.baselines, key=lambda b: b.created, default=None)

    def training_for(self, version: str) -> Baseline | None:
        """Give the newest counts of the data that this very version was trained on; those of a window are not it."""
        own = [b for b in self.baselines if b.version.version == version and not _OF_A_WINDOW.match(b.source)]
        return max(own, key=lambda b: b.created, default=None)


def load(client: Elasticsearch, model: ModelKey) -> ModelEntry:
    """Read all that the registry knows of `model`."""
    query = {"query": {"bool": {"filter": model.filters()}}}
    cells: ModelCells | None = None
    learning: Learning | None = None
    versions: dict[str, Mapping[str, Any]] = {}
    for hit in scan(client, Index.MODELS, query, sort="@timestamp"):
        mpm = hit["_source"]["mpm"]
        if mpm["kind"] == _CELLS:
            cells = ModelCells(CellSet.from_document(mpm["cells"]), frozenset(mpm["schema"]["provisional"]))
        elif mpm["kind"] == LEARNING:
            learning = Learning(*(to_ms(parse_instant(mpm["schema"][name])) for name in ("since", "until")))
        else:
            versions[mpm["model"]["version"]] = hit["_source"]
    baselines = tuple(
        _read_baseline(model, hit["_source"]) for hit in scan(client, Index.BASELINES, query, sort="@timestamp")
    )
    return ModelEntry(model, cells, versions, baselines, learning)


def list_models(client: Elasticsearch) -> list[ModelKey]:
    """List the models that have a version or cells in the registry."""
    body = {"query": {"match_all": {}}, "_source": ["service.environment", "mpm.model.name"]}
    hits = scan(client, Index.MODELS, body, sort="@timestamp")
    sources = [hit["_source"] for hit in hits]
    return sorted({ModelKey(source["service"]["environment"], source["mpm"]["model"]["name"]) for source in sources})


def _read_baseline(model: ModelKey, source: Mapping[str, Any]) -> Baseline:
    mpm = source["mpm"]
    return Baseline(
        mpm["baseline"]["id"],
        model.version(mpm["model"]["version"]),
        Profile.from_document(mpm["counts"]["total"]),
        {int(day): Profile.from_document(entry) for day, entry in mpm["counts"]["days"].items()},
        mpm["baseline"]["source"],
        mpm["baseline"]["cells_hash"],
        source["@timestamp"],
    )


def find_baseline(client: Elasticsearch, identity: str) -> Baseline | None:
    """Read one baseline by its id, of whatever model; None where there is none."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.BASELINES, id=identity)
    if not found.get("found"):
        return None
    source = found["_source"]
    return _read_baseline(ModelKey(source["service"]["environment"], source["mpm"]["model"]["name"]), source)


def save_cells(
    client: Elasticsearch, model: ModelKey, wanted: ModelCells, now_ms: int, *, anew: Collection[str] = ()
) -> ModelCells:
    """Add cells to a model: frozen cells stay as they are, provisional ones give way to cells from training data.

    The subjects `anew` get the wanted cells though they have frozen ones; what was counted in those is no use then.

    Several writers may do this at once; each adds to what is there (compare-and-set). Returns the model's cells.
    """
    document_id = digest(_CELLS, model.environment, model.name)
    for _ in range(_ATTEMPTS):
        with translated():
            found = client.options(ignore_status=404).get(index=Index.MODELS, id=document_id)
        condition: dict[str, Any] = {"op_type": "create"}
        known = ModelCells(CellSet({}))
        if found.get("found"):
            condition = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
            mpm = found["_source"]["mpm"]
            known = ModelCells(CellSet.from_document(mpm["cells"]), frozenset(mpm["schema"]["provisional"]))
        merged = _merge(known, wanted, anew)
        if merged.cells.hash == known.cells.hash and merged.provisional == known.provisional:
            return merged
        source = _document(model, _CELLS, now_ms)
        source["mpm"] |= {
            "cells_hash": merged.cells.hash,
            "cells": merged.cells.to_document(),
            "schema": {"provisional": sorted(merged.provisional)},
        }
        try:
            _index(client, Index.MODELS, document_id, source, condition)
        except ConflictError:
            continue
        audit(client, model, "cells-saved", now_ms, {"cells_hash": merged.cells.hash, "replaces": known.cells.hash})
        return merged
    raise RegistryError(f"the cells of {model} are being changed by others all the time", remedy="try again")


def _index(client: Elasticsearch, index: Index, document_id: str, source: dict[str, Any], how: dict[str, Any]) -> None:
    with translated():
        client.index(index=index, id=document_id, document=source, refresh=True, **how)


def _merge(known: ModelCells, wanted: ModelCells, anew: Collection[str] = ()) -> ModelCells:
    frozen = {name for name in known.cells.subjects if name not in known.provisional and name not in anew}
    fresh = {name: cells for name, cells in wanted.cells.subjects.items() if name not in frozen}
    keep_provisional = {name for name in fresh if name in known.provisional and name in wanted.provisional}
    fresh = {name: cells for name, cells in fresh.items() if name not in keep_provisional}
    provisional = (known.provisional - set(fresh)) | (wanted.provisional & set(fresh))
    return ModelCells(CellSet({**known.cells.subjects, **fresh}), frozenset(provisional))


def save_version(client: Elasticsearch, version: VersionKey, facts: Mapping[str, Any], now_ms: int) -> bool:
    """Register a version, or add facts to one; returns whether anything was written.

    A fact that is known does not change: RegistryError is raised where it is given another value.
    """
    document_id = digest(_VERSION, version.environment, version.name, version.version)
    for _ in range(_ATTEMPTS):
        with translated():
            found = client.options(ignore_status=404).get(index=Index.MODELS, id=document_id)
        known: dict[str, Any] = found["_source"]["mpm"]["schema"] if found.get("found") else {}
        changed = [name for name in facts if name in known and known[name] != facts[name]]
        if changed:
            raise RegistryError(
                f"version {version.version} of {version.model} is registered already, with other facts: "
                + ", ".join(f"{name} is {known[name]!r}, not {facts[name]!r}" for name in changed),
                remedy="register the new facts as a new version: what a version is does not change",
            )
        merged = {**known, **facts}
        condition: dict[str, Any] = {"op_type": "create"}
        if found.get("found"):
            if merged == known:
                return False
            condition = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
        try:
            _index(client, Index.MODELS, document_id, _version_document(version, merged, now_ms), condition)
        except ConflictError:
            continue
        action = "version-completed" if found.get("found") else "version-registered"
        audit(client, version.model, action, now_ms, {"version": version.version, **facts})
        return True
    raise RegistryError(f"version {version.version} of {version.model} is being changed by others", remedy="try again")


def _version_document(version: VersionKey, facts: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    source = _document(version.model, _VERSION, now_ms)
    source["mpm"]["model"] |= {"version": version.version}
    if "type" in facts:
        source["mpm"]["model"] |= {"type": facts["type"]}
    source["mpm"] |= {"owner": facts.get("owner"), "status": "registered", "schema": dict(facts)}
    return source


def save_baseline(client: Elasticsearch, baseline: Baseline, now_ms: int) -> bool:
    """Store a baseline under an id made of its content; returns whether it is new."""
    source = _document(baseline.version.model, _BASELINE, now_ms)
    source["mpm"]["model"]["version"] = baseline.version.version
    source["mpm"]["baseline"] = {
        "id": baseline.id,
        "source": baseline.source,
        "cells_hash": baseline.cells_hash,
        "count": baseline.counts.count,
    }
    source["mpm"]["counts"] = {
        "total": baseline.counts.to_document(),
        "days": {str(day): profile.to_document() for day, profile in sorted(baseline.days.items())},
    }
    if baseline.days:
        source["mpm"]["baseline"] |= {"start": iso(min(baseline.days)), "end": iso(max(baseline.days))}
    try:
        _index(client, Index.BASELINES, baseline.id, source, {"op_type": "create"})
    except ConflictError:
        return False
    audit(client, baseline.version.model, "baseline-created", now_ms, source["mpm"]["baseline"])
    return True


def baseline_id(version: VersionKey, content: str, cells: CellSet) -> str:
    """Name a baseline by what it was counted from, and in which cells."""
    return digest(_BASELINE, version.environment, version.name, version.version, content, cells.hash)


def _document(model: ModelKey, kind: str, now_ms: int) -> dict[str, Any]:
    return {
        "@timestamp": iso(now_ms),
        "service": {"environment": model.environment},
        "mpm": {"kind": kind, "model": {"name": model.name}},
    }


def audit(client: Elasticsearch, model: ModelKey, action: str, now_ms: int, change: Mapping[str, Any]) -> None:
    """Append one entry to the audit trail: who did what, and what it was."""
    entry = {
        "@timestamp": iso(now_ms),
        "event": {"kind": "event", "module": "mpm", "dataset": "mpm.audit", "action": action},
        "service": {"environment": model.environment},
        "user": {"name": getpass.getuser()},
        "mpm": {"model": {"name": model.name}, "change": dict(change)},
    }
    with translated():
        client.index(index=dated(Index.AUDIT, now_ms), document=entry, op_type="create")
