"""Episodes: when they begin, go on, and end."""

import itertools
import random as randoms
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.episodes import EASED, ESCALATED, OPENED, RECOVERED, Episode, Point, Series, worst_of
from mpm_elk.alerts.life import follow
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, ModelKey, Segment
from mpm_elk.rules.evaluate import Evaluation, Severity

SERIES = Series(ModelKey("production", "m"), "drift", "features.x", EVERYTHING)
HOUR = 3_600_000
# i: insufficient, o: ok, s: ok, but it sustains an alert, w: warning, c: critical
KINDS = {
    "i": (Severity.INSUFFICIENT, False),
    "o": (Severity.OK, False),
    "s": (Severity.OK, True),
    "w": (Severity.WARNING, True),
    "c": (Severity.CRITICAL, True),
}
# Never so many without data in a row that the windows before are forgotten.
HISTORIES = st.lists(st.sampled_from(["i", "ii"] + list("oswc") * 2), max_size=30).map(
    lambda parts: re.sub("iii+", "ii", "".join(parts))
)


def point(at: int, kind: str, *, value: float | None = None, version: str = "1") -> Point:
    severity, sustains = KINDS[kind]
    number = {"w": 0.15, "c": 0.3}.get(kind, 0.01) if value is None else value
    threshold = 0.1 if severity.alarming else None
    evaluation = Evaluation("drift", "m", severity, "", number, threshold=threshold, sustains=sustains)
    return Point(at * HOUR, (at + 1) * HOUR, evaluation, version, ("index", f"{version}-{at}"))


def points(history: str) -> list[Point]:
    return [point(at, kind) for at, kind in enumerate(history)]


def walk(series: Series, some: list[Point], needed: int) -> list[Episode]:
    rule = Rule.model_validate(
        {"id": "drift", "metric": "drift.psi", "warning": 0.1, "for": needed, "flapping": False}
    )  # fmt: skip
    return follow(series, some, rule).episodes


def episodes(history: str, needed: int = 1) -> list[Episode]:
    return walk(SERIES, points(history), needed)


def spans(history: str, needed: int = 1) -> list[tuple[int, int | None]]:
    """Give the first window of each episode, and the window after its last alarming one."""
    return [(e.start // HOUR, None if e.end is None else e.end // HOUR) for e in episodes(history, needed)]


def actions(history: str, needed: int = 1) -> list[tuple[str, int]]:
    return [(t.action, t.point.start // HOUR) for e in episodes(history, needed) for t in e.transitions]


@pytest.mark.parametrize(
    ("history", "needed", "expected"),
    [
        ("", 1, []),
        ("ooii", 1, []),
        ("ow", 1, [(1, None)]),
        ("owo", 1, [(1, 2)]),
        ("wowoc", 1, [(0, 1), (2, 3), (4, None)]),
        ("wwo", 2, [(0, 2)]),
        ("wow", 2, []),
        ("wiw", 2, [(0, None)]),  # a window with too little data does not break a streak
        ("wsw", 2, []),  # one that is no alarm does, even where it would sustain an open alert
        ("sss", 1, []),
        ("cwc", 3, [(0, None)]),
        ("wiiii", 1, [(0, None)]),  # nor does too little data end an alert
        ("wsso", 1, [(0, 1)]),
        ("wsws", 1, [(0, None)]),
        ("wwow", 2, [(0, 2)]),  # after a recovery the count begins anew
    ],
)
def test_begin_and_end(history: str, needed: int, expected: list[tuple[int, int | None]]) -> None:
    assert spans(history, needed) == expected


def test_transitions_happen_at_the_window_that_brings_them() -> None:
    assert actions("wwcciwso", 2) == [(OPENED, 1), (ESCALATED, 2), (EASED, 5), (RECOVERED, 7)]


def test_an_episode_counts_alarming_windows_and_keeps_the_last_one() -> None:
    [episode] = episodes("owiwscs")
    assert (episode.windows, episode.last.start) == (3, 5 * HOUR)
    assert episode.active


def test_the_worst_is_the_most_severe_then_the_furthest_past_its_threshold() -> None:
    history = [point(0, "w", value=0.12), point(1, "w", value=0.2), point(2, "w", value=0.19)]
    for needed in (1, 2, 3):
        [episode] = walk(SERIES, history, needed)
        assert episode.worst.start == HOUR, needed
    [episode] = walk(SERIES, [*history, point(3, "c", value=0.11)], 1)
    assert episode.worst.start == 3 * HOUR


def model(history: str, needed: int) -> list[tuple[int, int | None, int]]:
    """Find episodes by regular expression on the history without its insufficient windows: start, end, alarms."""
    kept = [(at, kind) for at, kind in enumerate(history) if kind != "i"]
    text = "".join(kind for _, kind in kept)
    found = []
    for match in re.finditer(rf"(?P<open>[wc]{{{needed}}}[wcs]*)(?P<end>o?)", text):
        alarms = [kept[at][0] for at in range(*match.span("open")) if text[at] in "wc"]
        found.append((alarms[0], alarms[-1] + 1 if match["end"] else None, len(alarms)))
    return found


@given(HISTORIES, st.integers(1, 4))
def test_walking_agrees_with_a_regular_expression(history: str, needed: int) -> None:
    got = [(e.start // HOUR, e.end and e.end // HOUR, e.windows) for e in episodes(history, needed)]
    assert got == model(history, needed)


@given(HISTORIES, st.integers(1, 4))
def test_every_life_is_in_order(history: str, needed: int) -> None:
    for episode in episodes(history, needed):
        first, *others = [t.action for t in episode.transitions]
        assert first == OPENED
        assert OPENED not in others
        assert (RECOVERED in others) == (not episode.active)
        assert RECOVERED not in others[:-1]
        severity = episode.transitions[0].point.severity
        for transition in episode.transitions[1:]:
            now = transition.point.severity
            if transition.action == ESCALATED:
                assert (severity, now) == (Severity.WARNING, Severity.CRITICAL)
            elif transition.action == EASED:
                assert (severity, now) == (Severity.CRITICAL, Severity.WARNING)
            severity = now
        assert episode.worst.severity.rank >= episode.last.severity.rank
        assert episode.start <= episode.worst.start <= episode.last.start


@given(HISTORIES, st.text(alphabet="iosw", max_size=8), st.integers(1, 3))
def test_more_windows_do_not_change_what_is_over(history: str, more: str, needed: int) -> None:
    before, after = episodes(history, needed), episodes(history + more, needed)
    over = [e for e in before if not e.active]
    assert after[: len(over)] == over
    assert [e.uuid for e in after[: len(before)]] == [e.uuid for e in before]


@given(HISTORIES, st.integers(1, 3))
def test_walking_from_a_quiet_time_on_gives_the_same_episodes(history: str, needed: int) -> None:
    whole = episodes(history, needed)
    for episode in whole:
        again = walk(SERIES, [p for p in points(history) if p.start >= episode.start], needed)
        assert again[0] == episode


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("iosswc"), st.sampled_from("123")), max_size=12), st.randoms()
)
def test_the_worst_of_versions_does_not_depend_on_order(
    entries: list[tuple[int, str, str]], random: randoms.Random
) -> None:
    unique = {(at, version): point(at, kind, version=version) for at, kind, version in entries}
    some = list(unique.values())
    expected = worst_of(some)
    random.shuffle(some)
    assert worst_of(some) == expected
    assert [p.start for p in expected] == sorted({p.start for p in some})
    for chosen in expected:
        beside = [p for p in some if p.start == chosen.start]
        assert chosen.severity.rank == max(p.severity.rank for p in beside)


def test_of_equally_bad_versions_the_one_that_sustains_then_the_furthest_counts() -> None:
    sustains, calm = point(0, "s", version="1"), point(0, "o", version="2")
    far, near = point(0, "w", value=0.2, version="1"), point(0, "w", value=0.11, version="2")
    for pair, expected in (((sustains, calm), sustains), ((far, near), far)):
        for order in itertools.permutations(pair):
            assert worst_of(order) == [expected]


def test_a_version_that_recovers_does_not_end_the_alert_of_another() -> None:
    both = [point(0, "w"), point(0, "o", version="2"), point(1, "s"), point(1, "o", version="2")]
    [episode] = walk(SERIES, worst_of(both), 1)
    assert episode.active


def test_ids_are_stable_and_each_series_own() -> None:
    assert SERIES.instance == Series(ModelKey("production", "m"), "drift", "features.x", EVERYTHING).instance
    others = [
        Series(ModelKey("staging", "m"), "drift", "features.x", EVERYTHING),
        Series(ModelKey("production", "n"), "drift", "features.x", EVERYTHING),
        Series(ModelKey("production", "m"), "other", "features.x", EVERYTHING),
        Series(ModelKey("production", "m"), "drift", "features.y", EVERYTHING),
        Series(ModelKey("production", "m"), "drift", "features.x", Segment("region", "EU")),
    ]
    assert len({s.instance for s in (SERIES, *others)}) == 6
    assert len({s.uuid(start) for s in (SERIES, *others) for start in (0, 1)} | {SERIES.instance}) == 13
