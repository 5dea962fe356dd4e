"""`mpm_elk.compare`: two tables, judged as the job judges a window against its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import follow
from mpm_elk.cluster.fenced import Document
from mpm_elk.config.model import JobSettings
from mpm_elk.config.references import Reference
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, ModelKey, names_in
from mpm_elk.errors import InputError, UsageError
from mpm_elk.metrics.catalogue import REGISTRY, TRAFFIC_SUBJECT
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.notebook.counts import Baseline, Layout, count_hours, count_once, count_reference
from mpm_elk.notebook.result import Alert, Comparison
from mpm_elk.notebook.tables import Arrow, as_arrow, require
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.registry.rows import Columns
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.documents import to_document
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Judgement, Known, Monitor, monitors
from mpm_elk.rules.looking import in_segments
from mpm_elk.timespan import DAY_MS, milliseconds

MODEL = ModelKey("notebook", "table")
VERSION = MODEL.version("current")
_BASELINE = Reference(kind="baseline")
_PER_MONTH: float = JobSettings().false_alarms_per_month


def compare(
    reference: object,
    current: object,
    *,
    time: str | None = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    score: str | None = None,
    label: str | None = None,
    value: str | None = None,
    failed: str | None = None,
    duration: str | None = None,
    segments: Sequence[str] | Mapping[str, str] = (),
    cells: CellSet | Mapping[str, Any] | None = None,
    rules: Sequence[Rule | Mapping[str, Any]] | None = None,
    min_samples: int | None = None,
    false_alarms_per_month: float = _PER_MONTH,
    keep_ids: bool = False,
) -> Comparison:
    """Compare two tables as the cluster compares a window with its reference, without Elasticsearch.

    A table is a pandas or polars frame, an Arrow table, or a dict of columns. Cells are cut from `reference` as
    `mpm-elk baseline create` cuts them, and both tables are counted in them; `cells` gives known ones, such as those
    of a model in the registry. Every column of the reference is a feature but those that another option names and
    those in `exclude`; `features` names the features instead. `score`, `label` and `value` name the model's outputs
    (without them, columns of these names are taken as outputs).

    With `time`, the column that holds each row's time, the current table is judged window by window as `mpm-elk run`
    judges traffic, and the days of the reference show how much days differ without drift: at least 28 are needed for
    a decision. Without it there is one window and no history. Then how much windows usually vary is unknown, so there
    are effects but no p-values, and no rule decides that asks for evidence (`evidence: none` does not ask).

    `rules` are those of an `mpm.yml`, as objects or mappings; without any, the default rules on features and outputs
    hold, against the reference. `min_samples` replaces that of all rules. Rules on traffic need `time`; `failed` marks
    the rows whose call failed, `duration` holds its time in ns. `segments` names columns that rules look at by value,
    or maps the rules' names to columns; they are no features unless `features` names them.

    Raises InputError for what is no usable table or column, UsageError for options that contradict each other.
    """
    before, now = as_arrow(reference, "reference"), as_arrow(current, "current")
    if not len(now):
        raise InputError("current: no rows", remedy="give a table with rows")
    named = {"timestamp": time, "score": score, "label": label, "value": value}
    given = {part: column for part, column in named.items() if column is not None}
    for option, column in given.items():
        require(before, column, "reference", "time" if option == "timestamp" else option)
    about = {"time": time, "failed": failed, "duration": duration}
    for option, column in ((option, column) for option, column in about.items() if column is not None):
        require(now, column, "current", option)
    groups = dict(segments) if isinstance(segments, Mapping) else {column: column for column in segments}
    for column in groups.values():
        require(now, column, "current", "segments")
    columns = Columns(exclude=frozenset(exclude), **given)
    layout = Layout(_only(columns, before, features), failed, duration, groups, frozenset(features or ()))
    known = cells if isinstance(cells, CellSet) else CellSet.from_document(cells or {})
    chosen, notes = _rules(rules, min_samples, timed=time is not None, segments=list(groups))
    baseline = count_reference(before, layout, known, timed=time is not None, keep_ids=keep_ids)
    notes += _about(baseline, now, layout)
    run = _Run(baseline, chosen, false_alarms_per_month)
    if time is None:
        notes.insert(0, _NO_HISTORY)
        run.once(now, layout)
    else:
        if len(baseline.days) < MIN_WINDOWS:
            notes.insert(0, _FEW_DAYS.format(len(baseline.days), MIN_WINDOWS))
        run.through_time(now, layout)
    alerts = [Alert.of(episode, timed=time is not None) for episode in run.episodes()]
    return Comparison(run.documents, alerts, notes, baseline.counts.count, len(now), timed=time is not None)


_NO_HISTORY = (
    "One window has no history: how much windows vary without drift is unknown, so there are no p-values, and rules "
    "that ask for evidence do not decide. Name the column of the time (time=…) of a reference of 28 days or more."
)
_FEW_DAYS = (
    "The reference has {0} days; {1} are needed to know how much days vary without drift. Until the windows of the "
    "current table make up for it, rules that ask for evidence do not decide."
)


def _only(columns: Columns, table: Arrow, features: Sequence[str] | None) -> Columns:
    """Leave out all features but the named ones."""
    if features is None:
        return columns
    for name in features:
        require(table, name, "reference", "features")
    others = {n for n in table.column_names if (columns.name(n) or "").startswith("features.") and n not in features}
    return Columns(columns.timestamp, columns.score, columns.label, columns.value, columns.exclude | others)


def _about(baseline: Baseline, now: Arrow, layout: Layout) -> list[str]:
    """Say what is not compared."""
    notes = []
    if baseline.left_out:
        names = ", ".join(name.removeprefix("features.") for name in baseline.left_out)
        notes.append(f"Not compared: {names}: in the reference every row has another text, or no value.")
    subjects = {column: layout.inputs.name(column) for column in now.column_names}
    known = {*baseline.cells.subjects, *baseline.left_out, "@timestamp", None}
    if fresh := [column for column, subject in subjects.items() if subject not in known]:
        notes.append(f"Not compared: {', '.join(fresh)}: the reference has no such column.")
    absent = sorted(set(baseline.cells.subjects) - set(subjects.values()))
    if absent:
        names = ", ".join(name.removeprefix("features.") for name in absent)
        notes.append(f"The current table has no column for {names}: all its values count as missing.")
    return notes


def _rules(
    given: Sequence[Rule | Mapping[str, Any]] | None, min_samples: int | None, *, timed: bool, segments: Sequence[str]
) -> tuple[list[Rule], list[str]]:
    """Make the rules that hold, and say which do not."""
    rules = [rule if isinstance(rule, Rule) else _rule(rule) for rule in (DEFAULT_RULES if given is None else given)]
    if given is None:
        rules = [_changed(rule, against="baseline") for rule in rules if not _on_traffic(rule)]
    if min_samples is not None:
        rules = [_changed(rule, min_samples=min_samples) for rule in rules]
    for rule in rules:
        if rule.against.kind in ("training", "window"):
            raise UsageError(
                f"rule {rule.id} compares with {rule.against}, which two tables cannot show",
                remedy="give those rows as the reference, and `against: baseline`",
            )
        if rule.against.kind == "version":
            raise UsageError(
                f"rule {rule.id} compares with {rule.against}, but a table has one version",
                remedy="give the rows of that version as the reference, and `against: baseline`",
            )
        if missing := [part for name in rule.on.segments for part in names_in(name) if part not in segments]:
            raise UsageError(
                f"rule {rule.id} looks at the segment {missing[0]!r}, which no column was named for",
                remedy=f"give segments=[{missing[0]!r}]",
            )
    notes = []
    if not timed:
        left = [rule.id for rule in rules if _on_traffic(rule) or rule.on.segments]
        if left:
            notes.append(
                "Rules on traffic and on segments look at windows in time: without time=…, "
                f"{', '.join(left)} say nothing."
            )
        rules = [rule for rule in rules if rule.id not in left]
        other = [rule.id for rule in rules if rule.against != _BASELINE]
        if other:
            notes.append(f"Without time=… there is no reference but the table: {', '.join(other)} compare with it.")
        rules = [_changed(rule, against="baseline", window="1d") for rule in rules]
    if not rules:
        raise UsageError(
            "no rule is left to judge by", remedy="give rules on features or outputs, or leave `rules` out"
        )
    return rules, notes


def _on_traffic(rule: Rule) -> bool:
    return REGISTRY[rule.metric].subjects == (TRAFFIC_SUBJECT,)


def _rule(given: Mapping[str, Any]) -> Rule:
    try:
        return Rule.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"]))
        raise UsageError(
            f"rule {given.get('id', '(without id)')}: {where}: {found['msg'].removeprefix('Value error, ')}",
            remedy="write it as in mpm.yml",
        ) from None


def _changed(rule: Rule, **changes: Any) -> Rule:
    return _rule({**rule.model_dump(by_alias=True), **changes})


@dataclass
class _Run:
    """What `mpm-elk run` does with a model's profiles, on a table's."""

    baseline: Baseline
    rules: list[Rule]
    false_alarms_per_month: float

    def __post_init__(self) -> None:
        counts = BaselineCounts("reference", self.baseline.counts, self.baseline.days)
        self.known = Known(MODEL, self.baseline.cells, {VERSION.version: counts})
        self.monitors = monitors(self.rules)
        self.judged: list[tuple[Document, Judgement]] = []

    @property
    def documents(self) -> list[dict[str, Any]]:
        """What the job would write into `mpm-metrics-v1-*`."""
        return [document.source for document, _ in self.judged]

    def once(self, now: Arrow, layout: Layout) -> None:
        """Judge the table as one window."""
        profile = count_once(now, layout, self.baseline.cells)
        [monitor] = self.monitors
        timeline = Timeline(0, DAY_MS, 1)
        timeline.add([(ProfileKey(VERSION, EVERYTHING, DAY, 0), profile)])
        # Days of the reference say nothing about a window of unknown length.
        total = BaselineCounts("reference", self.baseline.counts, {})
        self.known = Known(MODEL, self.baseline.cells, {VERSION.version: total})
        self._judge(monitor, timeline, 0)

    def through_time(self, now: Arrow, layout: Layout) -> None:
        """Judge the table window by window, by each monitor."""
        rules = [rule for monitor in self.monitors for rule in monitor.rules]
        segments = dict.fromkeys([*layout.segments, *(name for rule in rules for name in rule.on.segments)])
        plan = in_segments(rules, segments, self.baseline.cells)
        windows = count_hours(now, layout, self.baseline.cells, plan)
        starts = sorted(start for some in windows.values() for start in some)
        for monitor in self.monitors:
            length = milliseconds(monitor.length)
            first = starts[0] - starts[0] % length
            start = first - monitor.reach * length
            timeline = Timeline(start, length, (starts[-1] - start) // length + 1, days=self.baseline.days)
            for segment, profiles in windows.items():
                timeline.add((ProfileKey(VERSION, segment, HOUR, at), p) for at, p in profiles.items())
            self._judge(monitor, timeline, monitor.reach)

    def _judge(self, monitor: Monitor, timeline: Timeline, first: int) -> None:
        alarms = Alarms()
        allowed = self.false_alarms_per_month / len(self.monitors)
        judge = Judge(monitor, self.known, timeline, alarms, allowed)
        for at in range(first, timeline.size):
            judgements = judge.judge(at)
            alarms.note(timeline.time(at)[0], judgements)
            self.judged += [(to_document(monitor, j, self.baseline.cells), j) for j in judgements]

    def episodes(self) -> list[Episode]:
        """Give the episodes that the windows raise, as `mpm-elk run` keeps them."""
        points: dict[Series, list[Point]] = {}
        for document, judgement in self.judged:
            for evaluation in judgement.evaluations:
                series = Series(MODEL, evaluation.rule, judgement.key.subject, judgement.key.segment)
                where = document.index, document.id
                point = Point(judgement.start, judgement.end, evaluation, VERSION.version, where)
                points.setdefault(series, []).append(point)
        rules = {rule.id: rule for rule in self.rules}
        return [
            episode
            for series, some in sorted(points.items())
            for episode in follow(series, some, rules[series.rule]).episodes
        ]
