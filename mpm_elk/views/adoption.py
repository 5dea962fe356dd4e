"""A plan to adopt a model, as JSON and for a terminal."""

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mpm_elk.alerts.rehearsal import RuleRehearsed, total_a_month
from mpm_elk.job.adopt import Plan
from mpm_elk.job.variation import is_seasonal, rounded
from mpm_elk.registry.proposal import Proposal, State, Watch
from mpm_elk.timespan import DAY_MS, format_span, from_ms, iso

_STATES = {
    State.NEW: "new cells",
    State.PROVISIONAL: "replaces provisional",
    State.KEPT: "kept",
    State.ANEW: "cut anew",
    State.NONE: "no cells",
}
_NOISY = 3


def to_document(plan: Plan) -> dict[str, Any]:
    """Write a plan as JSON."""
    return {
        "model": plan.model.name,
        "environment": plan.model.environment,
        "version": plan.version.version,
        "window": {"start": iso(plan.start), "end": iso(plan.end), "days": (plan.end - plan.start) // DAY_MS},
        "events": plan.events,
        "sampled": plan.sampled,
        "subjects": [proposal.to_document() for proposal in plan.proposals],
        "variation": [variation.to_document() for variation in plan.variations],
        "volume": {
            "hour_of_week": rounded(plan.volume.share) if plan.volume else None,
            "seasonal": is_seasonal(plan.volume),
        },
        "words": words(plan),
        "rules": [_rule_document(rule) for rule in plan.rehearsed],
        "alerts_a_month": rounded(total_a_month(plan.rehearsed)),
        "promised_false_alarms_a_month": plan.promised,
        "learning": {"since": iso(plan.learning.since), "until": iso(plan.learning.until)} if plan.learning else None,
        "makes_baseline": plan.baseline,
        "changes": plan.changes,
    }


def _rule_document(rule: RuleRehearsed) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "decided_windows": rule.windows,
        "days": rounded(rule.days),
        "alerts": len(rule.episodes),
        "alerts_a_month": rounded(rule.a_month),
        "lack": rule.lack if not rule.windows else None,
        "noisiest": [{"subject": subject, "alerts": number} for subject, number in rule.noisiest],
    }


def words(plan: Plan) -> list[str]:
    """Say what a person should know of the plan."""
    said = []
    if plan.volume and is_seasonal(plan.volume):
        said.append(f"the hour of the week explains {plan.volume.share:.0%} of how the events of an hour vary")
    for variation in plan.variations:
        said += variation.words
    if any(rule.windows for rule in plan.rehearsed):
        said.append(
            "alerts a month are those of the past as it was: real incidents in it count too, and nothing in it is out "
            "of the range of cells that were cut from it"
        )
    lacks = {rule.lack for rule in plan.rehearsed if not rule.windows}
    for lack in sorted(lacks):
        silent = [rule.rule for rule in plan.rehearsed if not rule.windows and rule.lack == lack]
        said.append(
            f"what {', '.join(silent)} would raise is not known: {lack or 'there is no subject for it to look at'}"
        )
    if kept := [p.subject for p in plan.proposals if p.state is State.KEPT]:
        said.append(f"{len(kept)} subjects have frozen cells, which are kept: --recut PATTERN cuts them anew")
    return said


def draw(plan: Plan) -> RenderableType:
    """Draw a plan."""
    events = sum(plan.events.values())
    title = Text.assemble(
        (f"{plan.model}", "bold"),
        f"  {events:,} events from {iso(plan.start)[:10]} up to {iso(plan.end)[:10]}, "
        f"version{'s' if len(plan.events) > 1 else ''} {', '.join(plan.events)}",
    )
    parts: list[RenderableType] = [title, Text(), _subjects(plan), Text()]
    notes = [(p.subject, note) for p in plan.proposals for note in p.notes]
    parts += [Padding(Text.assemble((f"{name}: ", "bold"), note), (0, 0, 0, 2)) for name, note in notes]
    if notes:
        parts.append(Text())
    parts += [_rules(plan), Text()]
    parts += [Padding(Text(sentence), (0, 0, 0, 2)) for sentence in words(plan)]
    return Group(*parts, Text(), _what_happens(plan))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _subjects(plan: Plan) -> Table:
    table = _table("subject", "kind", "cells", "missing", "φ days", "φ hours", "hour of week", "becomes")
    varied = {variation.subject: variation for variation in plan.variations}
    for proposal in plan.proposals:
        about, variation = proposal.to_document(), varied.get(proposal.subject)
        season = variation.season if variation else None
        table.add_row(
            Text(proposal.subject, style="bold"),
            str(about["kind"] or "–"),
            _cells(proposal, about),
            f"{about['missing']:.1%}" if about["missing"] else "",
            _figure(variation.phi_days if variation else None),
            _figure(variation.phi_hours if variation else None),
            f"{season.share:.0%}" if season else "",
            _STATES[proposal.state],
        )
    return table


def _cells(proposal: Proposal, about: dict[str, Any]) -> str:
    if proposal.watch is not Watch.ALL:
        return "missing only" if proposal.watch is Watch.MISSING else "–"
    span = about["range"]
    text = f"{about['cells']}" + (f" from {span[0]:g} to {span[1]:g}" if span else "")
    spikes = len(about["spikes"])
    return text + (f", {spikes} spikes" if spikes and spikes < about["cells"] else "")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _rules(plan: Plan) -> Table:
    table = _table("rule", "alerts", "in days", "alerts a month", "noisiest")
    for rule in plan.rehearsed:
        noisy = ", ".join(f"{subject} ({number})" for subject, number in rule.noisiest[:_NOISY])
        table.add_row(
            rule.rule, str(len(rule.episodes)), f"{rule.days:.0f}", _figure(rule.a_month) or "not known", noisy
        )
    total = total_a_month(plan.rehearsed)
    promised = f"promised: {plan.promised:g} false alarms a month"
    table.add_row(Text("all", style="bold"), "", "", _figure(total) or "not known", promised)
    return table


def _what_happens(plan: Plan) -> Text:
    if not plan.changes:
        return Text("it is adopted so already: nothing changes")
    steps = []
    if plan.fresh:
        steps.append(f"freezes the cells of {len(plan.fresh)} subjects; the next run reads all hours again")
    if plan.baseline:
        steps.append(f"makes a baseline of version {plan.version.version}")
    if plan.learning and plan.learning != plan.entry.learning:
        span = format_span(from_ms(plan.learning.until) - from_ms(plan.learning.since))
        steps.append(f"is silent for {span}, until {iso(plan.learning.until)[:16]}")
    return Text(f"adopting {'; '.join(steps)}")
