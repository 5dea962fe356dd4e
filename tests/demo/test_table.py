from dataclasses import replace
from datetime import UTC, datetime

from mpm_elk.demo import table
from mpm_elk.demo.findings import Finding
from mpm_elk.demo.incidents import INCIDENTS
from mpm_elk.timespan import DAY_MS, to_ms

CELSIUS, SILENT, VERSION_2 = INCIDENTS
END = to_ms(datetime(2013, 7, 1, tzinfo=UTC))
TEN_MINUTES = 600_000


def finding(start: datetime, subject: str, rule: str = "feature-drift", days: int = 1, **changes: object) -> Finding:
    begin = to_ms(start)
    made = Finding(
        rule=rule,
        subject=subject,
        segment="all",
        start=begin,
        end=begin + days * DAY_MS,
        active=False,
        severity="critical",
        metric="drift.psi_adjusted",
        value=14.3,
        p_adjusted=1e-15,
        opened=begin + DAY_MS + TEN_MINUTES,
        numbers={"drift": {"mean": 13.2, "mean_reference": 55.1}},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def missing(subject: str, p: float, value: float = 1.0) -> Finding:
    numbers = {"quality": {"missing_rate": value, "missing_rate_reference": 0.0}}
    metric = "quality.missing_increase"
    return finding(
        SILENT.start, subject, "missing-values", 2, metric=metric, value=value, p_adjusted=p, numbers=numbers
    )


TEMPERATURE = finding(CELSIUS.start, "features.temperature", days=7)
CARRIER = finding(VERSION_2.start, "features.carrier", "type-violations", active=True)


def test_a_finding_is_planted_when_time_and_feature_are_those_of_an_incident() -> None:
    assert table.incident_of(TEMPERATURE) is CELSIUS
    assert table.origin_of(TEMPERATURE) == "planted: celsius"
    assert table.origin_of(finding(CELSIUS.start, "features.pressure")) == "real"
    before = datetime(2013, 4, 28, tzinfo=UTC)
    assert table.origin_of(finding(before, "features.temperature")) == "real"
    assert CELSIUS.end is not None
    assert table.origin_of(finding(CELSIUS.end, "features.temperature")) == "real"
    december = datetime(2013, 12, 1, tzinfo=UTC)
    assert table.origin_of(finding(december, "features.carrier")) == "planted: integer-carrier"


def test_what_the_model_says_during_an_incident_is_not_ascribed_to_it() -> None:
    assert table.origin_of(finding(CELSIUS.start, "prediction.score")) == "not checked: celsius lasts"
    assert table.origin_of(finding(datetime(2013, 4, 21, tzinfo=UTC), "prediction.score")) == "real"


def test_findings_of_one_incident_and_rule_are_one_row_that_claims_no_more_than_its_least_sure_one() -> None:
    [row] = table.rows([missing("features.humidity", 1e-70), missing("features.wind_speed", 1e-3, 0.9)])
    assert row.when == "Tue 21 May – Wed 22 May"
    assert row.what == "missing-values: humidity, wind speed"
    assert row.how_much == "at most 100.0% missing instead of 0.0%"
    assert row.how_sure == "p ≤ 0.001"
    assert row.origin == "planted: silent-weather"


def test_alike_findings_are_not_said_to_differ() -> None:
    [row] = table.rows([missing("features.humidity", 1e-70), missing("features.dew_point", 1e-70)])
    assert row.how_much == "100.0% missing instead of 0.0%"


def test_rows_are_in_the_order_of_time_and_other_rules_days_and_origins_stay_apart() -> None:
    other = datetime(2013, 4, 21, tzinfo=UTC)
    findings = [
        CARRIER,
        TEMPERATURE,
        finding(CELSIUS.start, "features.pressure"),
        finding(other, "features.pressure"),
        finding(other, "features.humidity", "out-of-range"),
    ]
    made = table.rows(findings)
    assert [(row.when, row.what, row.origin) for row in made] == [
        ("Sun 21 Apr", "feature-drift: pressure", "real"),
        ("Sun 21 Apr", "out-of-range: humidity", "real"),
        ("Mon 29 Apr – Sun 5 May", "feature-drift: temperature", "planted: celsius"),
        ("Mon 29 Apr", "feature-drift: pressure", "real"),
        ("Mon 10 Jun – (active)", "type-violations: carrier", "planted: integer-carrier"),
    ]
    assert sorted(f.subject for row in made for f in row.findings) == sorted(f.subject for f in findings)


def test_segments_are_listed() -> None:
    start = datetime(2013, 6, 3, tzinfo=UTC)
    by_origin = [
        finding(start, "prediction.score", "by-origin", segment=f"origin={origin}") for origin in ("JFK", "EWR")
    ]
    [row] = table.rows(by_origin)
    assert row.what == "by-origin: score (origin JFK, origin EWR)"


def test_a_withdrawn_alert_is_no_row_and_finds_nothing() -> None:
    withdrawn = replace(TEMPERATURE, withdrawn=True)
    assert table.rows([withdrawn]) == []
    assert table.discoveries([withdrawn], END)[0].missed


def test_an_incident_is_found_by_the_first_run_that_speaks_of_it() -> None:
    later = replace(TEMPERATURE, rule="out-of-range", opened=TEMPERATURE.opened + DAY_MS)
    found = table.discoveries([later, TEMPERATURE], END)[0]
    assert found.found == to_ms(CELSIUS.start) + DAY_MS + TEN_MINUTES
    assert not found.missed
    assert table.describe(found) == (
        "celsius: the temperature feed changes from °F to °C for a week: "
        "found on Tue 30 Apr at 00:10, 24 h 10 min after it began, by feature-drift"
    )


def test_an_incident_without_an_alert_is_missed_unless_the_replay_ended_before_its_first_day_did() -> None:
    missed = table.discoveries([TEMPERATURE], END)[1]
    assert missed.missed
    assert table.describe(missed).endswith("NOT FOUND")
    early = table.discoveries([], to_ms(SILENT.start) + DAY_MS - 1)
    assert [(found.expected, found.missed) for found in early] == [(True, True), (False, False), (False, False)]
    assert table.describe(early[1]).endswith("not reached in this replay")
