"""The outbox: decide on what happened, send what waits, and write down what became of it.

Decisions and outcomes are documents in `mpm-alert-events-v1-*`, append-only, with ids that follow from what they are
about. A run that dies after sending and before writing so is followed by one that sends again, with the same key: at
least once, and a receiver that honours the key shows nothing twice.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.decide import HELD, QUEUED, SUPPRESSED, Decision, Happened, Past, decide
from mpm_elk.alerts.notifications import DATASET, has_room, is_due, outcome, written
from mpm_elk.alerts.silences import Silences, Standing, standing
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.fenced import Document, append
from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.search import scan
from mpm_elk.config.notifications import Channel, Notifications
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import Maintenance
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months, monthly
from mpm_elk.errors import ConfigError
from mpm_elk.timespan import DAY_MS, iso, milliseconds, parse_instant, to_ms

Send = Callable[[Channel, Mapping[str, str], str], str | None]
"""Sends a message with its key through a channel; returns why it could not, or None."""

SENT, FAILED, DELAYED, GIVEN_UP = "sent", "failed", "delayed", "given_up"


@dataclass
class Outcome:
    """What a step of the outbox did: how many of each, and what is to be told of."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    notices: list[str] = field(default_factory=list)


@dataclass
class _Book:
    """Transitions; decisions by key; the outcomes of each; and what this run has done.

    `held` is what was held back, by key. `settled` says of transitions from before the time that the book covers, by
    channel, which are decided on. `active` are the alerts that are not over.
    """

    transitions: list[Happened] = field(default_factory=list)
    decisions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    held: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    settled: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    active: list[Standing] = field(default_factory=list)
    outcomes: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    done: Outcome = field(default_factory=Outcome)

    def past(self) -> Past:
        """Give what is decided already; of what was held back several times, the last reason."""
        covered: dict[str, set[str]] = defaultdict(set, {name: set(some) for name, some in self.settled.items()})
        held: dict[str, dict[str, str]] = defaultdict(dict)
        for source in self.decisions.values():
            about = source["mpm"]["notification"]
            covered[about["channel"]].update(about["transitions"])
        for source in sorted(self.held.values(), key=_created):
            about = source["mpm"]["notification"]
            held[about["channel"]].update(dict.fromkeys(about["transitions"], source["event"]["reason"]))
        return Past(covered, held)

    @property
    def waiting(self) -> list[str]:
        """The notifications that are neither sent nor given up, oldest first."""
        queued = [key for key, source in self.decisions.items() if source["event"]["action"] == QUEUED]
        return [key for key in queued if not _times(self.outcomes[key], SENT) + _times(self.outcomes[key], GIVEN_UP)]

    def sent(self, channel: str) -> list[int]:
        """When notifications of this model went through a channel (ms)."""
        all_outcomes = (source for some in self.outcomes.values() for source in some)
        return _times([s for s in all_outcomes if s["mpm"]["notification"]["channel"] == channel], SENT)


@dataclass(frozen=True)
class Outbox:
    """The outbox of one model."""

    client: Elasticsearch
    model: ModelKey
    rules: Mapping[str, Rule]
    settings: Notifications
    now: int
    run_id: str
    maintenance: Sequence[Maintenance] = ()

    def run(self, lease: Callable[[], Lease], send: Send) -> Outcome:
        """Decide and send; where there is something to do, under a lease, so that two runs do not send one thing."""
        book = self._read()
        if not book.waiting and not self._decide(book):
            return Outcome()
        with lease() as held:
            return self._run(held, send)

    def _run(self, lease: Lease, send: Send) -> Outcome:
        book = self._read()  # what was read before the lease was taken may be another run's past
        fresh = {d.key: written(d, self.now, self.run_id) for d in self._decide(book)}
        self._append([(digest("notification-decision", key), source) for key, source in fresh.items()])
        for key, source in fresh.items():
            if source["event"]["action"] != HELD:
                book.decisions[key] = source
            book.done.counts[source["event"]["action"]] += 1
        for key in book.waiting:
            lease.keep()
            self._deliver(key, book, send)
        return book.done

    def _deliver(self, key: str, book: "_Book", send: Send) -> None:
        """Send one notification, if it is its turn, and write down what came of it."""
        queued, outcomes = book.decisions[key], book.outcomes[key]
        about = queued["mpm"]["notification"]
        channel = next((channel for channel in self.settings.channels if channel.id == about["channel"]), None)
        failures = _times(outcomes, FAILED)
        if channel is None:
            self._note(key, book, GIVEN_UP, "the channel is not in the configuration any more")
        elif self.now - _created(queued) > milliseconds(self.settings.give_up):
            self._note(key, book, GIVEN_UP, f"{len(failures)} attempts failed")
        elif not is_due(failures, self.now):
            return
        elif not has_room(book.sent(channel.id), channel, self.now):
            if not _times(outcomes, DELAYED):
                self._note(key, book, DELAYED, f"more than {channel.at_most}")
        else:
            why = _sent(send, channel, about["message"], key)
            self._note(key, book, FAILED if why else SENT, why)

    def _note(self, key: str, book: "_Book", action: str, why: str | None) -> None:
        queued = book.decisions[key]
        source = outcome(queued, action, self.now, self.run_id, why)
        attempt = str(len(_times(book.outcomes[key], FAILED))) if action == FAILED else ""
        self._append([(digest("notification-outcome", key, action, attempt), source)])
        book.outcomes[key].append(source)
        book.done.counts[action] += 1
        if action in (FAILED, GIVEN_UP):
            name = queued["mpm"]["notification"]["channel"]
            words = "was given up" if action == GIVEN_UP else "could not be sent, and will be tried again"
            book.done.notices.append(f"a notification to {name} {words}: {why}")

    def _decide(self, book: "_Book") -> list[Decision]:
        keys = [(str(Index.ALERTS), uuid) for uuid in dict.fromkeys(t.uuid for t in book.transitions)]
        alerts = {uuid: stored.source for uuid, stored in get_many(self.client, keys).items()}
        silences = Silences(self.model.name, self.now, self.maintenance, book.active)
        found = decide(book.transitions, book.past(), alerts, self.rules, self.settings, silences=silences)
        return [decision for decision in found if decision.key not in book.held]

    def _read(self) -> "_Book":
        """Read what happened and what became of it, as far back as it matters."""
        pattern = all_months(Index.ALERT_EVENTS, self.model.name, self.model.environment)
        refresh(self.client, [pattern])
        since = self.now - milliseconds(self.settings.max_age) - milliseconds(self.settings.give_up) - DAY_MS
        filters = [*self.model.filters(), {"range": {"event.created": {"gte": iso(since)}}}]
        book = _Book()
        for hit in scan(self.client, pattern, {"query": {"bool": {"filter": filters}}}, sort="event.created"):
            source = hit["_source"]
            if source["event"]["dataset"] != DATASET:
                if "user" not in source:  # what people do is no news to tell
                    book.transitions.append(Happened(hit["_id"], source))
            elif source["event"]["action"] in (QUEUED, SUPPRESSED):
                book.decisions[source["mpm"]["notification"]["id"]] = source
            elif source["event"]["action"] == HELD:
                book.held[source["mpm"]["notification"]["id"]] = source
            else:
                book.outcomes[source["mpm"]["notification"]["id"]].append(source)
        self._read_held(book, pattern)
        return book

    def _read_held(self, book: "_Book", pattern: str) -> None:
        """Read what was held back of alerts that are still active, however long ago that is."""
        query = {"bool": {"filter": [*self.model.filters(), {"term": {"mpm.alert.status": "active"}}]}}
        fields = ["rule", "mpm.alert.uuid", "mpm.subject", "mpm.segment"]
        alerts = scan(self.client, Index.ALERTS, {"query": query, "_source": fields}, sort="mpm.alert.start")
        book.active = [standing(hit["_source"]) for hit in alerts]
        if not book.active:
            return
        of_active = {"terms": {"mpm.alert.uuid": [alert.uuid for alert in book.active]}}
        for hit in self._events(pattern, of_active, {"term": {"event.action": HELD}}):
            book.held[hit["_source"]["mpm"]["notification"]["id"]] = hit["_source"]
        known = {transition.id for transition in book.transitions}
        ids = sorted({name for s in book.held.values() for name in s["mpm"]["notification"]["transitions"]} - known)
        if not ids:
            return
        book.transitions += [Happened(h["_id"], h["_source"]) for h in self._events(pattern, {"ids": {"values": ids}})]
        about_them = {"terms": {"mpm.notification.transitions": ids}}
        for hit in self._events(pattern, about_them, {"terms": {"event.action": [QUEUED, SUPPRESSED]}}):
            decided = hit["_source"]["mpm"]["notification"]
            book.settled[decided["channel"]].update(decided["transitions"])

    def _events(self, pattern: str, *clauses: Mapping[str, Any]) -> list[dict[str, Any]]:
        filters = [*self.model.filters(), *clauses]
        return list(scan(self.client, pattern, {"query": {"bool": {"filter": filters}}}, sort="event.created"))

    def _append(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        index = monthly(Index.ALERT_EVENTS, self.model.name, self.model.environment, self.now)
        append(self.client, [Document(index, identity, source) for identity, source in documents])


def _sent(send: Send, channel: Channel, message: Mapping[str, str], key: str) -> str | None:
    """Send; a channel that cannot be used holds up no other. Returns why it was not sent, or None."""
    try:
        return send(channel, message, key)
    except ConfigError as error:
        return str(error)


def _created(source: Mapping[str, Any]) -> int:
    return to_ms(parse_instant(source["event"]["created"]))


def _times(outcomes: Sequence[Mapping[str, Any]], action: str) -> list[int]:
    return [_created(source) for source in outcomes if source["event"]["action"] == action]
