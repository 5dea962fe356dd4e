"""A line says what its document says, whatever metrics that holds."""

from typing import Any

import pytest

from mpm_elk.rules.evaluate import Severity
from mpm_elk.views.lines import Cell, Effect, cells, in_order, line, shown


def document(subject: str = "features.income", **parts: Any) -> dict[str, Any]:
    """Make what stands under `mpm` in a metric document."""
    return {
        "subject": {"name": subject, "type": "feature", "kind": "numeric"},
        "segment": {},
        "segment_key": "all",
        "window": {"start": "2026-11-24T00:00:00.000Z", "end": "2026-11-25T00:00:00.000Z", "length": "1d"},
        "reference": {"kind": "baseline", "windows": 0, "excluded": 0, "baseline": "b"},
        "sample": {"window": 100, "reference": 1000},
        "status": "ok",
        "finding": f"{subject.removeprefix('features.')}, compared with the baseline: PSI 0.2, most in 1 … 2.",
        "evaluations": [],
        "drift": {"psi": 0.2, "psi_adjusted": 0.15, "psi_adjusted_lower": 0.1, "psi_adjusted_upper": 0.3,
                  "p_adjusted": 0.004, "culprit": "1 … 2"},
        "distributions": {"cells": ["< 1", "1 … 2", "≥ 2"], "window": [0, 60, 40], "reference": [0, 300, 700]},
    } | parts  # fmt: skip


def evaluation(metric: str, severity: str, **more: Any) -> dict[str, Any]:
    return {"rule": metric, "metric": metric, "severity": severity, "reason": f"{metric} is high", **more}


def test_a_line_holds_the_usual_effect_where_nothing_stands_out() -> None:
    found = line(document())
    assert found.effect == Effect("drift.psi_adjusted", 0.15, 0.1, 0.3)
    assert (found.effect.text(), found.effect.limits, found.effect.name) == ("0.15", "0.1 … 0.3", "psi adjusted")
    assert (found.name, found.p_adjusted, found.window, found.reference) == ("income", 0.004, 100, 1000)
    assert found.sentence == "PSI 0.2, most in 1 … 2."
    assert found.cells == (Cell("1 … 2", 0.3, 0.6, culprit=True), Cell("≥ 2", 0.7, 0.4))
    assert found.cells[0].change == pytest.approx(0.3)


def test_the_metric_of_the_worst_rule_is_shown_also_one_that_nobody_knew() -> None:
    evaluations = [
        evaluation("drift.psi_adjusted", "warning", value=0.15, threshold=0.1),
        evaluation("novel.wild_increase", "critical", value=0.25, threshold=0.1),
    ]
    found = line(
        document(status="critical", evaluations=evaluations, novel={"wild_increase": 0.25, "wild_increase_lower": 0.2})
    )
    assert found.effect == Effect("novel.wild_increase", 0.25, 0.2, None, threshold=0.1)
    assert (found.effect.text(), found.effect.limits) == ("+25 pp", "")


def test_what_was_lacking_is_said_only_where_there_was_no_decision() -> None:
    lacking = [evaluation("drift.psi", "insufficient_data")]
    assert line(document(status="insufficient_data", evaluations=lacking)).lack == "drift.psi is high"
    assert line(document(status="ok", evaluations=[*lacking, evaluation("drift.js", "ok")])).lack is None


def test_traffic_and_segments_and_documents_with_little_in_them() -> None:
    bare = document("model", finding="12 predictions.", traffic={"count": 12.0}, distributions=None)
    del bare["drift"]
    found = line(bare)
    assert (found.traffic, found.effect, found.p_adjusted, found.cells) == (True, None, None, ())
    assert found.sentence == "12 predictions."
    assert line(document(segment={"region": "EU"})).name == "income (region=EU)"


def test_the_worst_comes_first() -> None:
    some = [
        line(document("features.a")),
        line(document("features.b", drift={"psi_adjusted": 0.9})),
        line(document("features.c", status="critical")),
        line(document("features.d", status="insufficient_data")),
        line(document("model", finding="1 prediction.")),
    ]
    assert [entry.name for entry in in_order(reversed(some))] == ["model", "c", "b", "a", "d"]
    assert in_order(some)[1].status is Severity.CRITICAL


def test_of_many_cells_the_largest_and_the_culprit_are_shown_and_the_shares_stay_whole() -> None:
    counts = [100 - at for at in range(60)]
    distributions: dict[str, list[Any]] = {
        "cells": [f"c{at}" for at in range(60)],
        "window": counts,
        "reference": counts[::-1],
    }
    drawn = cells(distributions, "c30")
    kept, rest = shown(drawn, 10)
    assert rest is not None
    assert len(kept) == 9
    assert [cell.label for cell in kept if cell.culprit] == ["c30"]
    assert [cell.label for cell in kept] == sorted((cell.label for cell in kept), key=lambda name: int(name[1:]))
    assert rest.label == "(51 more)"
    assert sum(cell.window for cell in [*kept, rest]) == pytest.approx(1)
    assert shown(drawn, 60) == (list(drawn), None)
