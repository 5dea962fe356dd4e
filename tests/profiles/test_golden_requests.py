"""The searches over our own events, byte for byte as they have always been: another source must not change them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpm_elk.cluster.changes import Stretch, changed_hours, models_in
from mpm_elk.cluster.search import Search
from mpm_elk.contract.keys import VersionKey
from mpm_elk.profiles.cells import LABEL, SCORE, CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.requests import hours_query, subject_requests, traffic_requests
from mpm_elk.profiles.slices import Slice
from mpm_elk.registry.traffic import sample, unknown_subjects
from mpm_elk.timespan import HOUR_MS

GOLDEN = Path(__file__).with_name("golden") / "requests.json"
V = VersionKey("production", "credit-risk", "3")
T0 = 1_795_003_200_000
CELLS = CellSet(
    {
        "features.income": NumericCells(
            "mpm.features.numeric.income", np.array([-1.5, 0.0, 0.1, 7.0]), np.array([0, 3]),
            "mpm.features.categorical.income",
        ),
        "features.purpose": CategoricalCells(
            "mpm.features.categorical.purpose", ("car", "home"), ("boat",), True, "mpm.features.numeric.purpose"
        ),
        "features.open": CategoricalCells("mpm.features.categorical.open", (), (), False, "mpm.features.numeric.open"),
        SCORE: NumericCells(f"mpm.{SCORE}", np.array([0.0, 0.5, 1.0]), np.array([0, 2])),
        LABEL: CategoricalCells(f"mpm.{LABEL}", ("deny", "grant")),
    }
)  # fmt: skip
QUIET = {T0: 10, T0 + HOUR_MS: 20, T0 + 5 * HOUR_MS: 1}
REGION = Slice("region", (("EU",), ("US",)))
STRETCHES = [Stretch("i", 0, -1, 41), Stretch("i", 1, 3, 7)]


class Asked:
    """Stands in for the client where only the question matters: it keeps the questions and answers nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
        self.questions: list[Any] = []
        for module in modules:
            monkeypatch.setattr(f"{module}.search_all", self.search_all)
        monkeypatch.setattr("mpm_elk.cluster.changes.search_each", self.search_all)

    def search_all(self, _client: object, searches: Sequence[Search]) -> list[dict[str, Any]]:
        """Keep searches, and answer as an index without documents, or with one bucket of a sample."""
        self.questions += [[search.index, search.body, search.shard] for search in searches]
        buckets = [{"key": 7, "doc_count": 3}]
        return [{"aggregations": {"b": {"buckets": buckets}}, "hits": {"hits": []}} for _ in searches]

    def field_caps(self, **question: Any) -> dict[str, Any]:
        """Keep the question, and know three fields."""
        self.questions.append(question)
        return {"fields": ["mpm.features.numeric.x", "mpm.features.categorical.x", "mpm.prediction.value"]}


def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Collect every kind of request."""
    client: Any = Asked(monkeypatch, "mpm_elk.cluster.changes", "mpm_elk.cluster.search", "mpm_elk.registry.traffic")
    models_in(client, STRETCHES)
    changed_hours(client, STRETCHES, V.model)
    sample(client, "i", V.model, T0, T0 + 2 * HOUR_MS)
    unknown_subjects(client, "i", V.model, CELLS, (T0, T0 + HOUR_MS))
    return {
        "hours": hours_query(V, QUIET, succeeded=False),
        "traffic": traffic_requests(V, list(QUIET)),
        "quiet": [request.body for request in subject_requests(V, QUIET, CELLS)],
        "busy": [request.body for request in subject_requests(V, {T0: 100_000}, CELLS)],
        "segment": [request.body for request in subject_requests(V, QUIET, CELLS.only([SCORE]), REGION)],
        "questions": client.questions,
    }


def test_requests_for_our_own_events_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(json.dumps(asked(monkeypatch))) == json.loads(GOLDEN.read_text(encoding="utf-8"))
