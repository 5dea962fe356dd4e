"""What the windows of a monitor are judged by, read from the stored profiles and the registry."""

from collections.abc import Callable, Mapping

from mpm_elk.job.context import Context
from mpm_elk.metrics.catalogue import JOINT_SUBJECT
from mpm_elk.profiles.store import Wanted, last_event, read
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.store import Baseline, ModelEntry
from mpm_elk.rules.evaluate import subjects_of
from mpm_elk.rules.judgement import BaselineCounts, Known, Monitor
from mpm_elk.timespan import milliseconds


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


def read_fixed(context: Context, monitor: Monitor) -> Timeline | None:
    """Fill the windows of a fixed reference; None where the monitor has another."""
    if monitor.reference.fixed is None:
        return None
    (start, end), length = monitor.reference.fixed, milliseconds(monitor.length)
    timeline = Timeline(start, length, (end - start) // length)
    _fill(context, monitor, timeline, start, end)
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
