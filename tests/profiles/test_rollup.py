from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.profiles.requests import HourlyRequest
from mpm_elk.profiles.rollup import BUCKETS_AT_ONCE, parts


@given(st.lists(st.integers(1, 50_000), max_size=60))
def test_what_is_asked_together_is_bounded_in_number_and_in_buckets(sizes: list[int]) -> None:
    requests = [HourlyRequest({}, {}, buckets=size) for size in sizes]
    found = list(parts(requests))
    assert [request for part in found for request in part] == requests
    for part in found:
        assert len(part) <= 8
        assert sum(request.buckets for request in part) <= BUCKETS_AT_ONCE
    for part, following in pairwise(found):
        held = sum(request.buckets for request in part)
        assert len(part) == 8 or held + following[0].buckets > BUCKETS_AT_ONCE
