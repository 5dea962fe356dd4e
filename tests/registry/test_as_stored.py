from pathlib import Path

import pytest

from mpm_elk.contract.source import EVENTS, Source, SubjectField
from mpm_elk.errors import InputError
from mpm_elk.registry.as_stored import as_stored, textual
from mpm_elk.registry.rows import Chunk

SOURCE = Source(
    name="log",
    subjects={
        "features.f": SubjectField("f", True, ("float",)),
        "features.code": SubjectField("code", False, ("long",)),
        "features.s": SubjectField("s", True, ("scaled_float",)),
    },
    segments={},
)


def test_rows_count_as_the_fields_hold_them() -> None:
    chunk = Chunk(
        3, {"features.f": [0.1, "x", None], "features.code": [7.0, "8", None], "features.no": [1.0] * 3}, None
    )
    [held] = as_stored([chunk], SOURCE, Path("t"))
    assert held.subjects == {"features.f": [0.10000000149011612, "x", None], "features.code": ["7", "8", None]}
    assert list(as_stored([chunk], EVENTS, Path("t"))) == [chunk]


def test_a_scaled_float_is_refused_in_a_file() -> None:
    with pytest.raises(InputError, match="scaled float"):
        list(as_stored([Chunk(1, {"features.s": [1.0]}, None)], SOURCE, Path("t")))


def test_the_source_says_which_columns_are_texts() -> None:
    assert textual(frozenset({"features.f", "features.no"}), SOURCE) == {"features.no", "features.code"}
    assert textual(frozenset({"features.f"}), EVENTS) == {"features.f"}
