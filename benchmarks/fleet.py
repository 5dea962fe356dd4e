"""What a fleet of models writes in a year: documents made by the builders of the job, of made numbers.

`KINDS` different years are made; each stands for as many models, under their own names and ids. A model has 30 features
(20 numbers, 10 categories), a score and a label, two versions one after the other, and every fifth has a segment of 5
values. It is judged by the default rules, and its score by segment. That makes 58 metric documents a day, 24 of them of
hours; 63 with the segment.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from mpm_elk.alerts.decide import SUPPRESSED, Decision, Happened
from mpm_elk.alerts.decide import Verdict as Ruling
from mpm_elk.alerts.documents import event_document
from mpm_elk.alerts.documents import to_document as alert_document
from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import follow
from mpm_elk.alerts.notifications import outcome, written
from mpm_elk.alerts.people import Action, Deed, Verdict, changed, deed_document
from mpm_elk.cluster.fenced import Document
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, ModelKey, Segment, VersionKey
from mpm_elk.contract.names import Index, monthly
from mpm_elk.metrics.catalogue import JOINT_METRICS, SUBJECT_METRICS, TRAFFIC_METRICS, Metric
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import JOINT_SUBJECT, TRAFFIC_SUBJECT
from mpm_elk.profiles.cells import CategoricalCells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey
from mpm_elk.profiles.store import to_document as profile_document
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.documents import to_document
from mpm_elk.rules.evaluate import evaluate, subjects_of
from mpm_elk.rules.judgement import ALL_VERSIONS, Judgement, Monitor, ReferenceUsed, SubjectKey, monitors
from mpm_elk.timespan import DAY_MS, HOUR_MS, milliseconds

ENVIRONMENT = "production"
KINDS = 5
NUMERIC, CATEGORICAL = 20, 10
REGIONS = tuple(Segment("region", name) for name in ("EU", "UK", "US", "APAC", "LATAM"))
KEPT_HOURS = 90
"""Days that hourly profiles are kept, as by default."""

RULES = (
    *DEFAULT_RULES,
    Rule.model_validate(
        {"id": "score-by-region", "metric": "drift.psi_adjusted", "against": "rolling 28d", "warning": 0.01,
         "critical": 0.1, "on": {"subject": "prediction.score", "segments": ["region"]}}
    ),
)  # fmt: skip

_PER_HOUR = 400
_LEVEL = 0.001
_INCIDENTS = 0.004
"""The share of windows of a feature in which something is really wrong."""


def name_of(number: int) -> str:
    """Name a model; all names have one length."""
    return f"model{number:04d}"


@cache
def cells() -> CellSet:
    """Cut the cells of all subjects."""
    coarse = np.unique(np.r_[0:129:7, 128])
    found: dict[str, Any] = {
        f"features.number_{i:02d}": NumericCells(
            f"mpm.features.numeric.number_{i:02d}", np.linspace(-3, 3, 129), coarse
        )
        for i in range(NUMERIC)
    }
    found |= {
        f"features.category_{i:02d}": CategoricalCells(f"mpm.features.categorical.category_{i:02d}", tuple("abcdefgh"))
        for i in range(CATEGORICAL)
    }
    wide = np.unique(np.r_[0:257:13, 256])
    found["prediction.score"] = NumericCells("mpm.prediction.score", np.linspace(0, 1, 257), wide)
    found["prediction.label"] = CategoricalCells("mpm.prediction.label", ("no", "yes"))
    return CellSet(found)


SUBJECTS = (TRAFFIC_SUBJECT, JOINT_SUBJECT, *cells().subjects)


@dataclass
class Year:
    """One model's year, in days numbered from 0; `start` is its first midnight (ms)."""

    kind: int
    start: int
    days: int
    points: dict[tuple[str, str, Segment], list[Point]] = field(default_factory=dict)

    @property
    def model(self) -> ModelKey:
        """The model that the year is made for; others get copies."""
        return ModelKey(ENVIRONMENT, name_of(self.kind))

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments that are judged and counted beside all events."""
        return REGIONS if self.kind == 0 else ()

    def version(self, day: int) -> VersionKey:
        """Name the version that serves on a day: the second half of the year has a new one."""
        return self.model.version("2" if day > self.days // 2 else "1")

    def metrics(self, day: int) -> Iterator[Document]:
        """Judge a day and its hours, by the default rules."""
        rng = np.random.default_rng([7, self.kind, day])
        for monitor in monitors(RULES):
            length = milliseconds(monitor.length)
            midnight = self.start + day * DAY_MS
            for start in range(midnight, midnight + DAY_MS, length):
                for about in self._about(monitor, day):
                    yield self._judged(monitor, about, start, start + length, rng)

    def _about(self, monitor: Monitor, day: int) -> Iterator[SubjectKey]:
        every = self.model.version(ALL_VERSIONS)
        for segment in (EVERYTHING, *self.segments):
            rules = [rule for rule in monitor.rules if bool(rule.on.segments) == bool(segment.name)]
            for name in sorted({name for rule in rules for name in subjects_of(rule, SUBJECTS)}):
                yield SubjectKey(every if name == TRAFFIC_SUBJECT else self.version(day), name, segment)

    def _judged(self, monitor: Monitor, about: SubjectKey, start: int, end: int, rng: np.random.Generator) -> Document:
        measured, p_adjusted = numbers(about.subject, rng, bad=rng.random() < _INCIDENTS)
        rules = [rule for rule in monitor.rules if about.subject in subjects_of(rule, [about.subject])]
        evaluations = tuple(
            evaluate(rule, measured, p_adjusted, _LEVEL)
            for rule in rules
            if rule.metric in measured.values and bool(rule.on.segments) == bool(about.segment.name)
        )
        used = ReferenceUsed(27, 1, start - 28 * DAY_MS, start, (about.version.version,))
        judgement = Judgement(about, start, end, measured, used, p_adjusted, evaluations)
        document = to_document(monitor, judgement, cells())
        for evaluation in evaluations:
            known = self.points.setdefault((evaluation.rule, about.subject, about.segment), [])
            known.append(Point(start, end, evaluation, about.version.version, (document.index, document.id)))
        document.source["mpm"] |= {"revision": {"number": 1, "cause": "first"}, "run": {"id": run_id(end)}}
        return document

    def profiles(self, day: int) -> Iterator[Document]:
        """Count a day, and its hours where they are still kept."""
        rng = np.random.default_rng([8, self.kind, day])
        midnight = self.start + day * DAY_MS
        spans = [(DAY, midnight, 24.0)]
        if day >= self.days - KEPT_HOURS:
            spans += [(HOUR, midnight + hour * HOUR_MS, 1.0) for hour in range(24)]
        for granularity, start, hours in spans:
            for segment in (EVERYTHING, *self.segments):
                events = int(hours * _PER_HOUR / (5 if segment.name else 1))
                key = ProfileKey(self.version(day), segment, granularity, start)
                yield profile_document(key, counted(events, start, rng, outputs=bool(segment.name)), run_id(start))

    @cached_property
    def episodes(self) -> list[tuple[Episode, str]]:
        """The alerts of the year with their rules, from the points that `metrics` has noted: to be read afterwards."""
        rules = {rule.id: rule for rule in RULES}
        return [
            (episode, rule)
            for (rule, subject, segment), points in sorted(self.points.items())
            for episode in follow(Series(self.model, rule, subject, segment), points, rules[rule]).episodes
        ]


@cache
def _names(subject: str) -> tuple[list[str], list[str]]:
    """List what a document of a subject holds, and the tests that are its evidence."""
    chosen: Sequence[Metric] = TRAFFIC_METRICS if subject == TRAFFIC_SUBJECT else JOINT_METRICS
    if subject in cells().subjects:
        kind = cells().subjects[subject].kind
        chosen = [metric for metric in SUBJECT_METRICS if metric.fits(kind)]
    names = [name for m in chosen for name in (m.name, *(f"{m.name}_{ending}" for ending in m.beside))]
    return names, sorted({metric.test for metric in chosen if metric.test})


def numbers(subject: str, rng: np.random.Generator, *, bad: bool) -> tuple[Measured, float]:
    """Draw the numbers of a window: small ones, or those of something that is really wrong."""
    names, tests = _names(subject)
    values = dict(zip(names, rng.lognormal(-6.0, 1.0, len(names)).tolist(), strict=True))
    p = float(rng.uniform(0.2, 1.0))
    if subject == TRAFFIC_SUBJECT:
        count = float(round(rng.normal(24 * _PER_HOUR, 300)))
        values |= {"traffic.count": count, "traffic.count_expected": 24.0 * _PER_HOUR, "traffic.duration_mean": 5e6}
        values |= {"traffic.count_ratio": 1.0, "traffic.duration_ratio": 1.0, "traffic.freshness": 9.0}
    if bad:
        p = 1e-9
        worse = rng.choice(["drift.psi_adjusted", "quality.missing_increase", "drift.correlation_shift",
                            "traffic.duration_ratio", "traffic.failure_increase"], 3)  # fmt: skip
        values |= {str(name): float(rng.uniform(0.05, 0.6)) for name in worse if name in values}
    distributions: dict[str, Any] = {}
    if subject in cells().subjects:
        labels = cells().subjects[subject].coarse_labels()
        shares = np.ones(len(labels)) / len(labels)
        window, reference = (rng.multinomial(n, shares).tolist() for n in (24 * _PER_HOUR, 28 * 24 * _PER_HOUR))
        distributions = {"cells": labels, "window": window, "reference": reference}
    of_tests = dict.fromkeys(tests, p)
    culprit = "number_01 and number_02" if subject == JOINT_SUBJECT else "-0.14 … 0.19"
    size = 24 * _PER_HOUR
    return Measured(values, of_tests, size, 28 * size, culprit, {}, distributions), p


def counted(events: int, start: int, rng: np.random.Generator, *, outputs: bool) -> Profile:
    """Count so many made events; of a segment the outputs only, as the roll-up does."""
    subjects: dict[str, SubjectProfile] = {}
    for name, entry in cells().subjects.items():
        if outputs and not name.startswith("prediction."):
            continue
        counts = rng.multinomial(events, np.ones(entry.size) / entry.size)
        moments = (
            Moments(events, float(rng.normal()), float(events), -3.0, 3.0) if entry.kind == "numeric" else Moments()
        )
        subjects[name] = SubjectProfile(entry.hash, counts, 0, 0, moments)
    duration = Moments(events, 5e6 * events, 3e13 * events, 1e6, 9e7)
    return Profile(events, int(rng.poisson(0.002 * events)), duration, subjects, start + HOUR_MS - 9000)


def run_id(time: int) -> str:
    """Name the run that wrote what ended at a time."""
    return f"{time:013d}-fleet-1-abc123"


def alerts(year: Year, model: ModelKey) -> Iterator[Document]:
    """Make the alerts of a model, what happened to them, what people did, and what was told."""
    rules = {rule.id: rule for rule in RULES}
    for number, (found, name) in enumerate(year.episodes):
        episode = replace(found, series=replace(found.series, model=model))
        document = alert_document(episode, rules[name], run_id(episode.last.end), None)
        assert document is not None  # noqa: S101 — nothing is stored yet
        for transition in episode.transitions:
            happened = event_document(episode, rules[name], transition, transition.point.end, "fleet")
            yield happened
            yield from told(model, Happened(happened.id, happened.source), number)
        source = document.source
        for action in deeds(episode, number):
            source = changed(source, action) or source
            yield deed_document(source)
        yield replace(document, source=source)


def deeds(episode: Episode, number: int) -> list[Action]:
    """Say what people do about an alert: most are seen to within hours, three of four get a verdict."""
    at = episode.start + DAY_MS + (number % 7 + 1) * HOUR_MS
    done = [Action(Deed.ACKNOWLEDGED, "dana", at)] if number % 5 else []
    if number % 4:
        verdict = (Verdict.REAL, Verdict.EXPECTED, Verdict.FALSE)[number % 3]
        done.append(Action(Deed.CLOSED, "ming", at + DAY_MS, verdict=verdict))
    return done


def told(model: ModelKey, happened: Happened, number: int) -> Iterator[Document]:
    """Make the decisions on what to tell of it, and what became of them."""
    index = monthly(Index.ALERT_EVENTS, model.name, model.environment, happened.end)
    why = "the alert is muted" if number % 6 == 0 else None
    decision = Decision("on-call", model, (happened,), Ruling(SUPPRESSED, why) if why else Ruling())
    queued = written(decision, happened.end + 600_000, "fleet")
    yield Document(index, f"{decision.key}-decision", queued)
    if why is None:
        actions = ("failed", "sent") if number % 9 == 0 else ("sent",)
        for action in actions:
            source = outcome(queued, action, happened.end + 601_000, "fleet")
            yield Document(index, f"{decision.key}-{action}", source)


def copy_id(original: str, model: str) -> str:
    """Name the copy of a document for another model: of the same length, and as random."""
    return urlsafe_b64encode(hashlib.sha256(f"{original}{model}".encode()).digest()).rstrip(b"=").decode()
