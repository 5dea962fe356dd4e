"""Send captures as KServe and SageMaker do, under an endpoint of the test's own, and convert them as the job."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action, Result, send
from mpm_elk.cluster.changes import refresh
from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.intake.capture import capture_of_event, capture_of_request
from mpm_elk.intake.conversion_report import ConversionReport
from mpm_elk.intake.convert import convert
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.try_model import T0

ClientFor = Callable[[str], Elasticsearch]
Documents = dict[str, dict[str, Any]]

START = T0 + 10 * HOUR_MS


@dataclass
class Endpoint:
    """An endpoint and a model that no other test knows."""

    client_for: ClientFor
    word: str = field(default_factory=lambda: f"cap-{secrets.token_hex(5)}")

    @property
    def name(self) -> str:
        """The endpoint as KServe names it."""
        return f"lending/{self.word}/predictor/default"

    def mapping(self, **changes: Any) -> Config:
        """Make a configuration with the right mapping, or with `changes` to it."""
        right = {
            "platform": "kserve",
            "endpoint": self.name,
            "model": self.word,
            "version": "3",
            "features": ["age", "late", "income"],
            "output": {"score": 0},
        }
        entry = {key: value for key, value in (right | changes).items() if value is not None}
        return Config.model_validate({"captures": [entry]})

    def half(self, call: str, part: str, body: Any, at_ms: int, *, arrives_ms: int | None = None) -> Stored:
        """Make the capture of half a call, as KServe's logger sends it at a time."""
        headers = {
            "Ce-Specversion": "1.0", "Ce-Id": call, "Ce-Type": f"org.kubeflow.serving.inference.{part}",
            "Ce-Time": iso(at_ms), "Ce-Namespace": "lending", "Ce-Inferenceservicename": self.word,
            "Ce-Component": "predictor", "Ce-Endpoint": "default", "Content-Type": "application/json",
        }  # fmt: skip
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        now_ms = at_ms if arrives_ms is None else arrives_ms
        return capture_of_request(headers, raw, source="/", now_ms=now_ms, limits=Limits())

    def line(self, event: Mapping[str, Any], *, now_ms: int) -> Stored:
        """Make the capture of a line of SageMaker's."""
        path = f"s3://b/{self.word}/AllTraffic/2026/03/04/11/05.jsonl"
        return capture_of_event(
            event, json.dumps(event).encode(), source=path, now_ms=now_ms, limits=Limits(max_age_ms=None)
        )

    def send(self, captures: Iterable[Stored]) -> list[Result]:
        """Store captures as the shipper does."""
        actions = [Action(one.index, one.id, one.source) for one in captures]
        return [outcome.result for outcome in send(self.client_for("shipper"), actions)]

    def convert(self, config: Config, now_ms: int, client: Elasticsearch | None = None, **how: Any) -> ConversionReport:
        """Convert as the job."""
        return convert(client or self.client_for("job"), config, run_id="test", now_ms=now_ms, **how)

    def found(self, index: Index, field: str, value: str) -> list[dict[str, Any]]:
        """Read documents of a kind by a field."""
        admin = self.client_for("admin")
        refresh(admin, [index.pattern])
        query = {"bool": {"filter": [{"term": {field: value}}]}}
        hits = admin.search(index=index.pattern, query=query, size=10_000, seq_no_primary_term=True, sort=["_doc"])[
            "hits"
        ]["hits"]
        return [dict(hit) for hit in hits]

    def predictions(self, model: str | None = None) -> Documents:
        """Read the model's predictions by their prediction id; fails where one is there twice."""
        hits = self.found(Index.PREDICTIONS, "mpm.model.name", model or self.word)
        by_id = {hit["_source"]["mpm"]["prediction"]["id"]: hit for hit in hits}
        assert len(by_id) == len(hits)
        return by_id

    def said(self, model: str | None = None) -> Documents:
        """Give what the predictions say, without when they were written."""
        return {
            identity: {**hit["_source"], "event": {**hit["_source"]["event"], "ingested": None}}
            for identity, hit in self.predictions(model).items()
        }

    def captures(self) -> list[dict[str, Any]]:
        """Read what was noted in the captures, in order of time and part."""
        hits = [
            hit
            for name in (self.name, f"{self.word}/AllTraffic")
            for hit in self.found(Index.CAPTURES, "mpm.capture.endpoint", name)
        ]
        hits.sort(key=lambda hit: (hit["_source"]["@timestamp"], hit["_source"]["mpm"]["capture"]["part"]))
        return [hit["_source"]["mpm"]["capture"] for hit in hits]

    def states(self) -> list[str]:
        """Give the states of the captures."""
        return [capture.get("conversion", {}).get("state", "new") for capture in self.captures()]


def request(*rows: list[Any], nested: bool = False) -> dict[str, Any]:
    """Make a request of the Open Inference Protocol."""
    data = [list(row) for row in rows] if nested else [value for row in rows for value in row]
    shape = [len(rows), len(rows[0])]
    return {"id": "q", "inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": data}]}


def response(*scores: float, version: str | None = "3") -> dict[str, Any]:
    """Make a response of the Open Inference Protocol."""
    body: dict[str, Any] = {"model_name": "m", "id": "q"}
    if version:
        body["model_version"] = version
    body["outputs"] = [{"name": "score", "shape": [len(scores)], "datatype": "FP32", "data": list(scores)}]
    return body
