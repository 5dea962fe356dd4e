"""A comparison as HTML for a notebook: one table that needs nothing else, with bars drawn as SVG.

The colours are blue and orange of Okabe and Ito's palette, which most kinds of colour blindness tell apart; what they
say stands beside them in words. Everything follows the reader's light or dark scheme.
"""

import itertools
from collections.abc import Sequence
from html import escape

from mpm_elk.rules.evaluate import Severity
from mpm_elk.views.lines import Line, shown

_CELLS_MAX = 24
_HEIGHT, _STEP, _BAR, _BASE = 34, 8, 3, 30

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
.mpm-elk table{border-collapse:collapse;margin:.5em 0}
.mpm-elk th,.mpm-elk td{text-align:left;vertical-align:top;padding:.35em .9em .35em 0;border:0;
border-bottom:1px solid var(--mpm-line);background:none;white-space:nowrap}
.mpm-elk td.mpm-words{white-space:normal;min-width:22em;max-width:46em}
.mpm-elk td.mpm-number{text-align:right;font-variant-numeric:tabular-nums}
.mpm-elk small,.mpm-elk .mpm-quiet{color:var(--mpm-quiet)}
.mpm-elk tr.mpm-critical td:first-child,.mpm-elk tr.mpm-warning td:first-child{font-weight:bold}
.mpm-elk .mpm-before{fill:var(--mpm-before)}.mpm-elk .mpm-now{fill:var(--mpm-now)}
.mpm-elk .mpm-axis{stroke:var(--mpm-line)}.mpm-elk .mpm-mark{fill:currentColor}
.mpm-elk .mpm-key::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;
background:var(--mpm-now)}.mpm-elk .mpm-key.mpm-first::before{background:var(--mpm-before)}
""".strip()


def page(heading: str, lines: Sequence[Line], notes: Sequence[str]) -> str:
    """Write the table, with notes before it."""
    rows = "".join(_row(line) for line in lines)
    said = "".join(f"<div class='mpm-quiet'>{escape(note)}</div>" for note in notes)
    key = "<span class='mpm-key mpm-first'>reference</span> &ensp; <span class='mpm-key'>current</span>"
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("status", "subject", key, "effect", "adjusted p", "what it means")
    )
    return (
        f"<div class='mpm-elk'><style>{_STYLE}</style><strong>{escape(heading)}</strong>{said}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(line: Line) -> str:
    effect = line.effect
    number = "–"
    if effect is not None:
        limits = f"<br><small>{escape(effect.limits)}</small>" if effect.limits else ""
        number = f"{escape(effect.name)} <strong>{escape(effect.text())}</strong>{limits}"
    p = "–" if line.p_adjusted is None else f"{line.p_adjusted:.2g}"
    why = [e.reason for e in line.evaluations if e.severity.alarming] or ([line.lack] if line.lack else [])
    reasons = "".join(f"<br><small>{escape(reason)}</small>" for reason in why)
    return (
        f"<tr class='mpm-{line.status.value}'><td>{_WORDS[line.status]}</td><td>{escape(line.name)}</td>"
        f"<td>{bars(line)}</td><td>{number}</td><td class='mpm-number'>{p}</td>"
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
    for x, cell in zip(itertools.count(0, _STEP), drawn, strict=False):
        title = f"{cell.label}: {100 * cell.reference:.1f} % → {100 * cell.window:.1f} %"
        pair = "".join(
            f"<rect class='mpm-{name}' x='{x + offset}' y='{_BASE - height:.1f}' width='{_BAR}' height='{height:.1f}'/>"
            for name, offset, height in (
                ("before", 0, _BASE * cell.reference / largest),
                ("now", _BAR, _BASE * cell.window / largest),
            )
        )
        mark = f"<path class='mpm-mark' d='M{x} {_HEIGHT}l3 -3l3 3z'/>" if cell.culprit else ""
        shapes.append(f"<g><title>{escape(title)}</title>{pair}{mark}</g>")
    width = _STEP * len(drawn)
    label = escape(f"distributions of {line.name}", quote=True)
    return (
        f"<svg role='img' aria-label='{label}' width='{width}' height='{_HEIGHT}' viewBox='0 0 {width} {_HEIGHT}'>"
        f"{''.join(shapes)}<line class='mpm-axis' x1='0' y1='{_BASE}.5' x2='{width}' y2='{_BASE}.5'/></svg>"
    )
