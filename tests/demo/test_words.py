from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mpm_elk.demo import words
from mpm_elk.demo.findings import Finding
from mpm_elk.timespan import HOUR_MS, to_ms


def ms(month: int, day: int, hour: int = 0) -> int:
    return to_ms(datetime(2013, month, day, hour, tzinfo=UTC))


FINDING = Finding(
    rule="a-rule",
    subject="features.temperature",
    segment="all",
    start=ms(4, 29),
    end=ms(5, 6),
    active=False,
    severity="critical",
    metric="drift.psi_adjusted",
    value=14.34,
    p_adjusted=2.7e-15,
    opened=ms(4, 30),
)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (ms(4, 29), ms(4, 30), "Mon 29 Apr"),
        (ms(4, 29), ms(5, 6), "Mon 29 Apr – Sun 5 May"),
        (ms(4, 29, 14), ms(4, 29, 15), "Mon 29 Apr 14:00 – 15:00"),
        (ms(4, 29, 23), ms(4, 30), "Mon 29 Apr 23:00 – 00:00"),
        (ms(4, 29, 23), ms(4, 30, 2), "Mon 29 Apr 23:00 – Tue 30 Apr 02:00"),
    ],
)
def test_a_span_names_its_days_and_both_ends_are_in_it(start: int, end: int, text: str) -> None:
    assert words.span(start, end) == text


def test_an_active_span_has_no_end() -> None:
    assert words.span(ms(6, 10), ms(7, 1), active=True) == "Mon 10 Jun – (active)"


def test_a_delay_is_in_hours_and_minutes() -> None:
    assert words.delay(ms(4, 29), ms(4, 30) + HOUR_MS // 6) == "24 h 10 min"


@pytest.mark.parametrize(
    ("name", "text"),
    [("features.wind_gust", "wind gust"), ("prediction.score", "score"), ("model", "traffic")],
)
def test_a_subject_is_in_words(name: str, text: str) -> None:
    assert words.subject(name) == text


def test_a_segment_is_in_words_and_all_events_are_none() -> None:
    assert words.segment("origin=JFK") == "origin JFK"
    assert words.segment("all") == ""


@pytest.mark.parametrize(
    ("p", "several", "text"),
    [
        (None, False, "–"),
        (0.00078, False, "p 0.0008"),
        (2.7e-15, True, "p ≤ 3e-15"),
        (0.0, False, "p < 1e-99"),
    ],
)
def test_how_sure(p: float | None, several: bool, text: str) -> None:
    assert words.how_sure(p, several=several) == text


@pytest.mark.parametrize(
    ("metric", "value", "numbers", "text"),
    [
        (
            "drift.psi_adjusted",
            14.34,
            {"drift": {"mean": 13.21, "mean_reference": 55.14, "culprit": "below 10.94"}},
            "PSI 14.3: mean 13.2 instead of 55.1",
        ),
        ("drift.psi", 0.31, {"drift": {"culprit": "UA"}}, "PSI 0.31: most in UA"),
        ("drift.ks", 0.4, {}, "ks 0.4"),
        (
            "quality.missing_increase",
            0.998,
            {"quality": {"missing_rate": 1.0, "missing_rate_reference": 0.0004}},
            "100.0% missing instead of 0.04%",
        ),
        (
            "quality.out_of_range_increase",
            0.0204,
            {"quality": {"out_of_range_rate": 0.0204, "out_of_range_rate_reference": 0.0}},
            "2.0% out of range instead of 0.0%",
        ),
        ("quality.type_violation_increase", 0.5, {}, "of the wrong type +50.0%"),
        (
            "traffic.count_ratio",
            0.33,
            {"traffic": {"count": 312, "count_expected": 951.2}},
            "312 predictions instead of 951",
        ),
        (
            "traffic.failure_increase",
            0.1,
            {"traffic": {"failure_rate": 0.1, "failure_rate_reference": 0.0}},
            "10.0% failed instead of 0.0%",
        ),
    ],
)
def test_how_much_says_what_is_and_what_was(metric: str, value: float, numbers: Mapping[str, Any], text: str) -> None:
    assert words.how_much(replace(FINDING, metric=metric, value=value, numbers=numbers)) == text
