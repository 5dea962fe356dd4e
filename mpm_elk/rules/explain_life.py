"""Say in English how the alerts of a rule live. Pure."""

import fnmatch
from collections.abc import Iterator

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import Maintenance
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


def explain_silence(rule: Rule, config: Config) -> Iterator[str]:
    """Say when nobody is told, and what becomes of what happened then."""
    mutes = [str(mute) for mute in rule.mute]
    mutes += [f"{mute} (for {', '.join(mute.models)})" for mute in config.mute if _may_concern(mute, rule)]
    if mutes:
        yield f"Nobody is told at these times: {'; '.join(mutes)}. What is still active afterwards is told then."
    if rule.inhibited_by:
        names = " or ".join(rule.inhibited_by)
        yield (
            f"Nobody is told while {names} has an active alert on the same model, and on the same feature or output "
            "where both are about one. What is still active afterwards is told then."
        )


def _may_concern(mute: Maintenance, rule: Rule) -> bool:
    return any(fnmatch.fnmatchcase(rule.id, pattern) for pattern in mute.rules)


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
