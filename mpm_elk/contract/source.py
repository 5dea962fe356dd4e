"""Where a model's events are, and which field holds what: our own events, or an index that others fill.

A source is all that the searches over events know of their index. Cells say what is counted, and belong to the model;
the source says where: the same cells count shipped events and an index that is monitored in place.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso

Clause = dict[str, Any]

IGNORED = "_ignored"
"""Elasticsearch's list of the fields of a document that it could not index: what holds values of the wrong type."""

MARK = "(source)"
"""Stands beside the subjects' hashes in a model's state; no subject is called so."""


WHOLE_TYPES = ("byte", "short", "integer", "long", "unsigned_long")
NARROW_TYPES = ("half_float", "float")
NUMERIC_TYPES = (*WHOLE_TYPES, *NARROW_TYPES, "double", "scaled_float")
CATEGORICAL_TYPES = ("keyword", "boolean", *WHOLE_TYPES[:-1])
"""The Elasticsearch types of fields that can be counted as numbers, and as categories."""


@dataclass(frozen=True)
class KeyPart:
    """The environment, model or version of events: what a `field` holds, or one `text` for all of them."""

    field: str = ""
    text: str = ""

    def filters(self, value: str) -> list[Clause]:
        """Choose the events of a value."""
        return [{"term": {self.field: value}}] if self.field else []

    def may_be(self, value: str) -> bool:
        """Tell whether events can have a value."""
        return bool(self.field) or self.text == value


@dataclass(frozen=True)
class SubjectField:
    """The field that holds a subject.

    `types` are its Elasticsearch types, one or several numeric ones in several indices. `malformed` tells whether
    values of the wrong type can be found in `_ignored`: not for text, which takes everything.
    """

    name: str
    numeric: bool
    types: tuple[str, ...]

    @property
    def malformed(self) -> str | None:
        """Name the field that tells of values of the wrong type, None where there can be none."""
        return None if "keyword" in self.types else IGNORED


@dataclass(frozen=True)
class Source:
    """Events of one or many models: the pattern `index` of their indices, and their fields by role.

    `failed` chooses the failed inferences. Durations are `duration_ns` nanoseconds each. `bucket` is a hash of the
    event, 0 to 999; without one, samples are drawn by a hash of `id`, or of the sequence number. Without `subjects`
    and `segments` the events are ours: cells name their fields themselves.
    """

    name: str = ""
    index: str = Index.PREDICTIONS.pattern
    time: str = "@timestamp"
    environment: KeyPart = KeyPart("service.environment")
    model: KeyPart = KeyPart("mpm.model.name")
    version: KeyPart = KeyPart("mpm.model.version")
    failed: Clause | None = field(default_factory=lambda: {"term": {"event.outcome": "failure"}})
    duration: str | None = "event.duration"
    duration_ns: int = 1
    id: str | None = "mpm.prediction.id"
    bucket: str | None = "mpm.prediction.bucket"
    subjects: Mapping[str, SubjectField] | None = None
    segments: Mapping[str, str] | None = None

    def filters(self, model: ModelKey) -> list[Clause]:
        """Choose a model's events."""
        return [*self.environment.filters(model.environment), *self.model.filters(model.name)]

    def version_filters(self, version: VersionKey) -> list[Clause]:
        """Choose a version's events."""
        return [*self.filters(version.model), *self.version.filters(version.version)]

    def between(self, start_ms: int, end_ms: int) -> Clause:
        """Choose events at or after `start_ms` and before `end_ms`."""
        span = {"gte": iso(start_ms), "lt": iso(end_ms), "format": "strict_date_optional_time"}
        return {"range": {self.time: span}}

    @property
    def without_failed(self) -> Mapping[str, list[Clause]]:
        """Give the part of a `bool` query that leaves failed inferences out."""
        return {"must_not": [self.failed]} if self.failed else {}

    def segment_field(self, name: str) -> str:
        """Name the field of a segment."""
        return f"mpm.segment.{name}" if self.segments is None else self.segments[name]

    def knows(self, subject: str) -> bool:
        """Tell whether a subject can be counted here."""
        return self.subjects is None or subject in self.subjects

    def fields(self, subject: str, field: str, other: str | None) -> tuple[str, str | None]:
        """Name the fields of a subject's values and of values of the wrong type; `field` and `other` are our own."""
        found = self.subjects[subject] if self.subjects is not None else None
        return (found.name, found.malformed) if found else (field, other)

    def types(self, subject: str) -> tuple[str, ...]:
        """Give the Elasticsearch types of a subject's field where they matter: ours hold every number as it is."""
        return self.subjects[subject].types if self.subjects is not None else ()

    def mark(self, subject: str, cells_hash: str) -> str:
        """Say in what a subject is counted: another answer than before means to count all of it again."""
        return cells_hash if self.subjects is None else f"{cells_hash} {self.subjects[subject].name}"

    def marks(self, hashes: Mapping[str, str]) -> dict[str, str]:
        """Say in what each subject is counted (subject → hash of its cells), and by what events are chosen."""
        marks = {subject: self.mark(subject, cells_hash) for subject, cells_hash in hashes.items()}
        return marks if self.subjects is None else {**marks, MARK: self._chosen_by}

    @property
    def key(self) -> str:
        """Name the source and how it chooses events; our own have no name."""
        return f"{self.name}~{self._chosen_by}" if self.name else ""

    @property
    def _chosen_by(self) -> str:
        parts = [[part.field, part.text] for part in (self.environment, self.model, self.version)]
        content = [self.time, parts, self.failed, self.duration, self.duration_ns, dict(self.segments or {})]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


EVENTS = Source()
"""The events that `mpm-elk ship` and Logstash store: the source of every model that no other is declared for."""
