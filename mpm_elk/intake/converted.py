"""Write what was made of calls, in an order in which a crash does no harm.

1. What will have been made of a call is noted in its capture. Whatever happens afterwards, the next run knows it and
   can replace it, even by another mapping.
2. The hours of what will be replaced are noted for the job: a document that has gone leaves no trace to find it by.
3. The documents are written, those that differ only. What is not wanted any more is deleted.
4. The hours are noted once more, in case that the job has read them meanwhile and forgotten the note.
5. The captures are marked with what became of them. Until then the next run starts their call again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action, Operation, Outcome, Result, send
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.state import note_hours
from mpm_elk.contract.keys import ModelKey
from mpm_elk.errors import ClusterError
from mpm_elk.intake.calls import DUPLICATE, Member, Place, Plan, State
from mpm_elk.intake.platforms.exchange import FAILURES, Unconvertible
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import HOUR_MS, iso, parse_instant, to_ms

Hours = dict[ModelKey, dict[str, set[int]]]
"""Model → version → starts of hours (ms)."""


@dataclass(slots=True)
class Made:
    """What was made of one call: `documents`, or `problem`: the code and the sentence why there are none.

    `changed` are the documents that are not stored so already, `replaced` is what was made before and goes.
    """

    plan: Plan
    documents: list[Stored] = field(default_factory=list)
    problem: tuple[str, str] | None = None
    changed: list[Stored] = field(default_factory=list)
    replaced: list[Place] = field(default_factory=list)

    @property
    def state(self) -> State:
        """What became of the call."""
        return State.FAILED if self.problem and self.plan.state is State.CONVERTED else self.plan.state

    @property
    def places(self) -> set[Place]:
        """Where the documents stand."""
        return {(stored.index, stored.id) for stored in self.documents}

    @property
    def noted(self) -> list[Place]:
        """What there is of this call in the end. A call that failed keeps what was made of it before."""
        kept = self.state in (State.FAILED, State.WAITING)
        return sorted(self.plan.known | self.places) if kept else sorted(self.places)


class Writer:
    """Writes what one mapping makes; without a lease it only finds out what it would write."""

    def __init__(self, client: Elasticsearch, lease: Lease | None, mapping: str, now_ms: int) -> None:
        self._client = client
        self._lease = lease
        self._mapping = mapping
        self._now_ms = now_ms

    def write(self, made: Sequence[Made]) -> None:
        """Write all of it; raises ClusterError where the cluster does not take it, after which a new run goes on."""
        redone = [one for one in made if one.plan.redo]
        hours = self._compare([one for one in redone if one.state in (State.CONVERTED, State.EXPIRED)])
        if self._lease is None:
            return
        self._lease.keep()
        self._intend(redone)
        self._note(hours)
        self._store(redone)
        self._remove(redone)
        self._note(hours)
        self._conclude(made)

    def _compare(self, made: Sequence[Made]) -> Hours:
        """Find out what differs from what is stored, and which hours will lose something by it."""
        before = get_many(self._client, sorted(place for one in made for place in one.plan.known))
        hours: Hours = {}
        for one in made:
            one.replaced = sorted(one.plan.known - one.places)
            for stored in one.documents:
                source = before[stored.id].source if stored.id in before else None
                if source is None or _said(source) != _said(stored.document):
                    one.changed.append(stored)
            touched = {identity for _, identity in one.replaced} | {stored.id for stored in one.changed}
            for identity in touched & before.keys():
                _add_hour(hours, before[identity].source)
        return hours

    def _intend(self, made: Sequence[Made]) -> None:
        """Note what will have been made of each call, before any of it is written."""
        notes = []
        for one in made:
            anchor, after = one.plan.anchor, one.plan.known | one.places
            if not after <= set(anchor.predictions):
                # Without a mapping the next run finds it, whatever its mapping is.
                note = self._about(State.CONVERTING, one.plan.time_ms, sorted(after)) | {"mapping": None}
                notes.append(_update(anchor, note))
        _check(send(self._client, notes, threads=2))

    def _note(self, hours: Hours) -> None:
        for model, versions in sorted(hours.items()):
            note_hours(self._client, model, versions, self._now_ms)

    def _store(self, made: Sequence[Made]) -> None:
        """Write documents; a call of which Elasticsearch refuses one has failed."""
        actions = (
            Action(stored.index, stored.id, stored.source, one, Operation.INDEX)
            for one in made
            for stored in one.changed
        )
        for outcome in _check(send(self._client, actions, threads=2), refused=True):
            if outcome.result is Result.REFUSED:
                failure = Unconvertible("refused_by_elasticsearch", found=outcome.reason[:500])
                outcome.action.tag.problem = (failure.code, failure.reason)

    def _remove(self, made: Sequence[Made]) -> None:
        actions = [
            Action(index, identity, b"", operation=Operation.DELETE)
            for one in made
            if one.state is not State.FAILED
            for index, identity in one.replaced
        ]
        _check(send(self._client, actions, threads=2))

    def _conclude(self, made: Sequence[Made]) -> None:
        """Mark every capture with what became of it."""
        notes = []
        for one in made:
            plan = one.plan
            code, reason = one.problem or (None, None)
            marked = list(plan.used) if plan.redo else []
            for member in marked:
                places = one.noted if member is plan.anchor else []
                about = self._about(one.state, plan.time_ms, places, code, reason)
                notes.append(_update(member, about))
            for member in plan.repeats:
                about = self._about(one.state, plan.time_ms, [], DUPLICATE, FAILURES[DUPLICATE])
                notes.append(_update(member, about))
        _check(send(self._client, notes, threads=2))

    def _about(
        self, state: State, time_ms: int, places: Sequence[Place], code: str | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        return {
            "state": state,
            "reason_code": code,
            "reason": reason,
            "mapping": self._mapping,
            "at": iso(self._now_ms),
            "time": iso(time_ms),
            "predictions": [{"index": index, "id": identity} for index, identity in places],
        }


def _update(member: Member, about: Mapping[str, Any]) -> Action:
    """Make the action that notes in a capture what became of it."""
    body = json.dumps({"doc": {"mpm": {"capture": {"conversion": about}}}}).encode()
    return Action(member.index, member.id, body, operation=Operation.UPDATE)


def _check(outcomes: Iterator[Outcome], *, refused: bool = False) -> list[Outcome]:
    """Raise ClusterError for what the cluster could not take, and unless `refused` for what it would not take."""
    found = []
    for outcome in outcomes:
        bad = outcome.result is Result.FAILED or (outcome.result is Result.REFUSED and not refused)
        if bad or outcome.result is Result.DUPLICATE:
            message = f"{outcome.action.index} could not be written: {outcome.reason or 'it was changed just now'}"
            raise ClusterError(message, remedy="nothing is lost: the next run goes on from here")
        found.append(outcome)
    return found


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a document says, without the time at which it was written."""
    return {**document, "event": {**document["event"], "ingested": None}}


def _add_hour(hours: Hours, source: Mapping[str, Any]) -> None:
    """Add the hour of a prediction; ground truth has none."""
    if source["event"]["dataset"] != "mpm.prediction":
        return
    model = ModelKey(source["service"]["environment"], source["mpm"]["model"]["name"])
    at = to_ms(parse_instant(source["@timestamp"]))
    hours.setdefault(model, {}).setdefault(source["mpm"]["model"]["version"], set()).add(at - at % HOUR_MS)
