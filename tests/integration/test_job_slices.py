"""Features by segment through the whole job; and what is added later is counted once, and as if it had been there."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.counted import load_counted
from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.errors import ClusterError
from mpm_elk.job import ModelReport, slices
from mpm_elk.timespan import iso
from tests.integration.recount import count, expected_metrics
from tests.integration.traffic import SETTLED, Event, Monitored, days_of, midnight

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

ClientFor = Callable[[str], Elasticsearch]
DAYS = 9
NOW = midnight(DAYS) + SETTLED
# A threshold that chance does not reach: a window that alarms is left out of the references after it.
RULE: dict[str, Any] = {
    "metric": "drift.psi", "against": "rolling 5d", "critical": 50, "min_samples": 5, "evidence": "none",
}  # fmt: skip
SCORES = {"id": "scores", "on": {"subject": "prediction.score"}, **RULE}
INCOMES = {"id": "incomes", "on": {"subject": "features.income", "segments": ["region", ["region", "band"]]}, **RULE}
PLAIN = Config.model_validate({"rules": [SCORES]})
SLICED = Config.model_validate(
    {"rules": [SCORES, INCOMES], "models": [{"name": "job-*", "segments": ["region", "band, region"]}]}
)


def events_of(name: str, days: range) -> list[Event]:
    """Make events with two segments; every tenth has no band."""
    made = days_of(name, days, events=120)
    for at, event in enumerate(made):
        if at % 10:
            event["mpm"]["segment"]["band"] = ("young", "old", "older")[at % 3]
    return made


def run_days(model: Monitored, days: range) -> None:
    """Ship some days together, and run after the last."""
    model.send(events_of(model.name, days))
    model.ran(midnight(days.stop) + SETTLED)


def costs(report: ModelReport) -> list[str]:
    """Give the notices that say what counting costs."""
    return [notice for notice in report.notices if notice.startswith("counting ")]


def test_a_feature_is_judged_by_segment_and_by_combination(client_for: ClientFor) -> None:
    model = Monitored(client_for, SLICED)
    run_days(model, range(DAYS))
    rows = events_of(model.name, range(DAYS))
    [registry] = [
        hit["_source"]["mpm"]["cells"]
        for hit in model.documents(Index.MODELS).values()
        if hit["_source"]["mpm"]["kind"] == "cells"
    ]
    last = [m for m in model.metrics("features.income") if m["window"]["start"].startswith(iso_day(DAYS - 1))]
    keys = {m["segment_key"] for m in last}
    assert {"region=EU", "region=US", "band=old, region=EU", "band=(missing), region=(missing)"} <= keys
    assert len(keys) == 2 + 6 + 1
    cells = {**registry["features.income"]}
    edges = [cells["edges"][at] for at in cells["coarse"]]
    coarse = {**cells, "edges": edges, "coarse": list(range(len(edges)))}
    for mpm in last:
        if "(missing)" in mpm["segment_key"]:
            chosen = [row for row in rows if "band" not in row["mpm"]["segment"]]
        else:
            wanted = mpm["segment"].items()
            chosen = [row for row in rows if wanted <= row["mpm"]["segment"].items()]
        window = [row for row in chosen if row["@timestamp"].startswith(iso_day(DAYS - 1))]
        before = [row for row in chosen if iso_day(DAYS - 6) <= row["@timestamp"][:10] < iso_day(DAYS - 1)]
        expected = expected_metrics(
            coarse, count(coarse, window, "features.income"), count(coarse, before, "features.income")
        )
        assert mpm["sample"]["window"] == sum(row["event"]["outcome"] != "failure" for row in window)
        for name in ("psi", "js", "total_variation", "mean"):
            assert mpm["drift"][name] == pytest.approx(expected[f"drift.{name}"], rel=1e-9, abs=1e-9), mpm[
                "segment_key"
            ]


def iso_day(day: int) -> str:
    """Give the date of a day."""
    return iso(midnight(day))[:10]


def test_what_is_added_is_counted_once_and_as_if_it_had_been_there(client_for: ClientFor) -> None:
    always, added = Monitored(client_for, SLICED), Monitored(client_for, PLAIN)
    run_days(always, range(DAYS))
    added.take_cells(always)
    run_days(added, range(DAYS))
    before = added.written()
    added.config = SLICED
    told = costs(added.ran(midnight(DAYS + 1) + SETTLED, dry_run=True))
    assert re.match(
        r"counting band, region \(features\.income, .*\) in \d+ hours, 1,080 events, about \d+ searches", told[0]
    )
    assert added.written() == before
    for model in (always, added):
        model.send(events_of(model.name, range(DAYS, DAYS + 1)))
        report = model.ran(midnight(DAYS + 1) + SETTLED)
        assert len(costs(report)) == (2 if model is added else 0)
        assert report.hours <= 7  # the day that came; nothing else is read whole
    profiles = [model.results(Index.PROFILES) for model in (always, added)]
    assert profiles[0].same(profiles[1]), profiles[0].unlike(profiles[1])[:3]
    now = midnight(DAYS + 2) + SETTLED
    assert costs(added.ran(now)) == costs(always.ran(now)) == []


def test_a_run_that_dies_while_it_counts_is_finished_by_the_next(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, killed = Monitored(client_for, PLAIN), Monitored(client_for, PLAIN)
    run_days(calm, range(DAYS))
    killed.take_cells(calm)
    run_days(killed, range(DAYS))
    for model in (calm, killed):
        model.config = SLICED
        model.send(events_of(model.name, range(DAYS, DAYS + 1)))
    now = midnight(DAYS + 1) + SETTLED
    with monkeypatch.context() as broken:
        whole, calls = slices.laid_over, iter(range(100))

        def dies(*arguments: Any) -> Any:
            if next(calls) == 2:
                raise ClusterError("the node is gone", remedy="none")
            return whole(*arguments)

        broken.setattr(slices, "laid_over", dies)
        assert killed.run(now).models[0].error is not None
    assert load_counted(killed.admin, killed.key).subjects == {}
    assert len(costs(killed.ran(now))) == len(costs(calm.ran(now))) == 2
    found = [model.results() for model in (calm, killed)]
    assert found[0].same(found[1]), found[0].unlike(found[1])[:3]


def test_a_segment_that_is_taken_out_costs_nothing_and_comes_back_whole(client_for: ClientFor) -> None:
    model = Monitored(client_for, SLICED)
    run_days(model, range(DAYS))
    model.config = PLAIN
    model.send(events_of(model.name, range(DAYS, DAYS + 1)))
    assert costs(model.ran(midnight(DAYS + 1) + SETTLED)) == []
    model.config = SLICED
    model.send(events_of(model.name, range(DAYS + 1, DAYS + 2)))
    assert len(costs(model.ran(midnight(DAYS + 2) + SETTLED))) == 2
    regions = [
        h["_source"]["mpm"]
        for h in model.documents(Index.PROFILES, {"term": {"mpm.segment_key": "region=EU"}}).values()
    ]
    days = sorted(mpm["profile"]["start"][:10] for mpm in regions if mpm["profile"]["granularity"] == "day")
    assert days == [iso_day(day) for day in range(DAYS + 2)]
