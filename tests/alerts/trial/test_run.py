"""Runs in virtual time raise what a rehearsal of the same windows raises; late events change it from then on."""

from typing import Any

from mpm_elk.alerts.episodes import Episode
from mpm_elk.alerts.rehearsal import rehearse
from mpm_elk.alerts.trial.run import Lived, live
from mpm_elk.alerts.trial.traffic import Traffic
from mpm_elk.config import Config
from mpm_elk.config.rule_tests import ModelOfTests, RuleTest
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.judgement import BaselineCounts, Known, monitors
from mpm_elk.timespan import HOUR_MS, milliseconds

MODEL = ModelOfTests.model_validate(
    {"name": "m", "features": {"income": {"normal": [50, 10]}, "region": {"EU": 0.6, "US": 0.4}}}
)
RULES = [
    {"id": "hourly", "metric": "drift.mean_shift", "on": {"subject": "features.income"}, "window": "1h",
     "against": "rolling 7d", "warning": 0.2, "critical": 0.6, "min_samples": 50},
    {"id": "daily", "metric": "drift.psi_adjusted", "against": "rolling 14d", "warning": 0.02, "for": 2,
     "evidence": "none"},
    {"id": "trained", "metric": "drift.psi_adjusted", "window": "6h", "warning": 0.02},
    {"id": "traffic", "metric": "traffic.count_ratio", "window": "1h", "against": "rolling 7d", "warning": 0.5},
]  # fmt: skip


def config(**more: Any) -> Config:
    return Config.model_validate({"rules": RULES, **more})


def traffic(**more: Any) -> Traffic:
    given = {
        "name": "a test",
        "span": "4d",
        "baseline": "16d",
        "expect": [{"rule": "daily", "state": "inactive"}],
        **more,
    }
    return Traffic(MODEL, RuleTest.model_validate(given))


def lived(made: Traffic, settings: Config | None = None) -> Lived:
    settings = settings or config()
    return live(made, settings, settings.rules or ())


CHANGES = [
    {"from": "10h", "to": "13h", "feature": "income", "shift": "0.7 sd"},
    {"from": "24h", "feature": "region", "becomes": {"EU": 0.4, "US": 0.6}},
    {"from": "40h", "to": "44h", "volume": 0.1},
]


def test_runs_hour_by_hour_raise_what_a_rehearsal_raises() -> None:
    made = traffic(changes=CHANGES)
    settings = config()
    total, days = made.baseline()
    known = Known(made.key, made.cells, {"1": BaselineCounts("baseline", total, days)})
    there: list[Episode] = []
    groups = monitors(settings.rules or ())
    for monitor in groups:
        length = milliseconds(monitor.length)
        line = Timeline(made.first, length, (made.end - made.first) // length)
        line.add((arrival.key, arrival.profile) for arrival in made.arrivals())
        found = rehearse(monitor, known, line, settings.job.false_alarms_per_month / len(groups))
        # What lies before a test is ordinary by definition: chance may have thought otherwise.
        there += [one for rule in found for one in rule.episodes if one.start >= made.begin]
    came = {(one.uuid, one.start, one.end, one.worst.severity, one.windows): one for one in ends(lived(made))}
    assert set(came) == {(one.uuid, one.start, one.end, one.worst.severity, one.windows) for one in there}
    assert {one.series.rule for one in there} == {rule["id"] for rule in RULES}


def ends(found: Lived) -> list[Episode]:
    last = {episode.uuid: episode for _, episode, _ in found.happened}
    for standings in found.standings.values():
        last |= {standing.episode.uuid: standing.episode for standing in standings if standing.episode}
    return list(last.values())


def test_late_events_that_mend_a_window_withdraw_its_alert() -> None:
    made = traffic(changes=[{"from": "10h", "to": "11h", "late": {"share": 0.8, "by": "3h"}}])
    found = lived(made)
    happened = [
        (hour - made.begin, transition.action)
        for hour, one, transition in found.happened
        if one.series.rule == "traffic"
    ]
    assert happened == [(11 * HOUR_MS, "opened"), (12 * HOUR_MS, "recovered"), (14 * HOUR_MS, "withdrawn")]


def test_what_is_told_is_decided_as_a_run_decides() -> None:
    channels = [{"id": "team", "url": "json://localhost"}, {"id": "oncall", "url": "json://x", "at_least": "critical"}]
    settings = config(notifications={"channels": channels, "default": ["team", "oncall"]})
    made = traffic(changes=[{"from": "10h", "to": "13h", "feature": "income", "shift": "0.7 sd"}])
    told = [
        ((one.at - made.begin) // HOUR_MS, one.channel, one.action, one.outcome)
        for one in lived(made, settings).told
        if one.series.rule == "hourly"
    ]
    assert told == [
        (11, "oncall", "opened", "sent"),
        (11, "team", "opened", "sent"),
        (14, "oncall", "recovered", "sent"),
        (14, "team", "recovered", "sent"),
    ]


def test_a_channel_that_is_full_delays() -> None:
    channels = [{"id": "team", "url": "json://localhost", "at_most": "1 per 12h"}]
    settings = config(notifications={"channels": channels, "default": "team"})
    made = traffic(changes=[{"from": "10h", "to": "11h", "feature": "income", "shift": "0.7 sd"}])
    told = [(one.action, one.outcome, one.why) for one in lived(made, settings).told if one.series.rule == "hourly"]
    assert told == [("opened", "sent", ""), ("recovered", "delayed", "more than 1 per 12h")]
