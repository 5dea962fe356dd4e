from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mpm_elk.alerts.documents import to_document
from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.demo.findings import parse
from mpm_elk.demo.traffic import KEY
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import DAY_MS, to_ms

START = to_ms(datetime(2013, 4, 29, tzinfo=UTC))
RULE = DEFAULT_RULES[0]
NUMBERS = {"drift": {"mean": 13.2}}


def point(day: int, severity: Severity, value: float) -> Point:
    evaluation = Evaluation(RULE.id, RULE.metric, severity, "a reason", value, 1.0, 20.0, 0.25, 1e-9)
    at = START + day * DAY_MS
    return Point(at, at + DAY_MS, evaluation, "1", ("mpm-metrics-v1-x", f"id-{day}"))


def test_an_episode_as_the_job_writes_it_is_read_back() -> None:
    worst, last = point(0, Severity.CRITICAL, 14.3), point(6, Severity.WARNING, 0.2)
    episode = Episode(Series(KEY, RULE.id, "features.temperature", EVERYTHING), START, last, worst, 7, last.end)
    document = to_document(episode, RULE, "run-1", None)
    assert document is not None
    found = parse(document.source, NUMBERS, START + DAY_MS)
    assert (found.rule, found.subject, found.segment) == ("feature-drift", "features.temperature", "all")
    assert timedelta(milliseconds=found.end - found.start) == timedelta(days=7)
    assert (found.metric, found.value, found.p_adjusted) == ("drift.psi_adjusted", 14.3, 1e-9)
    assert (found.severity, found.active, found.withdrawn) == ("critical", False, False)
    assert (found.opened, found.numbers) == (START + DAY_MS, NUMBERS)


def test_an_active_episode_ends_with_its_last_window_for_now() -> None:
    first = point(0, Severity.WARNING, 0.2)
    episode = Episode(Series(KEY, RULE.id, "features.temperature", EVERYTHING), START, first, first, 1)
    document = to_document(episode, RULE, "run-1", None)
    assert document is not None
    found = parse(document.source, {}, START)
    assert found.active
    assert found.end == START + DAY_MS


def test_the_more_severe_is_worse_then_the_larger_then_the_surer() -> None:
    first = point(0, Severity.WARNING, 0.2)
    episode = Episode(Series(KEY, RULE.id, "features.temperature", EVERYTHING), START, first, first, 1)
    document = to_document(episode, RULE, "run-1", None)
    assert document is not None
    warning = parse(document.source, {}, START)
    critical = replace(warning, severity="critical", value=0.1)
    larger, surer = replace(warning, value=-0.3), replace(warning, p_adjusted=1e-12)
    assert max([warning, critical, larger, surer], key=lambda f: f.badness) is critical
    assert max([warning, larger, surer], key=lambda f: f.badness) is larger
    assert max([warning, surer], key=lambda f: f.badness) is surer
