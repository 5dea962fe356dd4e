"""Rehearse rules on a model's past: what they would have raised, had they held. Pure: nothing is read or written."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import follow
from mpm_elk.config import Rule
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.evaluate import Evaluation, Severity, chance_per_look, evaluate
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, Judgement, Known, Monitor
from mpm_elk.timespan import DAY_MS, milliseconds

MONTH_DAYS = 30


@dataclass
class RuleRehearsed:
    """What one rule would have raised since `since` (ms).

    `windows` counts those in which it could decide of any subject, of `length` ms each; `seen` counts all. `episodes`
    are its alerts that were open then. `lack` says what it lacked in the last window, where it could not decide.
    """

    rule: str
    length: int
    since: int = 0
    windows: int = 0
    seen: int = 0
    episodes: list[Episode] = field(default_factory=list)
    lack: str = ""

    @property
    def days(self) -> float:
        """How many days the windows are in which it could decide."""
        return self.windows * self.length / DAY_MS

    @property
    def begun(self) -> list[Episode]:
        """The alerts that began in the time."""
        return [episode for episode in self.episodes if episode.start >= self.since]

    @property
    def a_month(self) -> float | None:
        """Give the alerts of 30 days; None where it could not decide in any window."""
        return len(self.begun) / self.days * MONTH_DAYS if self.windows else None

    @property
    def noisiest(self) -> list[tuple[str, int]]:
        """List subjects by how many alerts they raised, most first."""
        counts = Counter(named(episode.series) for episode in self.episodes)
        return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def named(series: Series) -> str:
    """Name what a series is about: the subject, and its segment where it has one."""
    segment = series.segment
    return f"{series.subject} ({segment.name}={segment.value})" if segment.name else series.subject


@dataclass(frozen=True)
class Sample:
    """A rule's number of one window, and what it would be whatever the threshold: see `Evaluation`."""

    start: int
    end: int
    version: str
    severity: Severity
    sustains: bool
    value: float


@dataclass
class Rehearsal:
    """Judges the windows of one monitor in order, as runs would have done, and follows the alerts of its rules.

    A window that alarmed is no part of later references, as in a run. `allowed` is the monitor's part of the false
    alarms a month that the model is promised. Windows that end at or before `since` (ms) are judged for the sake of
    those after them; those that end at or before `quiet_until` (ms) raise nothing, for the model was learning.
    With `sampled`, every rule's numbers are kept, as if its threshold were the lowest there is.
    """

    monitor: Monitor
    allowed: float
    since: int = 0
    quiet_until: int = 0
    sampled: bool = False
    samples: dict[Series, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    _alarms: Alarms = field(default_factory=Alarms)
    _points: dict[Series, list[Point]] = field(default_factory=lambda: defaultdict(list))
    _found: dict[str, RuleRehearsed] = field(default_factory=dict)
    _plain: dict[tuple[str, Severity, bool], Evaluation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.monitor.rules:
            self._found[rule.id] = RuleRehearsed(rule.id, milliseconds(self.monitor.length), self.since)

    def take(self, known: Known, timeline: Timeline, first: int = 0) -> None:
        """Judge the windows of a timeline from number `first` on; those before it are what they look back at."""
        judge = Judge(self.monitor, known, timeline, self._alarms, self.allowed)
        for at in range(first, timeline.size):
            judgements = judge.judge(at)
            start, end = timeline.time(at)
            self._alarms.note(start, judgements)
            decided: set[str] = set()
            for judgement in judgements:
                for evaluation in judgement.evaluations:
                    self._note(known, judgement, evaluation)
                    if evaluation.severity is not Severity.INSUFFICIENT:
                        decided.add(evaluation.rule)
                if self.sampled:
                    self._sample(known, judgement)
            if end > self.since:
                for rule in self._found.values():
                    rule.seen += 1
                    rule.windows += rule.rule in decided

    def _note(self, known: Known, judgement: Judgement, evaluation: Evaluation) -> None:
        key = judgement.key
        if evaluation.severity is Severity.INSUFFICIENT:
            self._found[evaluation.rule].lack = evaluation.reason
        if judgement.end <= self.quiet_until:
            return
        series = Series(known.model, evaluation.rule, key.subject, key.segment)
        kept = evaluation if evaluation.severity.alarming else self._plainly(evaluation)
        self._points[series].append(Point(judgement.start, judgement.end, kept, key.version.version, ("", "")))

    def _plainly(self, evaluation: Evaluation) -> Evaluation:
        """Give one evaluation for all quiet windows that say the same to an alert: there are very many."""
        about = evaluation.rule, evaluation.severity, evaluation.sustains
        if about not in self._plain:
            rule, severity, sustains = about
            self._plain[about] = Evaluation(rule, evaluation.metric, severity, "", sustains=sustains)
        return self._plain[about]

    def _sample(self, known: Known, judgement: Judgement) -> None:
        key, level = judgement.key, chance_per_look(self.allowed, self.monitor.length)
        if judgement.end <= self.quiet_until:
            return
        for rule in self.monitor.rules:
            if any(evaluation.rule == rule.id for evaluation in judgement.evaluations):
                found = evaluate(loosest(rule), judgement.measured, judgement.p_adjusted, level)
                value = math.nan if found.value is None else found.value
                series = Series(known.model, rule.id, key.subject, key.segment)
                self.samples[series].append(
                    Sample(judgement.start, judgement.end, key.version.version, found.severity, found.sustains, value)
                )

    def result(self) -> list[RuleRehearsed]:
        """Give what each rule would have raised."""
        rules = {rule.id: rule for rule in self.monitor.rules}
        for found in self._found.values():
            found.episodes = []
        for series, some in sorted(self._points.items()):
            self._found[series.rule].episodes += [
                episode
                for episode in follow(series, some, rules[series.rule]).episodes
                if episode.end is None or episode.end > self.since
            ]
        return list(self._found.values())


def loosest(rule: Rule) -> Rule:
    """Give the rule with a threshold that every number is past, so that evidence alone decides."""
    below = (rule.when or REGISTRY[rule.metric].bad) == "below"
    return rule.model_copy(update={"warning": math.inf if below else -math.inf, "critical": None})


def rehearse(monitor: Monitor, known: Known, timeline: Timeline, false_alarms_per_month: float) -> list[RuleRehearsed]:
    """Judge all windows of a timeline in order, and follow the alerts of every rule.

    `false_alarms_per_month` is the monitor's part of the model's promise.
    """
    rehearsal = Rehearsal(monitor, false_alarms_per_month)
    rehearsal.take(known, timeline)
    return rehearsal.result()


def total_a_month(rehearsed: Sequence[RuleRehearsed]) -> float | None:
    """Add the rules' alerts a month up; None where no rule could decide."""
    known = [rule.a_month for rule in rehearsed if rule.a_month is not None]
    return sum(known) if known else None
