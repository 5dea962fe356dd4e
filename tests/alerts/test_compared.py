"""Alerts that would be, beside those that are: each is counted once."""

from mpm_elk.alerts.compared import Known, compare
from mpm_elk.alerts.episodes import Episode, Point, Series
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import DAY_MS
from tests.rules.timelines import MODEL


def episode(
    start: int, end: int | None, subject: str = "features.age", severity: Severity = Severity.WARNING
) -> Episode:
    series = Series(MODEL, "drift", subject, EVERYTHING)
    point = Point(start * DAY_MS, (start + 1) * DAY_MS, Evaluation("drift", "x", severity, ""), "1", ("", ""))
    return Episode(series, point.start, point, point, 1, None if end is None else end * DAY_MS)


def test_same_moved_new_and_gone() -> None:
    would = [episode(1, 3), episode(5, 8), episode(20, None), episode(5, 6, "features.x")]
    were = [Known(episode(1, 3)), Known(episode(6, 9)), Known(episode(12, 13)), Known(episode(20, 22))]
    found = compare(would, were)
    assert [(a.start, b.episode.start) for a, b in found.same] == [(DAY_MS, DAY_MS)]
    assert [a.start // DAY_MS for a, _ in found.moved] == [5, 20]  # the last goes on for longer
    assert [a.series.subject for a in found.new] == ["features.x"]
    assert [known.episode.start // DAY_MS for known in found.gone] == [12]


def test_two_that_were_one_are_one_moved_and_one_new() -> None:
    found = compare([episode(1, 2), episode(4, 5)], [Known(episode(0, 9))])
    assert (len(found.moved), len(found.new), len(found.gone)) == (1, 1, 0)


def test_another_severity_is_not_the_same() -> None:
    found = compare([episode(1, 2, severity=Severity.CRITICAL)], [Known(episode(1, 2))])
    assert (len(found.same), len(found.moved)) == (0, 1)


def test_episodes_that_touch_do_not_overlap() -> None:
    found = compare([episode(3, 4)], [Known(episode(1, 3))])
    assert (len(found.new), len(found.gone)) == (1, 1)
