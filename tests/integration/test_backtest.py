"""Backtests on real Elasticsearch, as a reader: what the job raised day by day, a backtest finds again."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.alerts.episodes import Episode
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.job.backtest import ModelPast, Question, backtest
from mpm_elk.registry.baseline import from_window
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Monitored, day_of, event, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS, AT_ONCE = 46, 30
"""The days before `AT_ONCE` are a catch-up, those after it come one by one."""
SHIFTS = {37: 1.6, 40: 0.7, 41: 1.6, 42: 1.6, 43: 1.4, 44: 0.8}

RULES: list[dict[str, Any]] = [
    {"id": "drift", "metric": "drift.psi_adjusted", "against": "rolling 28d", "warning": 0.1, "critical": 0.4,
     "min_samples": 50},
    {"id": "mean", "metric": "drift.mean_shift", "on": {"subject": "features.*"}, "against": "rolling 10d",
     "warning": 0.4, "critical": 1.2, "evidence": "none", "min_samples": 50},
    {"id": "twice", "metric": "drift.mean_shift", "on": {"subject": "features.*"}, "against": "rolling 10d",
     "warning": 0.4, "evidence": "none", "min_samples": 50, "for": 2},
    {"id": "score-by-region", "metric": "drift.mean_shift", "against": "rolling 10d", "warning": 0.15,
     "on": {"subject": "prediction.score", "segments": ["region"]}, "evidence": "none", "min_samples": 20},
    {"id": "together", "metric": "drift.correlation_shift", "against": "rolling 28d", "warning": 0.1,
     "evidence": "none", "min_samples": 50},
    {"id": "failing", "metric": "traffic.failure_rate", "window": "1h", "against": "rolling 7d", "warning": 0.06,
     "evidence": "none", "min_samples": 10},
    {"id": "against-training", "metric": "drift.mean_shift", "on": {"subject": "features.*"}, "warning": 0.5,
     "evidence": "none", "min_samples": 50},
]  # fmt: skip


@pytest.fixture(scope="module")
def lived(client_for: ClientFor) -> Monitored:
    """A model that lived through days, the job run after each, with a baseline from the first ten."""
    config = {
        "rules": RULES, "job": {"false_alarms_per_month": 5}, "models": [{"name": "*", "segments": ["region"]}],
    }  # fmt: skip
    model = Monitored(client_for, Config.model_validate(config))
    for day in range(DAYS):
        model.send(day_of(model.name, day, events=150, shift=SHIFTS.get(day, 0)))
        if day == AT_ONCE - 1:
            from_window(model.admin, model.version, midnight(0), midnight(10), now_ms=midnight(10))
        if day >= AT_ONCE - 1:
            model.ran(midnight(day + 1) + SETTLED)
    return model


def alerts(model: Monitored, rules: set[str] | None = None) -> list[tuple[Any, ...]]:
    """Give what the job wrote, one tuple an episode."""
    found = []
    for identity, hit in model.documents(Index.ALERTS).items():
        source, about = hit["_source"], hit["_source"]["mpm"]["alert"]
        if about.get("withdrawn") or (rules is not None and source["rule"]["id"] not in rules):
            continue
        value = about["evaluation"].get("value")
        found.append(
            (
                source["rule"]["id"], source["mpm"]["subject"]["name"], source["mpm"]["segment_key"], about["start"],
                about.get("end"), about["max_severity"], about["severity"], about["windows"], about["reason"],
                pytest.approx(value, rel=1e-9), identity,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (*one[:4], one[-1]))


def episode(one: Episode) -> tuple[Any, ...]:
    """Give the same of an episode."""
    return (
        one.series.rule, one.series.subject, one.series.segment.key, iso(one.start),
        None if one.end is None else iso(one.end), one.worst.severity.value, one.last.severity.value, one.windows,
        one.worst.evaluation.reason, one.worst.evaluation.value, one.uuid,
    )  # fmt: skip


def episodes(past: ModelPast) -> list[tuple[Any, ...]]:
    found = [episode(one) for rule in past.rules for one in rule.rehearsed.episodes]
    return sorted(found, key=lambda one: (*one[:4], one[-1]))


def question(model: Monitored, **more: Any) -> Question:
    return replace(Question(midnight(0), midnight(DAYS) + SETTLED, (model.name,)), **more)


def test_a_backtest_raises_what_the_job_raised_day_by_day(client_for: ClientFor, lived: Monitored) -> None:
    [past] = backtest(client_for("reader"), lived.config, question(lived))
    there = alerts(lived)
    assert {rule["id"] for rule in RULES} == {alert[0] for alert in there}
    assert len(there) > 15
    assert episodes(past) == there
    for rule in past.rules:
        compared = rule.compared
        assert (len(compared.same), compared.moved, compared.new, compared.gone) == (
            len(rule.rehearsed.episodes), (), (), (),
        )  # fmt: skip
    assert past.late is not None
    assert past.late.judged > 500
    assert past.late.changed == 0


def test_a_later_begin_gives_the_alerts_that_were_open_since(client_for: ClientFor, lived: Monitored) -> None:
    [past] = backtest(client_for("reader"), lived.config, question(lived, since=midnight(41)))
    assert episodes(past) == [alert for alert in alerts(lived) if alert[4] is None or alert[4] > iso(midnight(41))]
    [past] = backtest(client_for("reader"), lived.config, question(lived, only=("mean",), until=midnight(38)))
    assert {one[0] for one in episodes(past)} == {"mean"}
    assert [one[:4] for one in episodes(past)] == [a[:4] for a in alerts(lived, {"mean"}) if a[3] < iso(midnight(38))]


def test_another_threshold_is_compared_with_what_was(client_for: ClientFor, lived: Monitored) -> None:
    rules = Config.model_validate({"rules": [{**RULES[1], "warning": 0.9, "critical": 2}]}).rules
    [past] = backtest(client_for("reader"), lived.config, question(lived, rules=rules))
    [rule] = past.rules
    stricter = [known.episode for known in rule.compared.gone]
    assert stricter
    assert all(known.worst.evaluation.value < 0.9 for known in stricter if known.worst.evaluation.value)
    kept = len(rule.compared.same) + len(rule.compared.moved)
    assert kept + len(rule.compared.new) == len(rule.rehearsed.episodes)
    assert kept + len(stricter) == len(alerts(lived, {"mean"}))


def test_events_that_came_late_are_told_of(client_for: ClientFor) -> None:
    model = Monitored(client_for, Config.model_validate({"rules": RULES[1:2]}))
    for day in range(14):
        model.send(day_of(model.name, day, events=100))
        model.ran(midnight(day + 1) + SETTLED)
    late = [
        event(model.name, midnight(11) + 10 * HOUR_MS + at, f"late-{at}", {"income": 1e6, "age": 40}, score=0.4)
        for at in range(60)
    ]
    model.send(late)
    model.ran(midnight(14) + 2 * SETTLED)
    [past] = backtest(client_for("reader"), model.config, question(model, until=midnight(14) + SETTLED))
    assert episodes(past) == alerts(model)
    assert past.late is not None
    assert past.late.changed > 0
    assert past.late.raised > 0
    assert past.late.metric == "drift.mean_shift"
    assert "came late changed" in past.late.sentence


def test_the_command_needs_no_more_than_a_reader_may(
    lived: Monitored, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    until = ("--since", "46d", "--until", iso(midnight(DAYS)), "--model", lived.name)
    config = {name: lived.config.model_dump(mode="json", by_alias=True)[name] for name in ("rules", "job", "models")}
    reader = Command(settings_for("reader"), tmp_path).write(json.dumps(config))
    before = lived.written()
    done = reader.run("rules", "backtest", *until, "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)["models"]
    numbers = {rule["rule"]: rule["alerts"] for rule in found["rules"]}
    there = [alert[0] for alert in alerts(lived)]
    assert numbers == {name: there.count(name) for name in numbers}
    assert {one["was"] for rule in found["rules"] for one in rule["episodes"]} == {"same"}
    text = reader.run("rules", "backtest", *until, "--rule", "mean", "--suggest", "2").stdout
    assert "- id: mean" in text
    assert re.search(r"warning: [\d.]+  # was 0.4", text)
    assert "none of the" in text
    wrong = reader.run("rules", "backtest", *until, "--rule", "nobody")
    assert (wrong.returncode, "there is no rule 'nobody'" in wrong.stderr) == (2, True)
    assert lived.written() == before
