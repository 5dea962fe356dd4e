"""The three incidents that the demo plants, each in what the service logs and scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from mpm_elk.demo.flights import WEATHER
from mpm_elk.demo.model import code_carriers


@dataclass(frozen=True)
class Incident:
    """One fault of the demo's service: what happens, when, and what it does to the logged rows.

    `start` is in, `end` is out; no `end` means that it stays. `change` takes the rows within and gives them back
    changed. `features` are the columns that it touches.
    """

    name: str
    what: str
    start: datetime
    end: datetime | None
    features: tuple[str, ...]
    change: Callable[[pd.DataFrame], pd.DataFrame]

    def covers(self, timestamps: pd.Series) -> pd.Series:
        """Mark the timestamps at which the incident lasts."""
        begun = timestamps >= self.start
        return begun if self.end is None else begun & (timestamps < self.end)


def _celsius(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(temperature=((rows["temperature"] - 32.0) / 1.8).round(1))


def _silent(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**dict.fromkeys(WEATHER, float("nan")))


def _version_2(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(version="2", carrier=code_carriers(rows["carrier"]).astype(object))


# Not in the week from 21 April 2013: the controllers were on furlough, and 40 % of all flights came late, so nobody
# could tell the planted fault from the real one. Not around Memorial Day, 27 May, either.
INCIDENTS = (
    Incident(
        name="celsius",
        what="the temperature feed changes from °F to °C for a week",
        start=datetime(2013, 4, 29, tzinfo=UTC),
        end=datetime(2013, 5, 6, tzinfo=UTC),
        features=("temperature",),
        change=_celsius,
    ),
    Incident(
        name="silent-weather",
        what="the weather feed goes silent for two days, at all three airports",
        start=datetime(2013, 5, 21, tzinfo=UTC),
        end=datetime(2013, 5, 23, tzinfo=UTC),
        features=WEATHER,
        change=_silent,
    ),
    Incident(
        name="integer-carrier",
        what="version 2 takes over all traffic, and its service logs the carrier as an integer code",
        start=datetime(2013, 6, 10, tzinfo=UTC),
        end=None,
        features=("carrier",),
        change=_version_2,
    ),
)


def apply(flights: pd.DataFrame, incidents: Sequence[Incident] = INCIDENTS) -> pd.DataFrame:
    """Turn flights into what the service logs: add `version`, and change the rows of each incident.

    Rows stay as they are ordered. Nothing is scored yet: a model scores what its service logged.
    """
    logged = flights.assign(version="1")
    for incident in incidents:
        rows = incident.covers(logged["timestamp"])
        if rows.any():
            changed = incident.change(logged[rows])
            for name in ("version", *incident.features):
                logged.loc[rows, name] = changed[name]
    return logged
