"""The metrics that rules can name are those that are measured."""

import numpy as np
import pytest

from mpm_elk.contract.metric_names import BY_HAND as BY_HAND_NAMES
from mpm_elk.contract.metric_names import METRIC_NAMES, WITHOUT_EVIDENCE
from mpm_elk.metrics.auc import Auc
from mpm_elk.metrics.catalogue import BY_HAND, JOINT_SUBJECT, METRICS, REGISTRY, TRAFFIC_SUBJECT, Metric
from mpm_elk.metrics.classifier import Told
from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measure import measure_subject, measure_together, measure_traffic
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import BY_HAND_EVIDENCE, EVIDENCE
from mpm_elk.metrics.told_apart import HISTORY_MIN, ToldApart
from mpm_elk.profiles.cells import Cells
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.joint import WHOLE, Joint
from mpm_elk.profiles.joint_windows import joint_windows
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.windows import subject_windows, traffic_windows
from mpm_elk.rules.defaults import DEFAULT_RULES

SIZE = MIN_WINDOWS + 2
_RNG = np.random.default_rng(1)
_FLAGGED = np.zeros(SIZE - 1, dtype=np.bool_)


def _subject(cells: Cells, profiles: list[SubjectProfile]) -> Measured:
    windows = subject_windows(cells, profiles)
    everything = windows.pool(np.ones((SIZE, SIZE), dtype=np.bool_))
    return measure_subject(cells, windows, everything, _FLAGGED, in_sample=np.zeros(SIZE, dtype=np.bool_))


def _numeric() -> Measured:
    cells = cut_numeric(_RNG.normal(size=5_000), "x")
    values = [_RNG.normal(size=500) for _ in range(SIZE)]
    return _subject(cells, [SubjectProfile(cells.hash, cells.count(v), 3, 1, Moments.of(v)) for v in values])


def _categorical() -> Measured:
    cells = cut_categorical({"a": 2, "b": 1}, "x")
    values = [_RNG.choice(["a", "b", "c"], 500).tolist() for _ in range(SIZE)]
    return _subject(cells, [SubjectProfile(cells.hash, cells.count(v), 3, 1) for v in values])


def _traffic() -> Measured:
    windows = traffic_windows([Profile(1_000 + at, 5, Moments(10, 20.0 + at, 50.0), last=9) for at in range(SIZE)])
    members = np.tri(SIZE, k=-1, dtype=np.bool_)
    return measure_traffic(windows, members, slice(0, SIZE), _FLAGGED, ends=range(10, 10 + SIZE))


def _together() -> Measured:
    cells = {f"features.{name}": cut_numeric(_RNG.normal(size=5_000), name) for name in "xyz"}
    hashes = {name: entry.hash for name, entry in cells.items()}
    joints = [Joint.of(cells, {name: _RNG.normal(size=500) for name in cells}, 500, WHOLE) for _ in range(SIZE)]
    windows = joint_windows(hashes, joints)
    return measure_together("xyz", windows, windows.pool(np.ones((SIZE, SIZE), dtype=np.bool_)), _FLAGGED)


FOUND = {"numeric": _numeric(), "categorical": _categorical(), "joint": _together(), "traffic": _traffic()}


def _kinds(metric: Metric) -> list[str]:
    if metric.subjects == (TRAFFIC_SUBJECT,):
        return ["traffic"]
    if metric.subjects == (JOINT_SUBJECT,):
        return ["joint"]
    return [kind for kind in ("numeric", "categorical") if metric.fits(kind)]


@pytest.mark.parametrize("name", REGISTRY)
def test_a_metric_and_its_evidence_are_measured_where_it_fits_and_nowhere_else(name: str) -> None:
    metric = REGISTRY[name]
    fitting = _kinds(metric)
    assert fitting
    for kind, found in FOUND.items():
        assert (name in found.values) == (kind in fitting), kind
        assert kind not in fitting or not metric.test or metric.test in found.p, kind
        if kind in fitting:
            assert {f"{name}_{ending}" for ending in metric.beside} <= set(found.values), kind


def test_every_number_has_an_entry_or_stands_beside_one() -> None:
    known = set(REGISTRY) | {f"{name}_{ending}" for name, metric in REGISTRY.items() for ending in metric.beside}
    assert len(known) == len(REGISTRY) + sum(len(metric.beside) for metric in REGISTRY.values())
    assert set().union(*(found.values for found in FOUND.values())) == known


@pytest.mark.parametrize(
    "name",
    [*METRICS, "drift.mean", "quality.cardinality", "traffic.failures", "traffic.duration_mean", "traffic.freshness"],
)
def test_what_compares_nothing_is_known_without_a_reference(name: str) -> None:
    cells = cut_categorical({"a": 2, "b": 1}, "x")
    numeric = cut_numeric(np.arange(100) / 3, "x")
    values = np.array([1.0, 2.0, 3.0])
    alone: dict[str, tuple[Cells, SubjectProfile]] = {
        "categorical": (cells, SubjectProfile(cells.hash, cells.count(["a", "c"]), 1, 1)),
        "numeric": (numeric, SubjectProfile(numeric.hash, numeric.count(values), 1, 1, Moments.of(values))),
    }
    no_flags, in_sample = np.zeros(0, dtype=np.bool_), np.zeros(1, dtype=np.bool_)
    for kind in _kinds(REGISTRY[name]):
        if kind == "traffic":
            windows = traffic_windows([Profile(10, 1, Moments(1, 2.0, 4.0), last=9)])
            found = measure_traffic(windows, np.zeros((1, 1), dtype=np.bool_), slice(0, 1), no_flags, ends=[10])
        elif kind == "joint":
            cells_of = {f"features.{name}": numeric for name in "xy"}
            joint = Joint.of(cells_of, dict.fromkeys(cells_of, np.arange(9.0)), 9, WHOLE)
            here, nothing = (joint_windows(joint.features, [entry]) for entry in (joint, None))
            found = measure_together("xy", here, nothing, no_flags)
        else:
            one, profile = alone[kind]
            windows_of = [subject_windows(one, [entry]) for entry in (profile, None)]
            found = measure_subject(one, windows_of[0], windows_of[1], no_flags, in_sample=in_sample)
        assert (name in found.values) == (not REGISTRY[name].compares), kind


def test_names_meanings_and_directions() -> None:
    assert all(metric.name == name and metric.meaning for name, metric in REGISTRY.items())
    assert {metric.bad for metric in REGISTRY.values()} <= {"above", "below", "away", "apart"}
    assert {metric.bad for name, metric in REGISTRY.items() if name.endswith("_p")} == {"below"}
    assert {metric.test for metric in METRICS.values()} == set(EVIDENCE)
    assert {rule.metric for rule in DEFAULT_RULES} <= set(METRICS)


def test_the_configuration_knows_the_same_metrics() -> None:
    assert tuple(METRICS) == METRIC_NAMES
    assert tuple(name for name in REGISTRY if name not in METRICS) == WITHOUT_EVIDENCE


def test_what_is_asked_for_by_hand_is_no_metric_of_the_job() -> None:
    assert set(BY_HAND) == set(BY_HAND_NAMES)
    assert not set(BY_HAND) & set(REGISTRY)
    apart = ToldApart(Told(Auc(0.6, 1e-4, 1e-4), by_hour=True), (0.5,) * HISTORY_MIN)
    [metric] = BY_HAND.values()
    assert set(metric.numbers(apart)) == {metric.name, *(f"{metric.name}_{ending}" for ending in metric.beside)}
    assert metric.test in BY_HAND_EVIDENCE
