"""Compare what a test came to with what it expects. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.alerts.life import State
from mpm_elk.alerts.trial.run import Lived, Standing, Told
from mpm_elk.config import Rule
from mpm_elk.config.rule_tests import Expected, ExpectedNotification, ModelOfTests, RuleTest
from mpm_elk.rules.evaluate import Severity, strength
from mpm_elk.timespan import HOUR_MS, milliseconds

_NUMBERS = 3
INACTIVE, ACTIVE, RECOVERED = State.INACTIVE, State.ACTIVE, State.RECOVERED


@dataclass(frozen=True)
class Failure:
    """One expectation that did not hold: which part of the test, what was expected, what came, and the numbers."""

    part: str
    at: int
    expected: str
    came: str
    numbers: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Result:
    """What a test came to: rules that it has seen to fire, and to stay quiet, where it expects just that."""

    test: RuleTest
    failures: tuple[Failure, ...] = ()
    fired: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        """Tell whether all held."""
        return not self.failures


def check(test: RuleTest, model: ModelOfTests, lived: Lived, rules: Sequence[Rule]) -> Result:
    """Check every expectation of a test."""
    failures: list[Failure] = []
    fired, quiet = set(), set()
    known = {rule.id: rule for rule in rules}
    for at, wanted in enumerate(test.expect):
        some = {
            s: standings for s, standings in lived.standings.items() if _about(s, wanted.rule, wanted.subject, model)
        }
        came = _wrong(wanted, some, lived)
        if came is not None:
            numbers = tuple(_numbers(known[wanted.rule], list(some), lived))
            failures.append(Failure("expect", at, expectation(wanted), came, numbers))
        elif wanted.state == INACTIVE:
            quiet.add(wanted.rule)
        elif wanted.state != "pending":
            fired.add(wanted.rule)
    for at, told in enumerate(test.notifications):
        came = _wrongly_told(told, model, lived)
        if came is not None:
            failures.append(Failure("notifications", at, notification(told), came))
    return Result(test, tuple(failures), frozenset(fired), frozenset(quiet))


def _about(series: Series, rule: str, subject: str | None, model: ModelOfTests) -> bool:
    return series.rule == rule and (subject is None or series.subject in (subject, model.subject(subject)))


def _wrong(wanted: Expected, some: dict[Series, list[Standing]], lived: Lived) -> str | None:
    """Say what came instead; None where it is as expected."""
    if not some:
        return "the rule looked at no such subject"
    if wanted.state == INACTIVE and (lack := _undecided(list(some), lived)):
        return f"inactive, but only because it could never decide: {lack}"
    if wanted.at is not None:
        return _wrong_then(wanted, some, lived)
    episodes = list(_episodes(some, lived))
    if wanted.alerts is not None and len(episodes) != wanted.alerts:
        return f"{_number(len(episodes))}: {_listed(episodes, lived)}" if episodes else "no alert"
    if wanted.state == INACTIVE:
        return f"active: {_listed(episodes, lived)}" if episodes else None
    if wanted.state == ACTIVE:
        if not episodes:
            return INACTIVE
        return _nearest_wrong([_differs(wanted, lived, one, one.opened) for one in episodes])
    ended = [(one, one.recovered) for one in episodes if one.recovered is not None]
    if not ended:
        return f"active: {_listed(episodes, lived)}" if episodes else INACTIVE
    return _nearest_wrong([_differs(wanted, lived, one, when) for one, when in ended])


def _wrong_then(wanted: Expected, some: dict[Series, list[Standing]], lived: Lived) -> str | None:
    """Compare with how things stood at a time; any series may be as expected, but `inactive` is for all."""
    assert wanted.at is not None  # noqa: S101 — the caller has looked
    time = lived.begin + milliseconds(wanted.at)
    then = [[s for s in standings if s.at <= time][-1] for standings in some.values() if standings[0].at <= time]
    if wanted.state == INACTIVE:
        others = sorted({standing.state for standing in then} - {INACTIVE, RECOVERED})
        return ", ".join(others) or None
    same = [standing for standing in then if standing.state == wanted.state]
    if not same:
        return ", ".join(sorted({standing.state for standing in then})) or INACTIVE
    return _nearest_wrong([_differs(wanted, lived, one.episode, None) for one in same])


def _nearest_wrong(differences: Sequence[str | None]) -> str | None:
    return None if None in differences else differences[-1]


def _differs(wanted: Expected, lived: Lived, episode: Episode | None, when: int | None) -> str | None:
    """Say how an alert is other than expected; `when` (ms) it opened or ended."""
    if episode is None:
        return None
    said = _said(episode, lived)
    if when is not None:
        if wanted.by is not None and when > lived.begin + milliseconds(wanted.by):
            return f"{wanted.state} only {_hours(when, lived)} after the begin: {said}"
        if wanted.after is not None and when < lived.begin + milliseconds(wanted.after):
            return f"{wanted.state} already {_hours(when, lived)} after the begin: {said}"
    if wanted.severity is not None and episode.worst.severity is not Severity(wanted.severity):
        return f"{wanted.state}, but {episode.worst.severity}: {said}"
    if wanted.start is not None and episode.start != lived.begin + milliseconds(wanted.start):
        return f"its first window begins {_hours(episode.start, lived)} after the begin: {said}"
    if wanted.reason is not None and not matches(
        wanted.reason, f"{episode.series.subject}: {episode.worst.evaluation.reason}"
    ):
        return f"{wanted.state}, with the reason: {said}"
    return None


def matches(wanted: str, text: str) -> bool:
    """Tell whether a text is as wanted: the same, or after `~` a part of it."""
    return wanted[1:].strip().lower() in text.lower() if wanted.startswith("~") else wanted == text.split(": ", 1)[-1]


def _episodes(some: dict[Series, list[Standing]], lived: Lived) -> Iterator[Episode]:
    """Give the alerts that were open in the time of the test, as they were at its end."""
    last: dict[str, Episode] = {}
    for _, episode, _ in lived.happened:
        if episode.series in some:
            last[episode.uuid] = episode
    for standings in some.values():
        for standing in standings:
            if standing.episode is not None:
                last[standing.episode.uuid] = standing.episode
    for episode in sorted(last.values(), key=lambda one: (one.start, one.uuid)):
        if episode.recovered is None or episode.recovered > lived.begin:
            yield episode


def _undecided(some: Sequence[Series], lived: Lived) -> str:
    """Say what the rule lacked where it could not decide in any window of the test."""
    points = [point for series in some for point in lived.points.get(series, ()) if point.end > lived.begin]
    if not points or any(point.severity is not Severity.INSUFFICIENT for point in points):
        return ""
    return points[-1].evaluation.reason


def _wrongly_told(wanted: ExpectedNotification, model: ModelOfTests, lived: Lived) -> str | None:
    some = [
        told
        for told in lived.told
        if told.at >= lived.begin
        and told.action == wanted.action
        and wanted.channel in (None, told.channel)
        and _about(told.series, wanted.rule, wanted.subject, model)
    ]
    if wanted.is_ == "none":
        return _told(some, lived) if some else None
    if not some:
        other = [told for told in lived.told if _about(told.series, wanted.rule, wanted.subject, model)]
        return f"none; there were: {_told(other, lived)}" if other else "none"
    right = [told for told in some if told.outcome == wanted.is_ and matches(wanted.why or "~", told.why)]
    in_time = [
        told
        for told in right
        if (wanted.by is None or told.at <= lived.begin + milliseconds(wanted.by))
        and (wanted.after is None or told.at >= lived.begin + milliseconds(wanted.after))
    ]
    return None if in_time else _told(some, lived)


def _told(some: Sequence[Told], lived: Lived) -> str:
    return "; ".join(
        f"{told.action} {told.outcome} to {told.channel} {_hours(told.at, lived)} after the begin"
        + (f" ({told.why})" if told.why else "")
        for told in some[:_NUMBERS]
    )


def _numbers(rule: Rule, some: Sequence[Series], lived: Lived) -> Iterator[str]:
    """Give the windows of the test that came nearest to an alert, and the last that lacked something."""
    points = [(series, p) for series in some for p in lived.points.get(series, ()) if p.end > lived.begin]
    known = [(series, p) for series, p in points if p.evaluation.value is not None]
    nearest = sorted(known, key=lambda one: (one[1].severity.rank, strength(rule, one[1].evaluation.value or 0.0)))
    for series, point in sorted(nearest[-_NUMBERS:], key=lambda one: one[1].start):
        yield f"{_window(point, lived)} {series.subject}: {point.severity}, {point.evaluation.reason}"
    lacking = [(series, p) for series, p in points if p.severity is Severity.INSUFFICIENT]
    if lacking:
        series, point = lacking[-1]
        yield f"{_window(point, lived)} {series.subject}: {point.severity}, {point.evaluation.reason}"


def _window(point: Point, lived: Lived) -> str:
    return f"{_hours(point.start, lived)} to {_hours(point.end, lived)}"


def _hours(time: int, lived: Lived) -> str:
    return f"{(time - lived.begin) / HOUR_MS:g}h"


def _said(episode: Episode, lived: Lived) -> str:
    until = "" if episode.end is None else f" to {_hours(episode.end, lived)}"
    return (
        f"{episode.series.subject} from {_hours(episode.start, lived)}{until}, {episode.worst.severity}, "
        f"{episode.worst.evaluation.reason}"
    )


def _listed(episodes: Sequence[Episode], lived: Lived) -> str:
    rest = f"; and {len(episodes) - _NUMBERS} more" if len(episodes) > _NUMBERS else ""
    return "; ".join(_said(episode, lived) for episode in episodes[:_NUMBERS]) + rest


def _number(number: int) -> str:
    return f"{number} alert" + ("" if number == 1 else "s")


def expectation(wanted: Expected) -> str:
    """Say what is expected of a rule."""
    return _words(wanted, "rule", "subject", "state", "at", "by", "after", "severity", "reason", "start", "alerts")


def notification(wanted: ExpectedNotification) -> str:
    """Say what is expected of a notification."""
    return _words(wanted, "rule", "subject", "action", "channel", "is_", "by", "after", "why")


def _words(wanted: Expected | ExpectedNotification, *names: str) -> str:
    given = wanted.model_dump(by_alias=True)
    parts = []
    for name in names:
        value = given.get(name.removesuffix("_"))
        if value is not None:
            text = f"{value.total_seconds() / 3600:g}h" if hasattr(value, "total_seconds") else str(value)
            parts.append(f"{name.removesuffix('_')}: {text}")
    return ", ".join(parts)
