"""What a backtest found, as JSON and for a terminal."""

import textwrap
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.alerts.compared import Compared
from mpm_elk.alerts.compared import Known as KnownAlert
from mpm_elk.alerts.episodes import Episode
from mpm_elk.alerts.rehearsal import MONTH_DAYS, named
from mpm_elk.alerts.suggest import Suggestion
from mpm_elk.job.backtest import ModelPast, RulePast
from mpm_elk.metrics.rates import poisson_limits
from mpm_elk.rules.documents import rounded
from mpm_elk.timespan import format_span, from_ms, in_words, iso
from mpm_elk.views.terminal import STATUS

_NOISY, _LISTED = 3, 20


def to_document(pasts: Sequence[ModelPast], suggestions: Sequence[Suggestion], after: Sequence[ModelPast]) -> Any:
    """Write it as JSON; `after` is the backtest of the suggested rules."""
    found: dict[str, Any] = {"models": [_model(past) for past in pasts]}
    if suggestions:
        found["suggestions"] = [
            {
                "rule": one.rule.id,
                "warning": one.warning,
                "critical": one.critical,
                "was": {"warning": one.rule.warning, "critical": one.rule.critical},
                "alerts": _alerts_of(after, one.rule.id)[0],
                "notes": list(one.notes),
            }
            for one in suggestions
        ]
    return found


def _model(past: ModelPast) -> dict[str, Any]:
    return {
        "model": past.model.name,
        "environment": past.model.environment,
        "window": {"start": iso(past.start), "end": iso(past.end)},
        "rules": [_rule(rule) for rule in past.rules],
        "cannot_be_known": past.limits,
        "late": {**vars(past.late), "sentence": past.late.sentence} if past.late else None,
    }


def _rule(past: RulePast) -> dict[str, Any]:
    found, compared = past.rehearsed, past.compared
    low, high = poisson_limits(len(found.begun), found.days / MONTH_DAYS)
    return {
        "rule": found.rule,
        "decided_windows": found.windows,
        "windows": found.seen,
        "days": rounded(found.days),
        "since": iso(past.decided_from),
        "alerts": len(found.episodes),
        "alerts_a_month": rounded(found.a_month),
        "limits": None if found.a_month is None else {"lower": rounded(low), "upper": rounded(high)},
        "lack": found.lack if not found.windows else None,
        "noisiest": [{"subject": subject, "alerts": number} for subject, number in found.noisiest],
        "episodes": [_episode(episode, compared) for episode in sorted(found.episodes, key=_when)],
        "gone": [{"uuid": known.episode.uuid, **_brief(known)} for known in compared.gone],
    }


def _episode(episode: Episode, compared: Compared) -> dict[str, Any]:
    return {
        "uuid": episode.uuid,
        "subject": episode.series.subject,
        "segment": episode.series.segment.fields(),
        "start": iso(episode.start),
        "end": None if episode.end is None else iso(episode.end),
        "max_severity": episode.worst.severity.value,
        "windows": episode.windows,
        "reason": episode.worst.evaluation.reason,
        "value": rounded(episode.worst.evaluation.value),
        "was": beside(episode, compared),
    }


def _brief(known: KnownAlert) -> dict[str, Any]:
    episode = known.episode
    return {
        "subject": named(episode.series),
        "start": iso(episode.start),
        "end": None if episode.end is None else iso(episode.end),
        "verdict": known.verdict.value if known.verdict else None,
    }


def beside(episode: Episode, compared: Compared) -> str:
    """Say what there is of an alert: `same`, `moved`, or `new`."""
    if any(one is episode for one, _ in compared.same):
        return "same"
    return "moved" if any(one is episode for one, _ in compared.moved) else "new"


def draw(pasts: Sequence[ModelPast], suggestions: Sequence[Suggestion], after: Sequence[ModelPast]) -> RenderableType:
    """Draw it."""
    parts: list[RenderableType] = []
    for past in pasts:
        span = f"{iso(past.start)[:16]} to {iso(past.end)[:16]}".replace("T", " ")
        parts += [Text.assemble((str(past.model), "bold"), f"  {span} UTC"), Text(), _rules(past), Text()]
        if any(rule.rehearsed.episodes or rule.compared.gone for rule in past.rules):
            parts += [_episodes(past), Text()]
        said = [*past.limits, *([past.late.sentence] if past.late else [])]
        said += _lacks(past)
        parts += [Padding(Text(f"· {sentence}"), (0, 0, 0, 2)) for sentence in said]
        parts.append(Text())
    if suggestions:
        parts.append(Text(snippet(suggestions, pasts, after)))
    return Group(*parts[: len(parts) if suggestions else -1])


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _rules(past: ModelPast) -> Table:
    table = _table("rule", "alerts", "in days", "a month (95 %)", "longest", "noisiest", "beside those that exist")
    for rule in past.rules:
        found, compared = rule.rehearsed, rule.compared
        noisy = ", ".join(f"{subject} ({number})" for subject, number in found.noisiest[:_NOISY])
        parts = {"same": compared.same, "moved": compared.moved, "new": compared.new, "gone": compared.gone}
        counted = ", ".join(f"{len(some)} {name}" for name, some in parts.items() if some)
        table.add_row(
            Text(found.rule, style="bold"),
            str(len(found.episodes)),
            f"{found.days:.0f}",
            _rate(len(found.begun), found.days),
            _longest(found.episodes, past.end),
            noisy,
            counted or "none on either side",
        )
    return table


def _rate(number: int, days: float) -> str:
    if not days:
        return "not known"
    low, high = poisson_limits(number, days / MONTH_DAYS)
    return f"{number / days * MONTH_DAYS:.2g} ({low:.2g}–{high:.2g})"


def _longest(episodes: Sequence[Episode], end: int) -> str:
    spans = [((end if one.end is None else one.end) - one.start) / 1000 for one in episodes]
    return in_words(max(spans)) if spans else ""


def _episodes(past: ModelPast) -> Table:
    """Draw the newest alerts, and those that exist and would go."""
    table = _table("severity", "from (UTC)", "for", "what", "was")
    rows: list[tuple[int, tuple[Any, ...]]] = []
    for rule in past.rules:
        found = rule.rehearsed.episodes
        rows += [(one.start, _row(one, past.end, beside(one, rule.compared))) for one in found]
        for known in rule.compared.gone:
            verdict = f", closed as {known.verdict}" if known.verdict else ""
            rows.append((known.episode.start, _row(known.episode, past.end, f"would go{verdict}")))
    shown = sorted(rows, key=lambda row: row[0], reverse=True)[:_LISTED]
    for _, row in shown:
        table.add_row(*row)
    if len(rows) > len(shown):
        table.add_row("", f"{len(rows) - len(shown)} earlier", "", "--json lists all", "")
    return table


def _row(episode: Episode, end: int, was: str) -> tuple[Any, ...]:
    text, style = STATUS[episode.worst.severity]
    until = end if episode.end is None else episode.end
    what = Text.assemble(
        (episode.series.rule, "bold"),
        f": {named(episode.series)}",
        (f"\n{episode.worst.evaluation.reason}", "dim"),
    )
    length = format_span(from_ms(until) - from_ms(episode.start)) + ("+" if episode.end is None else "")
    return Text(text, style=style), iso(episode.start)[:16].replace("T", " "), length, what, was


def _lacks(past: ModelPast) -> list[str]:
    silent = [rule.rehearsed for rule in past.rules if not rule.rehearsed.windows]
    return [f"what {found.rule} would raise is not known: {found.lack}" for found in silent if found.lack]


def snippet(suggestions: Sequence[Suggestion], pasts: Sequence[ModelPast], after: Sequence[ModelPast]) -> str:
    """Write the suggested thresholds as YAML, with what they would have raised."""
    lines = ["# Suggested thresholds. What each line says was found by a backtest of all of them together.", "rules:"]
    for one in suggestions:
        before, days = _alerts_of(pasts, one.rule.id)
        now, _ = _alerts_of(after, one.rule.id)
        raised = f"{now} in {days:.0f} days, {_rate(now, days)} a month" if days else "not known"
        lines.append(f"  - id: {one.rule.id}  # alerts: {f'{before} now, would be ' if one.changes else ''}{raised}")
        for name in ("warning", "critical"):
            value, was = getattr(one, name), getattr(one.rule, name)
            if value is not None:
                lines.append(f"    {name}: {value:g}" + (f"  # was {was:g}" if value != was else "  # as it is"))
        lines += textwrap.wrap("; ".join(one.notes), 100, initial_indent="    # ", subsequent_indent="    # ")
    return "\n".join(lines)


def _alerts_of(pasts: Sequence[ModelPast], rule: str) -> tuple[int, float]:
    found = [one.rehearsed for past in pasts for one in past.rules if one.rule.id == rule]
    return sum(len(one.begun) for one in found), sum(one.days for one in found)


def _when(episode: Episode) -> tuple[int, str]:
    return episode.start, episode.uuid
