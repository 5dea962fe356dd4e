"""Compare the alerts that rules would have raised with those that exist. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpm_elk.alerts.documents import read_episode
from mpm_elk.alerts.episodes import Episode
from mpm_elk.alerts.people import Verdict


@dataclass(frozen=True)
class Known:
    """An alert that exists, and what people said that it was."""

    episode: Episode
    verdict: Verdict | None = None

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> "Known":
        """Read it from its document."""
        verdict = source["mpm"]["alert"].get("verdict")
        return cls(read_episode(source), None if verdict is None else Verdict(verdict))


@dataclass(frozen=True)
class Compared:
    """What would have been raised beside what was: the same alerts, moved ones, new ones, and those that would go.

    Moved ones are about the same, at overlapping times. `same` and `moved` hold first what would have been.
    """

    same: tuple[tuple[Episode, Known], ...] = ()
    moved: tuple[tuple[Episode, Known], ...] = ()
    new: tuple[Episode, ...] = ()
    gone: tuple[Known, ...] = ()


def compare(would: Sequence[Episode], were: Sequence[Known]) -> Compared:
    """Set the alerts of one rule beside those that exist of it; each is used once."""
    left = {known.episode.uuid: known for known in were}
    same, rest = [], []
    for episode in sorted(would, key=_when):
        known = left.get(episode.uuid)
        if known is not None and _alike(episode, known.episode):
            same.append((episode, left.pop(episode.uuid)))
        else:
            rest.append(episode)
    moved, new = [], []
    for episode in rest:
        near = next((known for known in left.values() if overlap(episode, known.episode)), None)
        if near is None:
            new.append(episode)
        else:
            moved.append((episode, left.pop(near.episode.uuid)))
    return Compared(tuple(same), tuple(moved), tuple(new), tuple(left.values()))


def overlap(a: Episode, b: Episode) -> bool:
    """Tell whether two episodes are about the same at a common time."""
    return a.series == b.series and a.start < _until(b) and b.start < _until(a)


def _alike(a: Episode, b: Episode) -> bool:
    return (a.start, a.end, a.worst.severity) == (b.start, b.end, b.worst.severity)


def _until(episode: Episode) -> float:
    return float("inf") if episode.end is None else episode.end


def _when(episode: Episode) -> tuple[int, str]:
    return episode.start, episode.uuid
