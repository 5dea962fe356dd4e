"""When an alert is kept and nobody is told: mutes by the clock, and alerts of other rules that explain it. Pure.

What is held back is no decision yet: when the silence is over and the alert is still active, it is told then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import Maintenance
from mpm_elk.contract.keys import EVERYTHING, Segment
from mpm_elk.rules.documents import segment_of
from mpm_elk.timespan import iso


@dataclass(frozen=True)
class Silence:
    """Why nobody is told, and until when (ms) where that is known."""

    why: str
    until: int | None = None


@dataclass(frozen=True, order=True)
class Standing:
    """An alert that is active: its id, its rule, and what it is about."""

    uuid: str
    rule: str
    subject: str
    segment: Segment


def standing(source: Mapping[str, Any]) -> Standing:
    """Read what an alert's document, or that of a transition, is about."""
    mpm = source["mpm"]
    return Standing(mpm["alert"]["uuid"], source["rule"]["id"], mpm["subject"]["name"], segment_of(mpm))


@dataclass(frozen=True)
class Silences:
    """What keeps a model's alerts quiet at a time: maintenance, and the alerts that are active."""

    model: str
    now: int
    maintenance: Sequence[Maintenance] = ()
    active: Sequence[Standing] = ()

    def of(self, about: Standing, rule: Rule | None) -> Silence | None:
        """Give what keeps an alert quiet, if anything does: first what has an end that is known, the latest."""
        ends = [
            (until, f"muted until {iso(until)[:16]}Z ({mute})")
            for mute in (
                *(rule.mute if rule else ()),
                *(mute for mute in self.maintenance if mute.concerns(self.model, about.rule)),
            )
            if (until := mute.until(self.now)) is not None
        ]
        if ends:
            until, why = max(ends)
            return Silence(why, until)
        if rule is not None and (others := inhibiting(about, rule, self.active)):
            return Silence(f"inhibited by {others[0].rule} ({others[0].uuid[:12]})")
        return None


def inhibiting(about: Standing, rule: Rule, active: Iterable[Standing]) -> list[Standing]:
    """Give the active alerts of the rules that inhibit this one, and are about what it is about.

    Alerts on two features, or on two outputs, do not explain one another: then the subject must be the same. An alert
    on traffic, on outputs, or on features together explains all. One in a segment explains those in that segment only.
    """
    return sorted(
        other
        for other in active
        if other.rule in rule.inhibited_by
        and other.uuid != about.uuid
        and (_family(other.subject) != _family(about.subject) or other.subject == about.subject)
        and other.segment in (EVERYTHING, about.segment)
    )


def _family(subject: str) -> str:
    """Give what a subject is one of: `features.` of many; a name without a dot stands alone."""
    family, dot, _ = subject.partition(".")
    return family + dot
