import numpy as np
import pytest
from scipy import stats

from benchmarks.fixed_rules import JS, PSI, FixedRules, P, ks_p
from benchmarks.planted import DRIFTS, Traffic


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1])
def test_ks_is_that_of_scipy(shift: float) -> None:
    rng = np.random.default_rng(7)
    now, before = rng.normal(shift, 1, 3_000).round(2), rng.normal(0, 1, 20_000).round(2)
    found = stats.ks_2samp(now, before, method="asymp")
    wanted = stats.kstwobign.sf(found.statistic * np.sqrt(len(now) * len(before) / (len(now) + len(before))))
    assert ks_p(np.sort(now), np.sort(before)) == pytest.approx(wanted, rel=1e-9)


def test_large_drift_crosses_every_rule_and_a_small_one_only_p() -> None:
    traffic = Traffic(np.random.default_rng(8))
    rules = FixedRules()
    rules.learn(traffic.draw(50_000), [])
    drifts = {drift.name: drift for drift in DRIFTS}
    large = rules.alarms(drifts["unit × 100"].change(traffic.draw(10_000), traffic.rng))
    assert all("x10" in large[column] for column in (PSI, JS, P))
    small = rules.alarms(drifts["mean +0.1 sd"].change(traffic.draw(10_000), traffic.rng))
    assert "x2" in small[P]
    assert "x2" not in small[PSI] | small[JS]
