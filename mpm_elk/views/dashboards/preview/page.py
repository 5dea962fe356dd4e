"""The HTML page of a dashboard. Pure."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from markdown_it import MarkdownIt

from mpm_elk.views.dashboards.preview.theme import DARK, FONT, LIGHT, Theme
from mpm_elk.views.dashboards.saved import Dashboard, Panel

COLUMN, ROW, GAP, WIDTH = 22, 20, 8, 48
_TITLE, _PADDING = 30, 10

NOTE = "Drawn by mpm-elk from the same saved objects, without Kibana: nearly what Kibana shows, and no more."


@dataclass(frozen=True)
class Table:
    """A table: its titles, and its cells as texts; `numeric` says which columns are numbers."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]


def inner_size(panel: Panel) -> tuple[int, int]:
    """Give the space (pixels) that a panel has for its chart."""
    grid = panel.grid
    width = grid["w"] * COLUMN + (grid["w"] - 1) * GAP - 2 * _PADDING
    return width, grid["h"] * ROW + (grid["h"] - 1) * GAP - _TITLE - _PADDING


def page(dashboard: Dashboard, about: str, panels: Sequence[str], themes: Sequence[Theme]) -> str:
    """Put the parts together; with two themes the reader's own setting decides."""
    title = html.escape(str(dashboard.attributes["title"]))
    described = html.escape(str(dashboard.attributes["description"]))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_style(themes)}</style></head>\n<body><header><h1>{title}</h1><p>{described}</p>"
        f'<p class="about">{html.escape(about)} {NOTE}</p></header>\n'
        f"<main>\n{chr(10).join(panels)}\n</main></body></html>\n"
    )


def framed(panel: Panel, body: str, kind: str) -> str:
    """Put a panel's content into its place on the grid."""
    grid = panel.grid
    place = f"grid-area:{grid['y'] + 1}/{grid['x'] + 1}/span {grid['h']}/span {grid['w']}"
    described = f' title="{html.escape(panel.description)}"' if panel.description else ""
    heading = "" if panel.config.get("hidePanelTitles") else f"<h2{described}>{html.escape(panel.title)}</h2>"
    return f'<section class="{kind}" id="{html.escape(panel.id)}" style="{place}">{heading}{body}</section>'


def drawing(by_theme: dict[str, str]) -> str:
    """Show the drawing of the theme in use."""
    return "".join(f'<div class="chart {name}">{drawn}</div>' for name, drawn in by_theme.items())


def number(value: str, label: str, colour: str) -> str:
    """Show one number, large."""
    style = f' style="color:{colour}"' if colour else ""
    size = "long" if len(value) > len("1,234,567") else ""
    return f'<div class="value {size}"{style}>{html.escape(value)}</div><div class="label">{html.escape(label)}</div>'


def table(content: Table) -> str:
    """Show a table."""
    kinds = ["number" if numeric else "" for numeric in content.numeric]
    head = "".join(
        f'<th class="{kind}">{html.escape(name)}</th>' for name, kind in zip(content.titles, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{_cell(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in content.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


_BADGES = ("critical", "warning", "ok", "insufficient_data", "active", "recovered", "failure", "success", "open")


def _cell(text: str) -> str:
    return f'<span class="badge {text}">{text}</span>' if text in _BADGES else html.escape(text)


def markdown(text: str) -> str:
    """Show text."""
    return f'<div class="text">{MarkdownIt("commonmark", {"html": False}).render(text)}</div>'


def links(labels: Sequence[tuple[str, str]], here: str) -> str:
    """Show the way to the other dashboards: label and id of each."""
    return "<nav>" + "".join(_link(label, target, here) for label, target in labels) + "</nav>"


def _link(label: str, target: str, here: str) -> str:
    return f"<b>{html.escape(label)}</b>" if target == here else f'<a href="{target}.html">{html.escape(label)}</a>'


def nothing() -> str:
    """Say that there is nothing, as Kibana does."""
    return '<div class="nothing">No results found</div>'


def _variables(theme: Theme) -> str:
    return (
        f"--page:{theme.page};--panel:{theme.panel};--text:{theme.text};--subdued:{theme.subdued};--line:{theme.line}"
    )


def _sizes() -> str:
    pixels = {"width": WIDTH * COLUMN + (WIDTH - 1) * GAP, "column": COLUMN, "row": ROW, "gap": GAP, "title": _TITLE}
    return ";".join(f"--{name}:{size}px" for name, size in {**pixels, "padding": _PADDING}.items()) + f";--font:{FONT}"


def _style(themes: Sequence[Theme]) -> str:
    first = themes[0]
    style = f":root{{{_sizes()};{_variables(first)};color-scheme:{first.name}}}"
    if len(themes) > 1:
        style += (
            ".dark{display:none}@media(prefers-color-scheme:dark){"
            f":root{{{_variables(DARK)};color-scheme:dark}}.light{{display:none}}.dark{{display:block}}}}"
        )
    return style + (resources.files(__package__) / "page.css").read_text(encoding="utf-8")


THEMES = {LIGHT.name: LIGHT, DARK.name: DARK}
