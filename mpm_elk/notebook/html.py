"""A comparison as HTML for a notebook: its alerts, then a line a subject with bars drawn as SVG. It needs nothing else.

The colours are blue and orange of Okabe and Ito's palette, which most kinds of colour blindness tell apart; what they
say stands beside them in words. Everything follows the reader's light or dark scheme.
"""

import itertools
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from mpm_elk.rules.evaluate import Severity
from mpm_elk.views.lines import Line, shown

if TYPE_CHECKING:
    from mpm_elk.notebook.result import Alert

_CELLS_MAX = 24
_ALERTS_MAX = 15
_HEIGHT, _BASE = 34, 30
_WIDTH, _STEP_MIN, _STEP_MAX = 168, 8, 24

_WORDS = {
    Severity.CRITICAL: "‼ critical",
    Severity.WARNING: "! warning",
    Severity.OK: "· ok",
    Severity.INSUFFICIENT: "? no decision",
}

_STYLE = """
.mpm-elk{--mpm-before:#0072b2;--mpm-now:#d55e00;--mpm-quiet:#5f6368;--mpm-line:#d0d4d9;font-size:13px;line-height:1.4}
@media (prefers-color-scheme:dark){.mpm-elk{--mpm-before:#56b4e9;--mpm-now:#e69f00;--mpm-quiet:#a6acb3;
--mpm-line:#4a4f55}}
[data-theme=dark] .mpm-elk,[data-jp-theme-light=false] .mpm-elk,.vscode-dark .mpm-elk{--mpm-before:#56b4e9;
--mpm-now:#e69f00;--mpm-quiet:#a6acb3;--mpm-line:#4a4f55}
[data-theme=light] .mpm-elk,[data-jp-theme-light=true] .mpm-elk,.vscode-light .mpm-elk{--mpm-before:#0072b2;
--mpm-now:#d55e00;--mpm-quiet:#5f6368;--mpm-line:#d0d4d9}
.mpm-elk table{border-collapse:collapse;margin:.6em 0 1.2em;font-size:inherit}
.mpm-elk th,.mpm-elk td{text-align:left;vertical-align:top;padding:.35em .9em .35em 0;border:0;
border-bottom:1px solid var(--mpm-line);background:none;white-space:nowrap}
.mpm-elk td.mpm-words{white-space:normal;min-width:22em;max-width:46em}
.mpm-elk td.mpm-why{max-width:70em}
.mpm-elk .mpm-number{text-align:right;font-variant-numeric:tabular-nums}
.mpm-elk td.mpm-number strong{font-size:1.1em}
.mpm-elk small,.mpm-elk .mpm-quiet{color:var(--mpm-quiet)}
.mpm-elk tr.mpm-critical td:first-child,.mpm-elk tr.mpm-warning td:first-child{font-weight:bold}
.mpm-elk .mpm-before{fill:var(--mpm-before)}.mpm-elk .mpm-now{fill:var(--mpm-now)}
.mpm-elk .mpm-axis{stroke:var(--mpm-line)}.mpm-elk .mpm-mark{fill:currentColor}
.mpm-elk .mpm-key::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;
background:var(--mpm-now)}.mpm-elk .mpm-key.mpm-first::before{background:var(--mpm-before)}
""".strip()


def page(heading: str, lines: Sequence[Line], notes: Sequence[str], alerts: Sequence["Alert"] = ()) -> str:
    """Write heading, notes, the alerts, and the table of the subjects."""
    several = len({line.length for line in lines}) > 1
    first = sorted(lines, key=lambda line: not line.status.alarming)  # else in their order
    rows = "".join(_row(line, line.length if several else "") for line in first)
    said = "".join(f"<div class='mpm-quiet'>{escape(note)}</div>" for note in notes)
    key = "<span class='mpm-key mpm-first'>reference</span> &ensp; <span class='mpm-key'>current</span>"
    head = _head("status", "subject", key, "effect#", "adjusted p#", "what it means")
    return (
        f"<div class='mpm-elk'><style>{_STYLE}</style><strong>{escape(heading)}</strong>{said}"
        f"{_alerts(alerts)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(*names: str) -> str:
    """Write the head of a table; a name with `#` stands over numbers."""
    return "".join(
        f"<th scope='col' class='mpm-number'>{name[:-1]}</th>" if name.endswith("#") else f"<th scope='col'>{name}</th>"
        for name in names
    )


def _alerts(alerts: Sequence["Alert"]) -> str:
    """Write the alerts: the active ones first, then the newest."""
    if not alerts:
        return ""
    timed = any(alert.start for alert in alerts)
    newest = sorted(alerts, key=lambda alert: alert.start or "", reverse=True)
    some = sorted(newest, key=lambda alert: (not alert.active, -Severity(alert.severity).rank))
    head = _head("alert", "subject", "rule", *(("since", "until") if timed else ()), "why, in the worst window")
    rows = "".join(_alert(alert, timed=timed) for alert in some[:_ALERTS_MAX])
    more = f"<div class='mpm-quiet'>and {len(some) - _ALERTS_MAX} more: <code>.alerts</code> has them all</div>"
    more = more if len(some) > _ALERTS_MAX else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"


def _alert(alert: "Alert", *, timed: bool) -> str:
    subject = alert.subject.removeprefix("features.") + (f" ({alert.segment})" if alert.segment else "")
    times = ""
    if timed:
        since, until = (_when(time) for time in (alert.start, alert.end))
        times = f"<td>{since}</td><td>{'<strong>active</strong>' if alert.active else until}</td>"
    return (
        f"<tr class='mpm-{alert.severity}'><td>{_WORDS[Severity(alert.severity)]}</td><td>{escape(subject)}</td>"
        f"<td>{escape(alert.rule)}</td>{times}<td class='mpm-words mpm-why'>{escape(alert.reason)}</td></tr>"
    )


def _when(time: str | None) -> str:
    """Write a time to the minute; a midnight is a day."""
    return "" if time is None else escape(time[:16].removesuffix("T00:00").replace("T", " "))


def _row(line: Line, length: str) -> str:
    effect = line.effect
    window = f"<br><small>{escape(length)}</small>" if length else ""
    number = "–"
    if effect is not None:
        limits = f"<br><small>{escape(effect.limits)}</small>" if effect.limits else ""
        number = f"<strong>{escape(effect.text())}</strong>{limits}<br><small>{escape(effect.name)}</small>"
    p = "–" if line.p_adjusted is None else f"{line.p_adjusted:.2g}"
    why = [e.reason for e in line.evaluations if e.severity.alarming] or ([line.lack] if line.lack else [])
    reasons = "".join(f"<br><small>{escape(reason)}</small>" for reason in why)
    return (
        f"<tr class='mpm-{line.status.value}'><td>{_WORDS[line.status]}</td><td>{escape(line.name)}{window}</td>"
        f"<td>{bars(line)}</td><td class='mpm-number'>{number}</td><td class='mpm-number'>{p}</td>"
        f"<td class='mpm-words'>{escape(line.sentence)}{reasons}</td></tr>"
    )


def bars(line: Line) -> str:
    """Draw the two distributions as pairs of bars; a triangle stands under the cell that moved most."""
    if not line.cells:
        return ""
    some, rest = shown(line.cells, _CELLS_MAX)
    drawn = [*some, rest] if rest else some
    largest = max(max(cell.reference, cell.window) for cell in drawn) or 1.0
    shapes = []
    step = min(_STEP_MAX, max(_STEP_MIN, _WIDTH // len(drawn)))  # few cells have wider bars
    bar = step * 3 // 8
    for x, cell in zip(itertools.count(0, step), drawn, strict=False):
        title = f"{cell.label}: {100 * cell.reference:.1f} % → {100 * cell.window:.1f} %"
        pair = "".join(
            f"<rect class='mpm-{name}' x='{x + offset}' y='{_BASE - height:.1f}' width='{bar}' height='{height:.1f}'/>"
            for name, offset, height in (
                ("before", 0, _BASE * cell.reference / largest),
                ("now", bar, _BASE * cell.window / largest),
            )
        )
        mark = f"<path class='mpm-mark' d='M{x + bar - 3} {_HEIGHT}l3 -3l3 3z'/>" if cell.culprit else ""
        shapes.append(f"<g><title>{escape(title)}</title>{pair}{mark}</g>")
    width = step * len(drawn)
    label = escape(f"distributions of {line.name}", quote=True)
    return (
        f"<svg role='img' aria-label='{label}' width='{width}' height='{_HEIGHT}' viewBox='0 0 {width} {_HEIGHT}'>"
        f"{''.join(shapes)}<line class='mpm-axis' x1='0' y1='{_BASE}.5' x2='{width}' y2='{_BASE}.5'/></svg>"
    )
