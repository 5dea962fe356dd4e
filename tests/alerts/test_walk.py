"""The life of an episode, held against a slow reading of its definition."""

from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.documents import read_episode, to_document
from mpm_elk.alerts.episodes import EASED, ESCALATED, OPENED, RECOVERED, Episode, Point, Series, worst_of
from mpm_elk.alerts.life import PATIENCE, follow
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.rules.evaluate import Evaluation, Severity

DAY = 86_400_000
SERIES = Series(ModelKey("production", "m"), "drift", "features.x", Segment())
RULE = Rule(id="drift", metric="drift.psi", warning=0.1)

LETTERS = {
    "?": (Severity.INSUFFICIENT, False),
    ".": (Severity.OK, False),
    "s": (Severity.OK, True),
    "w": (Severity.WARNING, True),
    "c": (Severity.CRITICAL, True),
}


def point(at: int, letter: str, version: str = "1") -> Point:
    severity, sustains = LETTERS[letter]
    value = None if letter == "?" else 1.0
    evaluation = Evaluation("drift", "drift.psi", severity, "because", value, threshold=0.1, sustains=sustains)
    return Point(at * DAY, (at + 1) * DAY, evaluation, version, ("index", f"{at}-{version}"))


def episodes(letters: str, needed: int = 1) -> list[Episode]:
    rule = Rule.model_validate({**RULE.model_dump(by_alias=True), "for": needed})
    return follow(SERIES, [point(at, letter) for at, letter in enumerate(letters)], rule).episodes


def lives(letters: str, needed: int = 1) -> list[tuple[int, int | None]]:
    return [(e.start // DAY, None if e.end is None else e.end // DAY) for e in episodes(letters, needed)]


def test_an_episode_opens_goes_on_and_recovers() -> None:
    [episode] = episodes("..wcw..")
    assert [t.action for t in episode.transitions] == [OPENED, ESCALATED, EASED, RECOVERED]
    assert (episode.start, episode.end, episode.windows) == (2 * DAY, 5 * DAY, 3)
    assert episode.worst.severity is Severity.CRITICAL


def test_too_little_data_neither_opens_nor_ends() -> None:
    assert lives("w?w??") == [(0, None)]
    assert lives("????") == []
    assert lives("w?w", needed=2) == [(0, None)]


def test_what_sustains_an_alert_does_not_open_one() -> None:
    assert lives("sss") == []
    assert lives("wss.") == [(0, 1)]


def test_for_counts_windows_in_a_row() -> None:
    assert lives("w.ww.", needed=2) == [(2, 4)]


def slowly(letters: str, needed: int) -> list[tuple[int, int | None]]:
    """Read the definition again: drop what says nothing, find the first run of alarms, then the first that ends it."""
    said = [(at, letter) for at, letter in enumerate(letters) if letter != "?"]
    found: list[tuple[int, int | None]] = []
    i = 0
    while i + needed <= len(said):
        enough = all(letter in "wc" for _, letter in said[i : i + needed])
        if not enough or said[i + needed - 1][0] - said[i][0] > PATIENCE * needed:
            i += 1
            continue
        end = next((j for j in range(i + needed, len(said)) if said[j][1] == "."), None)
        if end is None:
            found.append((said[i][0], None))
            break
        last = max(at for at, letter in said[i:end] if letter in "wc")
        found.append((said[i][0], last + 1))
        i = end + 1
    return found


@given(st.text(alphabet="".join(LETTERS), max_size=40), st.integers(1, 4))
def test_walking_is_what_the_definition_says(letters: str, needed: int) -> None:
    assert lives(letters, needed) == slowly(letters, needed)


@given(st.permutations([point(at, letter, v) for at in range(3) for v, letter in (("1", "."), ("2", "w"), ("3", "?"))]))
def test_the_worst_version_speaks_for_a_window_in_any_order(points: list[Point]) -> None:
    assert [(p.start // DAY, p.version) for p in worst_of(points)] == [(0, "2"), (1, "2"), (2, "2")]


def test_an_episode_survives_its_document_and_keeps_what_people_set() -> None:
    [episode] = episodes(".wc")
    document = to_document(episode, RULE, "run-1", None)
    assert document is not None
    again = read_episode(document.source)
    assert (again.series, again.start, again.end, again.windows) == (SERIES, DAY, None, 2)
    assert (again.last, again.worst) == (episode.last, episode.worst)
    document.source["mpm"]["alert"]["workflow_status"] = "acknowledged"
    assert to_document(episode, RULE, "run-2", document.source) is None
    [longer] = episodes(".wcc.")
    updated = to_document(longer, RULE, "run-2", document.source)
    assert updated is not None
    assert updated.id == document.id
    assert updated.source["mpm"]["alert"]["workflow_status"] == "acknowledged"
    assert updated.source["mpm"]["alert"]["status"] == "recovered"
