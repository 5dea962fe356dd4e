"""Say in English how the alerts of a rule live. Pure."""

from collections.abc import Iterator

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.timespan import format_span

_CALM = {
    "above": "below {0:g}",
    "below": "above {0:g}",
    "away": "within {0:g} of 0",
    "apart": "within a factor of {0:g}",
}


def explain_life(rule: Rule) -> Iterator[str]:
    """Say when an alert opens, when it ends, and what becomes of one that comes and goes; one sentence each."""
    yield from _opens(rule)
    yield from _ends(rule)
    if rule.flapping is not None:
        changes, windows = rule.flapping.changes, rule.flapping.windows
        yield (
            f"An alert that opened or recovered {changes} times in the last {windows} windows is flapping: that is "
            "told once, and then only what is worse than before."
        )


def _opens(rule: Rule) -> Iterator[str]:
    m, n = rule.opens
    if m < n:
        yield f"An alert opens when {m} of the last {n} windows with enough data are that bad."
    elif n > 1:
        yield f"An alert opens when {n} windows with enough data in a row are that bad."


def _ends(rule: Rule) -> Iterator[str]:
    chance = ", or beyond it by no more than chance" if rule.evidence == "required" else ""
    calm = "within the threshold"
    if rule.recover_at is not None:
        calm = _CALM[rule.when or REGISTRY[rule.metric].bad].format(rule.recover_at)
        chance = ", or not so by no more than chance" if chance else ""
    if rule.recover_for > 1:
        yield f"An alert ends with the last of {rule.recover_for} windows in a row that are {calm}{chance}."
    else:
        yield f"An alert ends with the first window that is {calm}{chance}."
    if rule.keep_firing_for is not None:
        yield f"It does not end before that has been so for {format_span(rule.keep_firing_for)}."
