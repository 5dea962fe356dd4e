"""Features together as one subject: judged against whatever a rule compares with, written, and said in words."""

import numpy as np
import pytest

from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import VersionKey
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile, SubjectProfile
from mpm_elk.rules.documents import to_document
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Judgement, Known, monitors
from mpm_elk.timespan import DAY_MS, iso
from tests.metrics.made_joint import CELLS, draw, joint
from tests.rules.timelines import MODEL, T0, V1, V2, Entry, judge_of, one, timeline
from tests.rules.timelines import run as judged

SIZE = 40
ALL = CellSet(CELLS)


def day(rng: np.random.Generator, rows: int = 400, correlation: float = 0.6) -> Profile:
    values = draw(rng, rows, correlation)
    subjects = {name: SubjectProfile(cells.hash, cells.count(values[name]), 0, 0) for name, cells in CELLS.items()}
    return Profile(rows, subjects=subjects, joint=joint(values))


def days(size: int, version: VersionKey = V1, *, seed: int = 1, lost: int | None = None) -> list[Entry]:
    rng = np.random.default_rng(seed)
    return [(version, at, day(rng, correlation=0.0 if at == lost else 0.6)) for at in range(size)]


def rule(against: str = "rolling 28d", **more: object) -> Rule:
    made = {"id": "together", "metric": "drift.correlation_shift", "against": against, "warning": 0.1}
    return Rule.model_validate(made | more)


def judge(entries: list[Entry], against: str = "rolling 28d", baseline: BaselineCounts | None = None) -> Judge:
    baselines = {"1": baseline, "2": baseline} if baseline else None
    return judge_of(timeline(SIZE, entries), rule(against), cells=ALL, baselines=baselines)


def last(entries: list[Entry], against: str = "rolling 28d", baseline: BaselineCounts | None = None) -> Judgement:
    [found] = judged(judge(entries, against, baseline), SIZE - 1)
    return one(found, "features", entries[-1][0])


@pytest.fixture
def baseline() -> BaselineCounts:
    rng = np.random.default_rng(9)
    some = {at: day(rng) for at in range(30)}
    return BaselineCounts("b", sum(some.values(), Profile()), some)


@pytest.mark.parametrize(
    "against", ["rolling 28d", "baseline", "previous", "same-time-last-week", "same-time-last-weeks 4"]
)
def test_a_lost_correlation_alarms_and_an_ordinary_day_does_not(against: str, baseline: BaselineCounts) -> None:
    assert last(days(SIZE), against, baseline).status == "ok"
    found = last(days(SIZE, lost=SIZE - 1), against, baseline)
    assert found.status == "warning"
    assert found.measured.culprit == "a and b"
    assert (found.measured.window, found.reference.baseline) == (400, "b" if against == "baseline" else None)


def test_versions_are_compared_with_each_other() -> None:
    rng = np.random.default_rng(3)
    new = [(V2, at, day(rng, correlation=0.0 if at == SIZE - 1 else 0.6)) for at in range(SIZE)]
    found = last([*days(SIZE), *new], "version 1")
    assert (found.status, found.reference.versions, found.measured.culprit) == ("warning", ("1",), "a and b")


@pytest.mark.parametrize(("lost", "status"), [(None, "ok"), (SIZE - 1, "warning")])
def test_a_fixed_window_and_training_data_of_the_same_days_are_references_too(lost: int | None, status: str) -> None:
    entries = days(SIZE, lost=lost)
    [monitor] = monitors([rule(f"window {iso(T0)[:10]} {iso(T0 + 10 * DAY_MS)[:10]}")])
    fixed = timeline(10, entries[:10])
    [found] = judged(Judge(monitor, Known(MODEL, ALL, fixed=fixed), timeline(SIZE, entries), Alarms(), 0.1), SIZE - 1)
    [judgement] = found
    assert (judgement.status, judgement.reference.windows, judgement.measured.reference) == (status, 10, 4_000)

    [monitor] = monitors([rule("training")])
    trained = {T0 + at * DAY_MS: p for _, at, p in days(SIZE, seed=2)}
    known = Known(MODEL, ALL, trainings={"1": BaselineCounts("t", Profile(), trained)})
    [[judgement]] = judged(Judge(monitor, known, timeline(SIZE, entries), Alarms(), 0.1), SIZE - 1)
    assert (judgement.status, judgement.reference.baseline, judgement.measured.reference) == (status, "t", 400)


def test_profiles_of_earlier_versions_hold_no_sample_and_no_judgement() -> None:
    rng = np.random.default_rng(4)
    bare = [(V1, at, Profile(p.count, subjects=p.subjects)) for at, p in ((at, day(rng)) for at in range(SIZE))]
    [found] = judged(judge(bare), SIZE - 1)
    assert [j.key.subject for j in found] == []
    mixed = [*bare[:10], *days(SIZE)[10:]]
    joined = last(mixed)
    assert (joined.status, joined.reference.windows) == ("insufficient_data", 28)
    assert 0 < joined.measured.learning["correlation"] < MIN_WINDOWS


def test_the_baselines_days_are_what_it_learns_from(baseline: BaselineCounts) -> None:
    alone = last(days(SIZE)[-1:], "baseline", baseline)
    assert alone.status == "ok"
    few = BaselineCounts("b", baseline.total, {})
    assert last(days(SIZE)[-1:], "baseline", few).status == "insufficient_data"


def test_rules_on_features_look_at_single_ones_only() -> None:
    rules = [rule(), Rule.model_validate({"id": "x", "metric": "drift.psi_adjusted", "warning": 0.1,
                                          "against": "rolling 28d", "on": {"subject": "*"}})]  # fmt: skip
    [found] = judged(judge_of(timeline(SIZE, days(SIZE)), *rules, cells=ALL), SIZE - 1)
    assert [e.rule for e in one(found, "features").evaluations] == ["together"]
    assert [e.rule for e in one(found, "features.a").evaluations] == ["x"]


def test_the_document_says_what_happened() -> None:
    made = judge(days(SIZE, lost=SIZE - 1))
    [found] = judged(made, SIZE - 1)
    mpm = to_document(made.monitor, one(found, "features"), ALL).source["mpm"]
    assert mpm["subject"] == {"name": "features", "type": "features", "kind": "joint"}
    assert mpm["drift"]["culprit"] == "a and b"
    assert "distributions" not in mpm
    start, _, rest = mpm["finding"].partition(": ")
    assert start == "features, compared with the last 28d"
    assert rest.startswith("the correlation of a and b is ")
    assert " instead of 0.58" in rest
    quiet = to_document(made.monitor, last(days(SIZE)), ALL).source["mpm"]["finding"]
    assert "of 10 correlations none has surely moved (that of " in quiet
