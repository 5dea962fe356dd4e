"""What a run says it did, and its exit code."""

import json

import pytest

from mpm_elk.alerts.episodes import OPENED, Episode, Point, Series, Transition
from mpm_elk.contract.keys import ModelKey, Segment
from mpm_elk.errors import LeaseHeldError, MpmError
from mpm_elk.job.report import ModelReport, RunReport
from mpm_elk.rules.evaluate import Evaluation, Severity

MODEL = ModelKey("production", "m")
FINE, HELD, FAILED = None, LeaseHeldError("held"), MpmError("broken", remedy="mend it")


def report(*errors: MpmError | None) -> RunReport:
    models = [ModelReport(MODEL, hours=2, alerts=1, error=error) for error in errors]
    return RunReport("run-1", 0, 0, dry_run=False, models=models)


@pytest.mark.parametrize(
    ("errors", "code"),
    [([], 0), ([FINE], 0), ([FINE, HELD], 75), ([HELD, HELD], 75), ([HELD, FAILED], 1), ([FINE, FAILED], 1)],
)
def test_exit_codes(errors: list[MpmError | None], code: int) -> None:
    assert report(*errors).exit_code == code


def test_totals_add_models_up() -> None:
    totals = report(FINE, FAILED).totals
    assert totals == {"hours": 4, "profiles": 0, "windows": 0, "metrics": 0, "alerts": 2, "notifications": 0}
    assert report().totals == dict.fromkeys(totals, 0)


def test_costs_are_those_of_the_whole_run() -> None:
    told = report(FINE, FAILED)
    told.cpu_ms, told.models[0].behind, told.models[1].behind = 70, 3_600_000, 7_200_000
    assert told.costs == {"failed_models": 1, "cpu_ms": 70, "behind_ms": 7_200_000}
    assert report().costs == {"failed_models": 0, "cpu_ms": 0, "behind_ms": 0}


def test_a_notice_is_given_once() -> None:
    entry = ModelReport(MODEL)
    entry.notice("a")
    entry.notice("b")
    entry.notice("a")
    assert entry.notices == ["a", "b"]


def test_the_report_is_json_and_tells_what_happened() -> None:
    evaluation = Evaluation("drift", "drift.psi", Severity.WARNING, "too much")
    point = Point(0, 3_600_000, evaluation, "1", ("i", "d"))
    episode = Episode(Series(MODEL, "drift", "features.x", Segment("region", "EU")), 0, point, point)
    told = report(FAILED)
    told.models[0].happened.append((episode, Transition(OPENED, point)))
    document = json.loads(json.dumps(told.to_document()))
    assert (document["run"], document["dry_run"], document["hours"]) == ("run-1", False, 2)
    [model] = document["models"]
    assert (model["model"], model["environment"], model["error"]) == ("m", "production", "broken\n  → mend it")
    assert model["happened"] == [
        {
            "action": "opened",
            "rule": "drift",
            "subject": "features.x",
            "segment": "region=EU",
            "window": {"start": "1970-01-01T00:00:00.000Z", "end": "1970-01-01T01:00:00.000Z"},
            "severity": "warning",
            "reason": "too much",
        }
    ]
