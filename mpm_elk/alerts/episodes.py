"""From windows to episodes: when an alert begins, goes on, and ends. Pure.

An episode belongs to one rule, subject and segment of a model; versions of the model share it. It opens when a rule's
`for` windows in a row, counting only windows with enough data, are alarming. It goes on while windows are alarming or
sustain it (`Evaluation.sustains`), and recovers with the first window that has enough data and does neither. A window
with too little data neither opens nor ends one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.rules.evaluate import Evaluation, Severity

OPENED, ESCALATED, EASED, RECOVERED = "opened", "escalated", "eased", "recovered"
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


@dataclass(frozen=True)
class Transition:
    """A change in an episode's life, at the window that brought it."""

    action: str
    point: Point


@dataclass
class Episode:
    """One alert: `start` is the start of its first alarming window; while it is active it has no `end`."""

    series: Series
    start: int
    last: Point
    worst: Point
    windows: int = 0
    end: int | None = None
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
    severity, beyond = _size(point)
    return severity, point.evaluation.sustains, beyond, point.version


def walk(series: Series, points: Sequence[Point], needed: int) -> list[Episode]:
    """Walk through a series in order, from a time when nothing was open; `needed` is the rule's `for`."""
    episodes: list[Episode] = []
    streak: list[Point] = []
    for point in points:
        current = episodes[-1] if episodes and episodes[-1].active else None
        if point.severity is Severity.INSUFFICIENT:
            continue
        if current is not None:
            _go_on(current, point)
        elif point.severity.alarming:
            streak.append(point)
            if len(streak) >= needed:
                episodes.append(_open(series, streak))
                streak = []
            continue
        streak = []
    return episodes


def _open(series: Series, streak: list[Point]) -> Episode:
    worst = max(streak, key=_size)
    last = streak[-1]
    return Episode(series, streak[0].start, last, worst, len(streak), transitions=[Transition(OPENED, last)])


def _go_on(episode: Episode, point: Point) -> None:
    if not point.severity.alarming:
        if not point.evaluation.sustains:
            episode.end = episode.last.end
            episode.transitions.append(Transition(RECOVERED, point))
        return
    if point.severity is not episode.last.severity:
        action = ESCALATED if point.severity.rank > episode.last.severity.rank else EASED
        episode.transitions.append(Transition(action, point))
    if _size(point) > _size(episode.worst):
        episode.worst = point
    episode.last = point
    episode.windows += 1


def _size(point: Point) -> tuple[int, float]:
    """Order points by how bad they are: severity, then how far past the threshold."""
    value, threshold = point.evaluation.value, point.evaluation.threshold
    beyond = 0.0 if value is None or threshold is None else abs(value - threshold)
    return point.severity.rank, beyond
