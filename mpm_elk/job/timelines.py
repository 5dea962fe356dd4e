"""What the windows of a monitor are judged by, read from the stored profiles and the registry."""

from collections.abc import Callable, Mapping

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import scan
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.contract.names import Index, all_months
from mpm_elk.job.context import Context
from mpm_elk.metrics.catalogue import JOINT_SUBJECT
from mpm_elk.profiles.store import Wanted, last_event, read
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.store import Baseline, ModelEntry
from mpm_elk.rules.documents import segment_of
from mpm_elk.rules.evaluate import subjects_of
from mpm_elk.rules.judgement import BaselineCounts, Known, Monitor
from mpm_elk.timespan import iso, milliseconds, parse_instant, to_ms


def reads_subjects(context: Context, monitor: Monitor) -> bool:
    """Tell whether any rule looks at a feature or an output: then profiles are read with their counts."""
    names = [*context.cells.subjects, JOINT_SUBJECT]
    return any(subjects_of(rule, [name]) for rule in monitor.rules for name in names)


def read_timeline(
    context: Context, monitor: Monitor, entry: ModelEntry, span: tuple[int, int], before: Timeline | None = None
) -> Timeline:
    """Fill the windows in [start, end) (ms), and those that they look back at, which `before` may hold."""
    (start, end), length = span, milliseconds(monitor.length)
    baseline = entry.newest_baseline
    if before is not None and before.end == start:
        timeline, since = before.moved(monitor.reach, (end - start) // length), start
    else:
        since = start - monitor.reach * length
        timeline = Timeline(since, length, (end - since) // length, days=baseline.days if baseline else {})
        if any(rule.absent for rule in monitor.rules):
            timeline.last_before = last_event(context.client, context.model, since, context.fresh)
    _fill(context, monitor, timeline, since, end)
    return timeline


def fixed_windows(monitor: Monitor) -> Timeline | None:
    """Make room for the windows of a fixed reference; None where the monitor has another."""
    if monitor.reference.fixed is None:
        return None
    (start, end), length = monitor.reference.fixed, milliseconds(monitor.length)
    return Timeline(start, length, (end - start) // length)


def read_fixed(context: Context, monitor: Monitor) -> Timeline | None:
    """Fill the windows of a fixed reference; None where the monitor has another."""
    timeline = fixed_windows(monitor)
    if timeline is not None:
        _fill(context, monitor, timeline, timeline.start, timeline.end)
    return timeline


def known_of(context: Context, entry: ModelEntry, timeline: Timeline, fixed: Timeline | None) -> Known:
    """Say what is known of the model beside its windows."""
    return Known(
        context.model,
        context.cells,
        _counts(entry.baseline_for, timeline),
        _counts(entry.training_for, timeline),
        fixed,
    )


def read_alarms(
    client: Elasticsearch, model: ModelKey, length: str, reference: str, span: tuple[int, int]
) -> dict[tuple[str, Segment], set[int]]:
    """Read which windows that begin in [start, end) (ms) raised an alert: (subject, segment) → starts (ms).

    They are those of one `length` against one `reference`, as documents write both.
    """
    filters = [
        *model.filters(),
        {"terms": {"mpm.status": ["warning", "critical"]}},
        {"term": {"mpm.window.length": length}},
        {"term": {"mpm.reference.kind": reference}},
        {"range": {"mpm.window.start": {"gte": iso(span[0]), "lt": iso(span[1])}}},
    ]
    body = {
        "query": {"bool": {"filter": filters}},
        "_source": ["mpm.subject.name", "mpm.segment", "mpm.window.start"],
    }
    found: dict[tuple[str, Segment], set[int]] = {}
    for hit in scan(client, all_months(Index.METRICS, model.name, model.environment), body, sort="mpm.window.start"):
        mpm = hit["_source"]["mpm"]
        at = to_ms(parse_instant(mpm["window"]["start"]))
        found.setdefault((mpm["subject"]["name"], segment_of(mpm)), set()).add(at)
    return found


def _fill(context: Context, monitor: Monitor, timeline: Timeline, start: int, end: int) -> None:
    unit = unit_for(monitor.length)
    segments = any(rule.on.segments for rule in monitor.rules)
    wanted = Wanted(unit, start, end, subjects=reads_subjects(context, monitor), segments=segments)
    stored = dict(read(context.client, context.model, wanted))
    fresh = {k: p for k, p in context.fresh.items() if k.granularity == unit and start <= k.start < end}
    timeline.add((stored | fresh).items())


def _counts(find: Callable[[str], Baseline | None], timeline: Timeline) -> Mapping[str, BaselineCounts]:
    versions = {version.version for version, _ in timeline.windows}
    found = {version: find(version) for version in versions}
    return {v: BaselineCounts(b.id, b.counts, b.days) for v, b in found.items() if b is not None}
