"""Which captures make one call, and what is to be done with them: pure.

Halves come in any order, twice, and hours apart. Whatever the order, each call is one plan: the captures that count,
the ones that only repeat them, and the time of the call, which does not change once predictions were made of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mpm_elk.intake.platforms.exchange import Part
from mpm_elk.timespan import parse_instant, to_ms

Place = tuple[str, str]
"""A document's index and id."""


class State(StrEnum):
    """What became of a capture."""

    CONVERTING = "converting"
    """Predictions are being written; only a run that died leaves this."""
    CONVERTED = "converted"
    WAITING = "waiting"
    EXPIRED = "expired"
    """The other half did not come in time: a lone request became failed inferences."""
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


DUPLICATE = "duplicate"
"""The reason of a capture that only repeats another."""


@dataclass(frozen=True, slots=True)
class Member:
    """One capture without its payload: what it is, and what was noted of its conversion (empty when nothing was)."""

    index: str
    id: str
    part: Part
    call: str
    time_ms: int
    arrived_ms: int
    size: int
    conversion: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_hit(cls, hit: Mapping[str, Any]) -> "Member":
        """Read a capture as a search gives it."""
        source = hit["_source"]
        capture = source["mpm"]["capture"]
        return cls(
            hit["_index"],
            hit["_id"],
            capture["part"],
            capture["call"]["id"],
            to_ms(parse_instant(source["@timestamp"])),
            to_ms(parse_instant(source["event"]["ingested"])),
            capture.get("bytes", 0),
            capture.get("conversion") or {},
        )

    @property
    def predictions(self) -> list[Place]:
        """What was made of this capture, as it is noted."""
        return [(made["index"], made["id"]) for made in self.conversion.get("predictions") or []]

    @property
    def state(self) -> str | None:
        """What became of it; None for a new one."""
        return self.conversion.get("state")

    @property
    def is_repeat(self) -> bool:
        """Tell whether it was found to repeat another."""
        return self.conversion.get("reason_code") == DUPLICATE

    def settled(self, mapping: str, state: State) -> bool:
        """Tell whether today's mapping has brought it into a state."""
        return self.conversion.get("mapping") == mapping and self.state == state


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the captures of one call, or with one ground truth.

    `used` are those that count, the first keeps the notes. `known` is all that was made of any of them. Where
    `redo` is false the call is as it should be, and `repeats` need a note only.
    """

    call: str
    state: State
    used: Sequence[Member]
    repeats: Sequence[Member]
    time_ms: int
    known: frozenset[Place]
    redo: bool

    @property
    def anchor(self) -> Member:
        """The capture that keeps the notes of the call."""
        return self.used[0]

    @property
    def parts(self) -> list[Part]:
        """The parts that count."""
        return [member.part for member in self.used]


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what terms calls are looked at: today's mapping by its hash, and the time by which a mate must be there.

    With `retry`, calls that failed are looked at again.
    """

    mapping: str
    arrived_by_ms: int
    retry: bool = False


def plans(members: Iterable[Member], terms: Terms) -> list[Plan]:
    """Group captures of one endpoint by call, and plan each group that needs anything."""
    calls: dict[str, list[Member]] = {}
    alone: list[Member] = []
    for member in members:
        if member.part in ("request", "response", "call"):
            calls.setdefault(member.call, []).append(member)
        else:
            alone.append(member)
    found = [_plan(call, group, terms) for call, group in calls.items()] + [_alone(member, terms) for member in alone]
    return [plan for plan in found if plan.redo or plan.repeats]


def _alone(member: Member, terms: Terms) -> Plan:
    """Plan a capture that is no half of a call."""
    state = State.CONVERTED if member.part == "ground_truth" else State.UNSUPPORTED
    redo = not member.settled(terms.mapping, state)
    return Plan(member.call, state, [member], [], _time([member], member), frozenset(member.predictions), redo)


def _plan(call: str, group: Sequence[Member], terms: Terms) -> Plan:
    whole, request, response = (_best(group, part) for part in ("call", "request", "response"))
    if whole is not None:
        used, state = [whole], State.CONVERTED
    elif request is not None and response is not None:
        used, state = [request, response], State.CONVERTED
    else:
        used = [member for member in (request, response) if member is not None]
        state = State.EXPIRED if _expired(group, terms) else State.WAITING
    known = frozenset(place for member in group for place in member.predictions)
    redo = not all(member.settled(terms.mapping, state) and not member.is_repeat for member in used)
    rest = [member for member in group if member not in used]
    repeats = rest if redo else [member for member in rest if not member.settled(terms.mapping, state)]
    return Plan(call, state, used, repeats, _time(group, used[0]), known, redo)


def _best(group: Iterable[Member], part: str) -> Member | None:
    """Choose one of several: the one that was used before, else the earliest."""
    return min((member for member in group if member.part == part), key=_order, default=None)


def _order(member: Member) -> tuple[bool, int, str, str]:
    used = member.state in (State.CONVERTED, State.EXPIRED, State.CONVERTING) and not member.is_repeat
    return not used, member.time_ms, member.index, member.id


def _expired(group: Sequence[Member], terms: Terms) -> bool:
    """Tell whether half a call has waited long enough; what has expired once does not wait again."""
    return any(member.state == State.EXPIRED or member.arrived_ms <= terms.arrived_by_ms for member in group)


def _time(group: Sequence[Member], anchor: Member) -> int:
    """Give the time of a call: what its predictions carry already, else that of its first capture."""
    noted = [m.conversion["time"] for m in group if m.predictions and m.conversion.get("time")]
    return min((to_ms(parse_instant(time)) for time in noted), default=anchor.time_ms)
