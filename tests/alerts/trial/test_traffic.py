"""Made traffic: the same every time, as much as was asked for, and as its populations are."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from mpm_elk.alerts.trial.traffic import Arrival, Traffic
from mpm_elk.config.rule_tests import ModelOfTests, RuleTest
from mpm_elk.profiles.profile import Profile
from mpm_elk.timespan import HOUR_MS

MODEL = ModelOfTests.model_validate(
    {
        "name": "m",
        "features": {"income": {"normal": [50, 10]}, "region": {"EU": 0.6, "US": 0.4}},
        "missing": {"income": "5%"},
        "score": {"beta": [2, 5]},
        "failures": "2%",
    }
)


def made(name: str = "a test", **more: Any) -> Traffic:
    given = {"name": name, "span": "2d", "baseline": "5d", "expect": [{"rule": "r", "state": "inactive"}], **more}
    return Traffic(MODEL, RuleTest.model_validate(given))


def added(arrivals: list[Arrival]) -> Profile:
    return sum((arrival.profile for arrival in arrivals), Profile())


def in_span(traffic: Traffic) -> list[Arrival]:
    return [arrival for arrival in traffic.arrivals() if arrival.key.start >= traffic.begin]


def same(a: Arrival, b: Arrival) -> bool:
    return a.key == b.key and a.at == b.at and a.profile.to_document() == b.profile.to_document()


def test_a_name_gives_the_same_traffic_and_another_name_another() -> None:
    first, again, other = (list(made(name).arrivals()) for name in ("a", "a", "b"))
    assert len(first) == 7 * 24
    assert all(same(x, y) for x, y in zip(first, again, strict=True))
    assert not any(same(x, y) for x, y in zip(first, other, strict=True))


def test_a_change_leaves_all_other_hours_as_they_are() -> None:
    plain, changed = (list(made(changes=c).arrivals()) for c in ((), [{"from": "6h", "to": "7h", "volume": 2}]))
    assert [x.key.start for x, y in zip(plain, changed, strict=True) if not same(x, y)] == [made().begin + 6 * HOUR_MS]


def test_counts_are_those_of_the_populations() -> None:
    total = added(list(made().arrivals()))
    assert total.count == pytest.approx(7 * 24 * 500, rel=0.02)
    assert total.failures == pytest.approx(0.02 * total.count, rel=0.1)
    income, region = total.subjects["features.income"], total.subjects["features.region"]
    assert income.missing == pytest.approx(0.05 * (total.count - total.failures), rel=0.05)
    mean = income.moments.sum / income.moments.count
    assert mean == pytest.approx(50, abs=0.15)
    assert np.sqrt(income.moments.sum_sq / income.moments.count - mean**2) == pytest.approx(10, rel=0.02)
    assert income.moments.count == income.present
    assert region.cells[0] / region.present == pytest.approx(0.6, abs=0.01)
    assert total.duration.count == total.count
    assert total.duration.sum / total.count == pytest.approx(np.exp(3 + 0.125) * 1e6, rel=0.02)


def test_what_changes_in_the_traffic() -> None:
    total = added(in_span(made()))
    slow = added(in_span(made(changes=[{"slower": 3}])))
    assert slow.duration.sum / slow.count == pytest.approx(3 * total.duration.sum / total.count, rel=0.02)
    assert added(in_span(made(changes=[{"failures": 0.3}]))).failures == pytest.approx(0.3 * total.count, rel=0.05)
    assert len(in_span(made(changes=[{"from": "4h", "to": "10h", "silence": True}]))) == 42
    versions = {arrival.key.version.version for arrival in in_span(made(changes=[{"from": "24h", "version": "2"}]))}
    assert versions == {"1", "2"}
    night = in_span(made(events_per_hour=[10.0] * 12 + [1000.0] * 12))
    assert added(night[:12]).count < 200 < added(night[12:13]).count


def test_late_events_are_the_others_of_their_hour() -> None:
    traffic = made(changes=[{"from": "3h", "to": "5h", "late": {"share": 0.4, "by": "6h"}}])
    arrivals = in_span(traffic)
    assert len(arrivals) == 50
    on_time, late = (a for a in arrivals if a.key.start == traffic.begin + 3 * HOUR_MS)
    assert late.at - on_time.at == timedelta(hours=6) // timedelta(milliseconds=1)
    assert late.profile.count == pytest.approx(200, abs=60)
    assert on_time.profile.count + late.profile.count == pytest.approx(500, abs=100)
    assert on_time.profile.last is not None
    assert on_time.key.start <= on_time.profile.last < on_time.key.start + HOUR_MS


def test_more_than_a_few_durations_are_drawn_as_sums() -> None:
    few, many = (added(in_span(made(events_per_hour=n))) for n in (900.0, 90_000.0))
    for total in (few, many):
        mean = total.duration.sum / total.count
        assert mean == pytest.approx(np.exp(3.125) * 1e6, rel=0.02)
        assert total.duration.sum_sq / total.count == pytest.approx(np.exp(6.5) * 1e12, rel=0.05)
