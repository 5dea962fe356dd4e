"""Slices counted by Elasticsearch equal the same rows counted in Python, and add up to all events."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.contract.keys import EVERYTHING, MISSING, OTHER, Segment
from mpm_elk.contract.names import Index, monthly
from mpm_elk.profiles.cells import LABEL, SCORE, CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import count_part, roll_up
from mpm_elk.profiles.slices import Slice
from mpm_elk.registry.training import fields_of
from mpm_elk.timespan import HOUR_MS
from tests.integration.try_model import T0, Model

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

HOURS = [T0, T0 + HOUR_MS]
REGIONS, BANDS = ["EU", "US", "a=b", "x y", "rare, one", None], ["young", "old", None]
PURPOSES = ["car", "home", "new", 7, None]
_MAIN, _OTHER = fields_of("features.income", numeric=True)
_TEXT, _NUMBER = fields_of("features.purpose", numeric=False)
CELLS = CellSet(
    {
        "features.income": NumericCells(_MAIN, np.linspace(0, 9, 19), np.array([0, 6, 12, 18]), _OTHER),
        "features.purpose": CategoricalCells(_TEXT, ("car", "home"), other_field=_NUMBER),
        SCORE: NumericCells(f"mpm.{SCORE}", np.linspace(0, 1, 257), np.arange(0, 257, 16)),
        LABEL: CategoricalCells(f"mpm.{LABEL}", ("yes", "no")),
    }
)
SUBJECTS = ("features.income", "features.purpose", SCORE, LABEL)


def rows(number: int) -> list[dict[str, Any]]:
    """Make rows with all that can be in a segment and in a feature."""
    rng = np.random.default_rng(7)
    made = []
    for at in range(number):
        region, band = REGIONS[int(rng.integers(6))], BANDS[int(rng.integers(3))]
        segment = {name: value for name, value in (("region", region), ("band", band)) if value is not None}
        income: Any = "text" if at % 31 == 0 else None if at % 17 == 0 else float(rng.uniform(-1, 10))
        made.append(
            {
                "at": T0 + at % 2 * HOUR_MS + at,
                "features": {"income": income, "purpose": PURPOSES[int(rng.integers(5))]},
                "segment": segment,
                "score": at / number,
                "label": ("yes", "no", "?")[at % 3],
                "failed": at % 23 == 0,
            }
        )
    return made


def sent(client: Elasticsearch, made: list[dict[str, Any]]) -> Model:
    """Store rows in an index of three shards."""
    model = Model(client)
    index = monthly(Index.PREDICTIONS, model.name, "production", T0)
    client.indices.create(index=index, settings={"number_of_shards": 3})
    stored = []
    for row in made:
        rest = {name: row[name] for name in ("segment", "score", "label")} | ({"failed": True} if row["failed"] else {})
        stored.append(model.event(row["at"], row["features"], **rest))
    assert model.send(stored) == len(made)
    refresh(client, [model.pattern])
    return model


def recounted(made: list[dict[str, Any]], names: list[str], named: set[tuple[str, ...]]) -> dict[Any, Any]:
    """Count rows in plain Python: (segment, hour) → count, and per subject its coarse cells, missing and wrong."""
    found: dict[Any, Any] = {}
    for row in made:
        if row["failed"]:
            continue
        values = tuple(row["segment"].get(name, "") for name in names)
        if not all(name in row["segment"] for name in names):
            values = (MISSING,) * len(names)
        elif values not in named:
            values = (OTHER,) * len(names)
        key = tuple(zip(names, values, strict=True)), row["at"] - row["at"] % HOUR_MS
        entry = found.setdefault(key, {"count": 0, "income": [], "purpose": [], "score": [], "label": []})
        entry["count"] += 1
        for name in ("income", "purpose"):
            entry[name].append(row["features"][name])
        for name in ("score", "label"):
            entry[name].append(row[name])
    return found


def assert_counts(profile: Profile, expected: Mapping[str, Any]) -> None:
    """Compare one profile with recounted rows."""
    assert profile.count == expected["count"]
    incomes = [v for v in expected["income"] if isinstance(v, float)]
    income = profile.subjects["features.income"]
    edges = CELLS.subjects["features.income"].coarsened()
    assert isinstance(edges, NumericCells)
    assert income.cells.tolist() == np.bincount(np.digitize(incomes, edges.edges), minlength=5).tolist()
    assert (income.missing, income.type_violations) == (
        expected["income"].count(None),
        expected["income"].count("text"),
    )
    assert income.moments.count == len(incomes)
    assert income.moments.sum == pytest.approx(sum(incomes), rel=1e-12)
    assert (income.moments.min, income.moments.max) == (min(incomes), max(incomes))
    purpose = profile.subjects["features.purpose"]
    counted = [expected["purpose"].count(value) for value in ("car", "home")]
    assert purpose.cells.tolist() == [*counted, 0, expected["purpose"].count("new")]
    assert (purpose.missing, purpose.type_violations) == (expected["purpose"].count(None), expected["purpose"].count(7))
    labels = [expected["label"].count(value) for value in ("yes", "no")]
    assert profile.subjects[LABEL].cells.tolist() == [*labels, 0, expected["label"].count("?")]


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("region", [("EU",), ("US",), ("a=b",)]),
        ("region", [("EU",), ("never",)]),
        ("band, region", [("old", "EU"), ("young", "rare, one"), ("old", "x y")]),
        ("band, region", list(itertools.product(["old", "young"], ["EU", "US", "a=b", "x y", "rare, one"]))),
    ],
)
def test_slices_are_the_rows_counted_again(
    admin_client: Elasticsearch, name: str, named: list[tuple[str, ...]]
) -> None:
    made = rows(900)
    model = sent(admin_client, made)
    piece = Slice(name, tuple(named), SUBJECTS)
    found = roll_up(admin_client, model.pattern, model.version, HOURS, cells=CELLS, slices=[piece]).profiles
    expected = recounted(made, piece.names, set(named))
    profiles = {
        (tuple(s.fields().items()), hour): p
        for s, hours in found.items()
        if s != EVERYTHING
        for hour, p in hours.items()
    }
    assert set(profiles) == set(expected)
    for key, profile in profiles.items():
        assert_counts(profile, expected[key])
    # All values, other and missing add up to all events that did not fail.
    for hour in HOURS:
        total = found[EVERYTHING][hour]
        parts = sum((p for (_, at), p in profiles.items() if at == hour), Profile())
        assert parts.count == total.count - total.failures
        for subject in SUBJECTS:
            ours, whole = parts.subjects[subject], total.subjects[subject]
            assert ours.cells.tolist() == CELLS.subjects[subject].to_coarse(whole.cells).tolist()
            assert (ours.missing, ours.type_violations) == (whole.missing, whole.type_violations)
            assert (ours.moments.count, ours.moments.min, ours.moments.max) == (
                whole.moments.count, whole.moments.min, whole.moments.max,
            )  # fmt: skip
            assert ours.moments.sum == pytest.approx(whole.moments.sum, rel=1e-12)

    # A part that is counted later is the same part.
    events = {hour: found[EVERYTHING][hour].count for hour in HOURS}
    late = count_part(admin_client, model.pattern, model.version, events, cells=CELLS, slices=[piece])
    for segment, hours in late.profiles.items():
        for hour, profile in hours.items():
            if segment != EVERYTHING:
                assert profile.to_document() == found[segment][hour].to_document()


def test_a_segment_that_no_event_has_is_nowhere(admin_client: Elasticsearch) -> None:
    model = sent(admin_client, rows(20))
    nothing = Slice("nothing", (), SUBJECTS)
    found = roll_up(admin_client, model.pattern, model.version, HOURS, cells=CELLS, slices=[nothing]).profiles
    assert set(found) == {EVERYTHING}


def test_only_the_wanted_subjects_are_counted(admin_client: Elasticsearch) -> None:
    model = sent(admin_client, rows(40))
    piece = Slice("region", (("EU",),), (SCORE,))
    found = roll_up(admin_client, model.pattern, model.version, HOURS, cells=CELLS, slices=[piece]).profiles
    assert set(found[Segment("region", "EU")][T0].subjects) == {SCORE}
    assert set(found[EVERYTHING][T0].subjects) == set(CELLS.subjects)
