"""How long hours are kept. Days stay: they hold the same counts, and windows of days are merged from them.

An hour is dropped when its day has ended, is stored, and counts as many events. The state says from where on there are
hours before any is deleted, so that a run that dies in between leaves nothing that looks like a loss.
"""

from collections import Counter

from mpm_elk.cluster.fenced import delete
from mpm_elk.cluster.state import ModelState
from mpm_elk.job.context import Context
from mpm_elk.job.due import stretch_of
from mpm_elk.job.hours import start_of_day
from mpm_elk.profiles.store import DAY, HOUR, Wanted, keys, read
from mpm_elk.profiles.timeline import unit_for
from mpm_elk.rules.judgement import Monitor
from mpm_elk.timespan import DAY_MS, iso, milliseconds

_MARGIN = 7 * DAY_MS
"""So long a window of the longest rule may still change."""


def keep_from(context: Context, state: ModelState) -> int:
    """Give the midnight (ms) from which on hours are kept: `job.keep_hours`, or as far as a rule looks back."""
    spans = [milliseconds(context.config.job.keep_hours)]
    spans += [_looks_back(monitor) + _MARGIN for monitor in _of_hours(context)]
    fixed = [monitor.reference.fixed[0] for monitor in _of_hours(context) if monitor.reference.fixed]
    # A run as of an earlier time does not want back what is dropped.
    return max(0, start_of_day(min([max(context.now_ms, state.days_until) - max(spans), *fixed])))


def needed_from(context: Context, state: ModelState) -> int:
    """Give the midnight from which on a run needs hours: dropped ones are read again for what looks further back.

    That is a backfill, or a configuration that keeps hours longer than the one before.
    """
    wanted = [state.hours_from, keep_from(context, state)]
    if context.backfill is not None:
        for monitor in _of_hours(context):
            start, _ = stretch_of(context.backfill, milliseconds(monitor.length))
            wanted.append(start_of_day(start - _looks_back(monitor)))
    return max(0, min(wanted))


def _of_hours(context: Context) -> list[Monitor]:
    return [monitor for monitor in context.monitors if unit_for(monitor.length) == HOUR]


def _looks_back(monitor: Monitor) -> int:
    return (monitor.reach + 1) * milliseconds(monitor.length)


def can_drop(context: Context, state: ModelState) -> int:
    """Give the midnight before which all hours can be dropped: their days are stored, and count the same."""
    until = keep_from(context, state)
    if context.lease is None or until <= context.hours_from:
        return context.hours_from
    hours, days = (_counts(context, granularity, until) for granularity in (HOUR, DAY))
    bad = [start for (version, segment, start), n in hours.items() if days.get((version, segment, start)) != n]
    if not bad:
        return until
    context.report.notice(
        f"the hours of {iso(min(bad))[:10]} and later are kept, for their days are not stored as they are: "
        "run with --audit"
    )
    return max(context.hours_from, min(bad))


def _counts(context: Context, granularity: str, until: int) -> "Counter[tuple[object, object, int]]":
    counts: Counter[tuple[object, object, int]] = Counter()
    wanted = Wanted(granularity, context.hours_from, until, subjects=False)
    for key, profile in read(context.client, context.model, wanted):
        counts[key.version, key.segment, start_of_day(key.start)] += profile.count
    return counts


def drop_hours(context: Context, until: int) -> int:
    """Delete the hours before a time; returns how many there were."""
    assert context.lease is not None  # noqa: S101 — a dry run deletes nothing
    return delete(context.client, context.lease, keys(context.client, context.model, Wanted(HOUR, 0, until)))
