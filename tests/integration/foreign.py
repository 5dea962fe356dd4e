"""An index that others fill, as another service logs: its mapping, its documents, and the source over it."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from tests.integration.traffic import Event, Monitored, day_of

ClientFor = Callable[[str], Elasticsearch]
Document = dict[str, Any]
RULES = {
    "rules": [
        {"id": "drift", "metric": "drift.psi", "against": "rolling 3d", "critical": 0.2, "min_samples": 50,
         "evidence": "none"},
        {"id": "wrong", "metric": "quality.type_violation_increase", "against": "rolling 3d", "critical": 0.001},
        {"id": "failures", "metric": "traffic.failure_rate", "window": "6h", "against": "rolling 1d", "critical": 0.5,
         "min_samples": 30, "evidence": "none"},
    ],
}  # fmt: skip
GRANTED = "trysrc-*"
READ_ONLY = "readsrc-*"
MAPPING = {
    "dynamic": False,
    "properties": {
        "@timestamp": {"type": "date"},
        "ml": {"properties": {"model": {"type": "keyword"}, "version": {"type": "long"}, "id": {"type": "keyword"}}},
        "env": {"type": "keyword"},
        "in": {
            "properties": {
                "income": {"type": "double"},
                "age": {"type": "long"},
                "temperature": {"type": "double", "ignore_malformed": True},
                "purpose": {"type": "keyword"},
                "channel": {"type": "keyword"},
            }
        },
        "out": {"properties": {"p": {"type": "double"}, "decision": {"type": "keyword"}}},
        "status": {"type": "short"},
        "took": {"type": "long"},
        "geo": {"type": "keyword"},
    },
}


def declared(index: str, **changes: Any) -> dict[str, Any]:
    """Declare a source over documents as `foreign` makes them."""
    source: dict[str, Any] = {
        "name": "credit-log",
        "index": index,
        "model": {"field": "ml.model"},
        "version": {"field": "ml.version"},
        "environment": {"field": "env"},
        "id": "ml.id",
        "score": "out.p",
        "label": "out.decision",
        "failure": {"field": "status", "at_least": 500},
        "duration": {"field": "took", "unit": "us"},
        "segments": {"region": "geo"},
        "features": {"income": "in.income", "age": "in.age", "temperature": "in.temperature",
                     "purpose": "in.purpose", "channel": "in.channel"},
    }  # fmt: skip
    return {name: value for name, value in {**source, **changes}.items() if value is not None}


def foreign(one: Event, model: str) -> Document:
    """Write an event of ours as another service would log it."""
    mpm, outputs = one["mpm"], one["mpm"]["prediction"]
    failed = one["event"]["outcome"] == "failure"
    document: Document = {
        "@timestamp": one["@timestamp"],
        "ml": {"model": model, "version": int(mpm["model"]["version"]), "id": outputs["id"]},
        "env": one["service"]["environment"],
        "in": mpm["features"],
        "status": 503 if failed else 200,
        "took": one["event"]["duration"] // 1000,
        "geo": mpm.get("segment", {}).get("region"),
    }
    return document if failed else {**document, "out": {"p": outputs["score"], "decision": outputs["label"]}}


@dataclass
class Foreign(Monitored):
    """A model whose events stand in another team's index."""

    index: str = field(default_factory=lambda: f"trysrc-{secrets.token_hex(6)}")

    @classmethod
    def over(cls, client_for: ClientFor, *, rules: Mapping[str, Any] = RULES, **changes: Any) -> "Foreign":
        """Declare the source."""
        index = changes.pop("index", f"trysrc-{secrets.token_hex(6)}")
        config = Config.model_validate({**rules, "sources": [declared(index, **changes)]})
        return cls(client_for, config, index=index)

    def make(self, shards: int = 1, mapping: Mapping[str, Any] = MAPPING) -> "Foreign":
        """Make the index, as the other team would."""
        self.admin.indices.create(index=self.index, mappings=mapping, settings={"number_of_shards": shards})
        return self

    def log(self, documents: Iterable[Document]) -> None:
        """Index documents, without a word to mpm-elk."""
        operations: list[Any] = []
        for one in documents:
            operations += [{"create": {"_index": self.index}}, one]
        answer = self.admin.bulk(operations=operations)
        assert not answer["errors"], answer

    def log_events(self, events: Iterable[Event]) -> None:
        """Index events in the other team's form."""
        self.log(foreign(one, self.name) for one in events)


def traffic(model: str, days: Iterable[int]) -> list[Event]:
    """Make events with wrong types, whole numbers, and a drift on the fifth day."""
    events = [one for day in days for one in day_of(model, day, shift=1.5 if day == 5 else 0)]
    for at, one in enumerate(events):
        if at % 70 == 3:
            one["mpm"]["features"]["temperature"] = "n/a"
        if at % 110 == 5:
            del one["mpm"]["features"]["age"]
    return events
