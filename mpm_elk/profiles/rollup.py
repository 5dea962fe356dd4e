"""Roll up: read changed hours whole, as aggregates, into hourly profiles."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from elasticsearch import Elasticsearch

from mpm_elk.cluster.pace import Pace
from mpm_elk.cluster.search import Answer, Search, TooLarge, search_all, search_each, too_large
from mpm_elk.contract.keys import Segment, VersionKey
from mpm_elk.contract.source import EVENTS, Source
from mpm_elk.errors import RegistryError
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.joint import paired
from mpm_elk.profiles.profile import Moments, Profile
from mpm_elk.profiles.requests import (
    BUCKETS_MAX,
    HourlyRequest,
    hours_in,
    read_moments,
    read_subjects,
    subject_requests,
    traffic_requests,
)
from mpm_elk.profiles.sampling import read_samples, sample_requests
from mpm_elk.profiles.slices import Slice

_SAMPLES_AT_ONCE = 2


@dataclass
class RolledUp:
    """Hourly profiles of one version: segment → hour (ms) → profile; and what could not be counted."""

    profiles: dict[Segment, dict[int, Profile]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def roll_up(
    client: Elasticsearch,
    index: str,
    version: VersionKey,
    hours: Sequence[int],
    *,
    cells: CellSet,
    slices: Sequence[Slice] = (),
    source: Source = EVENTS,
    pace: Pace | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> RolledUp:
    """Count the events of `version` in `hours` (starts, ms) from the indices `index` (names joined by commas).

    Features and outputs that the `source` holds are counted in fine cells; each value of each slice gets a profile of
    the slice's subjects in coarse cells. What features do together is added up over a sample of rows. `pace` remembers
    from call to call what the cluster can take, `wait` passes the time (s) while it is too busy. Raises
    PartialResultError rather than using an incomplete answer.
    """
    result = RolledUp()
    total = result.profiles.setdefault(Segment(), {})
    cells = held(cells, source)
    pace = pace or Pace()
    for answer in _traffic(client, index, version, hours, source, pace=pace, wait=wait):
        for bucket in hours_in(answer):
            failures = bucket["failures"]["doc_count"] if source.failed else 0
            duration = read_moments(bucket["duration"], source.duration_ns) if source.duration else Moments()
            total[bucket["key"]] = Profile(bucket["doc_count"], failures, duration, last=int(bucket["last"]["value"]))

    events = {hour: profile.count for hour, profile in total.items()}
    requests = subject_requests(version, events, cells, source=source, limit=pace.buckets)
    requests += slice_requests(version, events, cells, slices, source, limit=pace.buckets)
    _count(client, index, requests, result, pace=pace, wait=wait)
    _add_samples(client, index, version, events, result, cells=cells, source=source)
    return result


def count_part(
    client: Elasticsearch,
    index: str,
    version: VersionKey,
    events: Mapping[int, int],
    *,
    cells: CellSet,
    whole: Sequence[str] = (),
    slices: Sequence[Slice] = (),
    source: Source = EVENTS,
    pace: Pace | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> RolledUp:
    """Count some subjects in the hours of `events`: those in `whole` over all events, and those of `slices`.

    Gives profiles of that part only, to be laid over what is stored. They know the subjects, and what features do
    together where one in `whole` is among these; not the traffic.
    """
    pace = pace or Pace()
    result = RolledUp({Segment(): {hour: Profile() for hour in events}})
    requests = part_requests(
        version, events, cells=cells, whole=whole, slices=slices, source=source, limit=pace.buckets
    )
    _count(client, index, requests, result, pace=pace, wait=wait)
    if paired(cells).keys() & set(whole):
        _add_samples(client, index, version, events, result, cells=cells, source=source)
    return result


def part_requests(
    version: VersionKey,
    events: Mapping[int, int],
    *,
    cells: CellSet,
    whole: Sequence[str] = (),
    slices: Sequence[Slice] = (),
    source: Source = EVENTS,
    limit: int = BUCKETS_MAX,
) -> list[HourlyRequest]:
    """Make the searches of `count_part` that count in cells."""
    requests = subject_requests(version, events, cells.only(whole), source=source, limit=limit)
    return requests + slice_requests(version, events, cells, slices, source, limit=limit)


def slice_requests(
    version: VersionKey,
    events: Mapping[int, int],
    cells: CellSet,
    slices: Sequence[Slice],
    source: Source,
    *,
    limit: int = BUCKETS_MAX,
) -> list[HourlyRequest]:
    """Ask for the subjects of slices in the hours of `events`; a slice of which no value is named is nowhere."""
    return [
        request
        for piece in slices
        if piece.values
        for request in subject_requests(
            version, events, cells.only(piece.subjects).coarsened(), piece, source, limit=limit
        )
    ]


def _count(
    client: Elasticsearch,
    index: str,
    requests: list[HourlyRequest],
    result: RolledUp,
    *,
    pace: Pace,
    wait: Callable[[float], None],
) -> None:
    for request, answer in _answers(client, index, requests, pace=pace, wait=wait):
        for bucket in hours_in(answer):
            _take(result, request, bucket)


def _traffic(
    client: Elasticsearch,
    index: str,
    version: VersionKey,
    hours: Sequence[int],
    source: Source,
    *,
    pace: Pace,
    wait: Callable[[float], None],
) -> list[Answer]:
    """Ask for the traffic of hours, of fewer at once where the cluster's limit of buckets is lower."""
    while True:
        bodies = traffic_requests(version, hours, source, min(10_000, pace.buckets))
        answers = list(search_each(client, [Search(index, body) for body in bodies], pace=pace, wait=wait))
        large = [answer for answer in answers if isinstance(answer, TooLarge)]
        if not large:
            return [answer for answer in answers if not isinstance(answer, TooLarge)]
        if not pace.too_large(large[0].limit):
            raise too_large(large[0])


def _answers(
    client: Elasticsearch,
    index: str,
    requests: list[HourlyRequest],
    *,
    pace: Pace,
    wait: Callable[[float], None],
) -> Iterator[tuple[HourlyRequest, Answer]]:
    """Ask all; what is too large is asked in halves."""
    while requests:
        # A request is large too: no more are made than are sent together.
        some = requests[: pace.batch([request.buckets for request in requests])]
        large: list[HourlyRequest] = []
        searches = [Search(index, request.body, weight=request.buckets) for request in some]
        for request, answer in zip(some, search_each(client, searches, pace=pace, wait=wait), strict=True):
            if not isinstance(answer, TooLarge):
                yield request, answer
                continue
            pace.too_large(answer.limit)
            halves = request.halves()
            if not halves:
                raise too_large(answer)
            large += halves
        requests = large + requests[len(some) :]


def _add_samples(
    client: Elasticsearch,
    index: str,
    version: VersionKey,
    events: Mapping[int, int],
    result: RolledUp,
    *,
    cells: CellSet,
    source: Source,
) -> None:
    """Read a sample of each hour's rows, and add what features do together in them."""
    total, together = result.profiles[Segment()], paired(cells)
    requests = sample_requests(version, events, together, source)
    for start in range(0, len(requests), _SAMPLES_AT_ONCE):
        some = requests[start : start + _SAMPLES_AT_ONCE]
        answers = search_all(client, [Search(index, request.body) for request in some])
        for request, answer in zip(some, answers, strict=True):
            found = read_samples(answer, request, together)
            if found is None:
                result.problems.append(
                    f"{len(request.hours)} hours have no sample of rows: too many predictions share an id"
                )
            for hour, joint in (found or {}).items():
                total[hour] = replace(total[hour], joint=joint)


def held(cells: CellSet, source: Source) -> CellSet:
    """Keep the cells of the subjects that a source holds. Raises RegistryError where they are of another kind."""
    kept = cells.only([name for name in cells.subjects if source.knows(name)])
    for name, place in (source.subjects or {}).items():
        kind = NumericCells.kind if place.numeric else CategoricalCells.kind
        if name in kept.subjects and kept.subjects[name].kind != kind:
            raise RegistryError(
                f"the cells of {name} are {kept.subjects[name].kind}, and source {source.name} reads {place.name}, "
                f"which is {' and '.join(place.types)}, as {kind}",
                remedy="a whole number can be read either way with `as:`; else give the feature another name",
            )
    return kept


def _take(result: RolledUp, request: HourlyRequest, bucket: dict[str, object]) -> None:
    hour = bucket["key"]
    assert isinstance(hour, int)  # noqa: S101 — a date histogram's key
    if request.piece is None:
        total = result.profiles[Segment()]
        total[hour] = replace(total[hour], subjects={**total[hour].subjects, **read_subjects(bucket, request.subjects)})
        return
    found: dict[Segment, Profile] = {}
    for segment, entry in request.piece.read(bucket):
        # Segments are counted over the events that did not fail.
        profile = Profile(entry["doc_count"], subjects=read_subjects(entry, request.subjects))
        found[segment] = found[segment] + profile if segment in found else profile
    for segment, profile in found.items():
        hours = result.profiles.setdefault(segment, {})
        known = hours[hour].subjects if hour in hours else {}
        hours[hour] = replace(profile, subjects={**known, **profile.subjects})
