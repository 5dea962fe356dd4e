"""What is proposed for a subject, from counts and a sample."""

from typing import Any

import numpy as np
import pytest

from mpm_elk.contract.source import EVENTS, Source, SubjectField
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.registry.proposal import Proposal, Seen, State, Watch, cells_of, listed, propose
from mpm_elk.registry.rows import Chunk, Value
from mpm_elk.registry.store import ModelCells
from mpm_elk.registry.traits import Counted

N = 1000


def counted(values: list[Value], *, events: int = N) -> Counted:
    numbers = [v for v in values if isinstance(v, float)]
    texts = [v for v in values if isinstance(v, str)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    return Counted(events, len(numbers), len(texts), 0, len(set(numbers)), len(set(texts)), low, high)


def seen(**columns: list[Any]) -> Seen:
    subjects = {f"features.{name}": values for name, values in columns.items()}
    counts = {name: counted(values) for name, values in subjects.items()}
    values: dict[str, dict[str, int]] = {}
    for name in listed(counts):
        values[name] = {str(v): subjects[name].count(v) for v in set(subjects[name]) if v is not None}
    return Seen(Chunk(N, subjects, list(range(N))), counts, values)


def only(found: list[Proposal]) -> Proposal:
    [proposal] = found
    return proposal


def normal() -> list[float]:
    return [float(x) for x in np.random.default_rng(1).normal(size=N)]


def test_numbers_get_cells_with_exact_extremes() -> None:
    some = seen(x=normal())
    wide = Seen(some.rows, {"features.x": Counted(N, N, different_numbers=N, low=-99.0, high=99.0)}, {})
    made = only(propose(wide, None, EVENTS))
    assert isinstance(made.cells, NumericCells)
    assert (made.cells.edges[0], made.cells.edges[-1]) == (-99.0, np.nextafter(99.0, 100))
    assert (made.state, made.watch, made.traits) == (State.NEW, Watch.ALL, ())


@pytest.mark.parametrize(
    ("values", "traits", "watch", "kind"),
    [
        ([f"u{at}" for at in range(N)], ("id",), Watch.MISSING, "categorical"),
        ([1000.0 + 3 * at for at in range(N)], ("counter",), Watch.MISSING, "numeric"),
        ([float(at % 4) for at in range(N)], ("integer-code",), Watch.ALL, "numeric"),
        (["EUR"] * N, ("constant",), Watch.ALL, "categorical"),
        ([7.0] * N, ("constant",), Watch.ALL, "numeric"),
        ([1.5] * 150 + [None] * 850, ("too-few",), Watch.NOTHING, None),
        (["a", "b"] * 150 + [None] * 700, ("mostly-missing",), Watch.ALL, "categorical"),
        (["a", "b"] * 450 + [3.0] * 100, ("wrong-type",), Watch.ALL, "categorical"),
    ],
)
def test_what_is_told_of_a_subject(
    values: list[Value], traits: tuple[str, ...], watch: Watch, kind: str | None
) -> None:
    made = only(propose(seen(x=values), None, EVENTS))
    assert (made.traits, made.watch) == (traits, watch)
    assert (made.cells.kind if made.cells else None) == kind
    assert len(made.notes) == len(traits)


def test_whole_numbers_in_no_order_are_no_counter() -> None:
    shuffled = np.random.default_rng(1).permutation(N).astype(float).tolist()
    assert only(propose(seen(x=shuffled), None, EVENTS)).watch is Watch.ALL


def test_what_is_watched_for_missing_only_is_all_in_one_cell() -> None:
    for values in ([f"u{at}" for at in range(N)], [1000.0 + at for at in range(N)]):
        cells = only(propose(seen(x=values), None, EVENTS)).cells
        counts = cells.count(np.array(values)) if isinstance(cells, NumericCells) else cells.count(values)  # type: ignore[union-attr,arg-type]
        assert max(counts.tolist()) == N


def test_frozen_cells_are_kept_until_they_are_cut_anew() -> None:
    old = CategoricalCells("mpm.features.categorical.x", ("z",))
    known = ModelCells(CellSet({"features.x": old, "features.y": old}), frozenset({"features.y"}))
    some = seen(x=["a", "b"] * 500, y=["a", "b"] * 500)
    kept, provisional = propose(some, known, EVENTS)
    assert (kept.state, provisional.state) == (State.KEPT, State.PROVISIONAL)
    assert kept.cells is old
    anew, _ = propose(some, known, EVENTS, ["features.x"])
    assert anew.state is State.ANEW
    assert isinstance(anew.cells, CategoricalCells)
    assert anew.cells.values == ("a", "b")
    assert set(cells_of([anew, provisional]).subjects) == {"features.x", "features.y"}


def test_a_code_in_a_source_can_be_read_as_a_category() -> None:
    source = Source(name="s", subjects={"features.x": SubjectField("in.x", numeric=True, types=("long",))})
    made = only(propose(seen(x=[float(at % 4) for at in range(N)]), None, source))
    assert "`as: categorical`" in made.notes[0]
