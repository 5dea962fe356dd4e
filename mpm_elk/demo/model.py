"""The demo's model: how probable it is that a flight arrives 15 minutes late or more.

Gradient-boosted trees, trained on January to March. Version 1 takes the carrier as a category. The service of version
2 codes it as an integer, and its model was trained on that integer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from mpm_elk.demo.flights import CATEGORICAL, FEATURES
from mpm_elk.errors import InputError

MODEL = "flight-delay"
TRAINED_UNTIL = datetime(2013, 4, 1, tzinfo=UTC)
# About as many flights are called late as are late in January to March.
THRESHOLD = 0.3
FOLDS = 3
AUC_MIN_CLASS = 50

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
"""All carriers from New York in 2013; version 2 codes each as its place in this list, from 1."""


@dataclass(frozen=True)
class DelayModel:
    """One trained version: the trees, and the known values of each categorical feature."""

    version: str
    trees: HistGradientBoostingClassifier
    vocabularies: Mapping[str, list[str]]

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Give each row of features its probability to arrive late, to six decimals.

        Rounding makes the number the same wherever it is computed. A category that training did not know counts
        as missing, as does a missing one.
        """
        with _one_thread():
            scores: NDArray[np.float64] = self.trees.predict_proba(_matrix(frame, self.vocabularies))[:, 1].round(6)
        return scores


def code_carriers(carriers: pd.Series) -> pd.Series:
    """Code carriers as the service of version 2 does: an integer, from 1."""
    codes = carriers.map({carrier: number for number, carrier in enumerate(CARRIERS, start=1)})
    if codes.isna().any():
        unknown = sorted(set(carriers[codes.isna()]))
        raise InputError(f"These carriers have no code: {unknown}.", remedy="Add them at the end of CARRIERS.")
    return codes.astype(np.int64)


def training_rows(flights: pd.DataFrame) -> pd.DataFrame:
    """Select the flights of January to March that have an outcome."""
    return flights[(flights["timestamp"] < TRAINED_UNTIL) & flights["late"].notna()]


def train(flights: pd.DataFrame, version: str) -> DelayModel:
    """Train version `1` or `2` on `flights`, all of which need an outcome; the same rows give the same model."""
    frame = flights if version == "1" else flights.assign(carrier=code_carriers(flights["carrier"]))
    names = [name for name in CATEGORICAL if version == "1" or name != "carrier"]
    vocabularies = {name: sorted(frame[name].dropna().unique()) for name in names}
    trees = HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.1,
        max_leaf_nodes=31,
        min_samples_leaf=100,
        early_stopping=False,
        categorical_features=[name in vocabularies for name in FEATURES],
        random_state=0,
    )
    with _one_thread():
        trees.fit(_matrix(frame, vocabularies), frame["late"].to_numpy(dtype=bool))
    return DelayModel(version, trees, vocabularies)


def cross_scores(flights: pd.DataFrame) -> NDArray[np.float64]:
    """Score the training period as version 1 would score new flights: each third of the days by a model of the others.

    A model is surer on the rows that it was trained on than on new ones. Scores of its own training rows would be a
    baseline from which all traffic drifts. Flights without an outcome are scored too, and never trained on.
    """
    fold = ((flights["timestamp"] - pd.Timestamp(0, tz="UTC")).dt.days % FOLDS).to_numpy()
    labelled = flights["late"].notna().to_numpy()
    scores = np.empty(len(flights))
    for held_out in range(FOLDS):
        rows = fold == held_out
        if rows.any():
            scores[rows] = train(flights[labelled & ~rows], "1").score(flights[rows])
    return scores


def auc_by_month(scored: pd.DataFrame) -> dict[str, float]:
    """Compute the AUC of each UTC month of scored flights, over those that have an outcome.

    A month with fewer than 50 late or 50 punctual flights is left out: its AUC would say nothing, or not exist.
    """
    known = scored[scored["late"].notna()]
    aucs = {}
    for month, rows in known.groupby(known["timestamp"].dt.strftime("%Y-%m")):
        late = rows["late"].to_numpy(dtype=bool)
        if min(late.sum(), (~late).sum()) >= AUC_MIN_CLASS:
            aucs[month] = float(roc_auc_score(late, rows["score"]))
    return aucs


def _one_thread() -> threadpool_limits:
    """Keep OpenMP to one thread: on a busy machine its threads wait for one another, several times as long.

    Sums are added in one order then, so the scores do not depend on the number of cores.
    """
    return threadpool_limits(limits=1, user_api="openmp")


def _matrix(frame: pd.DataFrame, vocabularies: Mapping[str, list[str]]) -> NDArray[np.float64]:
    columns = [
        _codes(frame[name], vocabularies[name]) if name in vocabularies else frame[name].to_numpy(dtype=np.float64)
        for name in FEATURES
    ]
    return np.column_stack(columns)


def _codes(column: pd.Series, vocabulary: list[str]) -> NDArray[np.float64]:
    places: NDArray[np.float64] = pd.Index(vocabulary).get_indexer(pd.Index(column)).astype(np.float64)
    places[places < 0] = np.nan
    return places
