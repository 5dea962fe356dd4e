"""Tell a window of a model's events from its reference, by reading samples of both as a reader may."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.config.references import Reference
from mpm_elk.contract.keys import EVERYTHING, MISSING, OTHER, ModelKey, Segment
from mpm_elk.contract.source import EVENTS, Clause, Source
from mpm_elk.errors import RegistryError, UsageError
from mpm_elk.metrics.classifier import require, tell_apart
from mpm_elk.metrics.told_apart import ToldApart
from mpm_elk.profiles.rollup import held
from mpm_elk.profiles.rows import Rows
from mpm_elk.registry.as_stored import as_stored, textual
from mpm_elk.registry.rows import Columns, read
from mpm_elk.registry.sampled import Events, Kinds, Stretch, gather, kinds_of
from mpm_elk.registry.store import Baseline, ModelEntry, load
from mpm_elk.rules.classification import Classified, plan, tell_past
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso, parse_instant, to_ms

LATEST = "latest"
ROWS = 5_000
_DATE = len("2026-11-24")
_USUAL = Reference(kind="rolling", span=timedelta(days=28))


@dataclass(frozen=True)
class Wanted:
    """What to tell apart: a window of a model's events, and from what.

    `window` is `latest`, a day, or two times joined by `/`. A `file` holds the reference's rows, its columns as
    `columns` say. `rows` are read of each side at most, and of each past window.
    """

    model: ModelKey
    window: str = LATEST
    against: Reference | None = None
    file: Path | None = None
    columns: Columns = field(default_factory=Columns)
    version: str | None = None
    segment: Mapping[str, str] = field(default_factory=dict)
    rows: int = ROWS


def classify(
    client: Elasticsearch,
    wanted: Wanted,
    *,
    now_ms: int,
    source: Source = EVENTS,
    say: Callable[[str], None] = lambda _: None,
) -> Classified:
    """Read samples of both sides, train, and compare with past windows. Writes nothing.

    Raises RegistryError for what is not known or has no events, UsageError for a window that is none, MpmError where
    scikit-learn is not installed.
    """
    require()
    entry = load(client, wanted.model)
    kinds = _kinds(entry, source)
    events = Events(client, source, _chosen(wanted, source), _unwanted(wanted, source))
    window = _window(events, wanted, now_ms)
    against = _reference(entry, wanted)
    planned = plan(against, *window)
    say("reading the window")
    now, now_events = events.sample([window], kinds, wanted.rows)
    if not now_events:
        raise RegistryError(
            f"{wanted.model} has no events from {iso(window[0])} to {iso(window[1])} that fit",
            remedy="choose another window, version or segment",
        )
    say("reading the reference")
    others = _others(events, wanted, source)
    if wanted.file is not None:
        before, before_events = _file(wanted.file, wanted, kinds, source)
    else:
        before, before_events = others.sample(planned.reference, kinds, wanted.rows)
    told = tell_apart(now, before)
    pool = before
    if told is not None and planned.pool and planned.pool != planned.reference:
        pool, _ = events.sample(planned.pool, kinds, wanted.rows)

    def sample(stretches: Sequence[Stretch]) -> Rows:
        return events.sample(stretches, kinds, wanted.rows)[0]

    past = tell_past(planned.past, pool, sample, say) if told is not None else {}
    name = wanted.file.name if wanted.file is not None else str(against)
    return Classified(
        ToldApart(told, tuple(past.values()), planned.exchangeable) if told else None,
        (now_events, before_events),
        (now.size, before.size),
        name,
        past,
        _about(wanted, window, planned.reference),
    )


def _about(wanted: Wanted, window: Stretch, reference: Sequence[Stretch]) -> dict[str, Any]:
    segment = Segment.of(wanted.segment)
    return {
        "model": wanted.model.name,
        "environment": wanted.model.environment,
        "version": wanted.version,
        "segment": segment.key if segment != EVERYTHING else None,
        "window": {"start": iso(window[0]), "end": iso(window[1])},
        "reference": [{"start": iso(start), "end": iso(end)} for start, end in reference],
    }


def _kinds(entry: ModelEntry, source: Source) -> Kinds:
    kinds = kinds_of(held(entry.cells.cells, source)) if entry.cells else {}
    if not kinds:
        raise RegistryError(
            f"no features of {entry.model} are known",
            remedy="check the name, or let `mpm-elk run` or `mpm-elk baseline create` learn what its features are",
        )
    return kinds


def _chosen(wanted: Wanted, source: Source) -> list[Clause]:
    if wanted.version is None:
        clauses = source.filters(wanted.model)
    else:
        clauses = source.version_filters(wanted.model.version(wanted.version))
    return [*clauses, *_segment(wanted.segment, source)]


def _segment(values: Mapping[str, str], source: Source) -> list[Clause]:
    clauses: list[Clause] = []
    for name, value in values.items():
        if value == OTHER:
            message = f"{name}={OTHER} is many values of the segment"
            raise UsageError(message, remedy="choose one value")
        if source.segments is not None and name not in source.segments:
            message = f"source {source.name} has no segment {name!r}"
            raise UsageError(message, remedy=f"it has {', '.join(source.segments) or 'none'}")
        place = source.segment_field(name)
        if value == MISSING:
            clauses.append({"bool": {"must_not": [{"exists": {"field": place}}]}})
        else:
            clauses.append({"term": {place: value}})
    return clauses


def _unwanted(wanted: Wanted, source: Source) -> list[Clause]:
    """Leave the version out that all others are compared with."""
    if wanted.against is None or wanted.against.version is None or wanted.version is not None:
        return []
    return source.version.filters(wanted.against.version)


def _others(events: Events, wanted: Wanted, source: Source) -> Events:
    """Give the events that the reference is drawn from: those of another version, or the same."""
    if wanted.against is None or wanted.against.version is None:
        return events
    version = wanted.model.version(wanted.against.version)
    chosen = [*source.version_filters(version), *_segment(wanted.segment, source)]
    return Events(events.client, source, chosen)


def _window(events: Events, wanted: Wanted, now_ms: int) -> Stretch:
    if wanted.window == LATEST:
        last = events.last(now_ms - now_ms % DAY_MS)
        if last is None:
            raise RegistryError(
                f"{wanted.model} has no events of a whole day that fit", remedy="check name, version and segment"
            )
        return last - last % DAY_MS, last - last % DAY_MS + DAY_MS
    parts = [part.strip() for part in wanted.window.split("/")]
    try:
        times = [to_ms(parse_instant(part)) for part in parts]
    except ValueError:
        times = []
    if len(times) == 1 and len(parts[0]) <= _DATE:
        times.append(times[0] + DAY_MS)
    if len(times) != 2 or times[0] >= times[1] or any(time % HOUR_MS for time in times):
        message = f"{wanted.window!r} is no window"
        raise UsageError(
            message,
            remedy=f"write {LATEST}, a day (2026-11-24), or two full hours (2026-11-24T05:00Z/2026-11-24T11:00Z)",
        )
    return times[0], times[1]


def _reference(entry: ModelEntry, wanted: Wanted) -> Reference | None:
    """Give the reference as a time or a version; None where it is a file. Counts hold no rows."""
    if wanted.file is not None:
        return None
    against = wanted.against or _USUAL
    if against.kind not in ("baseline", "training"):
        return against
    version = wanted.version
    baseline = entry.baseline_for(version) if version else entry.newest_baseline
    if baseline is None:
        raise RegistryError(f"{entry.model} has no baseline", remedy="name a file of rows with --reference FILE")
    stretch = _traffic_of(baseline)
    if stretch is None:
        raise RegistryError(
            f"the baseline of {entry.model} holds counts of {baseline.source}, and a classifier needs rows",
            remedy="give the file itself with --reference FILE, or compare with a time: --against 'rolling 28d'",
        )
    return Reference(kind="window", fixed=stretch)


def _traffic_of(baseline: Baseline) -> Stretch | None:
    """Give the time that a baseline was made of, None where it was made of a file."""
    start, _, end = baseline.source.partition(" to ")
    try:
        return to_ms(parse_instant(start)), to_ms(parse_instant(end))
    except ValueError:
        return None


def _file(path: Path, wanted: Wanted, kinds: Kinds, source: Source) -> tuple[Rows, int]:
    """Read rows of a file as its events would hold them."""
    texts = textual(frozenset(name for name, kind in kinds.items() if kind == "categorical"), source)
    return gather(as_stored(read(path, wanted.columns, texts), source, path), kinds, wanted.rows)
