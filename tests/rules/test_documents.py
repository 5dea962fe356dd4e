"""Judgements as documents: equal ones have equal hashes, and what was said first stays."""

import json
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.contract.names import Index, monthly
from mpm_elk.rules.documents import document_id, revised, rounded, segment_of, to_document
from mpm_elk.rules.judgement import Judgement, Monitor, monitors
from mpm_elk.timespan import iso
from tests.rules.timelines import (
    CELLS,
    EU,
    V1,
    V2,
    drift_rule,
    judge_of,
    one,
    profile,
    run,
    steady,
    timeline,
)

SIZE = 40
[MONITOR] = monitors([drift_rule()])


def judged(seed: int = 1) -> list[Judgement]:
    entries = steady(SIZE, seed)
    entries[-1] = (V1, SIZE - 1, profile(np.random.default_rng(seed), shift=0.8, missing=40))
    return run(judge_of(timeline(SIZE, entries), drift_rule(id="drift")), SIZE - 1)[0]


AGE = one(judged(), "features.age")


def document_of(judgement: Judgement = AGE, monitor: Monitor = MONITOR) -> dict[str, Any]:
    return to_document(monitor, judgement, CELLS).source


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return list(chain.from_iterable(numbers_in(entry) for entry in value.values()))
    if isinstance(value, list):
        return list(chain.from_iterable(numbers_in(entry) for entry in value))
    return [value] if isinstance(value, float) else []


def test_a_document_says_what_where_and_against_what() -> None:
    document = to_document(MONITOR, AGE, CELLS)
    source = json.loads(json.dumps(document.source, allow_nan=False))
    mpm = source["mpm"]
    assert document.index == monthly(Index.METRICS, "m", "production", AGE.start)
    assert source["@timestamp"] == mpm["window"]["end"] == iso(AGE.end)
    assert mpm["window"] == {"start": iso(AGE.start), "end": iso(AGE.end), "length": "1d"}
    assert mpm["model"] == {"name": "m", "version": "1"}
    assert mpm["subject"] == {"name": "features.age", "type": "feature", "kind": "numeric"}
    assert (mpm["segment"], mpm["segment_key"]) == ({}, "all")
    assert mpm["sample"] == {"window": 1_000, "reference": 28_000}
    assert mpm["reference"]["kind"] == "rolling 28d"
    assert (mpm["reference"]["windows"], mpm["reference"]["versions"]) == (28, ["1"])
    assert mpm["drift"]["psi"] == pytest.approx(AGE.measured.values["drift.psi"], rel=1e-11)
    assert mpm["drift"]["p_adjusted"] == pytest.approx(AGE.p_adjusted, rel=1e-11)
    assert mpm["drift"]["culprit"] == AGE.measured.culprit
    assert mpm["quality"]["missing_rate"] == 0.04
    assert mpm["status"] == "critical"
    assert [entry["rule"] for entry in mpm["evaluations"]] == ["drift"]
    assert sum(mpm["distributions"]["window"]) == 960


def test_labels_and_traffic_have_their_kinds() -> None:
    label = document_of(one(judged(), "prediction.label"))["mpm"]
    assert label["subject"] == {"name": "prediction.label", "type": "prediction", "kind": "categorical"}
    rule = drift_rule(metric="traffic.count_ratio", warning=0.5, critical=None)
    [[traffic]] = run(judge_of(timeline(SIZE, steady(SIZE, 2)), rule), SIZE - 1)
    mpm = document_of(traffic)["mpm"]
    assert mpm["subject"] == {"name": "model", "type": "model", "kind": "traffic"}
    assert mpm["model"]["version"] == "*"
    assert "p_adjusted" in mpm["traffic"]
    assert "drift" not in mpm


def test_nothing_in_a_document_is_nan_or_infinite() -> None:
    for judgements in run(judge_of(timeline(SIZE, steady(SIZE, 3)), drift_rule())):
        for judgement in judgements:
            assert np.isfinite(numbers_in(document_of(judgement))).all()


def test_equal_judgements_have_equal_documents() -> None:
    first, second = judged(), judged()
    assert [document_of(j) for j in first] == [document_of(j) for j in second]


def test_the_order_of_addition_does_not_matter() -> None:
    noise = {name: value * (1 + 3e-16) for name, value in AGE.measured.values.items()}
    same = replace(AGE, measured=replace(AGE.measured, values=noise))
    assert document_of(same)["mpm"]["hash"] == document_of()["mpm"]["hash"]


@pytest.mark.parametrize("name", ["drift.psi", "drift.mean", "quality.missing_rate"])
def test_what_differs_has_another_hash(name: str) -> None:
    values = {**AGE.measured.values, name: AGE.measured.values[name] + 1e-6}
    other = replace(AGE, measured=replace(AGE.measured, values=values))
    assert document_of(other)["mpm"]["hash"] != document_of()["mpm"]["hash"]


def test_ids_tell_apart_what_is_not_the_same_and_nothing_else() -> None:
    longer = drift_rule(window="2d", against="rolling 14d")
    variants = [
        (MONITOR, AGE),
        (monitors([drift_rule(against="baseline")])[0], AGE),
        (monitors([longer])[0], AGE),
        (MONITOR, replace(AGE, start=AGE.start + 1)),
        (MONITOR, replace(AGE, key=replace(AGE.key, version=V2))),
        (MONITOR, replace(AGE, key=replace(AGE.key, segment=EU))),
        (MONITOR, replace(AGE, key=replace(AGE.key, subject="features.colour"))),
    ]
    assert len({document_id(*variant) for variant in variants}) == len(variants)
    [stricter] = monitors([drift_rule(warning=0.01)])
    assert document_id(stricter, replace(AGE, p_adjusted=None)) == document_id(MONITOR, AGE)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_keeps_twelve_digits_and_is_stable(value: float) -> None:
    once = rounded(value)
    assert once == pytest.approx(value, rel=1e-11, abs=0)
    assert rounded(once) == once
    assert str(rounded(-0.0)) == "0.0"


def test_rounding_leaves_all_else_alone() -> None:
    assert rounded({"a": 1 / 3, "b": {"c": 2, "d": "x", "e": True}}) == {
        "a": 0.333333333333, "b": {"c": 2, "d": "x", "e": True},
    }  # fmt: skip


def test_revisions_remember_what_was_said_first() -> None:
    document = to_document(MONITOR, AGE, CELLS)
    first = revised(document, None, "run-1", "events changed")
    assert first is not None
    assert first.source["mpm"]["revision"] == {"number": 1, "cause": "first"}
    assert first.source["mpm"]["run"] == {"id": "run-1"}
    assert "revision" not in document.source["mpm"]
    assert revised(document, first.source["mpm"], "run-2", "events changed") is None

    values = {**AGE.measured.values, "drift.psi": 0.5}
    changed = to_document(MONITOR, replace(AGE, measured=replace(AGE.measured, values=values), evaluations=()), CELLS)
    second = revised(changed, first.source["mpm"], "run-2", "events changed")
    assert second is not None
    assert second.source["mpm"]["revision"] == {
        "number": 2,
        "cause": "events changed",
        "first_value": {"status": "critical", "evaluations": document.source["mpm"]["evaluations"]},
    }
    third = revised(document, second.source["mpm"], "run-3", "events changed")
    assert third is not None
    assert third.source["mpm"]["revision"]["number"] == 3
    assert third.source["mpm"]["revision"]["first_value"] == second.source["mpm"]["revision"]["first_value"]


def test_the_segment_is_read_back() -> None:
    within = replace(AGE, key=replace(AGE.key, segment=EU))
    assert segment_of(document_of(within)["mpm"]) == EU
    assert segment_of(document_of()["mpm"]) == AGE.key.segment
