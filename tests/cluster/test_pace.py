"""How many searches at once: fewer when the cluster is busy, slowly more when it is not, and never too much in hand."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.cluster.pace import ANSWERS_MAX, AT_ONCE_MAX, Pace


def test_success_brings_slowly_more() -> None:
    pace = Pace()
    seen = []
    for _ in range(40):
        seen.append(pace.at_once)
        pace.accepted()
    assert seen[:9] == [2, 2, 2, 2, 3, 3, 3, 3, 4]
    assert seen[-1] == AT_ONCE_MAX


def test_a_refusal_halves_and_pauses_longer_each_time() -> None:
    pace = Pace(at_once=6)
    assert [(pace.refused(), pace.at_once) for _ in range(4)] == [(0.5, 3), (1.0, 1), (2.0, 1), (4.0, 1)]
    assert [pace.refused() for _ in range(6)][-1] == 30.0
    pace.accepted()
    assert (pace.pause, pace.refusals, pace.at_once) == (0.0, 0, 1)
    assert pace.refused() == 0.5


def test_it_settles_near_what_the_cluster_takes() -> None:
    """A cluster takes three at once, and now and then, when others use it, one."""
    chance = random.Random(3)  # noqa: S311 — no secret
    pace, sent, refused = Pace(), 0, 0
    for _ in range(500):
        takes = 1 if chance.random() < 0.05 else 3
        if pace.at_once > takes:
            refused += 1
            pace.refused()
        else:
            sent += pace.at_once
            pace.accepted()
    assert refused < 125
    assert sent > 500


@given(st.lists(st.integers(0, 3 * ANSWERS_MAX), min_size=1, max_size=30), st.integers(1, AT_ONCE_MAX))
def test_a_batch_is_bounded_in_number_and_size_and_never_empty(weights: list[int], at_once: int) -> None:
    pace = Pace(at_once=at_once)
    number = pace.batch(weights)
    assert 1 <= number <= 8 * at_once
    assert number == 1 or sum(weights[:number]) <= ANSWERS_MAX
    if number < min(8 * at_once, len(weights)):
        assert sum(weights[: number + 1]) > ANSWERS_MAX
    pace.refused()
    assert pace.batch(weights) <= pace.at_once


def test_the_limit_of_the_cluster_is_remembered() -> None:
    pace = Pace()
    assert pace.too_large(1000)
    assert pace.buckets == 900
    assert not pace.too_large(5000)
    assert pace.buckets == 900
    assert pace.too_large(None)
    assert pace.buckets == 450
    while pace.too_large(None):
        pass
    assert pace.buckets == 2
