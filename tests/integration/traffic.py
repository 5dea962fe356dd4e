"""Made traffic of a model, run through the job: the same numbers every time, whatever days are asked for."""

import io
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey, VersionKey
from mpm_elk.contract.names import Index, part
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.ship import Source, ship
from mpm_elk.job import ModelReport, Options, RunReport, run
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms, iso
from tests.integration.try_model import T0

ClientFor = Callable[[str], Elasticsearch]
Event = dict[str, Any]
Documents = dict[str, dict[str, Any]]
"""Id → what a search says of the document: `_index`, `_seq_no`, `_primary_term`, `_source`."""

RESULTS = (Index.PROFILES, Index.METRICS, Index.ALERTS, Index.ALERT_EVENTS)
SETTLED = 600_000
"""Ten minutes after a window's end it is judged."""

_OF_ITS_OWN = ("run", "revision", "hash", "uuid", "created")
"""What may differ between two runs over the same events, or follows from the name of the model."""


def event(model: str, at_ms: int, identity: str, features: Mapping[str, Any], **prediction: Any) -> Event:
    """Make one event as a service logs it; `prediction` may hold `version`, `failed`, and the outputs."""
    version, failed = prediction.pop("version", "1"), prediction.pop("failed", False)
    made: Event = {
        "@timestamp": iso(at_ms),
        "mpm": {
            "model": {"name": model, "version": version},
            "prediction": {"id": identity, **prediction},
            "features": dict(features),
        },
        "event": {"duration": 5_000_000 + at_ms % 997 * 1000, "outcome": "failure" if failed else "success"},
        "service": {"environment": "production"},
    }
    return made


def day_of(
    model: str, day: int, *, events: int = 240, version: str = "1", seed: int = 1, shift: float = 0
) -> list[Event]:
    """Make the events of day number `day`, from 9 to 15 o'clock: five features, outputs, failures, durations, a region.

    `temperature` hangs together as weather does: all events of a day share most of it. `shift` moves `income` by so
    many standard deviations.
    """
    rng = np.random.default_rng([seed, day])
    weather = 10 + 3 * rng.normal()
    times = 9 * HOUR_MS + np.sort(rng.integers(0, 6 * HOUR_MS, events))
    incomes = np.exp(rng.normal(10 + 0.5 * shift, 0.5, events))
    ages, temperatures = rng.integers(18, 90, events), weather + rng.normal(0, 2, events)
    purposes, channels = (
        rng.choice(["car", "home", "trip"], events, p=[0.6, 0.3, 0.1]),
        rng.choice(["web", "shop"], events),
    )
    scores, luck = 1 / (1 + np.exp(rng.normal(0, 1, events))), rng.random((events, 2))
    made = []
    for at in range(events):
        features: dict[str, Any] = {
            "income": float(incomes[at]),
            "age": int(ages[at]),
            "temperature": float(temperatures[at]),
            "purpose": str(purposes[at]),
        }
        if luck[at, 0] > 0.05:
            features["channel"] = str(channels[at])
        failed = bool(luck[at, 1] < 0.01)
        score = float(scores[at])
        outputs: dict[str, Any] = {} if failed else {"score": score, "label": "deny" if score > 0.7 else "grant"}
        when = T0 + day * DAY_MS + int(times[at])
        one = event(model, when, f"{version}-{seed}-{day}-{at}", features, version=version, failed=failed, **outputs)
        one["mpm"]["segment"] = {"region": ("EU", "US")[at % 2]}
        made.append(one)
    return made


def days_of(model: str, days: Iterable[int], **how: Any) -> list[Event]:
    """Make the events of some days."""
    return [one for day in days for one in day_of(model, day, **how)]


def midnight(day: int) -> int:
    """Give the start of a day (ms)."""
    return T0 + day * DAY_MS


@dataclass
class Monitored:
    """A model that no other test knows: shipped as the shipper, run as the job, looked at as the administrator."""

    client_for: ClientFor
    config: Config
    name: str = field(default_factory=lambda: f"job-{secrets.token_hex(6)}")
    pool: str | None = None

    @property
    def key(self) -> ModelKey:
        """The model in production."""
        return ModelKey("production", self.name)

    @property
    def version(self) -> VersionKey:
        """Its version 1."""
        return self.key.version("1")

    @property
    def admin(self) -> Elasticsearch:
        """A client for looking, and for doing damage."""
        return self.client_for("admin")

    def send(self, events: Iterable[Event], *, refused: int = 0) -> int:
        """Ship events; returns how many were new."""
        lines = "".join(json.dumps(one) + "\n" for one in events)
        report = ship(
            self.client_for("shipper"),
            [Source("made", io.BytesIO(lines.encode()))],
            limits=Limits(max_age_ms=None, pool=self.pool),
            now_ms=lambda: midnight(4000),
            resume=False,
        )
        assert report.complete, report.failure
        assert report.quarantined == refused
        return report.created

    def run(self, now_ms: int, **options: Any) -> RunReport:
        """Run the job on this model."""
        return run(self.client_for("job"), self.config, Options(from_ms(now_ms), (self.name,), **options))

    def ran(self, now_ms: int, **options: Any) -> ModelReport:
        """Run the job, and give this model's report; nothing may fail."""
        report = self.run(now_ms, **options)
        assert [str(entry.error) for entry in report.models] == ["None"]
        return report.models[0]

    def run_days(self, days: Iterable[int], **how: Any) -> None:
        """Ship day by day, and run after each."""
        for day in days:
            self.send(day_of(self.name, day, **how))
            self.ran(midnight(day + 1) + SETTLED)

    def documents(self, index: Index, *clauses: Mapping[str, Any]) -> Documents:
        """Read this model's documents of one kind that match all clauses."""
        refresh(self.admin, [index.value, index.pattern])
        query = {"bool": {"filter": [*self.key.filters(), *clauses]}}
        return {hit["_id"]: hit for hit in _hits(self.admin, f"{index.value},{index.pattern}", query)}

    def metrics(self, subject: str, *, length: str = "1d") -> list[dict[str, Any]]:
        """Read a subject's metrics of windows of one length, in order of time: what is under `mpm`."""
        found = self.documents(
            Index.METRICS, {"term": {"mpm.subject.name": subject}}, {"term": {"mpm.window.length": length}}
        )
        return sorted((hit["_source"]["mpm"] for hit in found.values()), key=lambda mpm: str(mpm["window"]["start"]))

    def written(self) -> dict[str, tuple[int, int]]:
        """Say where each document that the job wrote stands in the order of writes; run documents are left out."""
        refresh(self.admin, ["mpm-*"])
        kinds = [*RESULTS, Index.MODELS, Index.BASELINES, Index.AUDIT, Index.STATE]
        pattern = ",".join(name for kind in kinds for name in (kind.value, kind.pattern))
        return {
            h["_index"] + h["_id"]: (h["_seq_no"], h["_primary_term"])
            for h in _hits(self.admin, pattern, {"match_all": {}})
        }

    def results(self, *kinds: Index) -> "Results":
        """Give all that the job found, comparable between models and runs."""
        hits = [hit for kind in kinds or RESULTS for hit in self.documents(kind).values()]
        return Results(sorted(_comparable(hit["_source"], self.name) for hit in hits))

    def take_cells(self, other: "Monitored") -> None:
        """Take over the cells of another model, so that both are counted alike."""
        found = self.admin.search(index=Index.MODELS, query={"bool": {"filter": other.key.filters()}})
        [source] = [hit["_source"] for hit in found["hits"]["hits"] if hit["_source"]["mpm"]["kind"] == "cells"]
        source["mpm"]["model"]["name"] = self.name
        self.admin.index(index=Index.MODELS, document=source, refresh=True)

    def delete(self, *kinds: Index) -> None:
        """Delete this model's indices of some kinds."""
        for kind in kinds:
            pattern = f"{kind}-{part(self.name)}-production-*"
            for index in list(self.admin.indices.get(index=pattern)):
                self.admin.indices.delete(index=index)


@dataclass(frozen=True)
class Results:
    """What documents say, in order, without what is a run's own: each as a text, and its floats apart."""

    documents: list[tuple[str, list[float]]]

    def __len__(self) -> int:
        return len(self.documents)

    def same(self, other: "Results") -> bool:
        """Compare texts and integers exactly, and floats to ten digits: sums differ by the order of addition."""
        ours, theirs = ([text for text, _ in some.documents] for some in (self, other))
        floats, expected = ([x for _, numbers in some.documents for x in numbers] for some in (self, other))
        return ours == theirs and bool(np.allclose(floats, expected, rtol=1e-10, atol=1e-12))

    def unlike(self, other: "Results") -> list[str]:
        """Give the texts that only one of the two has, for a person to read."""
        ours, theirs = ({text for text, _ in some.documents} for some in (self, other))
        return sorted(ours ^ theirs)


def _comparable(source: Mapping[str, Any], model: str) -> tuple[str, list[float]]:
    floats: list[float] = []

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            kept = {name: value for name, value in sorted(node.items()) if name not in _OF_ITS_OWN}
            # Ids are made with the model's name.
            return {
                name: strip(v) for name, v in kept.items() if not (name == "id" and isinstance(v, str) and len(v) == 43)
            }
        if isinstance(node, list):
            return [strip(entry) for entry in node]
        if isinstance(node, float):
            floats.append(node)
            return "a number"
        return node.replace(part(model), "model").replace(model, "model") if isinstance(node, str) else node

    return json.dumps(strip(source), sort_keys=True), floats


def _hits(client: Elasticsearch, pattern: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    pit = client.open_point_in_time(index=pattern, keep_alive="1m", ignore_unavailable=True)["id"]
    after: dict[str, Any] = {}
    while True:
        answer = client.search(
            body={
                "query": query, "size": 2000, "pit": {"id": pit}, "sort": ["_shard_doc"], "seq_no_primary_term": True,
                "track_total_hits": False, **after,
            }
        )  # fmt: skip
        yield from (hits := answer["hits"]["hits"])
        if len(hits) < 2000:
            client.close_point_in_time(id=pit)
            return
        after = {"search_after": hits[-1]["sort"]}
