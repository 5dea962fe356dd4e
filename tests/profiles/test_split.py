"""A search that is too large is asked in parts that together ask the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.contract.keys import VersionKey
from mpm_elk.profiles.cells import CellSet, NumericCells
from mpm_elk.profiles.requests import HourlyRequest, subject_requests
from mpm_elk.timespan import HOUR_MS

V = VersionKey("production", "m", "1")
T0 = 1_795_003_200_000


def cells(number: int) -> CellSet:
    edges = np.arange(9, dtype=np.float64)
    return CellSet({f"features.f{i}": NumericCells(f"f{i}", edges, np.array([0, 8]), None) for i in range(number)})


def asked(requests: list[HourlyRequest]) -> list[tuple[str, int]]:
    return sorted((name, hour) for request in requests for name in request.subjects for hour in request.hours)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(2, 500))
def test_no_request_is_larger_than_the_limit_unless_it_is_one_subject_in_one_hour(
    hours: int, subjects: int, limit: int
) -> None:
    events = {T0 + i * HOUR_MS: 5 for i in range(hours)}
    requests = subject_requests(V, events, cells(subjects), limit=limit)
    assert asked(requests) == asked(subject_requests(V, events, cells(subjects)))
    assert all(r.buckets <= limit or len(r.hours) == len(r.subjects) == 1 for r in requests)


@given(st.integers(1, 40), st.integers(1, 7))
def test_halves_ask_the_same_until_nothing_can_be_parted(hours: int, subjects: int) -> None:
    [request] = subject_requests(V, {T0 + i * HOUR_MS: 5 for i in range(hours)}, cells(subjects))
    parts = [request]
    done: list[HourlyRequest] = []
    while parts:
        part = parts.pop()
        halves = part.halves()
        assert asked(halves or [part]) == asked([part])
        assert all(half.buckets < part.buckets for half in halves)
        (parts if halves else done).extend(halves or [part])
    assert asked(done) == asked([request])
    assert len(done) == hours * subjects
