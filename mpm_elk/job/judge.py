"""The second half of a run: judge the windows that are new or changed, write metrics, and keep the alerts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mpm_elk.alerts.keep import AlertKeeper
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.fenced import Document, write
from mpm_elk.cluster.search import scan
from mpm_elk.cluster.state import ModelState, save
from mpm_elk.contract.names import Index, all_months
from mpm_elk.job.context import Context
from mpm_elk.job.profile import Changed
from mpm_elk.metrics.catalogue import JOINT_SUBJECT
from mpm_elk.profiles.store import Wanted, first_hour, read
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.store import ModelEntry
from mpm_elk.rules.documents import document_id, revised, segment_of, to_document
from mpm_elk.rules.evaluate import subjects_of
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Judgement, Known, Monitor
from mpm_elk.timespan import format_span, iso, milliseconds, parse_instant, to_ms

_WRITE_AT = 2000
"""Judgements are written when so many have gathered."""


def judged_key(monitor: Monitor) -> str:
    """Name a monitor in the state."""
    return f"{format_span(monitor.length)} {monitor.reference}"


@dataclass(frozen=True)
class Due:
    """The windows to judge, as times (ms): changed ones from `first` on, and new ones from `judged` until `end`."""

    first: int
    judged: int
    end: int
    changed_end: int


def due(context: Context, monitor: Monitor, state: ModelState, changed: Changed) -> Due | None:
    """Find the windows of a monitor that are to be judged; None where there is none.

    A window is judged when it has ended and a little time to settle has gone by. A monitor that is new for a model that
    is not begins with the present.
    """
    length = milliseconds(monitor.length)
    end = _floor(context.now_ms - milliseconds(context.config.job.settle), length)
    known = state.judged.get(judged_key(monitor))
    if known is None:
        first = end - length if state.judged else first_hour(context.client, context.model, context.fresh)
        if first is None:
            return None
        begin = judged = _floor(first, length)
    else:
        begin, judged = known
    first, changed_end = judged, judged
    if changed.span is not None:
        first = min(judged, max(begin, _floor(changed.span[0], length)))
        changed_end = changed.span[1]
    return Due(first, judged, end, changed_end) if first < end else None


def _floor(time: int, length: int) -> int:
    return time - time % length


def judge_windows(
    context: Context, entry: ModelEntry, state: ModelState, changed: Changed
) -> dict[str, tuple[int, int]]:
    """Judge what is due for every monitor; returns what is judged now, for the state."""
    judged = dict(state.judged)
    for monitor in context.monitors:
        work = due(context, monitor, state, changed)
        if work is not None:
            begin, _ = judged.get(judged_key(monitor), (work.first, 0))
            if (
                context.lease is not None
                and work.changed_end + monitor.reach * milliseconds(monitor.length) < work.judged
            ):
                # An alarm that comes or goes reaches further than the change. A run that dies after it has written
                # such an alarm leaves no trace of this, so the next one begins here again.
                unsure = replace(state, judged={**judged, judged_key(monitor): (begin, work.first)})
                save(context.client, context.lease, context.model, unsure, context.now_ms)
            _MonitorRun(context, monitor, entry, work).run()
            judged[judged_key(monitor)] = (begin, max(work.end, work.judged))
    return judged


@dataclass
class _MonitorRun:
    """One monitor's windows in one run."""

    context: Context
    monitor: Monitor
    entry: ModelEntry
    due: Due
    changed_end: int = 0
    judged: dict[str, tuple[str, Judgement]] = field(default_factory=dict)
    pending: dict[str, tuple[Document, Judgement]] = field(default_factory=dict)

    def run(self) -> None:
        """Judge, write, keep alerts."""
        context = self.context
        self.changed_end = self.due.changed_end
        timeline = self._timeline()
        known = Known(context.model, context.cells, _baselines(self.entry, timeline))
        alarms = self._alarms(timeline)
        # The promise is made for the model: its monitors share it.
        allowed = context.config.job.false_alarms_per_month / len(context.monitors)
        judge = Judge(self.monitor, known, timeline, alarms, allowed)
        quiet = self.entry.quiet_until
        for at in self._windows(timeline):
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
        keeper = AlertKeeper(
            context.client, context.lease, context.model, self.monitor, context.now_ms, context.run_id, quiet
        )
        kept = keeper.keep(self.judged)
        context.report.alerts += kept.written
        context.report.happened += kept.happened

    def _windows(self, timeline: Timeline) -> Iterator[int]:
        """Give the windows to judge: as far as the changes reach, then the new ones."""
        length = timeline.length
        for at in range(timeline.at(self.due.first), timeline.size):
            start, end = timeline.time(at)
            if end > self.due.judged or start < self.changed_end + self.monitor.reach * length:
                if self.context.lease is not None:
                    self.context.lease.keep()
                self.context.progress(f"{self.context.model}: judging {judged_key(self.monitor)} at {iso(start)[:16]}")
                yield at

    def _timeline(self) -> Timeline:
        context, length = self.context, milliseconds(self.monitor.length)
        start = self.due.first - self.monitor.reach * length
        size = (self.due.end - start) // length
        baseline = self.entry.newest_baseline
        timeline = Timeline(start, length, size, days=baseline.days if baseline else {})
        unit = unit_for(self.monitor.length)
        names = [*context.cells.subjects, JOINT_SUBJECT]
        subjects = any(subjects_of(rule, names) for rule in self.monitor.rules)
        segments = any(rule.on.segments for rule in self.monitor.rules)
        wanted = Wanted(unit, start, self.due.end, subjects=subjects, segments=segments)
        stored = dict(read(context.client, context.model, wanted))
        timeline.add((stored | {k: p for k, p in context.fresh.items() if k.granularity == unit}).items())
        return timeline

    def _alarms(self, timeline: Timeline) -> Alarms:
        """Read which windows of the timeline raised an alert."""
        context, alarms = self.context, Alarms()
        filters = [
            *context.model.filters(),
            {"terms": {"mpm.status": ["warning", "critical"]}},
            {"term": {"mpm.window.length": format_span(self.monitor.length)}},
            {"term": {"mpm.reference.kind": str(self.monitor.reference)}},
            {"range": {"mpm.window.start": {"gte": iso(timeline.start), "lt": iso(self.due.end)}}},
        ]
        body = {
            "query": {"bool": {"filter": filters}},
            "_source": ["mpm.subject.name", "mpm.segment", "mpm.window.start"],
        }
        pattern = all_months(Index.METRICS, context.model.name, context.model.environment)
        for hit in scan(context.client, pattern, body, sort="mpm.window.start"):
            mpm = hit["_source"]["mpm"]
            start = to_ms(parse_instant(mpm["window"]["start"]))
            alarms.starts.setdefault((mpm["subject"]["name"], segment_of(mpm)), set()).add(start)
        return alarms

    def _write(self) -> None:
        """Write the documents that say something new, with their revision."""
        context = self.context
        keys = [(document.index, name) for name, (document, _) in self.pending.items()]
        stored = get_many(context.client, keys, ["mpm.hash", "mpm.revision", "mpm.status", "mpm.evaluations"])
        new = []
        for name, (document, judgement) in self.pending.items():
            before = stored[name].source["mpm"] if name in stored else None
            if (revision := revised(document, before, context.run_id, "events changed")) is not None:
                new.append(revision)
            self.judged[name] = (document.index, judgement)
        context.report.metrics += len(new)
        if context.lease is not None and new:
            write(context.client, context.lease, new)
            refresh(context.client, {document.index for document in new})
        self.pending.clear()


def _baselines(entry: ModelEntry, timeline: Timeline) -> Mapping[str, BaselineCounts]:
    versions = {version.version for version, _ in timeline.windows}
    found = {version: entry.baseline_for(version) for version in versions}
    return {v: BaselineCounts(b.id, b.counts, b.days) for v, b in found.items() if b is not None}
