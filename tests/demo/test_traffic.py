import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mpm_elk.demo import traffic as subject
from mpm_elk.demo.flights import FEATURES, NUMERIC, WEATHER
from mpm_elk.demo.model import THRESHOLD, DelayModel

Models = Mapping[str, DelayModel]
CUTOVER = datetime(2013, 6, 9, tzinfo=UTC), datetime(2013, 6, 11, tzinfo=UTC)
SILENCE = datetime(2013, 5, 20, tzinfo=UTC), datetime(2013, 5, 22, tzinfo=UTC)


def strict(line: bytes) -> Any:
    """Parse JSON as the standard says: NaN and infinities are errors."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(line, parse_constant=refuse)


def events(scored: pd.DataFrame) -> list[Any]:
    return [strict(line) for _, lines in subject.prediction_lines(scored) for line in lines]


@pytest.fixture(scope="module")
def cutover(year: pd.DataFrame, models: Models) -> pd.DataFrame:
    return subject.replay(year, models, *CUTOVER)


def test_each_flight_is_one_line_of_its_utc_day(cutover: pd.DataFrame) -> None:
    days = list(subject.prediction_lines(cutover))
    assert [day for day, _ in days] == [date(2013, 6, 9), date(2013, 6, 10)]
    for day, lines in days:
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
        assert {strict(line)["@timestamp"][:10] for line in lines} == {day.isoformat()}
    assert [event["mpm"]["prediction"]["id"] for event in events(cutover)] == cutover["prediction_id"].tolist()


def test_lines_hold_what_a_prediction_event_requires(cutover: pd.DataFrame) -> None:
    for event in events(cutover):
        mpm = event["mpm"]
        assert mpm["model"]["name"] == "flight-delay"
        assert set(mpm["features"]) == set(FEATURES)
        assert 0 < mpm["prediction"]["score"] < 1
        assert mpm["prediction"]["label"] == ("late" if mpm["prediction"]["score"] >= THRESHOLD else "on_time")
        assert mpm["segment"]["origin"] == mpm["features"]["origin"]
        assert isinstance(mpm["segment"]["carrier"], str)
        assert 1e6 < event["event"]["duration"] < 1e9
        assert len(event["trace"]["id"]) == 32
        assert event["service"]["environment"] == "production"
        assert datetime.fromisoformat(event["@timestamp"]).tzinfo is not None


def test_version_2_logs_and_scores_the_integer(cutover: pd.DataFrame, models: Models) -> None:
    by_version: dict[str, list[Any]] = {"1": [], "2": []}
    for event in events(cutover):
        by_version[event["mpm"]["model"]["version"]].append(event)
    assert {event["@timestamp"][:10] for event in by_version["1"]} == {"2013-06-09"}
    assert {event["@timestamp"][:10] for event in by_version["2"]} == {"2013-06-10"}
    assert {type(event["mpm"]["features"]["carrier"]) for event in by_version["2"]} == {int}
    assert {event["service"]["version"] for event in by_version["2"]} == {"2.0.0"}
    logged = pd.DataFrame([event["mpm"]["features"] for event in by_version["2"]])
    scores = [event["mpm"]["prediction"]["score"] for event in by_version["2"]]
    np.testing.assert_array_equal(models["2"].score(logged), scores)


def test_missing_values_are_null_and_the_model_scores_what_was_logged(year: pd.DataFrame, models: Models) -> None:
    logged = events(subject.replay(year, models, *SILENCE))
    as_it_was = events(subject.replay(year, models, *SILENCE, incidents=()))
    silent = [event for event in logged if event["@timestamp"] >= "2013-05-21"]
    assert all(event["mpm"]["features"][name] is None for event in silent for name in WEATHER)
    changed = [
        a["mpm"]["prediction"]["score"] != b["mpm"]["prediction"]["score"]
        for a, b in zip(logged, as_it_was, strict=True)
    ]
    before = len(logged) - len(silent)
    assert not any(changed[:before])
    assert np.mean(changed[before:]) > 0.9


def test_the_same_flights_give_the_same_bytes(year: pd.DataFrame, models: Models, cutover: pd.DataFrame) -> None:
    again = subject.replay(year, models, *CUTOVER)
    assert list(subject.prediction_lines(again)) == list(subject.prediction_lines(cutover))
    # A shorter replay gives the same lines of its day.
    day = subject.replay(year, models, datetime(2013, 6, 10, tzinfo=UTC), CUTOVER[1])
    assert list(subject.prediction_lines(day)) == list(subject.prediction_lines(cutover))[1:]


def test_cancelled_flights_are_predicted_and_get_no_outcome(cutover: pd.DataFrame) -> None:
    cancelled = set(cutover.loc[cutover["late"].isna(), "prediction_id"])
    assert cancelled
    assert cancelled <= {event["mpm"]["prediction"]["id"] for event in events(cutover)}
    outcomes = [strict(line) for _, lines in subject.ground_truth_lines(cutover) for line in lines]
    assert {outcome["mpm"]["prediction"]["id"] for outcome in outcomes} == set(cutover["prediction_id"]) - cancelled
    truth = {outcome["mpm"]["prediction"]["id"]: outcome["mpm"]["ground_truth"]["value"] for outcome in outcomes}
    late = cutover[cutover["late"].fillna(False)]["prediction_id"]
    assert {identifier for identifier, value in truth.items() if value == "late"} == set(late)


def test_outcomes_come_on_the_day_when_they_are_known(cutover: pd.DataFrame) -> None:
    made = cutover.set_index("prediction_id")["timestamp"]
    for day, lines in subject.ground_truth_lines(cutover):
        for outcome in map(strict, lines):
            known = datetime.fromisoformat(outcome["@timestamp"])
            assert known.date() == day
            assert known > made[outcome["mpm"]["prediction"]["id"]]


def test_the_training_file_has_features_scores_and_segments(sample: pd.DataFrame, tmp_path: Path) -> None:
    history = subject.training_history(sample)
    subject.write_training_file(history, tmp_path / "training.parquet")
    table = pq.read_table(tmp_path / "training.parquet")
    assert set(table.column_names) == {
        "@timestamp",
        *FEATURES,
        "score",
        "label",
        "late",
        "segment.origin",
        "segment.carrier",
    }
    assert table.num_rows == len(sample)
    assert {str(table.schema.field(name).type) for name in NUMERIC} == {"double"}
    assert table.column("wind_gust").null_count == sample["wind_gust"].isna().sum() > 0
    assert table.column("score").to_pylist() == history["score"].tolist()
