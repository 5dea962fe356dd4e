"""Judge made windows as the job does, without Elasticsearch: cells cut from the reference, rows counted, rules applied.

The reference is a baseline. The dispersion is learnt from the windows before, as many as the job takes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from benchmarks.planted import Table
from mpm_elk.config.references import parse_reference
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, ModelKey
from mpm_elk.metrics.catalogue import JOINT_SUBJECT, METRICS, TRAFFIC_SUBJECT
from mpm_elk.metrics.metric import JOINT
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.registry.training import count_rows, survey
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import chance_per_look, evaluate, subjects_of
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import HISTORY, Alarms, BaselineCounts, Judgement, Known, monitors
from mpm_elk.timespan import DAY_MS, milliseconds

MODEL = ModelKey("production", "benchmark")
VERSION = MODEL.version("1")
PROMISED = 0.1
"""False alarms a month, the default of `job.false_alarms_per_month`."""
DEFAULTS, SMALL, EVIDENCE = "mpm-elk", "mpm-elk, small drifts", "mpm-elk, evidence alone"
SMALL_DRIFTS = tuple(
    Rule.model_validate(rule)
    for rule in (
        {"id": "small-shift", "metric": "drift.mean_shift", "warning": 0.03},
        {"id": "small-drift", "metric": "drift.psi_adjusted", "warning": 0.003},
        {"id": "some-missing", "metric": "quality.missing_increase", "warning": 0.003},
        {"id": "some-unseen", "metric": "quality.unseen_increase", "warning": 0.001},
        {"id": "some-out-of-range", "metric": "quality.out_of_range_increase", "warning": 0.001},
        {"id": "some-correlation", "metric": "drift.correlation_shift", "warning": 0.05},
    )
)  # fmt: skip
"""Rules for who wants to know of small drifts too."""


def against_baseline(rules: Sequence[Rule], length: timedelta) -> tuple[Rule, ...]:
    """Give the rules about features, for windows of `length` and against the baseline."""
    changes = {"window": length, "against": parse_reference("baseline")}
    return tuple(r.model_copy(update=changes) for r in rules if METRICS[r.metric].subjects != (TRAFFIC_SUBJECT,))


@dataclass
class Judged:
    """Ours. The columns differ in rules only; `DEFAULTS` decide which past windows count as alarms."""

    length: timedelta = timedelta(days=1)
    promised: float = PROMISED / len(monitors(DEFAULT_RULES))
    """The promise is the model's; its monitors share it."""
    judgements: list[Judgement] = field(default_factory=list)
    """Those of the last window."""
    _known: Known = field(init=False)
    _past: list[Profile] = field(init=False)
    _alarms: Alarms = field(init=False)
    _passed: int = field(init=False)

    def learn(self, reference: Table, history: Iterable[Table]) -> None:
        """Cut cells, count the reference, and count the windows before."""
        chunk = reference.to_chunk()
        cells = survey([chunk]).cells
        counts, _ = count_rows([chunk], cells)
        self._known = Known(MODEL, cells, {VERSION.version: BaselineCounts("baseline", counts, {})})
        self._past = [self._count(table) for table in islice(history, HISTORY)]
        self._alarms, self._passed = Alarms(), 0

    def alarms(
        self,
        window: Table,
        *,
        keep: bool = False,
        only: tuple[str, ...] | None = None,  # noqa: ARG002
    ) -> Mapping[str, set[str]]:
        """Name the features that alarm, by column; a window to `keep` is the past of those after it."""
        profile, step = self._count(window), milliseconds(self.length)
        line = Timeline(20_000 * DAY_MS + self._passed * step, step, HISTORY + 1)
        line.windows[VERSION, EVERYTHING] = [*self._past, profile]
        rules = {DEFAULTS: DEFAULT_RULES, SMALL: SMALL_DRIFTS}
        rules = {column: against_baseline(some, self.length) for column, some in rules.items()}
        [monitor] = monitors(rules[DEFAULTS])
        self.judgements = Judge(monitor, self._known, line, self._alarms, self.promised).judge(HISTORY)
        if keep:
            self._alarms.note(line.time(HISTORY)[0], self.judgements)
            self._past, self._passed = [*self._past[1:], profile], self._passed + 1
        found = {
            column: {self._name(j) for j in self.judgements if self._alarming(j, some)}
            for column, some in rules.items()
        }
        level = self._level
        found[EVIDENCE] = {self._name(j) for j in self.judgements if j.p_adjusted is not None and j.p_adjusted <= level}
        return found

    @property
    def _level(self) -> float:
        return chance_per_look(self.promised, self.length)

    def _alarming(self, judgement: Judgement, rules: Sequence[Rule]) -> bool:
        name = judgement.key.subject
        kind = JOINT if name == JOINT_SUBJECT else self._known.cells.subjects[name].kind
        return any(
            evaluate(rule, judgement.measured, judgement.p_adjusted, self._level).severity.alarming
            for rule in rules
            if METRICS[rule.metric].fits(kind) and subjects_of(rule, [name])
        )

    def _name(self, judgement: Judgement) -> str:
        return judgement.key.subject.removeprefix("features.")

    def _count(self, table: Table) -> Profile:
        profile, _ = count_rows([table.to_chunk()], self._known.cells)
        return profile
