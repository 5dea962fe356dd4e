"""What a model's stored profiles hold by segment, as the job remembers it between runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.cluster.fenced import Document, write
from mpm_elk.cluster.leases import Lease
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso


@dataclass(frozen=True)
class Counted:
    """Which values of each segment are named, and which subjects are counted there.

    A value is one text for each segment of a combination. Of a subject it is known in which cells (their hash) it is
    counted, and from which hour (ms) on profiles hold it.
    """

    named: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    subjects: Mapping[str, Mapping[str, tuple[str, int]]] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {
            "named": {name: [list(values) for values in some] for name, some in self.named.items()},
            "subjects": {name: dict(subjects) for name, subjects in self.subjects.items()},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Counted":
        """Read it from JSON."""
        named = {name: tuple(tuple(values) for values in some) for name, some in document["named"].items()}
        subjects = {
            segment: {name: (cells_hash, since) for name, (cells_hash, since) in some.items()}
            for segment, some in document["subjects"].items()
        }
        return cls(named, subjects)


def load_counted(client: Elasticsearch, model: ModelKey) -> Counted:
    """Read what is remembered of a model."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=_id(model))
    return Counted.from_document(found["_source"]["mpm"]["state"]["counted"]) if found.get("found") else Counted()


def save_counted(client: Elasticsearch, lease: Lease, model: ModelKey, counted: Counted, now_ms: int) -> None:
    """Remember it, under the model's lease."""
    state = {"kind": "counted", "counted": counted.to_document()}
    write(client, lease, [Document(Index.STATE, _id(model), {"@timestamp": iso(now_ms), "mpm": {"state": state}})])


def _id(model: ModelKey) -> str:
    return f"counted:{model.environment}:{model.name}"
