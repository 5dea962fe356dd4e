"""Judge one window of a model: measure every subject that the rules look at, adjust over all of them, apply the rules.

Pure: windows in, judgements out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.metrics.catalogue import JOINT_SUBJECT, TRAFFIC_SUBJECT
from mpm_elk.metrics.measure import measure_subject, measure_together, measure_traffic
from mpm_elk.metrics.measured import Measured
from mpm_elk.profiles.cells import FEATURE_PREFIX
from mpm_elk.profiles.joint import paired
from mpm_elk.profiles.joint_windows import joint_windows
from mpm_elk.profiles.timeline import Timeline, subject
from mpm_elk.profiles.windows import subject_windows, traffic_windows
from mpm_elk.rules.absence import batch, missed
from mpm_elk.rules.evaluate import (
    Evaluation,
    adjust_over_subjects,
    chance_per_look,
    evaluate,
    out_of_hours,
    subjects_of,
)
from mpm_elk.rules.judgement import (
    ALL_VERSIONS,
    Alarms,
    Judgement,
    Known,
    Monitor,
    ReferenceUsed,
    SubjectKey,
)
from mpm_elk.rules.looking import looks_at
from mpm_elk.rules.references import Comparer, earlier, with_history

_Found = tuple[Measured, ReferenceUsed]


@dataclass(frozen=True)
class Judge:
    """Judges the windows of one model by the rules of one monitor.

    `bare` measures only what the rules name, for who needs no more than what they say.
    """

    monitor: Monitor
    known: Known
    timeline: Timeline
    alarms: Alarms
    false_alarms_per_month: float
    bare: bool = False

    def judge(self, at: int) -> list[Judgement]:
        """Judge window number `at`: every version, segment and subject that the monitor's rules look at."""
        local = self.timeline.ending(at, self.monitor.reach)
        found = dict(replace(self, timeline=local).measure(local.size - 1))
        adjusted = adjust_over_subjects({key: measured for key, (measured, _) in found.items()})
        start, end = self.timeline.time(at)
        return [
            Judgement(
                key,
                start,
                end,
                measured,
                reference,
                adjusted.get(key),
                tuple(
                    self._evaluate(rule, measured, adjusted.get(key), at)
                    for rule in self.monitor.rules
                    if self._looks_at(rule, key.subject, key.segment.name)
                ),
            )
            for key, (measured, reference) in sorted(found.items())
        ]

    def _evaluate(self, rule: Rule, measured: Measured, p_adjusted: float | None, at: int) -> Evaluation:
        start, end = self.timeline.time(at)
        if not rule.judges(start, end):
            return out_of_hours(rule)
        if rule.absent == "batch":
            return batch(rule, self.timeline.counts(), end, before=self.timeline.last_before or 0)
        return evaluate(rule, measured, p_adjusted, self._level)

    def measure(self, at: int) -> Iterator[tuple[SubjectKey, _Found]]:
        """Measure all subjects in window number `at`, as far back as the timeline goes."""
        traffic = any(subjects_of(rule, [TRAFFIC_SUBJECT]) for rule in self.monitor.rules)
        if traffic:
            yield from self._traffic(at)
        versions = [
            version
            for version in self.timeline.versions(at)
            if version.version != self.monitor.reference.version  # a version is not compared with itself
        ]
        wanted = {(version, segment): names for version in versions for segment, names in self._wanted(version, at)}
        together = versions if any(self._looks_at(rule, JOINT_SUBJECT, "") for rule in self.monitor.rules) else []
        subjects = sum(map(len, wanted.values())) + len(together) + traffic
        for (version, segment), names in wanted.items():
            comparer = Comparer(self.monitor, self.known, self.timeline, version, segment)
            for name in names:
                yield SubjectKey(version, name, segment), self._subject(name, comparer, at, self._level / subjects)
        for version in together:
            comparer = Comparer(self.monitor, self.known, self.timeline, version)
            yield from self._together(comparer, at, self._level / subjects)

    @property
    def _level(self) -> float:
        """The chance of a false alarm that one look may have."""
        return chance_per_look(self.false_alarms_per_month, self.monitor.length)

    def _wanted(self, version: VersionKey, at: int) -> Iterator[tuple[Segment, list[str]]]:
        """List the segments that rules look at, and the subjects in each."""
        for name in dict.fromkeys(segment for rule in self.monitor.rules for segment in rule.on.segments or ("",)):
            rules = self.monitor.rules
            names = [s for s in self.known.cells.subjects if any(self._looks_at(rule, s, name) for rule in rules)]
            if not name:
                yield EVERYTHING, names
                continue
            for segment in self.timeline.segments(version, at, name):
                yield segment, names

    def _looks_at(self, rule: Rule, name: str, segment: str) -> bool:
        return looks_at(rule, name, segment, self.known.cells.subjects.get(name))

    def _traffic(self, at: int) -> Iterator[tuple[SubjectKey, _Found]]:
        slots = self.timeline.traffic()
        usable = np.array([profile is not None and profile.count > 0 for profile in slots])
        before = self.timeline.last_before or 0
        if not usable[: at + 1].any() and not self._missed(at, before):
            return
        # Silence is told of too.
        flagged = self.alarms.flags(TRAFFIC_SUBJECT, EVERYTHING, self.timeline)
        chosen, describe = earlier(self.monitor, self.timeline, usable, flagged, [""] * self.timeline.size)
        rows, ends = with_history(at), [self.timeline.time(i)[1] for i in range(self.timeline.size)]
        measured = measure_traffic(traffic_windows(slots), chosen, rows, flagged[rows][:-1], ends=ends, before=before)
        key = SubjectKey(self.known.model.version(ALL_VERSIONS), TRAFFIC_SUBJECT, EVERYTHING)
        yield key, (measured, describe(at))

    def _missed(self, at: int, before: int) -> bool:
        """Tell whether a rule still looks for events in window number `at`, the last of which were at `before` (ms)."""
        end = self.timeline.time(at)[1]
        return bool(before) and any(missed(rule, before, end) for rule in self.monitor.rules if rule.absent)

    def _subject(self, name: str, comparer: Comparer, at: int, level: float) -> _Found:
        """Measure one subject; `level` is the p that it needs where it is the only one that drifted."""
        cells = self.known.cells.subjects[name]
        if comparer.segment != EVERYTHING:
            cells = cells.coarsened()
        flagged = self.alarms.flags(name, comparer.segment, self.timeline)
        found = comparer.compare(at, flagged, lambda slots: subject_windows(cells, subject(slots, name)))
        measured = measure_subject(
            cells,
            found.history,
            found.beside,
            found.flagged,
            in_sample=found.in_sample,
            learn_from=found.learn_from,
            level=level,
            only={rule.metric for rule in self.monitor.rules} if self.bare else None,
        )
        return measured, found.used

    def _together(self, comparer: Comparer, at: int, level: float) -> Iterator[tuple[SubjectKey, _Found]]:
        """Measure what features do together; nothing where the window has no sample of rows."""
        hashes = {name: cells.hash for name, cells in paired(self.known.cells).items()}
        flagged = self.alarms.flags(JOINT_SUBJECT, EVERYTHING, self.timeline)
        found = comparer.compare(
            at, flagged, lambda slots: joint_windows(hashes, [p.joint if p else None for p in slots])
        )
        if not found.history.events[-1]:
            return
        names = [name.removeprefix(FEATURE_PREFIX) for name in hashes]
        measured = measure_together(
            names, found.history, found.beside, found.flagged, learn_from=found.learn_from, level=level
        )
        yield SubjectKey(comparer.version, JOINT_SUBJECT, EVERYTHING), (measured, found.used)
