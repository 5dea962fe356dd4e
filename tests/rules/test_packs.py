"""The packs decide of rows as the tools do that they stand for: their formulas, computed of the rows themselves."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

import mpm_elk
from mpm_elk.config.packs import pack

ROWS = 4_000
SIZES = (0.0, 0.02, 0.05, 0.08, 0.12, 0.16, 0.25, 0.4, 0.7, 1.0, 1.6)
"""How far the columns move: numbers in standard deviations, categories in shares."""

Distance = Callable[[Any, Any], float]


def columns(seed: int, scale: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for at, size in enumerate(SIZES):
        moved = scale * size
        made[f"normal_{at}"] = rng.normal(moved, 1, ROWS)
        made[f"skewed_{at}"] = np.exp(rng.normal(moved / 2, 0.5, ROWS))
        share = min(0.9, 0.2 + moved / 3)
        made[f"category_{at}"] = rng.choice(["a", "b", "c"], ROWS, p=[share, (1 - share) / 2, (1 - share) / 2])
    return pd.DataFrame(made)


REFERENCE, NOW = columns(1, scale=0.0), columns(2)


def shares(values: Any) -> Any:
    return pd.Series(values).value_counts(normalize=True).reindex(["a", "b", "c"], fill_value=0).to_numpy()


def ks(before: Any, now: Any) -> float:
    return float(stats.ks_2samp(before, now).statistic)


def wasserstein(before: Any, now: Any) -> float:
    return float(stats.wasserstein_distance(before, now) / np.std(before))


def largest_change(before: Any, now: Any) -> float:
    return float(np.abs(shares(before) - shares(now)).max())


def js_of_categories(base: float) -> Distance:
    return lambda before, now: float(jensenshannon(shares(before), shares(now), base=base))


def js_of_numbers(before: Any, now: Any) -> float:
    """Compute it in 20 cells that hold equally many of the reference, with base 2."""
    edges = np.quantile(before, np.linspace(0, 1, 21)[1:-1])
    counts = [np.bincount(np.searchsorted(edges, values, side="right"), minlength=20) for values in (before, now)]
    return float(jensenshannon(counts[0], counts[1], base=2))


TOOLS: Mapping[str, tuple[tuple[Distance, float], tuple[Distance, float]]] = {
    "mpm/sagemaker": ((ks, 0.1), (largest_change, 0.1)),
    "mpm/azure-ml": ((wasserstein, 0.1), (js_of_categories(2), 0.1)),
    "mpm/vertex-ai": ((lambda a, b: js_of_numbers(a, b) ** 2, 0.3), (largest_change, 0.3)),
    "mpm/evidently": ((wasserstein, 0.1), (js_of_categories(np.e), 0.1)),
    "mpm/nannyml": ((js_of_numbers, 0.1), (js_of_categories(2), 0.1)),
}
"""Pack → the distance of numbers and that of categories, each with its threshold."""

NEAR = 0.08
"""What lies so near to the threshold, as a share of it, may fall on the other side in cells."""


@pytest.mark.parametrize("name", TOOLS)
def test_a_pack_decides_as_its_tool_does(name: str) -> None:
    rules = [rule for rule in pack(name).rules if rule.metric.startswith("drift.")]
    result = mpm_elk.compare(REFERENCE, NOW, rules=rules)
    alarmed = {
        document["mpm"]["subject"]["name"].removeprefix("features."): document["mpm"]["status"] == "warning"
        for document in result.documents
    }
    sides = {True: 0, False: 0}
    for column in NOW:
        distance, threshold = TOOLS[name][column.startswith("category")]
        value = distance(REFERENCE[column].to_numpy(), NOW[column].to_numpy())
        if abs(value / threshold - 1) > NEAR:
            assert alarmed[column] == (value >= threshold), (column, value)
            sides[alarmed[column]] += 1
    assert min(sides.values()) >= 4
    assert sum(sides.values()) >= 0.8 * NOW.shape[1]


def test_the_other_rules_of_a_pack_take_no_single_value() -> None:
    now = NOW.copy()
    now.loc[0, "normal_0"] = np.nan
    now.loc[0, "category_0"] = "never seen"
    quality = [rule for rule in pack("mpm/sagemaker").rules if rule.metric.startswith("quality.")]
    result = mpm_elk.compare(REFERENCE, now, rules=quality)
    told = {
        (document["mpm"]["subject"]["name"], evaluation["rule"])
        for document in result.documents
        for evaluation in document["mpm"]["evaluations"]
        if evaluation["severity"] == "warning"
    }
    assert told == {
        ("features.normal_0", "sagemaker-completeness"),
        ("features.category_0", "sagemaker-domain-content"),
    }
