"""What is to be told of alerts to whom: which transitions, grouped how, in what words. Pure.

One notification tells a channel of all that happened to a model in one window. Every transition ends in exactly one
decision a channel: it is part of a notification, or it is suppressed, with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpm_elk.alerts.episodes import ESCALATED, FLAPPING, OPENED, REINSTATED, SETTLED
from mpm_elk.alerts.people import CLOSED, is_muted
from mpm_elk.config.notifications import Channel, Notifications
from mpm_elk.config.rules import Rule
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey
from mpm_elk.errors import ConfigError
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import format_span, iso, milliseconds, parse_instant, to_ms

_NEWS = (OPENED, ESCALATED, REINSTATED, FLAPPING, SETTLED)
"""Transitions that ask for somebody. The others are told to who was told of these."""


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
class Decision:
    """What becomes of some transitions on a channel: one notification, or none, and why."""

    channel: str
    model: ModelKey
    transitions: tuple[Happened, ...]
    suppressed: str | None = None

    @property
    def key(self) -> str:
        """Name the decision; receivers tell by it that they had a notification already."""
        ids = sorted(transition.id for transition in self.transitions)
        return digest("notification", self.channel, self.model.environment, self.model.name, *ids)


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
    covered: Mapping[str, set[str]],
    alerts: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Rule],
    settings: Notifications,
    *,
    now: int,
) -> list[Decision]:
    """Decide on all transitions that no decision has covered yet (`covered`: channel → ids of transitions).

    `alerts` are the stored alerts, by id, as people have left them.
    """
    groups: dict[tuple[str, ModelKey, int, str | None], list[Happened]] = {}
    for transition in transitions:
        for channel in channels_of(rules.get(transition.rule), settings):
            if transition.id in covered.get(channel.id, set()) or not _wants(channel, transition, alerts):
                continue
            why = _suppressed(transition, alerts.get(transition.uuid), settings, now)
            groups.setdefault((channel.id, model_of(transition), transition.end, why), []).append(transition)
    return [
        Decision(channel, model, tuple(sorted(some, key=_urgency)), why)
        for (channel, model, _, why), some in sorted(
            groups.items(), key=lambda group: (*group[0][:3], group[0][3] or "")
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
    severity = now if transition.action in _NEWS else about.get("max_severity", now)
    return Severity(severity).rank >= Severity(channel.at_least).rank


def _suppressed(transition: Happened, alert: Mapping[str, Any] | None, settings: Notifications, now: int) -> str | None:
    if now - transition.end > milliseconds(settings.max_age):
        return f"the window ended more than {format_span(settings.max_age)} ago"
    about = alert["mpm"]["alert"] if alert else {}
    if about.get("workflow_status") == CLOSED:
        return "the alert is closed"
    if is_muted(about, now):
        return f"the alert is muted until {about['muted_until']}"
    then = transition.source["mpm"]["alert"]
    if then.get("flapping") and transition.action != FLAPPING and not then.get("worse"):
        return "the alert is flapping"
    return None


def _urgency(transition: Happened) -> tuple[bool, int, str, str, str]:
    source = transition.source
    severity = Severity(source["mpm"]["alert"]["severity"])
    return (
        transition.action not in _NEWS,
        -severity.rank,
        transition.rule,
        source["mpm"]["subject"]["name"],
        transition.id,
    )


def title(model: ModelKey, transitions: Sequence[Mapping[str, Any]]) -> str:
    """Say in one line what a notification is about: `[critical] credit-risk: 2 alerts opened, 1 recovered`."""
    counts: dict[str, int] = {}
    for source in transitions:
        counts[source["event"]["action"]] = counts.get(source["event"]["action"], 0) + 1
    news = [source for source in transitions if source["event"]["action"] in _NEWS]
    worst = max((Severity(source["mpm"]["alert"]["severity"]) for source in news), key=lambda s: s.rank, default=None)
    mark = f"[{worst}] " if worst else ""
    first, *rest = (f"{number} {action}" for action, number in counts.items())
    number = next(iter(counts.values()))
    opening = first.replace(" ", " alert " if number == 1 else " alerts ", 1)
    return f"{mark}{model}: {', '.join([opening, *rest])}"


def body(transitions: Iterable[Mapping[str, Any]], key: str) -> str:
    """Say what happened, alert by alert, where to look, and by which key a repetition is known."""
    parts = []
    for source in transitions:
        mpm = source["mpm"]
        alert = mpm["alert"]
        segment = ", ".join(f"{name}={value}" for name, value in mpm["segment"].items())
        subject = mpm["subject"]["name"] + (f" ({segment})" if segment else "")
        start, end = (mpm["window"][name][:16].replace("T", " ") for name in ("start", "end"))
        lines = [
            f"{source['event']['action']} · {alert['severity']} · {source['rule']['id']}: {subject}",
            f"  {alert['reason']}",
            f"  window {start} to {end} UTC, version {mpm['model']['version']}",
        ]
        lines += [f"  {name}: {mpm[name]}" for name in ("owner", "runbook") if name in mpm]
        lines.append(f"  mpm-elk alerts show {alert['uuid'][:12]}")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, f"notification {key}"])


def is_due(failures: Sequence[int], now: int) -> bool:
    """Tell whether to try again after attempts that failed at these times (ms): after 1, 2, 4, … 60 minutes."""
    minutes = min(60, 1 << min(len(failures) - 1, 6)) if failures else 0
    return not failures or now - max(failures) >= minutes * 60_000


def has_room(sent: Iterable[int], channel: Channel, now: int) -> bool:
    """Tell whether a channel takes one more, after those sent at these times (ms)."""
    recent = [at for at in sent if now - at < milliseconds(channel.at_most.span)]
    return len(recent) < channel.at_most.number


def written(decision: Decision, now: int, run_id: str) -> dict[str, Any]:
    """Make the document of a decision: a notification that waits to be sent, or that there is none, and why."""
    sources = [transition.source for transition in decision.transitions]
    about: dict[str, Any] = {
        "id": decision.key,
        "channel": decision.channel,
        "transitions": [transition.id for transition in decision.transitions],
    }
    if decision.suppressed is None:
        words = {"title": title(decision.model, sources), "body": body(sources, decision.key)}
        about["message"] = {**words, "type": _type(sources)}
    action = "queued" if decision.suppressed is None else "suppressed"
    return _document(decision.model, action, about, now=now, run_id=run_id, why=decision.suppressed, sources=sources)


def outcome(queued: Mapping[str, Any], action: str, now: int, run_id: str, why: str | None = None) -> dict[str, Any]:
    """Make the document of what became of a queued notification: sent, failed, delayed, given_up."""
    mpm = queued["mpm"]
    model = ModelKey(queued["service"]["environment"], mpm["model"]["name"])
    about = {name: mpm["notification"][name] for name in ("id", "channel")}
    document = _document(model, action, about, now=now, run_id=run_id, why=why, sources=[])
    document["mpm"]["alert"] = mpm["alert"]
    return document


def _type(sources: Sequence[Mapping[str, Any]]) -> str:
    """Give the kind of message, in Apprise's words."""
    news = [Severity(s["mpm"]["alert"]["severity"]) for s in sources if s["event"]["action"] in _NEWS]
    if not news:
        return "success"
    return "failure" if Severity.CRITICAL in news else "warning"


def _document(
    model: ModelKey,
    action: str,
    about: Mapping[str, Any],
    *,
    now: int,
    run_id: str,
    why: str | None,
    sources: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    event = {"kind": "event", "module": "mpm", "dataset": DATASET, "action": action, "created": iso(now)}
    return {
        "@timestamp": iso(now),
        "event": event | ({"reason": why} if why else {}),
        "service": {"environment": model.environment},
        "mpm": {
            "model": {"name": model.name},
            "notification": dict(about),
            "alert": {"uuid": sorted({source["mpm"]["alert"]["uuid"] for source in sources})},
            "run": {"id": run_id},
        },
    }


DATASET = "mpm.notification"
"""`event.dataset` of notification decisions."""
