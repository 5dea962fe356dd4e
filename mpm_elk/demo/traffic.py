"""The replay: flights as the lines that a prediction service would have logged, and the training file."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mpm_elk.contract.keys import ModelKey
from mpm_elk.demo.flights import CATEGORICAL, FEATURES, INTEGERS, NUMERIC, SEGMENTS
from mpm_elk.demo.incidents import INCIDENTS, Incident, apply
from mpm_elk.demo.model import MODEL, THRESHOLD, TRAINED_UNTIL, DelayModel, cross_scores

ENVIRONMENT = "production"
KEY = ModelKey(ENVIRONMENT, MODEL)
SERVICE = "delay-api"
SERVICE_VERSIONS = {"1": "1.4.0", "2": "2.0.0"}
# A service of this kind answers in about 12 ms; one answer in a thousand takes three times as long.
MEDIAN_DURATION_NS = 12_000_000
DURATION_SIGMA = 0.35


def replay(
    flights: pd.DataFrame,
    models: Mapping[str, DelayModel],
    start: datetime,
    end: datetime,
    incidents: Sequence[Incident] = INCIDENTS,
) -> pd.DataFrame:
    """Score the flights predicted from `start` up to `end` as the service did, incidents included.

    `models` by version. Adds `version`, `score` and `label` to the columns of `load_flights`.
    """
    during = flights[(flights["timestamp"] >= start) & (flights["timestamp"] < end)]
    logged = apply(during, incidents)
    scores = np.empty(len(logged))
    for version in logged["version"].unique():
        rows = (logged["version"] == version).to_numpy()
        scores[rows] = models[version].score(logged[rows])
    return _labelled(logged, scores)


def training_history(flights: pd.DataFrame) -> pd.DataFrame:
    """Give all flights of January to March as version 1 would have scored them: columns as from `replay`."""
    history = flights[flights["timestamp"] < TRAINED_UNTIL]
    return _labelled(history.assign(version="1"), cross_scores(history))


def write_training_file(history: pd.DataFrame, path: Path) -> None:
    """Write the training data as Parquet, one row a flight, for `mpm-elk baseline create --from`.

    Columns: `@timestamp`, each feature, `score`, `label`, `late` (the target) and `segment.origin`, `segment.carrier`.
    `history` is what `training_history` gives.
    """
    table = history[[*FEATURES, "score", "label", "late"]].copy()
    table.insert(0, "@timestamp", history["timestamp"])
    for name in SEGMENTS:
        table[f"segment.{name}"] = history[name]
    table.to_parquet(path, index=False)


def prediction_lines(scored: pd.DataFrame) -> Iterator[tuple[date, list[bytes]]]:
    """Yield each UTC day and its prediction events, one JSON line each, in the order of time.

    `scored` is what `replay` gives. The same rows give the same bytes.
    """
    for day, rows in scored.groupby(scored["timestamp"].dt.date, sort=True):
        yield day, [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in _predictions(rows)]


def ground_truth_lines(scored: pd.DataFrame) -> Iterator[tuple[date, list[bytes]]]:
    """Yield each UTC day and the outcomes that became known in it, one JSON line each.

    Cancelled and diverted flights have no outcome.
    """
    known = scored[scored["late"].notna()].sort_values(["known_at", "prediction_id"])
    for day, rows in known.groupby(known["known_at"].dt.date, sort=True):
        yield day, [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in _outcomes(rows)]


def _labelled(frame: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    return frame.assign(score=scores, label=np.where(scores >= THRESHOLD, "late", "on_time"))


def _predictions(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = sorted(FEATURES)
    features = zip(*(_json_values(rows[name], name) for name in names), strict=True)
    ids = rows["prediction_id"].tolist()
    traces = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in ids]
    columns = zip(
        ids,
        traces,
        _moments(rows["timestamp"], traces),
        _durations(traces).tolist(),
        rows["version"].tolist(),
        rows["score"].tolist(),
        rows["label"].tolist(),
        rows["prediction_id"].str.split("-").tolist(),
        features,
        strict=True,
    )
    for identifier, trace, moment, duration, version, score, label, (_, carrier, _, origin, _), values in columns:
        yield {
            "@timestamp": moment,
            "mpm": {
                "model": {"name": MODEL, "version": version},
                "prediction": {"id": identifier, "score": score, "label": label, "threshold": THRESHOLD},
                "features": dict(zip(names, values, strict=True)),
                "segment": {"carrier": carrier, "origin": origin},
            },
            "event": {"duration": duration, "outcome": "success"},
            "service": {"name": SERVICE, "version": SERVICE_VERSIONS[version], "environment": ENVIRONMENT},
            "trace": {"id": trace},
        }


def _outcomes(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    moments = rows["known_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for moment, identifier, late in zip(moments, rows["prediction_id"], rows["late"], strict=True):
        yield {
            "@timestamp": moment,
            "mpm": {
                "model": {"name": MODEL},
                "prediction": {"id": identifier},
                "ground_truth": {"value": "late" if late else "on_time", "source": "bts"},
            },
            "service": {"environment": ENVIRONMENT},
        }


def _json_values(column: pd.Series, name: str) -> list[Any]:
    """Turn a column into plain Python values: None where missing, whole numbers where the feature counts something."""
    values: list[Any] = column.tolist()
    if name in INTEGERS:
        return [None if value != value else int(value) for value in values]  # noqa: PLR0124 (NaN)
    if name in NUMERIC:
        return [None if value != value else value for value in values]  # noqa: PLR0124 (NaN)
    if name in CATEGORICAL:
        return values
    raise ValueError(f"{name} is no feature of the demo")


def _moments(timestamps: pd.Series, traces: list[str]) -> list[str]:
    """Spread the predictions of a minute over its milliseconds, each always at the same place."""
    minutes = timestamps.dt.strftime("%Y-%m-%dT%H:%M").tolist()
    offsets = (int(trace[16:24], 16) % 60_000 for trace in traces)
    return [f"{minute}:{ms // 1000:02d}.{ms % 1000:03d}Z" for minute, ms in zip(minutes, offsets, strict=True)]


def _durations(traces: list[str]) -> np.ndarray:
    """Give each prediction its response time in nanoseconds: log-normal, always the same for the same flight."""
    uniform = (np.array([int(trace[:8], 16) for trace in traces]) + 0.5) / 2**32
    durations: np.ndarray = (MEDIAN_DURATION_NS * np.exp(DURATION_SIGMA * ndtri(uniform))).astype(np.int64)
    return durations
