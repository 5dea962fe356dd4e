"""Can a classifier tell a window's rows from the reference's? The AUC of gradient-boosted trees, and by which features.

Rows are dealt into five folds, and each fold but the first is scored by a classifier that has learnt from the folds
*before* it. With cross-validation in a ring, where each fold is scored by one that has learnt from all others, the
folds depend on one another: without drift its AUC strays 1.3 times as far from 0.5 as its variance says, and p < 0.05
comes 14 % of the time (`benchmarks/classify.py`). In a chain the errors of the folds are those of a
martingale: what a fold's AUC strays by is independent, on average, of all before it, so the variances add up.

Rows of one hour have much in common that is no drift. Where hours are known they are dealt as a whole, so that no
classifier can recognise an hour that it has learnt.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from mpm_elk.errors import MpmError
from mpm_elk.metrics import Flags, Floats
from mpm_elk.metrics.auc import Auc, auc, difference, mean, placements
from mpm_elk.metrics.classifier_rows import FOLDS, Sides, prepare
from mpm_elk.profiles.rows import Rows, mixed

MIN_ROWS = 200
"""The rows that each side needs: forty a fold."""

TREES = {
    "max_iter": 50,
    "learning_rate": 0.1,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "early_stopping": False,
    "random_state": 0,
}
"""Small trees: they find what two or three features do together, and learn little of the noise."""

_CULPRIT_LEVEL = 0.01


@dataclass(frozen=True)
class Importance:
    """How much AUC is lost where a feature's values are exchanged between rows; `lower` is its limit, over all."""

    feature: str
    loss: float
    lower: float

    @property
    def sure(self) -> bool:
        """Tell whether the loss is more than chance."""
        return self.lower > 0


@dataclass(frozen=True)
class Told:
    """How well both sides' rows are told apart; features in the order of their importance, where that was asked for."""

    found: Auc
    by_hour: bool
    importance: tuple[Importance, ...] = ()


def require() -> None:
    """Make sure that scikit-learn is there. Raises MpmError that says how to install it."""
    _library()


def _library() -> tuple[Callable[..., Any], Callable[..., Any]]:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 — an extra, and heavy
        from threadpoolctl import threadpool_limits  # noqa: PLC0415
    except ImportError:
        raise MpmError(
            "telling windows apart by a classifier needs scikit-learn", remedy="pip install 'mpm-elk[classify]'"
        ) from None
    return HistGradientBoostingClassifier, threadpool_limits


@contextmanager
def _one_thread(limits: Callable[..., Any]) -> Iterator[None]:
    """So small a task is slower with more threads where others use the machine."""
    with limits(limits=1):
        yield


def tell_apart(window: Rows, reference: Rows, *, explain: bool = True) -> Told | None:
    """Train and score, fold by fold; None where a side has fewer than `MIN_ROWS` rows.

    The same rows give the same answer, in whatever order. Raises MpmError without scikit-learn.
    """
    classifier, limits = _library()
    if min(window.size, reference.size) < MIN_ROWS:
        return None
    sides = prepare(window, reference)
    parts: list[Auc] = []
    sizes: list[tuple[int, int]] = []
    losses: list[list[Auc]] = []
    if not sides.features:  # all rows are the same
        nothing = auc(np.zeros(window.size), np.zeros(reference.size))
        return Told(nothing, sides.by_hour)
    with _one_thread(limits):
        for fold in range(1, FOLDS):
            model = classifier(categorical_features=list(sides.categorical), **TREES)
            _fit(model, sides, fold)
            tested = [sides.window[sides.window_folds == fold], sides.reference[sides.reference_folds == fold]]
            first, second = (model.decision_function(rows) for rows in tested)
            parts.append(auc(first, second))
            sizes.append((len(first), len(second)))
            if explain:
                losses.append(list(_losses(model, tested[0], tested[1], placements(first, second))))
    importance = [
        _importance(name, mean([loss[at] for loss in losses], sizes), len(sides.features))
        for at, name in enumerate(sides.features)
        if explain
    ]
    return Told(mean(parts, sizes), sides.by_hour, tuple(sorted(importance, key=lambda i: (-i.loss, i.feature))))


def _fit(model: Any, sides: Sides, fold: int) -> None:
    """Learn from the folds before one.

    Rows have no weights: the sides' sizes do not matter for an order, and scikit-learn cuts weighted bins slowly.
    """
    known = [sides.window[sides.window_folds < fold], sides.reference[sides.reference_folds < fold]]
    model.fit(np.concatenate(known), np.repeat([1, 0], [len(side) for side in known]))


def _losses(model: Any, window: Floats, reference: Floats, before: tuple[Floats, Floats]) -> Iterator[Auc]:
    """Give what the AUC loses by exchanging the values of each feature between all tested rows."""
    rows = np.concatenate([window, reference])
    is_window: Flags = np.arange(len(rows)) < len(window)
    for column in range(rows.shape[1]):
        changed = rows.copy()
        order = np.argsort(mixed(np.arange(1, len(rows) + 1) + (column + 1) * len(rows)), kind="stable")
        changed[:, column] = rows[order, column]
        scores = model.decision_function(changed)
        yield difference(before, placements(scores[is_window], scores[~is_window]))


def _importance(name: str, loss: Auc, features: int) -> Importance:
    far = float(special.ndtri(1 - _CULPRIT_LEVEL / features))
    return Importance(name, loss.value, loss.value - far * loss.variance**0.5)
