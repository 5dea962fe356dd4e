"""Alerts for a terminal, with rich. Nothing is told by colour alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.alerts.causes import Part
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import parse_instant
from mpm_elk.views.alerts import Account, Alert
from mpm_elk.views.causes import Causes
from mpm_elk.views.terminal import STATUS

_ID_SHOWN = 10
_MINUTES_A_DAY = 24 * 60
_PARTS_SHOWN = 4
_WORTH_SAYING = 0.05


def alerts(found: Sequence[Alert], now: int) -> RenderableType:
    """Draw one line an alert, and its reason below."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("severity", "since (UTC)", "for", "what", "state", "id"):
        table.add_column(name, no_wrap=name not in ("what", "state"))
    for alert in found:
        text, style = STATUS[Severity(alert.about["max_severity"])]
        mpm = alert.source["mpm"]
        what = Text.assemble(
            (alert.model.name, "bold"),
            f" {alert.rule}: {alert.subject}",
            (f"\n{alert.about['reason']}", "dim"),
        )
        state = alert.state(now)
        if who := alert.about.get("assignee") or mpm.get("owner"):
            state += f"\n{who}"
        start = _minute(alert.about["start"])
        table.add_row(Text(text, style=style), start, _length(alert), what, state, alert.uuid[:_ID_SHOWN])
    return table


def alert(found: Alert, events: Sequence[Mapping[str, Any]], with_it: Causes, now: int) -> RenderableType:
    """Draw all that is known of an alert."""
    text, style = STATUS[Severity(found.about["max_severity"])]
    mpm, about = found.source["mpm"], found.about
    rows = {
        "state": found.state(now),
        "model": f"{found.model.name}, version {mpm['model']['version']}, {found.model.environment}",
        "began": _minute(about["start"]) + " UTC",
        "ended": _minute(about["end"]) + " UTC" if "end" in about else "",
        "windows": f"{about['windows']} alarming, {_length(found)}",
        "number": _number(about["evaluation"]),
        "owner": mpm.get("owner", ""),
        "assigned to": about.get("assignee", ""),
        "runbook": mpm.get("runbook", ""),
        "metrics": "{index}/_doc/{id}".format(**mpm["evidence"]["worst"]["metric"]),
        "id": found.uuid,
    }
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        if value:
            facts.add_row(Text(name, style="dim"), Text(value))
    past = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for event in events:
        said = event["event"]
        who = event.get("user", {}).get("name", "the job")
        past.add_row(_minute(event["@timestamp"]), said["action"], Text(who, style="dim"), Text(said.get("reason", "")))
    title = Text.assemble((f"{text}  ", style), (f"{found.rule}: {found.subject}", "bold"))
    reason = Padding(Text(about["reason"]), (0, 0, 0, 2))
    going = [Padding(Text(line), (0, 0, 0, 2)) for line in goes_with(with_it)]
    parts: list[RenderableType] = [title, reason, Text(), facts, Text()]
    if going:
        parts += [Text("goes with (nothing here says what caused what)", style="bold"), *going, Text()]
    return Group(*parts, Text("what happened (UTC)", style="bold"), past)


def goes_with(found: Causes) -> list[str]:
    """Say what an alert goes with, one sentence each."""
    lines = []
    if found.cells:
        lines.append(f"Of the change, {_parts(found.cells)}.")
    for split in found.splits:
        text = f"By {split.by}: {_percent(split.mixed)} because there is more of some and less of others"
        strong = [part for part in split.mix if part.share >= _WORTH_SAYING]
        text += f" ({_parts(strong)})" if strong else ""
        inside = [part for part in split.within if part.share >= _WORTH_SAYING]
        text += f"; {_percent(1 - split.mixed)} within them" + (f" ({_parts(inside)})" if inside else "")
        for word, names in (("new", split.new), ("gone", split.gone)):
            text += f"; {word}: {', '.join(names)}" if names else ""
        lines.append(f"{text}.")
    if len(found.subjects) > 1:
        lines.append(f"Of all subjects' numbers of this kind in that window, {_parts(found.subjects)}.")
    for name, alerts in found.upstream.items():
        others = ", ".join(f"{a.model.name} {a.rule}: {a.subject} since {_minute(a.about['start'])}" for a in alerts)
        lines.append(f"From the same upstream, {name}: {others}.")
    return lines + [f"Near its begin, {_minute(c['at'])}: {c['action']}, by {c['by']}." for c in found.changes]


def _parts(parts: Sequence[Part]) -> str:
    shown = [part for part in parts[:_PARTS_SHOWN] if part.share >= _WORTH_SAYING] or list(parts[:1])
    return ", ".join(f"{_percent(part.share)} {part.name.removeprefix('features.')}" for part in shown)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def ledger(accounts: Sequence[Account]) -> RenderableType:
    """Draw one line a model: its alerts by verdict, and false alarms a month beside those that are allowed."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("model")
    for name in ("days judged", "alerts", "real", "expected", "false", "no verdict", "false a month (95 %)", "allowed"):
        table.add_column(name, justify="right", no_wrap=True)
    for account in accounts:
        rate, low, high = account.a_month(account.false)
        counts = [str(account.verdicts.get(name, 0)) for name in ("real", "expected", "false")]
        table.add_row(
            f"{account.model.name} ({account.model.environment})",
            f"{account.days:.0f}",
            str(account.alerts),
            *counts,
            str(account.undecided),
            f"{rate:.2f} ({low:.2f}–{high:.2f})",
            f"{account.allowed:g}",
        )
    return table


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")


def _length(found: Alert) -> str:
    about = found.about
    span = parse_instant(about["last_detected"]) - parse_instant(about["start"])
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // _MINUTES_A_DAY}d" if minutes % _MINUTES_A_DAY == 0 else f"{minutes // 60}h"


def _number(evaluation: Mapping[str, Any]) -> str:
    text = f"{evaluation['metric']} {evaluation['value']:.4g}" if "value" in evaluation else str(evaluation["metric"])
    if "lower" in evaluation and "upper" in evaluation:
        text += f" ({evaluation['lower']:.4g} to {evaluation['upper']:.4g})"
    if "threshold" in evaluation:
        text += f", threshold {evaluation['threshold']:g}"
    if "p_adjusted" in evaluation:
        text += f", adjusted p {evaluation['p_adjusted']:.2g}"
    return text
