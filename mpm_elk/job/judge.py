"""The second half of a run: judge the windows that are new or changed, write metrics, and keep the alerts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mpm_elk.alerts.inhibit import mark
from mpm_elk.alerts.keep import AlertKeeper
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.fenced import Document, write
from mpm_elk.cluster.state import ModelState, save
from mpm_elk.job.context import Context
from mpm_elk.job.due import Due, due, final_until, joined, judged_key
from mpm_elk.job.meter import Meter
from mpm_elk.job.profile import Changed
from mpm_elk.job.timelines import known_of, read_alarms, read_fixed, read_timeline, reads_subjects
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.registry.store import ModelEntry
from mpm_elk.rules.documents import document_id, revised, to_document
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, Judgement, Monitor
from mpm_elk.timespan import format_span, iso, milliseconds

_Entry = TypeVar("_Entry")

_WRITE_AT = 500
"""Judgements are written when so many have gathered."""

_PART, _PART_OF_TRAFFIC = 200, 2000
"""So many windows are judged before it is saved how far that is; profiles of all subjects are large."""


def judge_windows(context: Context, entry: ModelEntry, state: ModelState, changed: Changed) -> ModelState:
    """Judge what is due for every monitor; returns the state with what is judged now."""
    for monitor in context.monitors:
        key = judged_key(monitor)
        done = state.catch_up.judged if state.catch_up else {}
        news = Changed(changed.lately) if key in done else changed
        work = due(context, monitor, state, news)
        if work is None and key not in state.unkept:
            continue
        if news.span is not None and news.span[0] < final_until(context, monitor):
            context.report.notice(
                f"events came late: windows of {format_span(monitor.length)} before "
                f"{iso(final_until(context, monitor))[:16]} stay as they are, for their hours are dropped"
            )
        state = _MonitorRun(context, monitor, entry, work, state).run()
    if context.lease is not None and context.judged_from is not None:
        context.lease.keep()
        context.report.alerts += mark(context.client, context.model, context.rules, context.judged_from)
    return state


@dataclass
class _MonitorRun:
    """One monitor's windows in one run."""

    context: Context
    monitor: Monitor
    entry: ModelEntry
    due: Due | None
    state: ModelState
    changed_end: int = 0
    judged: dict[str, tuple[str, Judgement]] = field(default_factory=dict)
    pending: dict[str, tuple[Document, Judgement]] = field(default_factory=dict)

    @property
    def _key(self) -> str:
        return judged_key(self.monitor)

    @property
    def _reach(self) -> int:
        """How far back a judgement looks (ms)."""
        return self.monitor.reach * milliseconds(self.monitor.length)

    def run(self) -> ModelState:
        """Judge, write, keep alerts; returns the state afterwards."""
        context = self.context
        if self.due is not None:
            self._judge(self.due)
        keeper = AlertKeeper(
            context.client,
            context.lease,
            context.model,
            self.monitor,
            context.now_ms,
            context.run_id,
            self.entry.quiet_until,
            backfill=context.backfill is not None,
        )
        until = 0 if self.due is None else max(self.due.end, self.due.judged)
        unkept = self.state.unkept.get(self._key)
        context.note([*(j.start for _, j in self.judged.values()), *(at for at in (unkept, until) if at)])
        kept = keeper.keep(self.judged, unkept, until=until)
        context.report.alerts += kept.written
        context.report.happened += kept.happened
        self.state = replace(self.state, unkept=_without(self.state.unkept, self._key))
        if self.due is not None:
            main, earlier = self.due.done()
            self._note(main, earlier, max(main[1], self.due.asked[1] if self.due.asked else 0))
        return self.state

    def _judge(self, work: Due) -> None:
        context, length, quiet = self.context, milliseconds(self.monitor.length), self.entry.quiet_until
        self.changed_end = work.changed_end
        self._leave_a_trace(work)
        timeline: Timeline | None = None
        alarms, fixed = Alarms(), read_fixed(context, self.monitor)
        # The promise is made for the model: its monitors share it.
        allowed = context.config.job.false_alarms_per_month / len(context.monitors)
        size = (_PART if reads_subjects(context, self.monitor) else _PART_OF_TRAFFIC) * length
        self._tell(work, work.first)
        for start in range(work.first, work.end, size):
            end = min(start + size, work.end)
            if not any(self._wants(at) for at in range(start, end, length)):
                continue
            before, timeline = timeline, read_timeline(context, self.monitor, self.entry, (start, end), timeline)
            self._read_alarms(alarms, timeline.start if before is None or before.end != start else start, end)
            known = known_of(context, self.entry, timeline, fixed)
            judge = Judge(self.monitor, known, timeline, alarms, allowed)
            for at in self._windows(timeline, start):
                judgements = judge.judge(at)
                news = alarms.note(timeline.time(at)[0], judgements)
                for judgement in judgements:
                    name = document_id(self.monitor, judgement)
                    document = to_document(self.monitor, judgement, context.cells, quiet_until=quiet)
                    self.pending[name] = (document, judgement)
                    context.report.quiet += judgement.end <= quiet and judgement.status.alarming
                context.report.windows += 1
                if news:
                    # Alarms decide what later windows are compared with: those are judged again too.
                    self.changed_end = max(self.changed_end, timeline.time(at)[1])
                if len(self.pending) >= _WRITE_AT:
                    self._write()
            self._write()
            if end < work.end:
                self._save(work, end)
            self._tell(work, end)

    def _tell(self, work: Due, until: int) -> None:
        length = milliseconds(self.monitor.length)
        done, total = (until - work.first) // length, (work.end - work.first) // length
        self.context.meter(Meter(str(self.context.model), f"judging {self._key}", "windows", done, total))

    def _wants(self, start: int) -> bool:
        assert self.due is not None  # noqa: S101 — there is something to judge
        return self.due.wants(start, milliseconds(self.monitor.length), self.changed_end + self._reach)

    def _leave_a_trace(self, work: Due) -> None:
        """Save that windows will be judged again further on than the events say.

        An alarm that comes or goes reaches further than the change, or than what a backfill asks for. A run that dies
        after it has written such an alarm leaves no other trace of this, so the next one begins here again.
        """
        if self.context.lease is None or work.first >= work.judged:
            return
        asked = work.asked[1] + self._reach if work.asked else 0
        if work.changed_end + self._reach < work.judged and (work.asked is None or asked > work.begin):
            self.state = replace(
                self.state,
                judged={**self.state.judged, self._key: (work.begin, max(work.begin, work.first))},
            )
            save(self.context.client, self.context.lease, self.context.model, self.state, self.context.now_ms)

    def _save(self, work: Due, until: int) -> None:
        """Save that all is judged up to a time, and that its alerts are not kept yet."""
        if self.context.lease is None:
            return
        first = min([work.first, *([self.state.unkept[self._key]] if self._key in self.state.unkept else [])])
        self.state = replace(self.state, unkept={**self.state.unkept, self._key: first})
        earlier = list(work.earlier)
        if work.asked and work.asked[0] < until:
            earlier.append((work.asked[0], min(until, work.asked[1])))
        judged = self.state.judged.get(self._key, (work.begin, work.begin))
        main = (work.begin, until) if until > work.begin else judged
        *before, main = joined([*earlier, main])
        self._note(main, tuple(before), until)
        save(self.context.client, self.context.lease, self.context.model, self.state, self.context.now_ms)

    def _note(self, main: tuple[int, int], earlier: tuple[tuple[int, int], ...], until: int) -> None:
        """Put into the state what is judged."""
        caught_up = self.state.catch_up
        if caught_up is not None:
            known, backfill = caught_up.judged, self.context.backfill or caught_up.backfill
            if backfill != caught_up.backfill:
                known = dict.fromkeys(known, 0)
            caught_up = replace(caught_up, judged={**known, self._key: until}, backfill=backfill)
        backfilled = (
            {**self.state.backfilled, self._key: earlier} if earlier else _without(self.state.backfilled, self._key)
        )
        self.state = replace(
            self.state,
            judged={**self.state.judged, self._key: main},
            backfilled=backfilled,
            catch_up=caught_up,
        )

    def _windows(self, timeline: Timeline, first: int) -> Iterator[int]:
        """Give the windows to judge: as far as the changes reach, then the new ones."""
        for at in range(timeline.at(first), timeline.size):
            start, _ = timeline.time(at)
            if self._wants(start):
                if self.context.lease is not None:
                    self.context.lease.keep()
                self.context.progress(f"{self.context.model}: judging {self._key} at {iso(start)[:16]}")
                yield at

    def _read_alarms(self, alarms: Alarms, start: int, end: int) -> None:
        """Add the windows of a time that raised an alert."""
        length, reference = format_span(self.monitor.length), str(self.monitor.reference)
        found = read_alarms(self.context.client, self.context.model, length, reference, (start, end))
        for about, starts in found.items():
            alarms.starts.setdefault(about, set()).update(starts)

    def _write(self) -> None:
        """Write the documents that say something new, with their revision."""
        context = self.context
        keys = [(document.index, name) for name, (document, _) in self.pending.items()]
        stored = get_many(context.client, keys, ["mpm.hash", "mpm.revision", "mpm.status", "mpm.evaluations"])
        new = []
        for name, (document, judgement) in self.pending.items():
            before = stored[name].source["mpm"] if name in stored else None
            if (revision := revised(document, before, context.run_id, _cause(context))) is not None:
                new.append(revision)
            # Alerts need no more than what the rules say.
            bare = replace(judgement.measured, values={}, p={}, distributions={})
            self.judged[name] = (document.index, replace(judgement, measured=bare))
        context.report.metrics += len(new)
        if context.lease is not None and new:
            write(context.client, context.lease, new)
            refresh(context.client, {document.index for document in new})
        self.pending.clear()


def _cause(context: Context) -> str:
    return "events changed" if context.backfill is None else "backfill"


def _without(entries: Mapping[str, _Entry], key: str) -> dict[str, _Entry]:
    return {name: entry for name, entry in entries.items() if name != key}
