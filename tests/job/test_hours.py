"""Which hours an unfinished run leaves to read."""

from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.cluster.state import CatchUp
from mpm_elk.contract.keys import VersionKey
from mpm_elk.job.batch import WEEK, batches
from mpm_elk.job.hours import Hours, merge, remaining, span_of, starts_of
from mpm_elk.timespan import DAY_MS, HOUR_MS

V1, V2 = (VersionKey("production", "m", version) for version in "12")

some_hours = st.dictionaries(
    st.sampled_from([V1, V2]), st.dictionaries(st.integers(0, 2000).map(lambda n: n * HOUR_MS), st.integers(1, 9))
)


def pairs(hours: Hours) -> set[tuple[VersionKey, int]]:
    return {(version, hour) for version, counts in hours.items() for hour in counts}


def test_without_an_unfinished_run_all_is_left() -> None:
    hours = {V1: {0: 5, HOUR_MS: 3}}
    assert remaining(hours, None, {}) == hours


@given(some_hours, some_hours, st.integers(0, 2000))
def test_left_is_what_was_not_reached_and_what_is_new(hours: Hours, news: Hours, until: int) -> None:
    done = CatchUp({}, "hash", until=until * HOUR_MS)
    left = remaining(hours, done, news)
    assert pairs(left) == {at for at in pairs(hours) if at[1] >= until * HOUR_MS or at in pairs(news)}
    assert all(left[version][hour] == hours[version][hour] for version, hour in pairs(left))


@given(some_hours)
def test_batches_are_weeks_in_order_and_hold_each_hour_once(hours: Hours) -> None:
    days = {hour - hour % DAY_MS for hour in starts_of(hours)}
    found = batches(hours, days)
    assert [batch.start for batch in found] == sorted(batch.start for batch in found)
    assert [at for batch in found for at in sorted(pairs(batch.hours))] == sorted(
        pairs(hours), key=lambda at: (at[1] // WEEK, at)
    )
    assert all(batch.start <= hour < batch.start + WEEK for batch in found for _, hour in pairs(batch.hours))
    assert sum(batch.size for batch in found) == len(pairs(hours))
    assert sum(batch.events for batch in found) == sum(n for counts in hours.values() for n in counts.values())


def test_hours_are_merged_and_measured() -> None:
    hours: Hours = {V1: {0: 5}}
    merge(hours, {V1: {HOUR_MS: 1}, V2: {5 * HOUR_MS: 2}})
    assert hours == {V1: {0: 5, HOUR_MS: 1}, V2: {5 * HOUR_MS: 2}}
    assert span_of(hours) == (0, 6 * HOUR_MS)
