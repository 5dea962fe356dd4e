"""Roll up: read changed hours whole, as aggregates, into hourly profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.keys import Segment, VersionKey
from mpm_elk.profiles.cells import OUTPUTS, CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.requests import (
    HourlyRequest,
    hours_in,
    read_moments,
    read_subjects,
    subject_requests,
    traffic_requests,
)

_AT_ONCE = 8


@dataclass
class RolledUp:
    """Hourly profiles of one version: segment → hour (ms) → profile; and what could not be counted apart."""

    profiles: dict[Segment, dict[int, Profile]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def roll_up(
    client: Elasticsearch,
    index: str,
    version: VersionKey,
    hours: Sequence[int],
    *,
    cells: CellSet,
    segments: Sequence[str] = (),
) -> RolledUp:
    """Count the events of `version` in `hours` (starts, ms) from the indices `index` (names joined by commas).

    Features and outputs are counted in fine cells; each value of each segment gets a profile of the outputs in coarse
    cells. Raises PartialResultError rather than using an incomplete answer.
    """
    result = RolledUp()
    total = result.profiles.setdefault(Segment(), {})
    bodies = traffic_requests(version, hours)
    for answer in search_all(client, [Search(index, body) for body in bodies]):
        for bucket in hours_in(answer):
            total[bucket["key"]] = Profile(
                bucket["doc_count"], bucket["failures"]["doc_count"], read_moments(bucket["duration"])
            )

    events = {hour: profile.count for hour, profile in total.items()}
    outputs = cells.only(OUTPUTS).coarsened()
    requests = subject_requests(version, events, cells)
    for segment in segments:
        requests += subject_requests(version, events, outputs, segment)
    for start in range(0, len(requests), _AT_ONCE):
        some = requests[start : start + _AT_ONCE]
        answers = search_all(client, [Search(index, request.body) for request in some])
        for request, answer in zip(some, answers, strict=True):
            for bucket in hours_in(answer):
                _take(result, request, bucket)
    return result


def _take(result: RolledUp, request: HourlyRequest, bucket: dict[str, object]) -> None:
    hour = bucket["key"]
    assert isinstance(hour, int)  # noqa: S101 — a date histogram's key
    if request.segment is None:
        total = result.profiles[Segment()]
        total[hour] = replace(total[hour], subjects={**total[hour].subjects, **read_subjects(bucket, request.subjects)})
        return
    values = bucket["segment"]
    assert isinstance(values, Mapping)  # noqa: S101 — a terms aggregation
    left_over = values["sum_other_doc_count"]
    if left_over:
        result.problems.append(
            f"segment {request.segment}: {left_over} events in rare values have no profile of their own"
        )
    for entry in values["buckets"]:
        hours = result.profiles.setdefault(Segment(request.segment, entry["key"]), {})
        known = hours[hour].subjects if hour in hours else {}
        # Segments are counted over the events that did not fail.
        hours[hour] = Profile(entry["doc_count"], subjects={**known, **read_subjects(entry, request.subjects)})
