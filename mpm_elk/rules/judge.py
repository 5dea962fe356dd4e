"""Judge one window of a model: measure every subject that the rules look at, adjust over all of them, apply the rules.

Pure: windows in, judgements out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from mpm_elk.config.model import Rule
from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey
from mpm_elk.metrics import Flags
from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import Measured, measure_subject, measure_traffic
from mpm_elk.metrics.reference import members
from mpm_elk.profiles.cells import OUTPUTS
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import BASELINE, Slots, Timeline, subject
from mpm_elk.profiles.windows import SubjectWindows, subject_windows, traffic_windows
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
        level = chance_per_look(self.false_alarms_per_month, self.monitor.length)
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
                    evaluate(rule, measured, adjusted.get(key), level)
                    for rule in self.monitor.rules
                    if _looks_at(rule, key)
                ),
            )
            for key, (measured, reference) in sorted(found.items())
        ]

    def measure(self, at: int) -> Iterator[tuple[SubjectKey, _Found]]:
        """Measure all subjects in window number `at`, as far back as the timeline goes."""
        if any(subjects_of(rule, [TRAFFIC_SUBJECT]) for rule in self.monitor.rules):
            yield from self._traffic(at)
        for version in self.timeline.versions(at):
            for segment, names in self._wanted(version, at):
                slots, owners = self.timeline.lineage(version, segment)
                for name in names:
                    key = SubjectKey(version, name, segment)
                    yield key, self._subject(key, at, slots, owners)

    def _wanted(self, version: VersionKey, at: int) -> Iterator[tuple[Segment, list[str]]]:
        """List the segments that rules look at, and the subjects in each. Segments have profiles of outputs only."""
        for name in dict.fromkeys(segment for rule in self.monitor.rules for segment in rule.on.segments or ("",)):
            rules = [rule for rule in self.monitor.rules if _in_segment(rule, name)]
            names = [s for s in self.known.cells.subjects if any(subjects_of(rule, [s]) for rule in rules)]
            if not name:
                yield EVERYTHING, names
                continue
            for segment in self.timeline.segments(version, at, name):
                yield segment, [s for s in names if s in OUTPUTS]

    def _traffic(self, at: int) -> Iterator[tuple[SubjectKey, _Found]]:
        slots = self.timeline.traffic()
        usable = np.array([profile is not None and profile.count > 0 for profile in slots])
        flagged = self.alarms.flags(TRAFFIC_SUBJECT, EVERYTHING, self.timeline)
        chosen = members(self.monitor.reference, self.monitor.length, usable, ~flagged)
        if usable[at] or chosen[at].any():
            rows = _with_history(at)
            measured = measure_traffic(traffic_windows(slots), chosen, rows, flagged[rows][:-1])
            key = SubjectKey(self.known.model.version(ALL_VERSIONS), TRAFFIC_SUBJECT, EVERYTHING)
            yield key, (measured, _used(self.timeline, chosen[at], usable, flagged, [""] * self.timeline.size))

    def _subject(self, key: SubjectKey, at: int, slots: Slots, owners: Sequence[str]) -> _Found:
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
            others: Slots = self.timeline.windows.get((other, key.segment), [None] * self.timeline.size)
            beside = subject_windows(cells, subject(others, key.subject)).take(rows)
            start, end = self.timeline.time(at)
            used = ReferenceUsed(windows=1, start=start, end=end, versions=(other.version,))
            return measure_subject(cells, history, beside, past_flags, in_sample), used

        if reference.kind == "baseline":
            entry = self.known.baselines.get(key.version.version) or BaselineCounts("", Profile(), {})
            past = subject_windows(cells, [entry.days[day].subjects.get(key.subject) for day in sorted(entry.days)])
            if len(past.missing) >= MIN_WINDOWS:
                # The baseline's own days show how much windows vary where nothing drifts.
                history, past_flags = _stack(past, windows.take(slice(at, at + 1))), np.zeros(len(past.missing), bool)
                in_sample = np.append(np.ones(len(past.missing), dtype=np.bool_), False)
            total = subject_windows(cells, [entry.total.subjects.get(key.subject)])
            beside = total.take(np.zeros(len(history.missing), dtype=np.intp))
            used = ReferenceUsed(baseline=entry.id or None)
            return measure_subject(cells, history, beside, past_flags, in_sample), used

        usable = windows.total > 0
        chosen = members(reference, self.monitor.length, usable, ~flagged)
        used = _used(self.timeline, chosen[at], usable, flagged, owners)
        return measure_subject(cells, history, windows.pool(chosen[rows]), past_flags, in_sample), used


def _looks_at(rule: Rule, key: SubjectKey) -> bool:
    return _in_segment(rule, key.segment.name) and bool(subjects_of(rule, [key.subject]))


def _in_segment(rule: Rule, name: str) -> bool:
    return name in rule.on.segments if name else not rule.on.segments


def _with_history(at: int) -> slice:
    """Choose a window and the windows from which its dispersion is learnt."""
    return slice(max(0, at - HISTORY), at + 1)


def _stack(first: SubjectWindows, second: SubjectWindows) -> SubjectWindows:
    names = [field.name for field in fields(SubjectWindows)]
    return SubjectWindows(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _used(timeline: Timeline, chosen: Flags, usable: Flags, flagged: Flags, owners: Sequence[str]) -> ReferenceUsed:
    at = np.flatnonzero(chosen).tolist()
    if not at:
        return ReferenceUsed()
    span = slice(at[0], at[-1] + 1)
    excluded = int((usable[span] & flagged[span] & ~chosen[span]).sum())
    versions = tuple(dict.fromkeys(owners[i] for i in at if owners[i]))
    return ReferenceUsed(len(at), excluded, timeline.time(at[0])[0], timeline.time(at[-1])[1], versions)
