"""Backtest rules: what they would have raised on the stored profiles of the past. Reads only, and only as a reader may.

A model's windows are judged part by part, as a run judges them, so that memory does not grow with the time looked at.
"""

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.compared import Compared, Known, compare
from mpm_elk.alerts.episodes import Series
from mpm_elk.alerts.rehearsal import Rehearsal, RuleRehearsed, Sample
from mpm_elk.alerts.suggest import Past, Suggestion, suggest
from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.config import Config, Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.errors import UsageError
from mpm_elk.job.context import Context
from mpm_elk.job.lateness import Lateness, lateness
from mpm_elk.job.report import ModelReport
from mpm_elk.job.timelines import known_of, read_fixed, read_timeline, reads_subjects
from mpm_elk.job.unknowable import Seen, said
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.store import HOUR, first_profile
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.store import list_models, load
from mpm_elk.rules.defaults import rules_of
from mpm_elk.rules.judgement import Monitor, monitors
from mpm_elk.timespan import iso, milliseconds

_PART, _PART_OF_TRAFFIC = 60, 1000
"""So many windows are judged before the next are read."""


@dataclass(frozen=True)
class Question:
    """Which rules on which past: windows that end in (since, until] (ms), of models whose names match.

    `rules` are all that hold together; `only` names those that are asked about. None: those of the configuration.
    """

    since: int
    until: int
    models: Sequence[str] = ()
    environment: str | None = None
    rules: tuple[Rule, ...] | None = None
    only: Sequence[str] = ()
    sampled: bool = False
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class RulePast:
    """What one rule would have raised on a model, and how that is beside the alerts that exist."""

    rule: Rule
    rehearsed: RuleRehearsed
    compared: Compared
    decided_from: int


@dataclass
class ModelPast:
    """What all rules would have raised on a model in [start, end) (ms); `limits` says what cannot be known."""

    model: ModelKey
    start: int
    end: int
    rules: list[RulePast] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    late: Lateness | None = None
    known: list[Known] = field(default_factory=list)
    samples: dict[Series, list[Sample]] = field(default_factory=dict)


def backtest(client: Elasticsearch, config: Config, question: Question) -> list[ModelPast]:
    """Judge the past of every model by the rules, in order of the models' names.

    Raises UsageError where no model matches, or no rule is called so.
    """
    rules = rules_judged(config, question)
    if unknown := [name for name in question.only if name not in {rule.id for rule in rules}]:
        raise UsageError(f"there is no rule {unknown[0]!r}", remedy=f"rules are: {', '.join(r.id for r in rules)}")
    found = []
    for model in _models(client, question):
        mine = tuple(rule for rule in rules if rule.matches(model.name))
        if any(not question.only or rule.id in question.only for rule in mine):
            found.append(_ModelRun(client, config, question, model, mine).run())
    return found


def rules_judged(config: Config, question: Question) -> tuple[Rule, ...]:
    """Give all rules that are taken to hold."""
    if question.rules is not None:
        return question.rules
    return rules_of(config)


def suggestions(pasts: Sequence[ModelPast], a_month: float) -> list[Suggestion]:
    """Suggest thresholds for every rule that was backtested, from all models that it looks at, with their numbers."""
    rules = {one.rule.id: one.rule for past in pasts for one in past.rules}
    found = []
    for name, rule in rules.items():
        samples = {series: some for past in pasts for series, some in past.samples.items() if series.rule == name}
        rehearsed = [one.rehearsed for past in pasts for one in past.rules if one.rule.id == name]
        known = [one for past in pasts for one in past.known if one.episode.series.rule == name]
        found.append(suggest(Past(rule, samples, rehearsed, known), a_month))
    return found


def _models(client: Elasticsearch, question: Question) -> list[ModelKey]:
    known = list_models(client)
    some = [
        model
        for model in known
        if (not question.models or any(fnmatch.fnmatchcase(model.name, pattern) for pattern in question.models))
        and question.environment in (None, model.environment)
    ]
    if not some:
        names = ", ".join(map(str, known)) or "none"
        raise UsageError("no model matches that has been seen by `mpm-elk run`", remedy=f"models are: {names}")
    return some


@dataclass
class _ModelRun:
    """The past of one model."""

    client: Elasticsearch
    config: Config
    question: Question
    model: ModelKey
    rules: tuple[Rule, ...]

    @cached_property
    def _context(self) -> Context:
        config = self.config.model_copy(update={"rules": self.rules, "extends": ()})
        return Context(self.client, config, self.model, self.question.until, "backtest", ModelReport(self.model))

    def run(self) -> ModelPast:
        entry = load(self.client, self.model)
        self._context.cells = entry.cells.cells if entry.cells else CellSet({})
        first_day, first_hour = (first_profile(self.client, self.model, unit) for unit in (None, HOUR))
        if first_day is None:
            past = ModelPast(self.model, self.question.until, self.question.until)
            past.limits.append("no profile is stored: the model was not read by a run yet")
            return past
        end = min(self.question.until, self._read_until())
        past = ModelPast(self.model, max(self.question.since, first_day), end)
        past.known = self._known(past)
        seen = Seen(first_day, first_hour, entry)
        groups = monitors(self.rules)
        for monitor in groups:
            if any(self._asked(rule) for rule in monitor.rules):
                # The promise is made for the model: its monitors share it.
                self._judge(past, monitor, self.config.job.false_alarms_per_month / len(groups), seen)
        past.limits += said(seen, past.start, past.end, [rule.rule for rule in past.rules])
        past.late = lateness(self.client, self.model, past.start, past.end)
        return past

    def _asked(self, rule: Rule) -> bool:
        return not self.question.only or rule.id in self.question.only

    def _judge(self, past: ModelPast, monitor: Monitor, allowed: float, seen: Seen) -> None:
        """Judge the windows of one monitor, and note what its rules would have raised."""
        entry = seen.entry
        length = milliseconds(monitor.length)
        stored = seen.first_hour if unit_for(monitor.length) == HOUR else seen.first_day
        first = None if stored is None else stored - stored % length
        since = past.start
        if first is not None and seen.hours_dropped and unit_for(monitor.length) == HOUR:
            since = max(since, first + monitor.reach * length)
            seen.hours_from[monitor.length] = since
        rehearsal = Rehearsal(monitor, allowed, since, entry.quiet_until, sampled=self.question.sampled)
        if first is not None:
            # Alarms of the time before decide what is usual: as many windows as one looks back at are judged first.
            begin = max(first, past.start - past.start % length - monitor.reach * length)
            seen.judged_from = begin if seen.judged_from is None else min(seen.judged_from, begin)
            fixed = read_fixed(self._context, monitor)
            for timeline in self._parts(monitor, begin, past.end - past.end % length, seen):
                rehearsal.take(known_of(self._context, entry, timeline, fixed), timeline, monitor.reach)
        rules = {rule.id: rule for rule in monitor.rules}
        for found in rehearsal.result():
            if self._asked(rules[found.rule]):
                were = [known for known in past.known if known.episode.series.rule == found.rule]
                past.rules.append(RulePast(rules[found.rule], found, compare(found.episodes, were), since))
        past.samples.update(rehearsal.samples)

    def _parts(self, monitor: Monitor, begin: int, end: int, seen: Seen) -> Iterator[Timeline]:
        """Give timelines that follow each other; each begins with the windows that its new ones look back at."""
        context, timeline = self._context, None
        size = (_PART if reads_subjects(context, monitor) else _PART_OF_TRAFFIC) * milliseconds(monitor.length)
        for start in range(begin, end, size):
            self.question.progress(f"{self.model}: judging {', '.join(rule.id for rule in monitor.rules)}")
            timeline = read_timeline(context, monitor, seen.entry, (start, min(start + size, end)), timeline)
            seen.note(timeline, 0 if start == begin else monitor.reach)
            yield timeline

    def _read_until(self) -> int:
        """Give the time (ms) up to which runs have read: windows after it would look silent."""
        newest = {"newest": {"max": {"field": "mpm.window.end"}}}
        body = {"size": 0, "query": {"bool": {"filter": self.model.filters()}}, "aggs": newest}
        profiles = {**body, "aggs": {"newest": {"max": {"field": "@timestamp"}}}}
        name, environment = self.model.name, self.model.environment
        answers = search_all(
            self.client,
            [
                Search(all_months(Index.METRICS, name, environment), body),
                Search(all_months(Index.PROFILES, name, environment), profiles),
            ],
        )
        values = [answer["aggregations"]["newest"]["value"] for answer in answers if "aggregations" in answer]
        return max((int(value) for value in values if value is not None), default=0)

    def _known(self, past: ModelPast) -> list[Known]:
        """Read the alerts that exist of this time."""
        filters: list[dict[str, Any]] = [
            *self.model.filters(),
            {"range": {"mpm.alert.last_detected": {"gt": iso(past.start)}}},
            {"range": {"mpm.alert.start": {"lt": iso(past.end)}}},
        ]
        hits = scan(self.client, Index.ALERTS, {"query": {"bool": {"filter": filters}}}, sort="mpm.alert.start")
        return [Known.of(hit["_source"]) for hit in hits if not hit["_source"]["mpm"]["alert"].get("withdrawn")]
