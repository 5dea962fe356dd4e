from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.profiles.cells import LABEL, SCORE, CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.cut import SCORE_FINE
from mpm_elk.registry import training
from mpm_elk.registry.rows import Chunk, Columns, Value, read
from mpm_elk.registry.training import count_rows, cut_cells, describe, fields_of, survey, textual_columns
from mpm_elk.timespan import DAY_MS

T0 = 20_000 * DAY_MS


def chunk(times: list[int] | None = None, **columns: list[Value]) -> Chunk:
    subjects = {name if name in (SCORE, LABEL) else f"features.{name}": column for name, column in columns.items()}
    return Chunk(len(next(iter(subjects.values()))), subjects, times)


def test_a_subject_is_what_most_of_its_values_are() -> None:
    cells = cut_cells([chunk(x=[1.0, 2.0, "odd"], c=["a", "b", 3.0], none=[None, None, None])]).subjects
    assert isinstance(cells["features.x"], NumericCells)
    assert isinstance(cells["features.c"], CategoricalCells)
    assert "features.none" not in cells


def test_fields_follow_the_kind() -> None:
    assert fields_of("features.a.b", numeric=True) == ("mpm.features.numeric.a.b", "mpm.features.categorical.a.b")
    assert fields_of("features.a", numeric=False) == ("mpm.features.categorical.a", "mpm.features.numeric.a")
    assert fields_of(SCORE, numeric=True) == ("mpm.prediction.score", None)


def test_scores_get_the_finer_grid() -> None:
    cells = cut_cells([Chunk(5000, {SCORE: np.random.default_rng(0).random(5000).tolist()}, None)])
    assert cells.subjects[SCORE].size > SCORE_FINE


def test_known_cells_stay() -> None:
    known = CellSet({"features.x": NumericCells("x", np.array([0.0, 1.0]), np.array([0, 1]))})
    cells = cut_cells([chunk(x=[5.0, 7.0], c=["a", "b"])], known)
    assert cells.subjects["features.x"].hash == known.subjects["features.x"].hash
    assert set(cells.subjects) == {"features.x", "features.c"}


def test_the_same_rows_give_the_same_cells_however_they_are_chunked() -> None:
    values = np.random.default_rng(1).normal(size=3000).tolist()
    whole = cut_cells([chunk(x=values)])
    parts = cut_cells([chunk(x=values[at : at + 70]) for at in range(0, 3000, 70)])
    assert whole.hash == parts.hash


def test_extremes_are_exact_where_the_rest_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_SAMPLE", 100)
    values = np.random.default_rng(2).normal(size=20_000)
    cells = cut_cells([chunk(x=values.tolist())]).subjects["features.x"]
    assert isinstance(cells, NumericCells)
    assert cells.edges[0] == values.min()
    counts = cells.count(values)
    assert (counts[0], counts[-1]) == (0, 0)


def test_a_sample_does_not_depend_on_chunks_and_keeps_early_and_late_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_SAMPLE", 500)
    values = np.arange(20_000.0)
    whole = cut_cells([chunk(x=values.tolist())])
    parts = cut_cells([chunk(x=values[at : at + 333].tolist()) for at in range(0, 20_000, 333)])
    assert whole.hash == parts.hash
    cells = whole.subjects["features.x"]
    assert isinstance(cells, NumericCells)
    # Equal-frequency edges of an even sample lie evenly.
    middle = cells.edges[cells.coarse][1:-1]
    assert np.abs(middle - np.linspace(0, 20_000, len(middle) + 2)[1:-1]).max() < 1_500


def test_a_vocabulary_that_is_full_takes_no_new_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_VOCABULARY", 3)
    cells = cut_cells([chunk(c=["a", "a", "b"]), chunk(c=["b", "c", "d", "a", "e"])]).subjects["features.c"]
    assert isinstance(cells, CategoricalCells)
    assert {*cells.values, *cells.rest} == {"a", "b", "c"}


def test_texts_that_differ_in_every_row_are_ids() -> None:
    rows = chunk(id=[f"u{i}" for i in range(101)], c=["a"] * 101, few=[f"f{i}" for i in range(50)] + [None] * 51)
    found = survey([rows])
    assert found.ids == ("features.id",)
    assert set(found.cells.subjects) == {"features.c", "features.few"}
    assert "features.id" in survey([rows], keep_ids=True).cells.subjects
    twice = chunk(id=[*(f"u{i}" for i in range(101)), "u0"])
    assert survey([twice]).ids == ()


def test_a_survey_says_what_it_saw() -> None:
    found = survey([chunk([T0, T0], x=[1.0, 2.0], none=[None, None]), chunk(y=["a"])])
    assert (found.rows, found.timed, found.empty) == (3, True, ("features.none",))
    assert found.subjects == ("features.x", "features.none", "features.y")
    assert survey([]).rows == 0


def test_a_subject_that_a_chunk_lacks_is_missing_there() -> None:
    parts = [chunk(x=[1.0, 2.0]), chunk(c=["a"] * 3), chunk(x=[None], c=["b"])]
    cells = cut_cells(parts)
    total, _ = count_rows(parts, cells)
    assert total.count == 6
    assert total.subjects["features.x"].missing == 4
    assert total.subjects["features.c"].missing == 2


def test_a_subject_that_no_row_has_is_left_out() -> None:
    total, _ = count_rows([chunk(x=[1.0])], cut_cells([chunk(x=[1.0], gone=["a"])]))
    assert set(total.subjects) == {"features.x"}


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1.0, 2.5, None, "odd"])), min_size=1, max_size=40))
def test_days_add_up_to_the_whole(rows: list[tuple[int, Value]]) -> None:
    parts = [chunk([T0 + day * DAY_MS + 5], x=[value]) for day, value in rows]
    cells = CellSet({"features.x": NumericCells("x", np.array([0.0, 2.0, 3.0]), np.array([0, 2]))})
    total, days = count_rows(parts, cells)
    merged = sum(days.values(), type(total)())
    assert merged.to_document() == total.to_document()
    assert set(days) == {T0 + day * DAY_MS for day, _ in rows}


def test_days_before_1970_begin_at_midnight_too() -> None:
    _, days = count_rows([chunk([-1], x=[1.0])], cut_cells([chunk(x=[1.0])]))
    assert set(days) == {-DAY_MS}


def test_csv_columns_take_the_kind_of_their_values_or_of_known_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("code,x,carrier\n1E5,1,1\nC3,?,2\nA7,3,1\nB2,4,2\n")
    assert textual_columns(path, Columns()) == {"features.code"}
    known = CellSet({"features.carrier": CategoricalCells("c", ("1", "2"))})
    texts = textual_columns(path, Columns(), known)
    assert "features.carrier" in texts
    total, _ = count_rows(read(path, Columns(), texts), cut_cells(read(path, Columns(), texts), known))
    assert total.subjects["features.carrier"].cells.tolist() == [2, 2, 0, 0]
    assert total.subjects["features.x"].type_violations == 1


def test_cells_are_described_in_words() -> None:
    cells = cut_cells([chunk(x=[1.0, 2.0, 9.0], c=["a", "b", "a"])])
    assert list(describe(cells)) == [
        ("features.x", "numeric", "3 cells from 1 to 9"),
        ("features.c", "categorical", "2 categories"),
    ]
