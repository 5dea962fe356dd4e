"""What a notification says, when it is sent, and the documents of decisions and outcomes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mpm_elk.alerts.decide import NEWS, QUEUED, Decision
from mpm_elk.config.notifications import Channel
from mpm_elk.contract.keys import ModelKey
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import iso, milliseconds


def title(model: ModelKey, transitions: Sequence[Mapping[str, Any]]) -> str:
    """Say in one line what a notification is about: `[critical] credit-risk: 2 alerts opened, 1 recovered`."""
    counts: dict[str, int] = {}
    for source in transitions:
        counts[source["event"]["action"]] = counts.get(source["event"]["action"], 0) + 1
    news = [source for source in transitions if source["event"]["action"] in NEWS]
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
    verdict = decision.verdict
    if verdict.action == QUEUED:
        words = {"title": title(decision.model, sources), "body": body(sources, decision.key)}
        about["message"] = {**words, "type": _type(sources)}
    if verdict.until is not None:
        about["until"] = iso(verdict.until)
    return _document(decision.model, verdict.action, about, now=now, run_id=run_id, why=verdict.why, sources=sources)


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
    news = [Severity(s["mpm"]["alert"]["severity"]) for s in sources if s["event"]["action"] in NEWS]
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
