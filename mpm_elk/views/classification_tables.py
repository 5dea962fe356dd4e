"""What a classifier found, for a terminal, with rich."""

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.rules.classification import Classified
from mpm_elk.timespan import iso
from mpm_elk.views.terminal import STATUS

_FEATURES_MAX = 10


def classification(found: Classified) -> Group:
    """Draw the verdict, the features by what the AUC loses without them, and past windows."""
    text, style = STATUS[found.status]
    about = found.about
    sides = [f"{rows:,} of {events:,}" for rows, events in zip(found.rows, found.events, strict=True)]
    where = "".join(f", {what}" for what in (_version(about.get("version")), about.get("segment")) if what)
    window = about.get("window", {})
    title = f"{about.get('model', 'table')}{where}: {_time(window.get('start'))} to {_time(window.get('end'))}"
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        Text(f"against {found.against}; a sample of {sides[0]} events against one of {sides[1]}"),
        Text(),
        Text.assemble((f"{text}  ", style), found.finding),
    ]
    parts += [Padding(Text(f"note: {note}", style="yellow"), (0, 0, 0, 2)) for note in found.notes]
    if found.apart is not None and found.apart.told.importance:
        parts += [Text(), _features(found)]
    if found.past:
        past = ", ".join(f"{iso(start)[:10]} {value:.3f}" for start, value in sorted(found.past.items()))
        parts += [Text(), Text(f"AUC of past windows: {past}", style="dim")]
    return Group(*parts)


def _version(version: str | None) -> str | None:
    return f"version {version}" if version else None


def _time(text: str | None) -> str:
    return text[:16].replace("T", " ") if text else "–"


def _features(found: Classified) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name, side in (("feature", "left"), ("AUC lost without it", "right"), ("at least", "right")):
        table.add_column(name, justify="right" if side == "right" else "left")
    assert found.apart is not None  # noqa: S101 — the caller asks
    for one in found.apart.told.importance[:_FEATURES_MAX]:
        style = "bold" if one.sure else "dim"
        table.add_row(Text(one.feature, style=style), f"{one.loss:.3f}", f"{one.lower:.3f}" if one.sure else "–")
    return table
