"""What is wrong with the settings of an alert's life. Pure."""

from collections.abc import Iterator
from datetime import timedelta

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.rules.problems import Problem, error, warning
from mpm_elk.timespan import format_span

DAY = 24 * 60
"""Minutes."""


def check_life(rule: Rule) -> Iterator[Problem]:
    """Check when windows are judged, when alerts end, and when they are flapping."""
    yield from _hours(rule)
    yield from _recover_at(rule)
    if rule.keep_firing_for is not None and rule.keep_firing_for <= rule.recover_for * rule.window:
        yield warning(
            rule,
            f"`keep_firing_for` ({format_span(rule.keep_firing_for)}) says nothing: {rule.recover_for} calm windows of "
            f"{format_span(rule.window)} take as long",
            "leave it out, or give a longer span",
        )
    if rule.flapping is not None and rule.flapping.changes > rule.flapping.windows:
        yield error(
            rule,
            f"an alert cannot change {rule.flapping.changes} times in {rule.flapping.windows} windows, so it is never "
            "flapping",
            "write fewer `changes` than `windows`, or `flapping: false`",
        )


def _hours(rule: Rule) -> Iterator[Problem]:
    hours = rule.active
    if hours is None:
        return
    length = (hours.to - hours.from_) % DAY or DAY
    if rule.window > timedelta(minutes=length) and (hours.from_ or hours.to != DAY):
        yield error(
            rule,
            f"its windows of {format_span(rule.window)} are longer than its hours ({hours}): each holds others too",
            "give it a shorter `window`, or `active` with days only",
        )


def _recover_at(rule: Rule) -> Iterator[Problem]:
    if rule.recover_at is None:
        return
    bad = rule.when or REGISTRY[rule.metric].bad
    thresholds = [threshold for threshold in (rule.warning, rule.critical) if threshold is not None]
    first = max(thresholds) if bad == "below" else min(thresholds)
    if rule.recover_at <= first if bad == "below" else rule.recover_at >= first:
        side = "above" if bad == "below" else "below"
        yield error(
            rule,
            f"`recover_at` ({rule.recover_at:g}) says nothing: an alert goes on anyway while the threshold ({first:g}) "
            "is crossed",
            f"write a number {side} {first:g}",
        )
    elif bad != "below" and rule.recover_at <= (1 if bad == "apart" else 0):
        yield error(
            rule, f"`recover_at` is {rule.recover_at:g}: no window gets there, so an alert never ends",
            f"write a number above {1 if bad == 'apart' else 0}",
        )  # fmt: skip
