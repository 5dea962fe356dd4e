"""The life of an alert: what a rule's settings make of the windows of a series. Pure.

A series is inactive; pending, while some of the windows that would open an alert are alarming; active; recovering,
while some of the windows that would end it are calm; recovered. A window opens, holds, ends or says nothing:

- It *alarms* where it is past a threshold with the evidence that the rule asks for. m alarming ones of the last n open
  an alert (`m_of_n`, or `for`, which is n of n). A window counts for at most `PATIENCE` n windows of time.
- It *holds* an alert where it alarms or sustains it (`Evaluation.sustains`: past `recover_at`, or past the threshold
  with less evidence). It opens none.
- It is *calm* where it has enough data and does neither. `recover_for` calm ones in a row end an alert, where the last
  that held it ended at least `keep_firing_for` before.
- One without enough data, or out of the rule's hours, says nothing: it neither opens nor ends, nor interrupts. Nor does
  one that is not there, for the run failed or the subject had no events.

What is said of a window depends on a limited time before it and on the episode that it is in. So following a series
from a time when no episode was open, or from the start of the one that was, gives what following all of it gives.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from operator import itemgetter

from mpm_elk.alerts.episodes import (
    EASED,
    ESCALATED,
    FLAPPING,
    OPENED,
    RECOVERED,
    RECOVERING,
    RELAPSED,
    SETTLED,
    Change,
    Episode,
    Point,
    Series,
    Transition,
    size,
    worst_of,
)
from mpm_elk.config.rules import Rule
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import milliseconds

PATIENCE = 3
"""Windows without enough data may lie between those that open an alert: they count for so many times n windows."""

SILENT_WINDOWS = 3
"""An alert says that there is no data after so many windows without."""


class State(StrEnum):
    """Where a series stands after its last window."""

    INACTIVE = "inactive"
    PENDING = "pending"
    ACTIVE = "active"
    RECOVERING = "recovering"
    RECOVERED = "recovered"


@dataclass(frozen=True)
class Life:
    """What a series' windows come to: its episodes in order, and where it stands after the last window.

    `pending` is the start (ms) of the first window of those that open an alert if enough alarming ones follow.
    """

    episodes: list[Episode]
    state: State
    pending: int | None = None
    flapping: bool = False


def follow(
    series: Series, points: Iterable[Point], rule: Rule, *, until: int = 0, changes: Sequence[Change] = ()
) -> Life:
    """Follow a series by its rule, from a time when nothing was open. Points may come in any order, several a window.

    `until` (ms) is the end of the last window that was judged, whether the series had a point there or not. `changes`
    are those of earlier episodes, that are not followed again.
    """
    follower = _Follower(series, rule, sorted(changes))
    some = worst_of(points)
    for point in some:
        follower.see(point)
    if some:
        follower.look_for_silence(max(until, some[-1].end), some[-1].length)
    return follower.life()


def memory(rule: Rule) -> int:
    """Give how many windows back the opening of an alert looks."""
    return PATIENCE * rule.opens[1]


@dataclass
class _Follower:
    series: Series
    rule: Rule
    changes: list[Change]
    episodes: list[Episode] = field(default_factory=list)
    recent: list[Point] = field(default_factory=list)
    flapping: bool = False
    calm: int = 0
    held: int = 0
    decided: int = 0
    """The end of the last window that said something."""

    @property
    def current(self) -> Episode | None:
        return self.episodes[-1] if self.episodes and self.episodes[-1].active else None

    def see(self, point: Point) -> None:
        """Take the next window."""
        if point.severity is Severity.INSUFFICIENT:
            return
        self.decided = point.end
        episode = self.current
        if episode is None:
            self._wait(point)
        elif point.severity.alarming or point.evaluation.sustains:
            self._hold(episode, point)
        else:
            self._calm(episode, point)
        self._weigh(self.episodes[-1] if self.episodes else None, point)

    def _wait(self, point: Point) -> None:
        m, n = self.rule.opens
        oldest = point.start - PATIENCE * n * point.length
        self.recent = [p for p in [*self.recent, point][-n:] if p.start >= oldest]
        alarming = [p for p in self.recent if p.severity.alarming]
        if len(alarming) < m:
            return
        worst = max(alarming, key=size)
        episode = Episode(self.series, alarming[0].start, point, worst, len(alarming), opened=point.end)
        worse = worst.severity.rank > self._known(point)
        self.episodes.append(episode)
        self.recent, self.calm, self.held = [], 0, point.end
        self._change(episode, OPENED, point, worse=worse)

    def _hold(self, episode: Episode, point: Point) -> None:
        self.calm, self.held = 0, point.end
        if episode.recovering is not None:
            episode.recovering = None
            episode.transitions.append(Transition(RELAPSED, point, self.flapping))
        if not point.severity.alarming:
            return
        if point.severity is not episode.last.severity:
            action = ESCALATED if point.severity.rank > episode.last.severity.rank else EASED
            worse = point.severity.rank > max(episode.worst.severity.rank, self._known(point))
            episode.transitions.append(Transition(action, point, self.flapping, worse))
        if size(point) > size(episode.worst):
            episode.worst = point
        episode.last = point
        episode.windows += 1

    def _calm(self, episode: Episode, point: Point) -> None:
        self.calm += 1
        if episode.recovering is None:
            episode.recovering = point.start
        keep = milliseconds(self.rule.keep_firing_for) if self.rule.keep_firing_for else 0
        if self.calm >= self.rule.recover_for and point.end - self.held >= keep:
            episode.end, episode.recovered, episode.recovering = episode.last.end, point.end, None
            self._change(episode, RECOVERED, point)
        elif self.calm == 1:
            episode.transitions.append(Transition(RECOVERING, point, self.flapping))

    def _change(self, episode: Episode, action: str, point: Point, *, worse: bool = False) -> None:
        """Note that an episode opened or recovered, and whether there is too much of that."""
        insort(self.changes, (point.end, episode.worst.severity.rank))
        before, self.flapping = self.flapping, self._too_many(point)
        episode.transitions.append(Transition(action, point, self.flapping, worse))
        if self.flapping and not before:
            episode.transitions.append(Transition(FLAPPING, point, flapping=True))

    def _weigh(self, episode: Episode | None, point: Point) -> None:
        """See whether the series has settled, and write it to the episode that is open, or that ended just now."""
        before, self.flapping = self.flapping, self._too_many(point)
        if episode is None or not (episode.active or episode.recovered == point.end):
            return
        if before and not self.flapping:
            episode.transitions.append(Transition(SETTLED, point))
        episode.flapping = self.flapping

    def _too_many(self, point: Point) -> bool:
        limit = self.rule.flapping
        return limit is not None and len(self._lately(point)) >= limit.changes

    def _known(self, point: Point) -> int:
        """Give how bad it has been lately."""
        return max((rank for _, rank in self._lately(point)), default=0)

    def _lately(self, point: Point) -> list[Change]:
        """Give the changes of the windows in which flapping is counted."""
        if self.rule.flapping is None:
            return []
        since = point.end - self.rule.flapping.windows * point.length
        return self.changes[bisect_right(self.changes, since, key=itemgetter(0)) :]

    def look_for_silence(self, until: int, length: int) -> None:
        """Say of an alert that is open that there has been no data for long."""
        silent = (start for start in range(self.decided, until - length + 1, length))
        judged = (start for start in silent if self.rule.judges(start, start + length))
        if self.current is not None and len(list(islice(judged, SILENT_WINDOWS))) == SILENT_WINDOWS:
            self.current.no_data = self.decided

    def _pending(self) -> int | None:
        """Give the start of the first alarming window that still counts if alarming ones follow."""
        m, n = self.rule.opens
        for at, point in enumerate(self.recent):
            rest = self.recent[at:]
            if point.severity.alarming and len(rest) + m - sum(p.severity.alarming for p in rest) <= n:
                return point.start
        return None

    def life(self) -> Life:
        """Give what all windows came to."""
        episode = self.episodes[-1] if self.episodes else None
        pending = self._pending()
        if episode is not None and episode.active:
            state = State.ACTIVE if episode.recovering is None else State.RECOVERING
        elif pending is not None:
            state = State.PENDING
        else:
            state = State.INACTIVE if episode is None else State.RECOVERED
        return Life(self.episodes, state, pending, self.flapping)
