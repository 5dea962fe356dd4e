"""What is judged, and what comes out: monitors, judgements, alarms. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from mpm_elk.config.references import Reference
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey, Segment, VersionKey
from mpm_elk.metrics import Flags
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.reference import reach
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.evaluate import Evaluation, Severity, worst

HISTORY = 56
"""How many past windows the dispersion is learnt from: eight weeks of days."""

ALL_VERSIONS = "*"
"""The version under which a model's traffic, of all versions together, is judged."""


@dataclass(frozen=True, order=True)
class SubjectKey:
    """One subject of one version in one segment."""

    version: VersionKey
    subject: str
    segment: Segment


@dataclass(frozen=True)
class Monitor:
    """Windows of one length against one reference, and the rules that look at them."""

    length: timedelta
    reference: Reference
    rules: tuple[Rule, ...]

    @property
    def reach(self) -> int:
        """How many windows back a judgement looks: the history, and the references of the history."""
        return HISTORY + reach(self.reference, self.length)


def monitors(rules: Sequence[Rule]) -> list[Monitor]:
    """Group rules by what they look at."""
    groups: dict[tuple[timedelta, Reference], list[Rule]] = {}
    for rule in rules:
        groups.setdefault((rule.window, rule.against), []).append(rule)
    return [Monitor(length, reference, tuple(some)) for (length, reference), some in groups.items()]


@dataclass(frozen=True)
class BaselineCounts:
    """A baseline as the judge needs it: its counts, and those of its days where they are known."""

    id: str
    total: Profile
    days: Mapping[int, Profile]


@dataclass(frozen=True)
class Known:
    """What the judge knows of a model beside its windows.

    That is its cells, the baseline of each version, the data that a version itself was trained on (`trainings`), and
    the windows of a fixed reference.
    """

    model: ModelKey
    cells: CellSet
    baselines: Mapping[str, BaselineCounts] = field(default_factory=dict)
    trainings: Mapping[str, BaselineCounts] = field(default_factory=dict)
    fixed: Timeline | None = None


@dataclass(frozen=True)
class ReferenceUsed:
    """What a window was compared with: how many windows, of which time and versions, or which baseline.

    `excluded` counts the windows that were left out because they raised an alert.
    """

    windows: int = 0
    excluded: int = 0
    start: int | None = None
    end: int | None = None
    versions: tuple[str, ...] = ()
    baseline: str | None = None


@dataclass(frozen=True)
class Judgement:
    """All that is known of one subject in one window [start, end) (ms)."""

    key: SubjectKey
    start: int
    end: int
    measured: Measured
    reference: ReferenceUsed
    p_adjusted: float | None
    evaluations: tuple[Evaluation, ...]

    @property
    def status(self) -> Severity:
        """The worst that a rule says."""
        return worst([evaluation.severity for evaluation in self.evaluations])


@dataclass
class Alarms:
    """Which windows raised an alert: (subject, segment) → starts (ms). They are no measure of what is usual."""

    starts: dict[tuple[str, Segment], set[int]] = field(default_factory=dict)

    def note(self, start: int, judgements: Iterable[Judgement]) -> bool:
        """Note what raised an alert, in any version, in the window at `start` (ms); returns whether that is news."""
        alarming: dict[tuple[str, Segment], bool] = {}
        for judgement in judgements:
            about = judgement.key.subject, judgement.key.segment
            alarming[about] = alarming.get(about, False) or judgement.status.alarming
        news = False
        for about, raised in alarming.items():
            starts = self.starts.setdefault(about, set())
            news |= raised != (start in starts)
            if raised:
                starts.add(start)
            else:
                starts.discard(start)
        return news

    def flags(self, name: str, segment: Segment, timeline: Timeline) -> Flags:
        """Mark the windows of a timeline that raised an alert, (T,)."""
        starts = self.starts.get((name, segment), set())
        return np.array([timeline.time(at)[0] in starts for at in range(timeline.size)], dtype=np.bool_)
