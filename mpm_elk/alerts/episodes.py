"""What an alert is about, what a rule said of its windows, and what its life is told as. Pure.

An episode belongs to one rule, subject and segment of a model; versions of the model share it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.rules.evaluate import Evaluation, Severity

OPENED, ESCALATED, EASED, RECOVERED = "opened", "escalated", "eased", "recovered"
RECOVERING, RELAPSED = "recovering", "relapsed"
FLAPPING, SETTLED = "flapping", "settled"
WITHDRAWN, REINSTATED = "withdrawn", "reinstated"


@dataclass(frozen=True, order=True)
class Series:
    """What an alert is about: one rule's view of one subject in one segment of a model."""

    model: ModelKey
    rule: str
    subject: str
    segment: Segment

    @property
    def instance(self) -> str:
        """The stable id of everything that this series ever raises."""
        return digest("alert", *self._parts())

    def uuid(self, start: int) -> str:
        """Name the episode that began with the window at `start` (ms)."""
        return digest("episode", *self._parts(), str(start))

    def _parts(self) -> tuple[str, ...]:
        return (
            self.model.environment, self.model.name, self.rule, self.subject, self.segment.name, self.segment.value,
        )  # fmt: skip


@dataclass(frozen=True)
class Point:
    """What a rule said of one window: the worst over versions, the numbers, and the document that holds them."""

    start: int
    end: int
    evaluation: Evaluation
    version: str
    document: tuple[str, str]

    @property
    def severity(self) -> Severity:
        """How bad the window is."""
        return self.evaluation.severity

    @property
    def length(self) -> int:
        """How long the window is (ms)."""
        return self.end - self.start


@dataclass(frozen=True)
class Transition:
    """A change in an episode's life, at the window that brought it.

    `flapping` tells whether the series came and went a lot then, `worse` whether it was worse than all of that.
    """

    action: str
    point: Point
    flapping: bool = False
    worse: bool = False


Change = tuple[int, int]
"""When an episode opened or recovered (ms), and how bad it had been: the rank of its severity."""


@dataclass
class Episode:
    """One alert: `start` is the start of its first alarming window; while it is active it has no `end`.

    Times in ms. `opened` and `recovered` are the ends of the windows that opened and ended it, `end` that of its last
    alarming window. `recovering` is the start of the first of the calm windows that it ends with, if they last.
    `no_data` is the end of the last window with enough data, where that is long ago.
    """

    series: Series
    start: int
    last: Point
    worst: Point
    windows: int = 0
    end: int | None = None
    opened: int = 0
    recovering: int | None = None
    recovered: int | None = None
    no_data: int | None = None
    flapping: bool = False
    transitions: list[Transition] = field(default_factory=list)

    @property
    def uuid(self) -> str:
        """The episode's own id."""
        return self.series.uuid(self.start)

    @property
    def active(self) -> bool:
        """Tell whether it has not recovered."""
        return self.end is None


def worst_of(points: Iterable[Point]) -> list[Point]:
    """Keep the worst point of each window, in order of time: versions that run side by side share an alert.

    Of points of one severity, the one that sustains an alert counts, then the one furthest past its threshold.
    """
    chosen: dict[int, Point] = {}
    for point in points:
        known = chosen.get(point.start)
        if known is None or _badness(point) > _badness(known):
            chosen[point.start] = point
    return [chosen[start] for start in sorted(chosen)]


def _badness(point: Point) -> tuple[int, bool, float, str]:
    severity, beyond = size(point)
    return severity, point.evaluation.sustains, beyond, point.version


def size(point: Point) -> tuple[int, float]:
    """Order points by how bad they are: severity, then how far past the threshold."""
    value, threshold = point.evaluation.value, point.evaluation.threshold
    beyond = 0.0 if value is None or threshold is None else abs(value - threshold)
    return point.severity.rank, beyond
