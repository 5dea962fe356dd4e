"""What is wrong with rules that can be read: thresholds that say nothing, subjects that are not there. Pure.

That a rule can be read at all is checked where `mpm.yml` is (`config/`).
"""

import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.metrics.catalogue import REGISTRY, TRAFFIC_SUBJECT
from mpm_elk.metrics.metric import CATEGORICAL, NUMERIC
from mpm_elk.profiles.cells import OUTPUTS
from mpm_elk.rules.check_inhibitions import check_inhibitions
from mpm_elk.rules.check_life import check_life
from mpm_elk.rules.evaluate import subjects_of
from mpm_elk.rules.problems import Problem, error, warning
from mpm_elk.timespan import DAY_MS, format_span, milliseconds

SHARES = (
    "drift.js", "drift.js_adjusted", "drift.hellinger", "drift.hellinger_adjusted", "drift.total_variation",
    "drift.l_infinity", "drift.ks", "quality.missing_rate", "quality.missing_increase",
    "quality.type_violation_rate", "quality.type_violation_increase", "quality.unseen_rate",
    "quality.unseen_increase", "quality.out_of_range_rate", "quality.out_of_range_increase", "traffic.failure_rate",
    "traffic.failure_increase",
)  # fmt: skip
"""Metrics that are never above 1."""

_KINDS = {"prediction.score": NUMERIC, "prediction.value": NUMERIC, "prediction.label": CATEGORICAL}


@dataclass(frozen=True)
class KnownModel:
    """What a model has: its subjects by kind, its versions, those with a baseline, and its usual events a day."""

    key: ModelKey
    subjects: Mapping[str, str] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()
    baselines: frozenset[str] = frozenset()
    events_a_day: float | None = None


def check(rules: Sequence[Rule], config: Config, models: Sequence[KnownModel] | None) -> list[Problem]:
    """Check rules by themselves and, where `models` are known, against what these have."""
    problems = [problem for rule in rules for problem in (*_alone(rule), *_channels(rule, config))]
    problems += check_inhibitions(rules)
    if models is not None:
        problems += [problem for rule in rules for problem in _against(rule, config, models)]
    return problems


def _alone(rule: Rule) -> Iterator[Problem]:
    yield from _thresholds(rule)
    yield from check_life(rule)
    yield from _subjects(rule)
    if rule.evidence == "none" and REGISTRY[rule.metric].test and REGISTRY[rule.metric].compares:
        yield warning(
            rule,
            f"it alerts without evidence: nothing keeps {rule.metric} from crossing its threshold by chance",
            "leave `evidence` out; its false alarms are then within `job.false_alarms_per_month`",
        )


def _channels(rule: Rule, config: Config) -> Iterator[Problem]:
    known = [channel.id for channel in config.notifications.channels]
    for name in rule.notify or ():
        if name not in known:
            alike = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {alike[0]}?" if alike else f"channels are: {', '.join(known) or 'none'}"
            yield error(rule, f"it notifies {name!r}, which is no channel", remedy)


def _thresholds(rule: Rule) -> Iterator[Problem]:
    bad = rule.when or REGISTRY[rule.metric].bad
    low, high = rule.warning, rule.critical
    if low is not None and high is not None and (high > low if bad == "below" else high < low):
        yield error(
            rule,
            f"critical ({high:g}) is reached before warning ({low:g}), which then never is",
            "exchange the two",
        )
    for name, threshold in (("warning", low), ("critical", high)):
        if threshold is None:
            continue
        if bad != "below" and rule.metric in SHARES and threshold > 1:
            yield error(
                rule,
                f"{name} is {threshold:g}, and {rule.metric} is a share or distance that is never above 1",
                f"write a number between 0 and 1; {threshold / 100:g} is {threshold:g} %",
            )
        least = 1 if bad == "apart" else 0
        if bad == "below" and threshold < 0:
            yield error(rule, f"{name} is {threshold:g}, and {rule.metric} is never below 0", "write a number above 0")
        elif bad != "below" and threshold <= least:
            yield warning(
                rule,
                f"{name} is {threshold:g}: every window reaches it, so evidence alone decides",
                f"write a number above {least}",
            )


def _subjects(rule: Rule) -> Iterator[Problem]:
    metric = REGISTRY[rule.metric]
    families = [pattern.split(".", 1)[0] for pattern in metric.subjects]
    for pattern in rule.on.subject:
        family = pattern.split(".", 1)[0]
        if family not in ("*", *families):
            known = "features." + pattern if "." not in pattern and "features" in families else metric.subjects[0]
            yield error(rule, f"{rule.metric} has no subject {pattern!r}", f"write {known}")
        elif not metric.fits(_KINDS.get(pattern, metric.kind)):
            yield error(
                rule, f"{rule.metric} needs numbers, and {pattern} is a category", "name another subject or metric"
            )
    if rule.on.segments and metric.subjects == (TRAFFIC_SUBJECT,):
        yield error(rule, "traffic is counted for all segments together", "leave `on.segments` out")


def _against(rule: Rule, config: Config, models: Sequence[KnownModel]) -> Iterator[Problem]:
    some = [model for model in models if rule.matches(model.key.name)]
    if not some:
        names = sorted({model.key.name for model in models})
        alike = [close for pattern in rule.models for close in difflib.get_close_matches(pattern, names, n=1)]
        remedy = f"did you mean {alike[0]}?" if alike else f"models are: {', '.join(names) or 'none yet'}"
        yield warning(rule, f"it matches no model ({', '.join(rule.models)})", remedy)
        return
    if REGISTRY[rule.metric].subjects != (TRAFFIC_SUBJECT,):
        yield from _missing_subjects(rule, some)
    for model in some:
        yield from _of_model(rule, config, model)


def _missing_subjects(rule: Rule, models: Sequence[KnownModel]) -> Iterator[Problem]:
    """Tell of a pattern that no model has a subject for, and of subjects that are all of the wrong kind."""
    names = sorted({name for model in models for name in model.subjects})
    for pattern in rule.on.subject:
        if not fnmatch.filter(names, pattern):
            alike = difflib.get_close_matches(pattern, names, n=1)
            remedy = f"did you mean {alike[0]}?" if alike else f"subjects are: {', '.join(names) or 'none yet'}"
            yield error(rule, f"no model that it matches has a subject {pattern!r}", remedy)
    metric = REGISTRY[rule.metric]
    kinds = [model.subjects[name] for model in models for name in subjects_of(rule, sorted(model.subjects))]
    if kinds and not any(metric.fits(kind) for kind in kinds):
        yield error(
            rule,
            f"{rule.metric} needs {metric.kind or 'single'} subjects, and it looks at none",
            "name another subject or metric",
        )


def _of_model(rule: Rule, config: Config, model: KnownModel) -> Iterator[Problem]:
    declared = config.segments(model.key.name)
    for segment in rule.on.segments:
        if segment not in declared:
            alike = difflib.get_close_matches(str(segment), [str(name) for name in declared], n=1)
            remedy = f"did you mean {alike[0]}?" if alike else f"add it to `segments` of {model.key.name} in `models:`"
            yield error(rule, f"{model.key}: the segment {segment!r} is not counted", remedy)
    if rule.against.kind == "baseline" and model.versions and not model.baselines:
        yield warning(
            rule, f"{model.key} has no baseline, so it says nothing", "make one with `mpm-elk baseline create`"
        )
    if rule.against.kind == "training" and model.versions and not model.baselines:
        yield warning(
            rule,
            f"{model.key} has no dated training data, so it says nothing",
            "make a baseline of training data with `mpm-elk baseline create --timestamp COLUMN`",
        )
    if rule.against.kind == "version" and model.versions and rule.against.version not in model.versions:
        known = ", ".join(sorted(model.versions))
        yield error(rule, f"{model.key} has no version {rule.against.version!r}", f"versions are: {known}")
    if model.events_a_day is not None:
        usual = model.events_a_day * milliseconds(rule.window) / DAY_MS
        if usual < rule.min_samples and REGISTRY[rule.metric].subjects != (TRAFFIC_SUBJECT,):
            yield warning(
                rule,
                f"{model.key} has about {usual:,.0f} events in {format_span(rule.window)}, fewer than "
                f"`min_samples` ({rule.min_samples}), so it rarely decides",
                "give it a longer window, or fewer `min_samples`",
            )


def unwatched(rules: Iterable[Rule], model: KnownModel) -> list[str]:
    """List the subjects of a model that no rule looks at."""
    some = [rule for rule in rules if rule.matches(model.key.name)]
    seen = {name for rule in some for name in subjects_of(rule, sorted(model.subjects))}
    return sorted(set(model.subjects) - seen, key=lambda name: (name in OUTPUTS, name))
