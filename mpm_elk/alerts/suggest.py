"""Suggest thresholds: those that would have raised a wanted number of alerts on a past. Pure.

What the past was compared with is taken as it was: an alarm more or less changes later references too. So what a
suggestion would raise is found by a backtest of it, not here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mpm_elk.alerts.compared import Known, overlap
from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import follow
from mpm_elk.alerts.people import Verdict
from mpm_elk.alerts.rehearsal import MONTH_DAYS, RuleRehearsed, Sample
from mpm_elk.config import Rule
from mpm_elk.metrics.rates import poisson_limits
from mpm_elk.rules.evaluate import Evaluation, Severity, strength

_STEPS = 300
"""So many thresholds are tried, from the strictest on."""


@dataclass(frozen=True)
class Suggestion:
    """Thresholds for a rule: `warning` and `critical` as they would be; `notes` say what a person should know."""

    rule: Rule
    warning: float | None
    critical: float | None
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether they are others than the rule's."""
        return (self.warning, self.critical) != (self.rule.warning, self.rule.critical)

    @property
    def suggested(self) -> Rule:
        """The rule with these thresholds."""
        return self.rule.model_copy(update={"warning": self.warning, "critical": self.critical})


@dataclass
class Past:
    """One rule's past, of all models that it looks at: its numbers, its alerts, and those that people judged."""

    rule: Rule
    samples: Mapping[Series, Sequence[Sample]]
    rehearsed: Sequence[RuleRehearsed]
    known: Sequence[Known] = ()
    _counted: dict[float, list[Episode]] = field(default_factory=dict)

    @property
    def since(self) -> int:
        """The begin (ms) of the time that is asked about."""
        return min((found.since for found in self.rehearsed), default=0)

    @property
    def days(self) -> float:
        """The days in which the rule could decide, of all models together."""
        return sum(found.days for found in self.rehearsed)

    @property
    def alerts(self) -> int:
        """How many alerts the rule as it is would have raised."""
        return sum(len(found.begun) for found in self.rehearsed)

    def strengths(self) -> list[float]:
        """List how far windows with evidence went, the furthest first, each once."""
        found = {
            strength(self.rule, sample.value)
            for some in self.samples.values()
            for sample in some
            if sample.severity.alarming and sample.end > self.since
        }
        return sorted(found, reverse=True)[:_STEPS]

    def episodes(self, at: float) -> list[Episode]:
        """Follow all series with a threshold of this strength."""
        if at not in self._counted:
            found = []
            for series, some in sorted(self.samples.items()):
                points = [_point(self.rule, sample, at) for sample in some]
                if any(point.severity.alarming for point in points):
                    found += follow(series, points, self.rule).episodes
            self._counted[at] = [e for e in found if e.end is None or e.end > self.since]
        return self._counted[at]

    def begun(self, at: float) -> int:
        """Count the alerts that begin in the time, with a threshold of this strength."""
        return sum(episode.start >= self.since for episode in self.episodes(at))

    def of(self, verdict: Verdict) -> list[Episode]:
        """List the alerts that people called so."""
        return [known.episode for known in self.known if known.verdict is verdict]


def _point(rule: Rule, sample: Sample, at: float) -> Point:
    """Say what the window would be with a threshold of strength `at`."""
    severity, sustains = sample.severity, False
    if severity is not Severity.INSUFFICIENT:
        crossed = strength(rule, sample.value) >= at
        severity = Severity.WARNING if crossed and severity.alarming else Severity.OK
        sustains = crossed and (sample.severity.alarming or sample.sustains)
    evaluation = Evaluation(rule.id, rule.metric, severity, "", sample.value, sustains=sustains)
    return Point(sample.start, sample.end, evaluation, sample.version, ("", ""))


def suggest(past: Past, a_month: float) -> Suggestion:
    """Find the thresholds with which a rule would have raised `a_month` alerts in 30 days, or just fewer.

    Alerts that people called real stay, whatever it costs; those called false go as far as that allows.
    """
    rule = past.rule
    if not past.days:
        return Suggestion(rule, rule.warning, rule.critical, ("it could not decide in any window",))
    wanted = a_month * past.days / MONTH_DAYS
    tried = past.strengths()
    notes = list(_too_short(past, a_month))
    if not tried:
        return Suggestion(rule, rule.warning, rule.critical, (*notes, "no window had evidence: any threshold is quiet"))
    most = math.floor(wanted + 1e-9)
    chosen = _own(rule) if past.alerts == most else _strictest_enough(past, tried, wanted)
    if chosen is None:
        chosen = _own(rule)
        notes.append(f"no threshold raises more than {past.begun(tried[-1])}: the evidence that it asks for decides")
    chosen, more = _with_verdicts(past, tried, chosen)
    warning, critical = _thresholds(rule, chosen, tried)
    return Suggestion(rule, warning, critical, (*notes, *more))


def _too_short(past: Past, a_month: float) -> Sequence[str]:
    months = past.days / MONTH_DAYS
    _, high = poisson_limits(0, months)
    if high <= a_month or not a_month:
        return ()
    enough = high * past.days / a_month
    said = (
        f"the past is too short to know: even without any alert in {past.days:.0f} days up to {high:.2g} a month are "
        f"possible (95 %); for {a_month:g} a month it takes {enough:.0f} days"
    )
    return (said,)


def _own(rule: Rule) -> float:
    """Give the strength of the rule's lower threshold."""
    return min(_strength_of(rule, t) for t in (rule.warning, rule.critical) if t is not None)


def _strength_of(rule: Rule, threshold: float) -> float:
    return -threshold if strength(rule, 1.0) < 0 else threshold


def _strictest_enough(past: Past, tried: Sequence[float], wanted: float) -> float | None:
    """Lower the threshold until there would be more than wanted; None where there never would."""
    enough = None
    for at in tried:
        if past.begun(at) > wanted:
            return math.nextafter(tried[0], math.inf) if enough is None else enough
        enough = at
    return None


def _with_verdicts(past: Past, tried: Sequence[float], chosen: float) -> tuple[float, list[str]]:
    """Raise the threshold above alerts that were false, lower it to those that were real."""
    real, false, notes = past.of(Verdict.REAL), past.of(Verdict.FALSE), []

    def there(some: Sequence[Episode], at: float) -> int:
        raised = past.episodes(at)
        return sum(any(overlap(one, episode) for episode in raised) for one in some)

    possible = there(real, tried[-1])
    if false and there(false, chosen):
        above = [at for at in tried if at > chosen and not there(false, at) and there(real, at) == possible]
        chosen = min(above, default=chosen)
    if there(real, chosen) < possible:
        chosen = max(at for at in tried if there(real, at) == possible)
        notes.append(f"lowered so that {possible} that {_were(possible)} closed as real stay")
    if possible < len(real):
        notes.append(f"{len(real) - possible} closed as real would not come again with any threshold")
    if false:
        stay = there(false, chosen)
        gone = f"{len(false) - stay} of {len(false)} closed as false would go"
        notes.append(gone + (", the others are as large as real ones" if stay and real else ""))
    return chosen, notes


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _thresholds(rule: Rule, chosen: float, tried: Sequence[float]) -> tuple[float | None, float | None]:
    """Write the strength as round thresholds; a critical one keeps its distance where it would be below."""
    own = _own(rule)
    if chosen == own:
        return rule.warning, rule.critical
    below = max((at for at in tried if at < chosen), default=None)
    beyond = tried[0] + max(abs(tried[0]) / 4, 1e-6)
    low, high = (below, chosen) if chosen in tried else (tried[0], beyond)
    found = _roundest(low, high)
    threshold = -found if strength(rule, 1.0) < 0 else found
    if rule.warning is None:
        return None, threshold
    if rule.critical is None or _strength_of(rule, rule.critical) > found:
        return threshold, rule.critical
    return threshold, _roundest(None, threshold * rule.critical / rule.warning) if rule.warning else None


def _roundest(low: float | None, high: float) -> float:
    """Give the number with fewest digits in (low, high]; without `low`, `high` with two digits, rounded down."""
    digits = range(1, 17) if low is not None else [2]
    for number in digits:
        if high == 0:
            return 0.0
        step = 10.0 ** (math.floor(math.log10(abs(high))) - number + 1)
        found = float(f"{math.floor(high / step + 1e-9) * step:.{number}g}")
        if low is None or low < found <= high:
            return found
    return high
