"""Tables and bars for a terminal, with rich. Nothing is told by colour alone."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.contract.keys import ALL
from mpm_elk.profiles.timeline import BASELINE
from mpm_elk.rules.evaluate import Severity
from mpm_elk.views.drift import Found, Section
from mpm_elk.views.lines import Cell, Line, shown

PIPE_WIDTH = 100
_CELLS_MAX = 24
_PLAIN = 5
"""The columns of a table in which all effects are of one metric."""
_LABEL_MAX = 24
_FULL = "█"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MARK = "◄ largest"

STATUS = {
    Severity.CRITICAL: ("‼ critical", "bold red"),
    Severity.WARNING: ("! warning", "yellow"),
    Severity.OK: ("· ok", "green"),
    Severity.INSUFFICIENT: ("? no decision", "dim"),
}
"""How each severity is written, and its style."""


def as_text(content: RenderableType, width: int = PIPE_WIDTH) -> str:
    """Draw as plain text."""
    console = Console(file=io.StringIO(), width=width, highlight=False, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(content)
    return "\n".join(part.rstrip() for part in capture.get().splitlines())


def comparison(heading: str, lines: Sequence[Line], notes: Sequence[str]) -> Group:
    """Draw what a comparison found: heading, notes, subjects, sentences."""
    return Group(Text(heading, style="bold"), *_notes(notes), Text(), *subjects(lines))


def _notes(notes: Iterable[str]) -> list[RenderableType]:
    return [Padding(Text(f"note: {note}", style="yellow"), (0, 0, 0, 2)) for note in notes]


def subjects(lines: Sequence[Line]) -> list[RenderableType]:
    """Draw a table with a line a subject, the sentences of those that stand out, and the traffic."""
    some = [line for line in lines if not line.traffic]
    parts: list[RenderableType] = [_table(some)] if some else []
    standing_out = [line for line in some if line.status.alarming]
    if standing_out:
        parts += [Text(), *map(_sentence, standing_out)]
    if lack := _lack(some):
        parts += [Text(), Text(lack, style="dim")]
    traffic = [line for line in lines if line.traffic]
    if traffic:
        parts += [Text(), *(_traffic(f"traffic ({line.length})", line) for line in traffic)]
    return parts


def _traffic(title: str, line: Line) -> Text:
    return Text.assemble((f"{title}  ", "bold"), line.sentence, *_unless_ok(line))


def _unless_ok(line: Line) -> list[tuple[str, str]]:
    text, style = STATUS[line.status]
    return [] if line.status is Severity.OK else [(f"  {text}", style)]


def _table(lines: Sequence[Line]) -> Table:
    """Draw one line a subject; where all show the same metric, it stands in the heading only."""
    metrics = {line.effect.name for line in lines if line.effect}
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("status", no_wrap=True)
    table.add_column("subject")  # where there is little room, names wrap, and numbers do not
    if len(metrics) > 1:
        table.add_column("effect", style="dim")
    table.add_column(metrics.pop() if len(metrics) == 1 else "", no_wrap=True, justify="right")
    table.add_column("95 % limits", no_wrap=True, style="dim")
    table.add_column("adjusted p", no_wrap=True, justify="right")
    for line in lines:
        text, style = STATUS[line.status]
        effect = line.effect
        row = [Text(text, style=style), Text(_cut(line.name, _LABEL_MAX), style="bold" if line.status.alarming else "")]
        if len(table.columns) > _PLAIN:
            row.append(Text(effect.name if effect else ""))
        p = "–" if line.p_adjusted is None else f"{line.p_adjusted:.2g}"
        row += [Text(effect.text() if effect else "–"), Text(effect.limits if effect else ""), Text(p)]
        table.add_row(*row)
    return table


def _sentence(line: Line) -> RenderableType:
    text, style = STATUS[line.status]
    rules = "; ".join(f"{e.rule}: {e.reason}" for e in line.evaluations if e.severity.alarming)
    body = Text(line.sentence)
    return Group(
        Text.assemble((f"{text.split()[0]} {line.name}", style), (f"  {rules}", "dim") if rules else ""),
        Padding(body, (0, 0, 0, 2)),
    )


def _lack(lines: Sequence[Line]) -> str:
    """Say why there was no decision, each reason once."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.lack:
            reasons.setdefault(line.lack, []).append(line.name)
    return "\n".join(
        f"no decision on {'any subject' if len(names) == len(lines) else ', '.join(names)}: {reason}"
        for reason, names in reasons.items()
    )


def drift(found: Found, width: int) -> Group:
    """Draw what was found of a model: a table for each window, version and reference; features by their bars."""
    parts: list[RenderableType] = []
    for section in found.sections:
        lines = [replace(line, segment="") for line in section.lines]  # the heading names it
        parts += [*_heading(found, section), Text()]
        if found.wanted.features:
            for line in lines:
                parts += [distribution(line, width), Text()]
        else:
            parts += [*subjects(lines), Text()]
    for section in found.traffic:
        for line in section.lines:
            parts.append(_traffic(f"traffic {_window(section.window)}", line))
    return Group(*(parts if found.traffic else parts[:-1]))


def _heading(found: Found, section: Section) -> list[RenderableType]:
    wanted, reference = found.wanted, section.reference
    where = "" if wanted.segment == ALL else f", {wanted.segment}"
    title = f"{wanted.model}, version {section.version}{where}: {_window(section.window)}"
    return [
        Text(title, style="bold"),
        Text(f"against {_reference(section.against, reference)}; {_tally(section.lines)}"),
    ]


def _window(window: Mapping[str, str]) -> str:
    """Say when a window is: `2026-11-24 (1d)`, `2026-11-24 05:00 (1h)`."""
    start = window["start"][:16].replace("T", " ").removesuffix(" 00:00" if window["length"].endswith("d") else "")
    return f"{start} ({window['length']})"


def _reference(against: str, reference: Mapping[str, Any]) -> str:
    """Say what a window was compared with: `rolling 28d (27 windows since 2026-10-27, 1 left out for its alerts)`."""
    facts = []
    if count := reference.get("windows"):
        since = f" since {reference['start'][:10]}" if "start" in reference else ""
        facts.append(f"{count} {'window' if count == 1 else 'windows'}{since}")
    if left := reference.get("excluded"):
        facts.append(f"{left} left out for {'its' if left == 1 else 'their'} alerts")
    if versions := reference.get("versions"):
        facts.append(f"of {', '.join(f'version {v}' if v != BASELINE else v for v in versions)}")
    return f"{against} ({', '.join(facts)})" if facts else against


def _tally(lines: Iterable[Line]) -> str:
    """Count verdicts: `1 critical, 4 ok`."""
    counts = Counter(line.status for line in lines)
    words = {Severity.INSUFFICIENT: "without decision"}
    return ", ".join(
        f"{counts[status]} {words.get(status, status.value)}" for status in reversed(list(Severity)) if counts[status]
    )


def distribution(line: Line, width: int) -> RenderableType:
    """Draw a subject's two distributions as bars side by side, cell by cell, and mark the cell that moved most."""
    text, style = STATUS[line.status]
    title = Text.assemble((line.name, "bold"), ("  " + text, style))
    parts: list[RenderableType] = [title, Padding(Text(line.finding), (0, 0, 0, 2))]
    if line.lack:
        parts.append(Padding(Text(f"no decision: {line.lack}", style="dim"), (0, 0, 0, 2)))
    if line.cells:
        counted = f"{line.window:,} events against {line.reference:,}"
        parts += [
            Padding(Text(counted, style="dim"), (0, 0, 0, 2)),
            Text(),
            Padding(_bars(line, width - 2), (0, 0, 0, 2)),
        ]
    return Group(*parts)


def _bars(line: Line, width: int) -> Table:
    some, rest = shown(line.cells, _CELLS_MAX)
    drawn = [*some, rest] if rest else some
    label = min(_LABEL_MAX, max(len("cell"), *(len(cell.label) for cell in drawn)))
    room = max(6, min(32, (width - label - 38) // 2))
    largest = max((max(cell.reference, cell.window) for cell in drawn), default=1.0) or 1.0
    table = Table(box=None, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("cell", no_wrap=True, max_width=label)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("reference", no_wrap=True, width=room)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("window", no_wrap=True, width=room)
    table.add_column("change", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for cell in drawn:
        table.add_row(
            Text(_cut(cell.label, label), style="bold" if cell.culprit else ""),
            _percent(cell.reference),
            Text(bar(cell.reference / largest, room), style="blue"),
            _percent(cell.window),
            Text(bar(cell.window / largest, room), style="bold yellow" if cell.culprit else "yellow"),
            Text(_points(cell), style="" if cell.culprit else "dim"),
            Text(_MARK if cell.culprit else "", style="bold"),
        )
    return table


def bar(share: float, room: int) -> str:
    """Draw a bar for a share of the full length of `room` characters, to an eighth of one; what is there is seen."""
    eighths = round(share * room * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, part = divmod(min(eighths, room * 8), 8)
    return _FULL * full + (_EIGHTHS[part] if part else "")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(cell: Cell) -> str:
    return f"{100 * cell.change:+.1f} pp" if abs(cell.change) >= 0.0005 else "0"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
