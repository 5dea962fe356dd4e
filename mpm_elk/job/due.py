"""Which windows of a monitor are to be judged."""

from collections.abc import Iterable
from dataclasses import dataclass

from mpm_elk.cluster.state import ModelState
from mpm_elk.job.context import Context
from mpm_elk.job.profile import Changed
from mpm_elk.profiles.store import HOUR, first_profile
from mpm_elk.profiles.timeline import unit_for
from mpm_elk.rules.judgement import Monitor
from mpm_elk.timespan import format_span, milliseconds

Stretch = tuple[int, int]
"""The start of the first and the end of the last of some windows (ms) that follow each other."""


def judged_key(monitor: Monitor) -> str:
    """Name a monitor in the state."""
    return f"{format_span(monitor.length)} {monitor.reference}"


@dataclass(frozen=True)
class Due:
    """The windows to judge, as times (ms), from `first` until `end`.

    New are those that end after `judged`. Of the others that are judged already, from `begin` on and in the stretches
    `earlier`, those are due that changed: up to `changed_end` by events, and as far beyond as a judgement looks back.
    A backfill has `asked` for windows whether judged or not.
    """

    first: int
    judged: int
    end: int
    changed_end: int
    begin: int
    earlier: tuple[Stretch, ...] = ()
    asked: Stretch | None = None

    def wants(self, start: int, length: int, affected_until: int) -> bool:
        """Tell whether the window at `start` is due; judged ones are affected where they start before a time."""
        if self.asked and self.asked[0] <= start < self.asked[1]:
            return True
        if start >= self.begin:
            return start + length > self.judged or start < affected_until
        return start < affected_until and any(a <= start < b for a, b in self.earlier)

    def done(self) -> tuple[Stretch, tuple[Stretch, ...]]:
        """Give what is judged afterwards: from the begin on, and the stretches before."""
        *earlier, (begin, end) = joined(
            [*self.earlier, *([self.asked] if self.asked else []), (self.begin, max(self.end, self.judged))]
        )
        return (begin, end), tuple(earlier)


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join stretches that touch or overlap, in order of time."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def due(context: Context, monitor: Monitor, state: ModelState, changed: Changed) -> Due | None:
    """Find the windows of a monitor that are to be judged; None where there is none.

    A window is judged when it has ended and a little time to settle has gone by. A monitor that is new for a model that
    is not begins with the present.
    """
    length = milliseconds(monitor.length)
    end = _floor(context.now_ms - milliseconds(context.config.job.settle), length)
    known = state.judged.get(judged_key(monitor))
    if known is None:
        first = _first(context, monitor) if state.new else end - length
        if first is None:
            return None
        begin = judged = _floor(first, length)
    else:
        begin, judged = known
    earlier = state.backfilled.get(judged_key(monitor), ())
    asked = _asked(context, monitor, state, end)
    first, changed_end = judged, judged if asked is None else 0
    if changed.span is not None:
        since = min([begin, *(start for start, _ in earlier)])
        first = min(judged, max(since, _floor(changed.span[0], length)))
        changed_end = changed.span[1]
    if asked is not None:
        first = min(first, asked[0])
    first = max(first, final_until(context, monitor))
    return Due(first, judged, end, changed_end, begin, earlier, asked) if first < end else None


def final_until(context: Context, monitor: Monitor) -> int:
    """Give the end (ms) of the time whose windows are not judged again: hours that they look at were dropped."""
    length = milliseconds(monitor.length)
    if unit_for(monitor.length) != HOUR or not context.hours_from:
        return 0
    return _ceiling(context.hours_from, length) + monitor.reach * length


def _asked(context: Context, monitor: Monitor, state: ModelState, end: int) -> Stretch | None:
    """Give the windows that a backfill asks for: those that end in its time, as far back as there are events."""
    if context.backfill is None:
        return None
    start, until = stretch_of(context.backfill, milliseconds(monitor.length))
    begin = _first(context, monitor)
    if begin is None:
        return None
    done = state.catch_up
    if done is not None and done.backfill == context.backfill:
        start = max(start, done.judged.get(judged_key(monitor), start))
    start = max(start, _floor(begin, milliseconds(monitor.length)), final_until(context, monitor))
    until = min(until, end)
    return (start, until) if start < until else None


def stretch_of(backfill: Stretch, length: int) -> Stretch:
    """Give the windows of a length that end in [start, end)."""
    start, end = backfill
    return _ceiling(start, length) - length, _ceiling(end, length) - length


def _first(context: Context, monitor: Monitor) -> int | None:
    """Give the begin of what is stored that a monitor's windows are merged from."""
    granularity = HOUR if unit_for(monitor.length) == HOUR else None
    return first_profile(context.client, context.model, granularity, context.fresh)


def _floor(time: int, length: int) -> int:
    return time - time % length


def _ceiling(time: int, length: int) -> int:
    return -(-time // length) * length
