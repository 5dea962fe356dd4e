"""The life of an alert by its rule's settings."""

from datetime import timedelta
from typing import Any

import pytest

from mpm_elk.alerts.episodes import Episode
from mpm_elk.alerts.life import SILENT_WINDOWS, Life, State, follow
from mpm_elk.config.rules import Rule
from tests.alerts.test_episodes import HOUR, SERIES, points


def rule(**settings: Any) -> Rule:
    return Rule.model_validate({"id": "drift", "metric": "drift.psi", "warning": 0.1, "window": "1h", **settings})


def lived(history: str, until: int = 0, **settings: Any) -> Life:
    return follow(SERIES, points(history), rule(**settings), until=until * HOUR)


def spans(history: str, **settings: Any) -> list[tuple[int, int | None, int | None]]:
    """Give start, end and the window that ended it of each episode, as numbers of windows."""

    def number(episode: Episode) -> tuple[int, int | None, int | None]:
        recovered = None if episode.recovered is None else episode.recovered // HOUR - 1
        return episode.start // HOUR, None if episode.end is None else episode.end // HOUR, recovered

    return [number(episode) for episode in lived(history, **settings).episodes]


def trail(history: str, **settings: Any) -> list[tuple[str, int]]:
    episodes = lived(history, **settings).episodes
    return [(t.action, t.point.start // HOUR) for episode in episodes for t in episode.transitions]


@pytest.mark.parametrize(
    ("history", "of", "expected"),
    [
        ("wowow", [3, 5], [(0, None, None)]),
        ("wowoow", [3, 5], []),  # the first of the three is forgotten
        ("wiowiiow", [3, 5], [(0, None, None)]),  # five with enough data
        ("wwowo", [2, 2], [(0, 2, 2)]),
        ("wowo", [1, 3], [(0, 1, 1), (2, 3, 3)]),
        ("wsw", [2, 3], [(0, None, None)]),  # what sustains an alert opens none, but does not clear the count either
        ("ww" + "i" * 13 + "w", [3, 5], [(0, None, None)]),
        ("ww" + "i" * 14 + "w", [3, 5], []),  # what is older than 15 windows does not count
        ("wowow" + "o" + "wow", [3, 5], [(0, 5, 5)]),  # the count begins anew after an alert
    ],
)
def test_m_of_n(history: str, of: list[int], expected: list[tuple[int, int | None, int | None]]) -> None:
    assert spans(history, m_of_n=of) == expected


def test_m_of_n_counts_the_alarming_windows_only() -> None:
    [episode] = lived("owocow", m_of_n=[3, 5]).episodes
    assert (episode.start // HOUR, episode.windows, episode.worst.start // HOUR) == (1, 3, 3)
    assert episode.opened == 6 * HOUR


@pytest.mark.parametrize(
    ("history", "settings", "expected"),
    [
        ("wooo", {"recover_for": 3}, [(0, 1, 3)]),
        ("woowooo", {"recover_for": 3}, [(0, 4, 6)]),  # an alarm between keeps it
        ("woosooo", {"recover_for": 3}, [(0, 1, 6)]),  # so does what holds it, but the end is that of the last alarm
        ("woiioo", {"recover_for": 3}, [(0, 1, 5)]),  # no data neither counts nor breaks
        ("woo", {"keep_firing_for": "2h"}, [(0, 1, 2)]),
        ("woo", {"keep_firing_for": "3h"}, [(0, None, None)]),
        ("wiio", {"keep_firing_for": "3h"}, [(0, 1, 3)]),  # time goes by without data too, but data must end it
        ("woooo", {"keep_firing_for": "2h", "recover_for": 4}, [(0, 1, 4)]),  # both must be so
        ("woooo", {"keep_firing_for": "4h", "recover_for": 2}, [(0, 1, 4)]),
    ],
)
def test_when_it_ends(
    history: str, settings: dict[str, Any], expected: list[tuple[int, int | None, int | None]]
) -> None:
    assert spans(history, **settings) == expected


def test_the_trail_tells_of_recovering_and_relapsing() -> None:
    assert trail("wooscoo", recover_for=2) == [
        ("opened", 0), ("recovering", 1), ("recovered", 2), ("opened", 4), ("recovering", 5), ("recovered", 6),
    ]  # fmt: skip
    assert trail("wosoc", recover_for=2) == [
        ("opened", 0), ("recovering", 1), ("relapsed", 2), ("recovering", 3), ("relapsed", 4), ("escalated", 4),
    ]  # fmt: skip
    [episode] = lived("woio", recover_for=3).episodes
    assert episode.recovering == HOUR


@pytest.mark.parametrize(
    ("history", "settings", "state", "pending"),
    [
        ("", {}, State.INACTIVE, None),
        ("oi", {}, State.INACTIVE, None),
        ("ow", {"for": 2}, State.PENDING, 1),
        ("owi", {"for": 2}, State.PENDING, 1),
        ("owo", {"for": 2}, State.INACTIVE, None),
        ("owo", {"m_of_n": [2, 3]}, State.PENDING, 1),
        ("w", {}, State.ACTIVE, None),
        ("wo", {"recover_for": 2}, State.RECOVERING, None),
        ("woi", {"recover_for": 2}, State.RECOVERING, None),
        ("wos", {"recover_for": 2}, State.ACTIVE, None),
        ("wo", {}, State.RECOVERED, None),
        ("wwow", {"for": 2}, State.PENDING, 3),
    ],
)
def test_where_a_series_stands(history: str, settings: dict[str, Any], state: State, pending: int | None) -> None:
    life = lived(history, **settings)
    assert (life.state, life.pending) == (state, None if pending is None else pending * HOUR)


def test_an_open_alert_says_when_there_is_no_data_for_long() -> None:
    def no_data(history: str, until: int = 0) -> int | None:
        found = lived(history, until).episodes[-1].no_data
        return None if found is None else found // HOUR

    assert SILENT_WINDOWS == 3
    assert no_data("owii") is None
    assert no_data("owiii") == 2
    assert no_data("ow", until=4) is None
    assert no_data("ow", until=5) == 2  # no point at all is no data too
    assert no_data("owiiiw") is None
    assert no_data("wsiii") == 2
    assert no_data("woiiiii") is None  # it is over


def test_an_alert_that_comes_and_goes_is_flapping_until_it_settles() -> None:
    settings: dict[str, Any] = {"flapping": {"changes": 4, "windows": 6}}
    assert trail("wowo", **settings)[-2:] == [("recovered", 3), ("flapping", 3)]
    assert lived("wowo", **settings).flapping
    assert [episode.flapping for episode in lived("wowo", **settings).episodes] == [False, True]
    # 4 changes in the last 6 windows: at 7 only the last three are in it, and the alert that is open has settled.
    assert trail("wowowwww", **settings)[4:] == [("flapping", 3), ("opened", 4), ("settled", 7)]
    [*_, last] = lived("wowowwww", **settings).episodes
    assert not last.flapping
    marks = [t.flapping for episode in lived("wowowo", **settings).episodes for t in episode.transitions]
    assert marks == [False, False, False, True, True, True, True]
    assert [action for action, _ in trail("wowowowo", flapping=False)] == ["opened", "recovered"] * 4


def test_what_is_worse_than_all_that_came_and_went_is_marked() -> None:
    settings: dict[str, Any] = {"flapping": {"changes": 4, "windows": 20}}

    def worse(history: str) -> list[tuple[str, int]]:
        episodes = lived(history, **settings).episodes
        return [(t.action, t.point.start // HOUR) for e in episodes for t in e.transitions if t.flapping and t.worse]

    assert worse("wowowowo") == []
    assert worse("wowowocoocowco") == [("opened", 6)]
    assert worse("wowowcocowc") == [("escalated", 5)]
    assert worse("cowowcowc") == []


def test_changes_before_the_points_count_for_flapping() -> None:
    some = rule(flapping={"changes": 4, "windows": 6})
    late = [point for point in points("wowo") if point.start >= 2 * HOUR]
    [episode] = follow(SERIES, late, some, changes=[(HOUR, 2), (2 * HOUR, 2)]).episodes
    assert [t.action for t in episode.transitions] == ["opened", "recovered", "flapping"]
    [episode] = follow(SERIES, late, some).episodes
    assert [t.action for t in episode.transitions] == ["opened", "recovered"]


def test_opens_is_for_or_m_of_n() -> None:
    assert rule(**{"for": 3}).opens == (3, 3)
    assert rule(m_of_n=[2, 5]).opens == (2, 5)
    assert rule(keep_firing_for="6h").keep_firing_for == timedelta(hours=6)
