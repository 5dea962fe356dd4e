"""Say in English what a rule does. Pure."""

from collections.abc import Sequence

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.metrics.metric import EVIDENCE
from mpm_elk.rules.evaluate import chance_per_look
from mpm_elk.rules.explain_absence import explain_absence
from mpm_elk.rules.explain_life import explain_life, explain_silence
from mpm_elk.rules.judgement import monitors
from mpm_elk.timespan import format_span

_REFERENCES = {
    "baseline": "the baseline of the model's version",
    "previous": "the window before",
    "same-time-last-week": "the same time a week before",
    "training": "the same days in the training data of the model's version, so that what differs is skew, not drift",
}
_BAD = {
    "above": "is {0:g} or more",
    "below": "is {0:g} or less",
    "away": "is {0:g} or more away from 0, up or down",
    "apart": "is {0:g} times or more, or 1/{0:g} or less",
}


def explain(rule: Rule, rules: Sequence[Rule], config: Config) -> list[str]:
    """Say what a rule looks at, when, against what, when it alerts and when the alert ends, one sentence each.

    `rules` are all that hold: the allowed false alarms are shared by those that look at different windows.
    """
    sentences = list(explain_absence(rule, config)) if rule.absent else _metric(rule, rules, config)
    sentences += explain_life(rule)
    sentences += explain_silence(rule, config)
    if rule.owner:
        sentences.append(f"Its owner is {rule.owner}." + (f" What to do: {rule.runbook}" if rule.runbook else ""))
    return sentences


def _metric(rule: Rule, rules: Sequence[Rule], config: Config) -> list[str]:
    """Say what a rule on a metric looks at, against what, and on what evidence."""
    metric, every, settle = REGISTRY[rule.metric], format_span(rule.window), format_span(config.job.settle)
    subjects = ", ".join(rule.on.subject or metric.subjects)
    kind = f", as far as they are {rule.on.kind}," if rule.on.kind else ""
    where = f", in each value of {', '.join(map(str, rule.on.segments))}" if rule.on.segments else ""
    return [
        f"It looks at {subjects}{kind} of the models {', '.join(rule.models)}{where}.",
        f"Its number is {rule.metric}: {metric.meaning}.",
        f"Each window of {every} (UTC) is judged {settle} after its end, and again where events come later.",
        *([f"Of these only those in its hours: {rule.active}; others say nothing."] if rule.active else []),
        f"It is compared with {_reference(rule)}.",
        *_thresholds(rule),
        _evidence(rule, rules, config),
        *_enough(rule),
    ]


def _enough(rule: Rule) -> list[str]:
    """Say how many events it needs, and where."""
    metric = REGISTRY[rule.metric]
    sides = ["window"] if metric.of_events else []
    sides += ["reference"] if metric.compares or rule.evidence == "required" else []
    if not sides:
        return []
    return [f"With fewer than {rule.min_samples} events in the {' or the '.join(sides)} it does not decide."]


def _reference(rule: Rule) -> str:
    if rule.against.span is not None:
        return f"the {format_span(rule.against.span)} before it, less the windows that raised an alert"
    if rule.against.weeks is not None:
        return f"the same time in the {rule.against.weeks} weeks before, less the windows that raised an alert"
    if rule.against.fixed is not None:
        start, end = str(rule.against).split()[1:]
        return f"the fixed time from {start} until {end}, once that is over"
    return _REFERENCES.get(str(rule.against), str(rule.against))


def _thresholds(rule: Rule) -> list[str]:
    bad = _BAD[rule.when or REGISTRY[rule.metric].bad]
    levels = (("warning", rule.warning), ("critical", rule.critical))
    return [f"It is {name} where {rule.metric} {bad.format(at)}." for name, at in levels if at is not None]


def _evidence(rule: Rule, rules: Sequence[Rule], config: Config) -> str:
    if rule.evidence == "none":
        return "It asks for no evidence: a threshold that is crossed by chance alerts too."
    shared = len(monitors(rules))
    level = chance_per_look(config.job.false_alarms_per_month / shared, rule.window)
    test = REGISTRY[rule.metric].test
    return (
        f"Crossing a threshold alone is not enough: the p-value of the test `{test}` ({EVIDENCE[test]}), adjusted over "
        f"all subjects of the window, must be {level:.2g} or less. That keeps all rules together within "
        f"{config.job.false_alarms_per_month:g} false alarms a model and month."
    )
