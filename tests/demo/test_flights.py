from importlib.metadata import PackageNotFoundError
from typing import Any

import pandas as pd
import pytest

from mpm_elk.demo import flights as subject
from mpm_elk.errors import InputError

FLIGHT: dict[str, Any] = {
    "month": 7, "day": 1, "sched_dep_time": 905, "dep_delay": 20.0, "arr_delay": 15.0, "carrier": "UA", "flight": 7,
    "tailnum": "N1", "origin": "EWR", "dest": "IAH", "air_time": 180.0, "distance": 1400, "hour": 9, "minute": 5,
    "time_hour": pd.Timestamp("2013-07-01T13:00Z"),
}  # fmt: skip


def weather(*hours: str) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "temp": 70.0,
        "dewp": 60.0,
        "humid": 50.0,
        "wind_dir": 10.0,
        "wind_speed": 5.0,
        "wind_gust": None,
    }
    columns |= {"precip": 0.0, "pressure": 1010.0, "visib": 10.0, "origin": "EWR"}
    times = pd.to_datetime(list(hours), utc=True)
    return pd.DataFrame([columns | {"time_hour": time} for time in times]).assign(temp=range(70, 70 + len(hours)))


def planes(*tailnums: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"tailnum": name, "year": 2001.0, "manufacturer": "BOEING", "seats": 149, "engine": "Turbo-fan"}
            for name in tailnums
        ]
    )


def test_every_flight_is_loaded_once(year: pd.DataFrame) -> None:
    assert len(year) == 336_776
    assert year["prediction_id"].is_unique
    assert year["timestamp"].is_monotonic_increasing
    assert list(year.columns) == ["timestamp", "prediction_id", *subject.FEATURES, "late", "known_at"]


def test_a_known_flight_has_its_known_values(year: pd.DataFrame) -> None:
    # The first row of flights.csv, the 03:00 report of Newark in weather.csv, and N14228 in planes.csv.
    row = year[year["prediction_id"] == "20130101-UA-1545-EWR-0515"].iloc[0]
    assert row["timestamp"] == pd.Timestamp("2013-01-01T09:15Z")
    assert (row["temperature"], row["humidity"], row["seats"], row["plane_age"]) == (39.02, 64.43, 149, 14)
    assert (row["carrier"], row["destination"], row["day_of_week"]) == ("UA", "IAH", "Tuesday")
    assert not row["late"]


def test_summer_time_is_told_from_winter_time(year: pd.DataFrame) -> None:
    row = year[year["prediction_id"].str.startswith("20130701-") & (year["scheduled_hour"] == 9)].iloc[0]
    assert row["timestamp"].hour == 12


def test_cancelled_and_diverted_flights_have_no_outcome(year: pd.DataFrame) -> None:
    # As counted in flights.csv: 9,430 without an arrival delay.
    assert year["late"].isna().sum() == 9_430
    assert year.loc[year["late"].isna(), "known_at"].isna().all()
    assert (year.loc[year["late"].notna(), "known_at"] > year.loc[year["late"].notna(), "timestamp"]).all()


def test_weather_is_that_of_the_last_full_hour_before_the_prediction() -> None:
    joined = subject.join(
        pd.DataFrame([FLIGHT]), weather("2013-07-01T10:00Z", "2013-07-01T11:00Z", "2013-07-01T13:00Z"), planes("N1")
    )
    # Scheduled at 13:05, predicted at 12:05: the report of 11:51 is out.
    assert joined["temperature"].tolist() == [71.0]


def test_a_flight_without_weather_or_plane_stays_with_missing_values() -> None:
    flights = pd.DataFrame([FLIGHT, FLIGHT | {"tailnum": None, "flight": 8}, FLIGHT | {"tailnum": "N9", "flight": 9}])
    joined = subject.join(flights, weather("2013-07-01T13:00Z"), planes("N1", "N2"))
    assert joined["flight"].tolist() == [7, 8, 9]
    assert joined["temperature"].isna().all()
    assert joined["seats"].isna().tolist() == [False, True, True]


def test_a_join_that_would_double_flights_is_refused() -> None:
    with pytest.raises(pd.errors.MergeError):
        subject.join(pd.DataFrame([FLIGHT]), weather("2013-07-01T11:00Z"), planes("N1", "N1"))


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(subject, "distribution", absent)
    with pytest.raises(InputError, match=r"mpm-elk\[demo\]"):
        subject.load_flights()
