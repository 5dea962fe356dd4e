"""Which transitions of alerts are told to whom, which are not, and which not yet. Pure.

One notification tells a channel of all that happened to a model in one window. Every transition ends in exactly one
decision a channel: it is part of a notification, or it is suppressed, with the reason. Before that it may be held back,
while a silence lasts (`silences.py`): that is written down too. When the silence is over, what is still active is told
in one notification, and what is over is not, unless its beginning had been told.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.alerts.documents import ACTIVE
from mpm_elk.alerts.episodes import ESCALATED, FLAPPING, OPENED, RECOVERED, REINSTATED, SETTLED, WITHDRAWN
from mpm_elk.alerts.people import CLOSED, is_muted
from mpm_elk.alerts.silences import Silences, standing
from mpm_elk.config.notifications import Channel, Notifications
from mpm_elk.config.rules import Rule
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey
from mpm_elk.errors import ConfigError
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import format_span, milliseconds, parse_instant, to_ms

NEWS = (OPENED, ESCALATED, REINSTATED, FLAPPING, SETTLED)
"""Transitions that ask for somebody. The others are told to who was told of these."""

_BEGINNINGS, _ENDS = (OPENED, REINSTATED), (RECOVERED, WITHDRAWN)

QUEUED, SUPPRESSED, HELD = "queued", "suppressed", "held"
"""What is decided: it waits to be sent; it is not told; it is not told yet."""


@dataclass(frozen=True)
class Happened:
    """One stored transition: the id of its document, and what it says."""

    id: str
    source: Mapping[str, Any]

    @property
    def action(self) -> str:
        """What happened."""
        return str(self.source["event"]["action"])

    @property
    def uuid(self) -> str:
        """The alert that it happened to."""
        return str(self.source["mpm"]["alert"]["uuid"])

    @property
    def rule(self) -> str:
        """The alert's rule."""
        return str(self.source["rule"]["id"])

    @property
    def end(self) -> int:
        """The end (ms) of the window that brought it."""
        return to_ms(parse_instant(self.source["mpm"]["window"]["end"]))


@dataclass(frozen=True)
class Verdict:
    """What is done: tell, do not, or wait; and why. `until` (ms) is when a silence that is known to end does."""

    action: str = QUEUED
    why: str | None = None
    until: int | None = None


@dataclass(frozen=True)
class Past:
    """What is decided already: by channel, which transitions are settled, and why others were held back."""

    covered: Mapping[str, Set[str]] = field(default_factory=dict)
    held: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What becomes of some transitions on a channel: one notification, or none, and why; or none yet."""

    channel: str
    model: ModelKey
    transitions: tuple[Happened, ...]
    verdict: Verdict = Verdict()

    @property
    def suppressed(self) -> str | None:
        """Why there is no notification, if there is none."""
        return self.verdict.why if self.verdict.action == SUPPRESSED else None

    @property
    def key(self) -> str:
        """Name the decision; receivers tell by it that they had a notification already."""
        ids = sorted(transition.id for transition in self.transitions)
        parts = (self.channel, self.model.environment, self.model.name, *ids)
        if self.verdict.action == HELD:
            return digest("notification-held", self.verdict.why or "", *parts)
        return digest("notification", *parts)


def channels_of(rule: Rule | None, settings: Notifications) -> list[Channel]:
    """Give the channels of a rule; one that has gone from the configuration has those of rules that name none.

    Raises ConfigError for a channel that is not there.
    """
    names = settings.default if rule is None or rule.notify is None else rule.notify
    known = {channel.id: channel for channel in settings.channels}
    if unknown := [name for name in names if name not in known]:
        by = f"rule {rule.id}" if rule else "`notifications.default`"
        raise ConfigError(
            f"{by} notifies {unknown[0]!r}, which is no channel",
            remedy=f"channels are: {', '.join(known) or 'none'}; add it to `notifications.channels`",
        )
    return [known[name] for name in names]


def decide(
    transitions: Sequence[Happened],
    past: Past,
    alerts: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Rule],
    settings: Notifications,
    *,
    silences: Silences,
) -> list[Decision]:
    """Decide on all transitions that are not settled yet.

    `alerts` are the stored alerts, by id, as people have left them.
    """
    groups: dict[tuple[str, ModelKey, int, Verdict], list[Happened]] = {}
    opened = {transition.id: transition.uuid for transition in transitions if transition.action in _BEGINNINGS}
    for transition in transitions:
        for channel in channels_of(rules.get(transition.rule), settings):
            covered = past.covered.get(channel.id, frozenset[str]())
            if transition.id in covered or not _wants(channel, transition, alerts):
                continue
            held = past.held.get(channel.id, {})
            alert, rule = alerts.get(transition.uuid), rules.get(transition.rule)
            verdict = _final(transition, alert, settings, silences.now, held=transition.id in held)
            if verdict is None and (quiet := silences.of(standing(transition.source), rule)):
                verdict = Verdict(HELD, quiet.why, quiet.until)
            elif verdict is None:
                # Held back, and in no decision since.
                untold = [
                    why for name, why in held.items() if name not in covered and opened.get(name) == transition.uuid
                ]
                if transition.id in held or (untold and transition.action in _ENDS):
                    why = held.get(transition.id) or untold[0]
                    verdict = _released(transition, alert, why, untold=bool(untold))
            # What a silence held back is told together.
            end = 0 if transition.id in held else transition.end
            key = channel.id, model_of(transition), end, verdict or Verdict()
            groups.setdefault(key, []).append(transition)
    return [
        Decision(channel, model, tuple(sorted(some, key=_urgency)), verdict)
        for (channel, model, _, verdict), some in sorted(
            groups.items(), key=lambda group: (*group[0][:3], group[0][3].action, group[0][3].why or "")
        )
    ]


def model_of(transition: Happened) -> ModelKey:
    """Give the model of a transition."""
    return ModelKey(transition.source["service"]["environment"], transition.source["mpm"]["model"]["name"])


def _wants(channel: Channel, transition: Happened, alerts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a channel is about such a transition; an end is judged by the worst that the alert was."""
    if transition.action not in channel.tell:
        return False
    about = alerts.get(transition.uuid, {}).get("mpm", {}).get("alert", transition.source["mpm"]["alert"])
    now = transition.source["mpm"]["alert"]["severity"]
    severity = now if transition.action in NEWS else about.get("max_severity", now)
    return Severity(severity).rank >= Severity(channel.at_least).rank


def _final(
    transition: Happened, alert: Mapping[str, Any] | None, settings: Notifications, now: int, *, held: bool
) -> Verdict | None:
    """Say why a transition is told to nobody, now or later; None where it may be told."""
    about = alert["mpm"]["alert"] if alert else {}
    # What is held back grows old, but an alert that is still active is news when the silence is over.
    if now - transition.end > milliseconds(settings.max_age) and not (held and about.get("status") == ACTIVE):
        return Verdict(SUPPRESSED, f"the window ended more than {format_span(settings.max_age)} ago")
    if about.get("workflow_status") == CLOSED:
        return Verdict(SUPPRESSED, "the alert is closed")
    if is_muted(about, now):
        return Verdict(SUPPRESSED, f"the alert is muted until {about['muted_until']}")
    then = transition.source["mpm"]["alert"]
    if then.get("flapping") and transition.action != FLAPPING and not then.get("worse"):
        return Verdict(SUPPRESSED, "the alert is flapping")
    return None


def _released(transition: Happened, alert: Mapping[str, Any] | None, why: str, *, untold: bool) -> Verdict:
    """Decide on what was held back, when the silence is over; `untold` says that the alert's beginning was too."""
    active = alert is not None and alert["mpm"]["alert"]["status"] == ACTIVE
    if transition.action in NEWS if active else not untold and transition.action in _ENDS:
        return Verdict(QUEUED, f"held back until now: {why}")
    return Verdict(SUPPRESSED, f"{'no news any more' if active else 'over'} when the silence was: {why}")


def _urgency(transition: Happened) -> tuple[bool, int, str, str, str]:
    source = transition.source
    severity = Severity(source["mpm"]["alert"]["severity"])
    return (
        transition.action not in NEWS,
        -severity.rank,
        transition.rule,
        source["mpm"]["subject"]["name"],
        transition.id,
    )
