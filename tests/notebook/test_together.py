"""A correlation that was lost between two tables is found and named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

import mpm_elk

START = datetime(2026, 9, 1, tzinfo=UTC)


def frame(rows: int, days: int, *, first: int = 0, correlation: float = 0.6) -> pd.DataFrame:
    rng = np.random.default_rng([1, first])
    age, other, debts = rng.normal(size=(3, rows))
    return pd.DataFrame(
        {
            "at": [START + timedelta(days=first + days * row / rows) for row in range(rows)],
            "age": age,
            "debts": np.where(rng.random(rows) < 0.1, np.nan, debts),
            "income": np.exp(correlation * age + np.sqrt(1 - correlation**2) * other),
        }
    )


def together(result: mpm_elk.Comparison) -> dict[str, Any]:
    [*_, last] = [document["mpm"] for document in result.documents if document["mpm"]["subject"]["name"] == "features"]
    return dict(last)


def test_a_lost_correlation_is_the_only_alert() -> None:
    result = mpm_elk.compare(frame(20_000, 40), frame(500, 1, first=40, correlation=0.0), time="at")
    [alert] = result.alerts
    assert (alert.rule, alert.subject, alert.severity) == ("correlation-shift", "features", "critical")
    found = together(result)
    assert found["drift"]["culprit"] == "age and income"
    assert "the correlation of age and income is " in found["finding"]
    assert (result.lines[0].name, result.lines[0].effect.metric if result.lines[0].effect else None) == (
        "features", "drift.correlation_shift",
    )  # fmt: skip
    assert "age and income" in str(result)


def test_without_times_the_shift_is_told_and_nothing_decided() -> None:
    result = mpm_elk.compare(frame(5_000, 1), frame(800, 1, first=1, correlation=0.0), exclude=["at"])
    found = together(result)
    assert found["status"] == "insufficient_data"
    assert found["drift"]["correlation_shift"] < -0.4
    assert found["sample"] == {"window": 800, "reference": 5_000}
