from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mpm_elk.demo import incidents as subject
from mpm_elk.demo.flights import FEATURES, WEATHER

CELSIUS, SILENT, VERSION_2 = subject.INCIDENTS


@pytest.fixture(scope="module")
def spring(year: pd.DataFrame) -> pd.DataFrame:
    return year[(year["timestamp"] >= "2013-04-15") & (year["timestamp"] < "2013-06-15")]


def test_incidents_lie_apart_and_within_the_three_months() -> None:
    for earlier, later in pairwise(subject.INCIDENTS):
        assert earlier.end is not None
        assert later.start - earlier.end >= timedelta(days=10)
    assert (CELSIUS.start.month, VERSION_2.start.month) == (4, 6)
    assert CELSIUS.end == CELSIUS.start + timedelta(days=7)
    assert SILENT.end == SILENT.start + timedelta(days=2)
    assert VERSION_2.end is None


@pytest.mark.parametrize("incident", subject.INCIDENTS, ids=lambda incident: incident.name)
def test_an_incident_changes_its_features_in_its_time_and_nothing_else(
    spring: pd.DataFrame, incident: subject.Incident
) -> None:
    logged = subject.apply(spring, [incident])
    within = incident.covers(spring["timestamp"])
    assert 0 < within.sum() < len(spring)
    assert spring.loc[within, "timestamp"].min() >= incident.start
    pd.testing.assert_frame_equal(logged.loc[~within, spring.columns], spring.loc[~within], check_dtype=False)
    untouched = [name for name in spring.columns if name not in incident.features]
    pd.testing.assert_frame_equal(logged[untouched], spring[untouched])
    for name in incident.features:
        before, after = spring.loc[within, name], logged.loc[within, name]
        assert not ((before == after) & before.notna()).any(), name


def test_fahrenheit_becomes_celsius(spring: pd.DataFrame) -> None:
    logged = subject.apply(spring, [CELSIUS])
    within = CELSIUS.covers(spring["timestamp"])
    fahrenheit = logged.loc[within, "temperature"] * 1.8 + 32
    np.testing.assert_allclose(fahrenheit, spring.loc[within, "temperature"], atol=0.09 + 1e-9)


def test_the_silent_feed_gives_no_weather_at_any_airport(spring: pd.DataFrame) -> None:
    logged = subject.apply(spring, [SILENT])
    rows = logged[SILENT.covers(logged["timestamp"])]
    assert rows[list(WEATHER)].isna().all(axis=None)
    assert set(rows["origin"]) == {"EWR", "JFK", "LGA"}


def test_version_2_takes_all_traffic_and_logs_integers(spring: pd.DataFrame) -> None:
    logged = subject.apply(spring)
    started = VERSION_2.covers(logged["timestamp"])
    assert set(logged.loc[started, "version"]) == {"2"}
    assert set(logged.loc[~started, "version"]) == {"1"}
    assert {type(code) for code in logged.loc[started, "carrier"]} == {int}
    assert {type(code) for code in logged.loc[~started, "carrier"]} == {str}


def test_no_row_is_lost_or_reordered_and_the_input_stays(spring: pd.DataFrame) -> None:
    before = spring.copy()
    logged = subject.apply(spring)
    pd.testing.assert_frame_equal(spring, before)
    assert logged["prediction_id"].tolist() == spring["prediction_id"].tolist()
    assert set(FEATURES) <= set(logged.columns)
