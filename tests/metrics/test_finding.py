"""The sentence that people read first."""

from dataclasses import replace
from typing import Any

import pytest

from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.metrics.finding import describe
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import DISTRIBUTION

DRIFT = Measured(
    values={
        "drift.psi": 0.31234,
        "drift.psi_adjusted": 0.3,
        "drift.mean": 12.5,
        "drift.mean_reference": 10.0,
        "drift.mean_shift": 0.51,
        "quality.missing_rate": 0.05,
        "quality.missing_rate_reference": 0.01,
        "quality.type_violation_rate": 0.0104,
        "quality.type_violation_rate_reference": 0.01,
        "dispersion.phi": 3.0,
    },
    p={DISTRIBUTION: 1e-9},
    window=1_000,
    reference=28_000,
    culprit="20 … 30",
)


def test_drift() -> None:
    assert describe("features.temp", "rolling 28d", DRIFT, 2.1e-7) == (
        "temp, compared with the last 28d: PSI 0.312 (0.3 after noise is removed), mean 12.5 (was 10, +0.51 sd), "
        "largest change in 20 … 30, 5.0% missing (was 1.0%); adjusted p 2.1e-07; "
        "usual windows vary 3 times as much as by chance alone."
    )


@pytest.mark.parametrize(
    ("smallest", "clause"),
    [
        (
            {"drift.smallest_mean_shift": 0.0481, "drift.smallest_psi": 0.01},
            "the smallest shift it could show is 0.048 sd",
        ),
        ({"drift.smallest_psi": 0.0123}, "the smallest PSI it could show is 0.012"),
    ],
)
def test_what_the_window_could_have_shown(smallest: dict[str, float], clause: str) -> None:
    quiet = replace(DRIFT, values={"drift.psi": 0.01, "drift.psi_adjusted": 0.0, **smallest}, culprit=None)
    text = "x, compared with the baseline: PSI 0.01 (0 after noise is removed)"
    assert describe("features.x", "baseline", quiet, 0.5) == f"{text}; adjusted p 0.5; {clause}."
    young = replace(quiet, p={}, learning={DISTRIBUTION: 3})
    assert clause not in describe("features.x", "baseline", young, None)


def test_learning_says_how_far_it_is() -> None:
    young = replace(DRIFT, values={"drift.psi": 0.1, "drift.psi_adjusted": 0.0}, culprit=None, p={})
    young = replace(young, learning={DISTRIBUTION: 3})
    assert describe("prediction.score", "baseline", young, None) == (
        "prediction.score, compared with the baseline: PSI 0.1 (0 after noise is removed); "
        "still learning how much it usually varies (3 of 28 past windows)."
    )


def test_a_reference_without_variance() -> None:
    values = {"drift.psi": 5.0, "drift.psi_adjusted": 4.9, "drift.mean": 6.0, "drift.mean_reference": 5.0}
    constant = replace(DRIFT, values=values, culprit="5")
    assert describe("features.x", "previous", constant, 0.0) == (
        "x, compared with the window before: PSI 5 (4.9 after noise is removed), mean 6 (was 5), "
        "largest change in 5; adjusted p 0."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"window": 0}, "temp: no events in this window."),
        ({"reference": 0}, "temp: no events in version 2 to compare with."),
        (
            {"values": {"quality.missing_rate": 1.0, "quality.missing_rate_reference": 0.01}},
            "temp, compared with version 2: no values to compare, 100.0% missing (was 1.0%); adjusted p 0.2.",
        ),
    ],
)
def test_edges(changes: dict[str, Any], sentence: str) -> None:
    assert describe("features.temp", "version 2", replace(DRIFT, **changes), 0.2) == sentence


@pytest.mark.parametrize(
    ("values", "window", "sentence"),
    [
        ({}, 12_345, "12,345 predictions."),
        ({}, 1, "1 prediction."),
        (
            {"traffic.count_ratio": 0.5, "traffic.failure_rate": 0.01, "traffic.failure_rate_reference": 0.002},
            500,
            "500 predictions, 50% of the usual number (the last 28d), 1.00% failed (was 0.20%).",
        ),
        ({"traffic.count_ratio": 0.0}, 0, "0 predictions, 0% of the usual number (the last 28d)."),
        ({"traffic.failure_rate": 0.0}, 5, "5 predictions, 0.00% failed."),
        ({"traffic.freshness": 18_729.0}, 0, "0 predictions, no event for 5 h 12 min."),
        ({"traffic.freshness": 700.0, "traffic.freshness_usual": 65.0}, 5, "5 predictions, no event for 11 min 40 s."),
        ({"traffic.freshness": 600.0, "traffic.freshness_usual": 65.0}, 5, "5 predictions."),
        ({"traffic.freshness": 50.0, "traffic.freshness_usual": 1.0}, 5, "5 predictions."),
        ({"traffic.freshness": 700.0}, 5, "5 predictions."),
    ],
)
def test_traffic(values: dict[str, float], window: int, sentence: str) -> None:
    found = Measured(values, {}, window, 0)
    assert describe(TRAFFIC_SUBJECT, "rolling 28d", found, None) == sentence
