"""Rules and metrics for a terminal, with rich."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.config.packs import Pack
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import format_clock
from mpm_elk.contract.metric_names import BY_HAND
from mpm_elk.metrics.catalogue import REGISTRY, Metric
from mpm_elk.rules.problems import Problem, Weight
from mpm_elk.timespan import format_span

_STYLES = {Weight.ERROR: "bold red", Weight.WARNING: "yellow"}


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def rules(some: Sequence[Rule]) -> RenderableType:
    """Draw one line a rule."""
    table = _table("rule", "metric", "on", "window", "against", "warning", "critical", "models", "owner")
    for rule in some:
        on = ", ".join(rule.on.subject or REGISTRY[rule.metric].subjects)
        on += f" ({rule.on.kind})" if rule.on.kind else ""
        if rule.on.segments:
            on += f" by {', '.join(map(str, rule.on.segments))}"
        table.add_row(
            Text(rule.id, style="bold"),
            _what(rule),
            on,
            format_span(rule.window) + _opens(*rule.opens),
            str(rule.against),
            _threshold(rule, rule.warning),
            _threshold(rule, rule.critical),
            ", ".join(rule.models),
            rule.owner or "",
        )
    return table


def _what(rule: Rule) -> str:
    if rule.absent is not None:
        by = f" by {format_clock(rule.by)} {rule.timezone}" if rule.by is not None else ""
        return f"absent: {rule.absent}{by}"
    return rule.metric + (" (no evidence)" if rule.evidence == "none" else "")


def _threshold(rule: Rule, value: float | None) -> str:
    if rule.absent == "events" and value is not None:
        return format_span(timedelta(seconds=value))
    return _number(value)


def _opens(m: int, n: int) -> str:
    if n == 1:
        return ""
    return f" × {n}" if m == n else f" × {m} of {n}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def packs(some: Sequence[Pack]) -> RenderableType:
    """Draw each pack with what it is for and the rules that it brings."""
    parts: list[RenderableType] = []
    for pack in some:
        ids = ", ".join(rule.id for rule in pack.rules)
        parts += [Text(pack.name, style="bold"), *(Padding(Text(t), (0, 0, 0, 2)) for t in (pack.description, ids))]
    return Group(*parts)


def metrics(some: Iterable[Metric]) -> RenderableType:
    """Draw one line a metric."""
    table = _table("metric", "meaning", "evidence", "bad is", "from")
    for metric in some:
        test = metric.test or "–"
        if metric.name in BY_HAND:
            test += f"; by hand: mpm-elk {BY_HAND[metric.name]}"
        table.add_row(Text(metric.name, style="bold"), metric.meaning, test, metric.bad, _number(metric.gate))
    return table


def explanation(rule: Rule, sentences: Sequence[str]) -> RenderableType:
    """Draw what a rule does."""
    title = Text.assemble((rule.id, "bold"), f"  {rule.description}" if rule.description else "")
    return Group(title, *(Padding(Text(sentence), (0, 0, 0, 2)) for sentence in sentences))


def problems(some: Sequence[Problem], places: Mapping[str, str]) -> RenderableType:
    """Draw what is wrong, with the place of each rule in the configuration where it has one."""
    parts: list[RenderableType] = []
    for problem in some:
        place = f"{places[problem.rule]}: " if problem.rule in places else ""
        head = Text.assemble((f"{problem.weight}: ", _STYLES[problem.weight]), (f"{place}{problem.rule}: ", "bold"))
        parts += [head + Text(problem.text), Padding(Text(f"→ {problem.remedy}"), (0, 0, 0, 2))]
    return Group(*parts)
