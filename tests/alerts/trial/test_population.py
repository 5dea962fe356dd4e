"""Populations are the laws that they stand for, also after what happens to them."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from mpm_elk.alerts.trial.population import Population
from mpm_elk.config.rule_tests import Change, Distribution, ModelOfTests
from mpm_elk.profiles.cells import CategoricalCells, NumericCells


def law(given: Any) -> Distribution:
    return ModelOfTests.model_validate({"name": "m", "features": {"x": given}}).features["x"]


def changed(given: Any, **change: Any) -> Population:
    ordinary = Population.of(law(given))
    return ordinary.changed(Change.model_validate({"feature": "x", **change}), ordinary)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"normal": [50, 10]}, stats.norm(50, 10)),
        ({"lognormal": [3, 0.5]}, stats.lognorm(0.5, scale=np.exp(3))),
        ({"uniform": [18, 80]}, stats.uniform(18, 62)),
        ({"beta": [2, 5]}, stats.beta(2, 5)),
        ({"gamma": [2, 3]}, stats.gamma(2, scale=3)),
        ({"exponential": 4}, stats.expon(scale=4)),
        ({"poisson": 1.5}, stats.poisson(1.5)),
    ],
)
def test_points_have_the_law(given: Any, known: Any) -> None:
    points = Population.of(law(given)).points
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        at = known.ppf(share)
        assert np.mean(points <= at) == pytest.approx(known.cdf(at), abs=3e-5)
    assert points.mean() == pytest.approx(known.mean(), rel=2e-3)
    assert points.std() == pytest.approx(known.std(), rel=5e-3)


def test_what_happens_to_values_happens_to_points() -> None:
    normal = {"normal": [50, 10]}
    assert changed(normal, shift="0.3 sd").points.mean() == pytest.approx(53, rel=1e-4)
    assert changed(normal, shift=-4).points.mean() == pytest.approx(46, rel=1e-4)
    wide = changed(normal, scale=1.5)
    assert [wide.points.mean(), wide.sd] == pytest.approx([50, 15], rel=1e-3)
    assert changed(normal, unit=1000).points.mean() == pytest.approx(50_000)
    some = changed(normal, unit=1000, share=0.25)
    assert some.points @ some.weights == pytest.approx(0.75 * 50 + 0.25 * 50_000)
    assert changed(normal, missing=0.4, share=0.5).missing == pytest.approx(0.2)


def test_categories_change_their_weights() -> None:
    regions = {"EU": 6, "US": 4}
    assert changed(regions, becomes={"EU": 1, "APAC": 1}, share=0.5).categories == pytest.approx(
        {"EU": 0.55, "US": 0.2, "APAC": 0.25}
    )
    cells = Population.of(law(regions)).cut("features.x")
    assert isinstance(cells, CategoricalCells)
    assert changed(regions, unseen=0.1).in_cells(cells).chances.tolist() == pytest.approx([0.54, 0.36, 0, 0.1])


def test_cells_hold_what_the_points_in_them_add_up_to() -> None:
    population = Population.of(law({"lognormal": [3, 0.5]}))
    cells = population.cut("features.x")
    assert isinstance(cells, NumericCells)
    moved = changed({"lognormal": [3, 0.5]}, shift="1 sd")
    found = moved.in_cells(cells)
    assert found.moments is not None
    assert found.chances.sum() == pytest.approx(1)
    assert found.chances @ found.moments.mean == pytest.approx(moved.points.mean())
    assert found.chances @ found.moments.square == pytest.approx(np.square(moved.points).mean())
    within = np.var(moved.points[cells.locate(moved.points) == 40])
    assert found.moments.spread[0][40] == pytest.approx(within, rel=1e-6)
