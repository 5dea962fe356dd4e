"""Judge one window of a model: measure every subject that the rules look at, adjust over all of them, apply the rules.

Pure: windows in, judgements out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from mpm_elk.config.model import Rule
from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.metrics import Flags
from mpm_elk.metrics.catalogue import JOINT_SUBJECT, TRAFFIC_SUBJECT
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import measure_subject, measure_traffic
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.reference import members
from mpm_elk.profiles.cells import Cells
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import BASELINE, Slots, Timeline, subject
from mpm_elk.profiles.windows import SubjectWindows, less, subject_windows, traffic_windows
from mpm_elk.rules.evaluate import adjust_over_subjects, chance_per_look, evaluate, subjects_of
from mpm_elk.rules.judgement import (
    ALL_VERSIONS,
    HISTORY,
    Alarms,
    BaselineCounts,
    Judgement,
    Known,
    Monitor,
    ReferenceUsed,
    SubjectKey,
)
from mpm_elk.rules.looking import looks_at
from mpm_elk.rules.references import Rows, against_fixed, against_training
from mpm_elk.rules.together import Together
from mpm_elk.timespan import DAY_MS

_Found = tuple[Measured, ReferenceUsed]


@dataclass(frozen=True)
class Judge:
    """Judges the windows of one model by the rules of one monitor."""

    monitor: Monitor
    known: Known
    timeline: Timeline
    alarms: Alarms
    false_alarms_per_month: float

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
                    evaluate(rule, measured, adjusted.get(key), self._level)
                    for rule in self.monitor.rules
                    if self._looks_at(rule, key.subject, key.segment.name)
                ),
            )
            for key, (measured, reference) in sorted(found.items())
        ]

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
            slots, owners = self.timeline.lineage(version, segment)
            for name in names:
                key = SubjectKey(version, name, segment)
                yield key, self._subject(key, at, slots, owners, self._level / subjects)
        for version in together:
            yield from self._together(version, at, self._level / subjects)

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
        flagged = self.alarms.flags(TRAFFIC_SUBJECT, EVERYTHING, self.timeline)
        chosen = members(self.monitor.reference, self.monitor.length, usable, ~flagged)
        if usable[: at + 1].any():  # silence is told of too
            rows, ends = _with_history(at), [self.timeline.time(i)[1] for i in range(self.timeline.size)]
            measured = measure_traffic(traffic_windows(slots), chosen, rows, flagged[rows][:-1], ends=ends)
            key = SubjectKey(self.known.model.version(ALL_VERSIONS), TRAFFIC_SUBJECT, EVERYTHING)
            yield key, (measured, self._used(at, chosen[at], usable, [""] * self.timeline.size))

    def _together(self, version: VersionKey, at: int, level: float) -> Iterator[tuple[SubjectKey, _Found]]:
        _, owners = self.timeline.lineage(version)
        flagged = self.alarms.flags(JOINT_SUBJECT, EVERYTHING, self.timeline)
        together = Together(self.monitor, self.known, self.timeline, version, flagged, level)
        found = together.measure(at, _with_history(at), lambda some, usable: self._used(at, some, usable, owners))
        if found is not None:
            yield SubjectKey(version, JOINT_SUBJECT, EVERYTHING), found

    def _subject(self, key: SubjectKey, at: int, slots: Slots, owners: Sequence[str], level: float) -> _Found:
        """Measure one subject; `level` is the p that it needs where it is the only one that drifted."""
        cells = self.known.cells.subjects[key.subject]
        if key.segment != EVERYTHING:
            cells = cells.coarsened()
        windows = subject_windows(cells, subject(slots, key.subject))
        flagged = self.alarms.flags(key.subject, key.segment, self.timeline)
        rows = _with_history(at)
        history, past_flags = windows.take(rows), flagged[rows][:-1]
        in_sample = np.array([owner == BASELINE for owner in owners[rows]], dtype=np.bool_)
        reference = self.monitor.reference

        if reference.kind == "version":
            other = self.known.model.version(reference.version or "")
            found: Slots = self.timeline.windows.get((other, key.segment), [None] * self.timeline.size)
            # Where the other version stands in for the past of this one, it would be compared with itself.
            others: Slots = [None if owner == other.version else p for p, owner in zip(found, owners, strict=True)]
            beside = subject_windows(cells, subject(others, key.subject)).take(rows)
            start, end = self.timeline.time(at)
            used = ReferenceUsed(1, 0, start, end, (other.version,)) if others[at] is not None else ReferenceUsed()
            return measure_subject(cells, history, beside, past_flags, in_sample=in_sample, level=level), used

        if reference.kind == "baseline":
            return self._against_baseline(key, cells, history, past_flags, in_sample, level=level)

        if reference.kind in ("training", "window"):
            about = Rows([self.timeline.time(i) for i in range(*rows.indices(self.timeline.size))], owners[rows])
            if reference.kind == "window":
                beside, used = against_fixed(self.known.fixed, key, cells, about)
            else:
                beside, used = against_training(self.known.trainings.get(key.version.version), key, cells, about)
            return measure_subject(cells, history, beside, past_flags, in_sample=in_sample, level=level), used

        usable = windows.total > 0
        chosen = members(reference, self.monitor.length, usable, ~flagged)
        used = self._used(at, chosen[at], usable, owners)
        beside = windows.pool(chosen[rows])
        return measure_subject(cells, history, beside, past_flags, in_sample=in_sample, level=level), used

    def _used(self, at: int, chosen: Flags, usable: Flags, owners: Sequence[str]) -> ReferenceUsed:
        """Describe a reference of `chosen` windows; those that would be in it but for their alerts are excluded."""
        used = np.flatnonzero(chosen).tolist()
        if not used:
            return ReferenceUsed()
        possible = members(self.monitor.reference, self.monitor.length, usable, np.ones_like(usable))[at]
        excluded = int((possible & ~chosen).sum())
        start, end = self.timeline.time(used[0])[0], self.timeline.time(used[-1])[1]
        return ReferenceUsed(
            len(used), excluded, start, end, tuple(dict.fromkeys(owners[i] for i in used if owners[i]))
        )

    def _against_baseline(
        self, key: SubjectKey, cells: Cells, history: SubjectWindows, flagged: Flags, in_sample: Flags, *, level: float
    ) -> _Found:
        """Compare with the baseline's total; its days, where it has enough, show how much daily windows vary.

        Windows of another length vary otherwise: hours have their time of day, and fewer events that hang together.
        """
        entry = self.known.baselines.get(key.version.version)
        if entry is None or key.segment != EVERYTHING:  # baselines count all events, not those of a segment
            entry = BaselineCounts("", Profile(), {})
        total = subject_windows(cells, [entry.total.subjects.get(key.subject)])
        beside = total.take(np.zeros(len(history.missing), dtype=np.intp))
        learn_from = None
        days = subject_windows(cells, [entry.days[day].subjects.get(key.subject) for day in sorted(entry.days)])
        days = days.take(np.flatnonzero(days.total))
        known = len(days.missing)
        if known >= MIN_WINDOWS and self.timeline.length == DAY_MS:
            others = less(total.take(np.zeros(known, dtype=np.intp)), days)  # a day is compared with all other days
            history, beside = _stack(days, history), _stack(others, beside)
            learn_from = np.arange(len(history.missing)) < known
            in_sample = np.concatenate([np.ones(known, dtype=np.bool_), in_sample])
            flagged = np.concatenate([np.zeros(known, dtype=np.bool_), flagged])
        measured = measure_subject(
            cells, history, beside, flagged, in_sample=in_sample, learn_from=learn_from, level=level
        )
        return measured, ReferenceUsed(baseline=entry.id or None)


def _with_history(at: int) -> slice:
    """Choose a window and the windows from which its dispersion is learnt."""
    return slice(max(0, at - HISTORY), at + 1)


def _stack(first: SubjectWindows, second: SubjectWindows) -> SubjectWindows:
    names = [field.name for field in fields(SubjectWindows)]
    return SubjectWindows(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))
