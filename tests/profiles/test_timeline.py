from datetime import timedelta

import numpy as np

from mpm_elk.contract.keys import EVERYTHING, ModelKey, Segment, VersionKey
from mpm_elk.profiles.profile import Profile, SubjectProfile
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey
from mpm_elk.profiles.timeline import Timeline, subject, unit_for
from mpm_elk.timespan import DAY_MS, HOUR_MS

MODEL = ModelKey("production", "m")
V1, V2, V3 = (MODEL.version(v) for v in ("1", "2", "3"))
EU = Segment("region", "EU")
T0 = 20_000 * DAY_MS


def filled(
    *entries: tuple[VersionKey, int, int], segment: Segment = EVERYTHING, days: dict[int, Profile] | None = None
) -> Timeline:
    """Make five daily windows of (version, day, events)."""
    line = Timeline(T0, DAY_MS, 5, days or {})
    line.add((ProfileKey(v, segment, DAY, T0 + day * DAY_MS), Profile(count)) for v, day, count in entries)
    return line


def counts(line: Timeline, version: VersionKey, segment: Segment = EVERYTHING) -> list[int | None]:
    slots, _ = line.lineage(version, segment)
    return [profile.count if profile else None for profile in slots]


def test_hours_merge_into_their_window_and_others_are_left_out() -> None:
    line = Timeline(T0, 2 * HOUR_MS, 3)
    hours = [-1, 0, 1, 3, 5, 6]
    line.add((ProfileKey(V1, EVERYTHING, HOUR, T0 + hour * HOUR_MS), Profile(10 + hour)) for hour in hours)
    assert counts(line, V1) == [10 + 11, 13, 15]
    assert line.time(1) == (T0 + 2 * HOUR_MS, T0 + 4 * HOUR_MS)
    assert [line.at(t) for t in (T0 - 1, T0, T0 + 2 * HOUR_MS - 1, T0 + 2 * HOUR_MS)] == [-1, 0, 0, 1]


def test_daily_profiles_are_used_where_they_fit() -> None:
    assert [unit_for(timedelta(hours=h)) for h in (1, 12, 24, 48)] == [HOUR, HOUR, DAY, DAY]


def test_before_its_first_events_a_version_has_those_of_the_busiest_other() -> None:
    line = filled((V1, 0, 50), (V1, 1, 50), (V2, 1, 60), (V3, 3, 7))
    slots, owners = line.lineage(V3)
    assert [p.count if p else None for p in slots] == [50, 60, None, 7, None]
    assert owners == ["1", "2", "", "3", ""]


def test_after_its_first_events_only_its_own_count() -> None:
    line = filled((V1, 0, 5), (V2, 1, 5), (V1, 2, 500), (V2, 4, 5))
    slots, owners = line.lineage(V2)
    assert [p.count if p else None for p in slots] == [5, 5, None, None, 5]
    assert owners == ["1", "2", "", "", "2"]


def test_equal_traffic_is_decided_by_the_name() -> None:
    line = filled((V1, 0, 5), (V2, 0, 5), (V3, 1, 1))
    assert line.lineage(V3)[1][0] == "2"


def test_before_any_events_stand_the_days_of_the_baseline() -> None:
    days = {T0: Profile(1000), T0 + DAY_MS: Profile(2000)}
    line = filled((V1, 1, 5), days=days)
    assert counts(line, V1) == [1000, 5, None, None, None]
    assert line.lineage(V1)[1] == ["baseline", "1", "", "", ""]
    assert counts(line, V2) == [1000, 5, None, None, None]


def test_baseline_days_stand_for_no_segment_and_no_other_length() -> None:
    days = {T0: Profile(1000)}
    segmented = filled((V1, 1, 5), segment=EU, days=days)
    assert counts(segmented, V1, EU) == [None, 5, None, None, None]
    hourly = Timeline(T0, HOUR_MS, 3, days)
    assert counts(hourly, V1) == [None, None, None]


def test_a_segment_follows_its_own_lineage() -> None:
    line = filled((V1, 0, 5), (V2, 2, 5), segment=EU)
    line.add([(ProfileKey(V1, EVERYTHING, DAY, T0 + DAY_MS), Profile(99))])
    assert counts(line, V2, EU) == [5, None, 5, None, None]
    assert line.segments(V2, 2, "region") == [EU]
    assert line.segments(V2, 2, "country") == line.segments(V2, 0, "region") == []


def test_a_profile_of_no_events_is_no_traffic() -> None:
    line = filled((V1, 0, 5), (V2, 0, 0), (V2, 1, 3))
    assert line.versions(0) == [V1]
    assert line.lineage(V2)[1][:2] == ["1", "2"]


def test_an_unknown_version_on_an_empty_line() -> None:
    line = Timeline(T0, DAY_MS, 3)
    assert line.lineage(V1) == ([None] * 3, [""] * 3)
    assert line.versions(0) == []
    assert line.traffic() == [None] * 3


def test_traffic_adds_versions_up_and_leaves_segments_out() -> None:
    line = filled((V1, 0, 5), (V2, 0, 6), (V2, 1, 1))
    line.add([(ProfileKey(V1, EU, DAY, T0), Profile(4))])
    assert [p.count if p else None for p in line.traffic()] == [11, 1, None, None, None]


def test_one_subject_is_taken_out() -> None:
    s = SubjectProfile("h", np.array([1]), 0, 0)
    assert subject([Profile(1, subjects={"a": s}), Profile(1), None], "a") == [s, None, None]
