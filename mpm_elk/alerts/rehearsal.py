"""Rehearse rules on a model's past: what they would have raised, had they held. Pure: nothing is read or written."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import follow
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.evaluate import Severity
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, Known, Monitor
from mpm_elk.timespan import DAY_MS, milliseconds

MONTH_DAYS = 30


@dataclass
class RuleRehearsed:
    """What one rule would have raised.

    `windows` counts those in which it could decide of any subject, of `length` ms each; `episodes` are its alerts.
    `lack` says what it lacked in the last window, where it could not decide.
    """

    rule: str
    length: int
    windows: int = 0
    episodes: list[Episode] = field(default_factory=list)
    lack: str = ""

    @property
    def days(self) -> float:
        """How many days the windows are in which it could decide."""
        return self.windows * self.length / DAY_MS

    @property
    def a_month(self) -> float | None:
        """Give the alerts of 30 days; None where it could not decide in any window."""
        return len(self.episodes) / self.days * MONTH_DAYS if self.windows else None

    @property
    def noisiest(self) -> list[tuple[str, int]]:
        """List subjects by how many alerts they raised, most first."""
        counts = Counter(episode.series.subject for episode in self.episodes)
        return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def rehearse(monitor: Monitor, known: Known, timeline: Timeline, false_alarms_per_month: float) -> list[RuleRehearsed]:
    """Judge all windows of a timeline in order, as runs would have done, and follow the alerts of every rule.

    A window that alarmed is no part of later references, as in a run. `false_alarms_per_month` is the monitor's part of
    the model's promise.
    """
    alarms = Alarms()
    judge = Judge(monitor, known, timeline, alarms, false_alarms_per_month)
    points: dict[Series, list[Point]] = defaultdict(list)
    found = {rule.id: RuleRehearsed(rule.id, milliseconds(monitor.length)) for rule in monitor.rules}
    for at in range(timeline.size):
        judgements = judge.judge(at)
        alarms.note(timeline.time(at)[0], judgements)
        decided: set[str] = set()
        for judgement in judgements:
            key = judgement.key
            for evaluation in judgement.evaluations:
                series = Series(known.model, evaluation.rule, key.subject, key.segment)
                where = ("", f"{judgement.start}")
                points[series].append(Point(judgement.start, judgement.end, evaluation, key.version.version, where))
                if evaluation.severity is Severity.INSUFFICIENT:
                    found[evaluation.rule].lack = evaluation.reason
                else:
                    decided.add(evaluation.rule)
        for rule in decided:
            found[rule].windows += 1
    rules = {rule.id: rule for rule in monitor.rules}
    for series, some in sorted(points.items()):
        found[series.rule].episodes += follow(series, some, rules[series.rule]).episodes
    return list(found.values())


def total_a_month(rehearsed: Sequence[RuleRehearsed]) -> float | None:
    """Add the rules' alerts a month up; None where no rule could decide."""
    known = [rule.a_month for rule in rehearsed if rule.a_month is not None]
    return sum(known) if known else None
