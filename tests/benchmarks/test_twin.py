"""The comparison of the twin with the cluster sees every kind of difference."""

import copy
from typing import Any

import pytest

from benchmarks.twin import DocumentKey, compare, key


def document(start: str, version: str = "1", events: int = 5) -> dict[str, Any]:
    return {
        "model": {"name": "m", "version": version},
        "subject": {"name": "features.x"},
        "segment_key": "all",
        "window": {"start": start, "length": "1d"},
        "reference": {"kind": "rolling 28d", "versions": ["baseline", version], "baseline": "b"},
        "sample": {"window": events},
        "drift": {"psi": 0.5, "chi2": 2e6},
        "status": "ok",
        "finding": "x.",
        "hash": version,
    }


def by_key(*documents: dict[str, Any]) -> dict[DocumentKey, dict[str, Any]]:
    return {key(mpm): mpm for mpm in documents}


STORED = by_key(document("2026-01-01"), document("2026-01-02"), document("2026-01-03", events=0))


def twins() -> dict[DocumentKey, dict[str, Any]]:
    return copy.deepcopy(by_key(document("2026-01-01", "now"), document("2026-01-02", "now")))


def test_names_of_versions_and_the_silence_after_the_last_row_are_no_difference() -> None:
    found = compare(STORED, twins())
    assert found.unlike == []
    assert (found.documents, found.numbers, found.largest, found.statuses) == (2, 4, 0.0, {"ok": 2})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("drift", "psi"), 0.5 + 2e-12),
        (("drift", "chi2"), 2e6 + 1e-5),
        (("drift", "psi"), float("nan")),
        (("drift", "more"), 1.0),
        (("status",), "warning"),
        (("finding",), "y."),
        (("sample", "window"), 6),
        (("reference", "versions"), ["now"]),
    ],
)
def test_a_number_a_word_and_what_is_missing_are_seen(path: tuple[str, ...], value: object) -> None:
    ours = twins()
    node = next(iter(ours.values()))
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    assert len(compare(STORED, ours).unlike) >= 1


def test_documents_that_one_side_lacks_are_seen() -> None:
    ours = twins()
    del ours[next(iter(ours))]
    assert "only the cluster has it" in compare(STORED, ours).unlike[0]
    more = twins() | by_key(document("2025-12-31"))
    assert "only the notebook has it" in compare(STORED, more).unlike[0]
    late = STORED | by_key(document("2026-01-03"))
    assert "only the cluster has it" in compare(late, twins()).unlike[0]
