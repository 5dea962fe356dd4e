"""Put prediction events into Elasticsearch as intake would, under a model of the test's own."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import iso

T0 = 1_795_003_200_000 - 1_795_003_200_000 % 86_400_000
"""A midnight."""

NOW = T0 + 40 * 86_400_000
_LIMITS = Limits(max_age_ms=None)


@dataclass
class Model:
    """A model that no other test knows."""

    client: Elasticsearch
    name: str = field(default_factory=lambda: f"try-{secrets.token_hex(6)}")
    made: int = 0

    @property
    def key(self) -> ModelKey:
        """The model in production."""
        return ModelKey("production", self.name)

    @property
    def version(self) -> VersionKey:
        """Its version 1."""
        return self.key.version("1")

    @property
    def pattern(self) -> str:
        """All its indices of predictions."""
        return all_months(Index.PREDICTIONS, self.name, "production")

    def event(self, at_ms: int, features: Mapping[str, Any], **rest: Any) -> Stored:
        """Make the stored form of an event; `rest` may hold id, version, score, label, segment, failed."""
        self.made += 1
        event: dict[str, Any] = {
            "@timestamp": iso(at_ms),
            "mpm": {
                "model": {"name": self.name, "version": rest.get("version", "1")},
                "prediction": {"id": rest.get("id", f"p{self.made}"), "score": rest.get("score", 0.5)},
                "features": dict(features),
            },
        }
        for name in ("label", "value"):
            if name in rest:
                event["mpm"]["prediction"][name] = rest[name]
        if "segment" in rest:
            event["mpm"]["segment"] = rest["segment"]
        if rest.get("failed"):
            event["event"] = {"outcome": "failure"}
            del event["mpm"]["prediction"]["score"]
        return normalise(json.dumps(event).encode(), now_ms=NOW, limits=_LIMITS)

    def send(self, events: Iterable[Stored], index: str | None = None) -> int:
        """Create the events; returns how many were new. Nothing but a duplicate may be refused."""
        operations: list[Any] = []
        for event in events:
            operations += [{"create": {"_index": index or event.index, "_id": event.id}}, event.document]
        statuses = [item["create"]["status"] for item in self.client.bulk(operations=operations)["items"]]
        assert set(statuses) <= {201, 409}
        return statuses.count(201)
