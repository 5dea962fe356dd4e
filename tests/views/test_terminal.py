"""What is drawn in a terminal fits it, and says the same without colour."""

import pytest
from rich.console import Console

from mpm_elk.contract.keys import ModelKey
from mpm_elk.views.drift import Found, Section, Wanted
from mpm_elk.views.lines import line
from mpm_elk.views.terminal import as_text, bar, comparison, distribution, drift
from tests.views.test_lines import document, evaluation

ALARM = [evaluation("quality.out_of_range_increase", "critical", value=0.3, threshold=0.1)]
LONG = document(
    "features.a_feature_with_a_very_long_name_indeed",
    status="critical",
    evaluations=ALARM,
    quality={"out_of_range_increase": 0.3, "out_of_range_increase_lower": 0.25, "out_of_range_increase_upper": 0.41},
)
MODEL = ModelKey("production", "credit-risk")


def found(*documents: object, features: tuple[str, ...] = (), segment: str = "all") -> Found:
    some = [dict(entry) for entry in documents]  # type: ignore[call-overload]
    section = Section("3", "baseline", some[0]["window"], some)
    return Found(Wanted(MODEL, features, segment=segment), [section], [])


@pytest.mark.parametrize("width", [80, 100, 120])
def test_it_fits_the_terminal(width: int) -> None:
    long_words = {"cells": ["a category of very many words that goes on and on", "b"], "window": [9, 1]}
    bars = document(distributions={**long_words, "reference": [1, 9]}, drift={"culprit": "b", "psi_adjusted": 1.0})
    for content in (drift(found(LONG, document(), document("features.x")), width), distribution(line(bars), width)):
        lines = as_text(content, width).splitlines()
        assert max(map(len, lines)) <= width
        assert not any(text != text.rstrip() for text in lines)


def test_numbers_are_not_cut_where_there_is_little_room() -> None:
    text = as_text(drift(found(LONG, document()), 80), 80)
    for number in ("+30 pp", "+25 pp … +41 pp", "0.15", "0.1 … 0.3", "0.004"):
        assert number in text


def test_nothing_is_told_by_colour_alone() -> None:
    plain = as_text(drift(found(LONG, document()), 100), 100)
    coloured = Console(force_terminal=True, width=100, color_system="truecolor", highlight=False)
    with coloured.capture() as capture:
        coloured.print(drift(found(LONG, document()), 100))
    assert "\x1b[" in capture.get()
    assert "\x1b" not in plain
    assert "‼ critical" in plain
    assert "· ok" in plain
    assert plain.splitlines()[:2] == [
        "credit-risk (production), version 3: 2026-11-24 (1d)",
        "against baseline; 1 critical, 1 ok",
    ]


def test_a_segment_stands_in_the_heading_once() -> None:
    entry = document(segment={"region": "EU"}, segment_key="region=EU")
    text = as_text(drift(found(entry, segment="region=EU"), 80), 80)
    assert text.count("region=EU") == 1


def test_the_distributions_are_drawn_to_scale_and_the_culprit_is_marked() -> None:
    text = as_text(distribution(line(document()), 80), 80)
    [marked] = [row for row in text.splitlines() if "◄" in row]
    assert "1 … 2" in marked
    assert "30.0 %" in marked
    assert "60.0 %" in marked
    assert "+30.0 pp" in marked
    assert "< 1" not in text.split("cell", 1)[1]  # a cell that is empty on both sides
    longest, shorter = (row.count("█") for row in text.splitlines() if "█" in row)
    assert (longest, shorter) == (marked.count("█"), next(r for r in text.splitlines() if "≥ 2" in r).count("█"))


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (1e-9, "▏"), (0.5, "██"), (0.53, "██▏"), (1, "████"), (1.0001, "████")]
)
def test_a_bar_is_drawn_to_an_eighth_and_what_is_there_is_seen(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_traffic_comes_last_with_the_length_of_its_window() -> None:
    traffic = line(document("model", finding="12 predictions.", traffic={"count": 12.0}))
    text = as_text(comparison("x", [traffic, line(document())], []))
    assert text.splitlines()[-1] == "traffic (1d)  12 predictions."


def test_a_reason_that_all_share_is_said_once() -> None:
    lacking = {"status": "insufficient_data", "evaluations": [evaluation("drift.psi", "insufficient_data")]}
    some = [line(document(f"features.{name}", **lacking)) for name in "abc"]
    assert as_text(comparison("x", some, ["a note"])).count("drift.psi is high") == 1
    assert "no decision on any subject" in as_text(comparison("x", some, []))
    mixed = as_text(comparison("x", [*some, line(document())], []))
    assert "no decision on a, b, c: drift.psi is high" in mixed
