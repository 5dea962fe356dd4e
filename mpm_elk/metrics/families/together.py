"""Several features together: correlations, principal components, all means. Formulas: `correlation.py` and its like."""

import numpy as np

from mpm_elk.metrics.metric import CORRELATION, JOINT, JOINT_SUBJECT, MEANS, RECONSTRUCTION, Metric, Numbers
from mpm_elk.metrics.sensitivity import smallest_correlation_shift
from mpm_elk.metrics.together import Together

_FEATURES = (JOINT_SUBJECT,)


def _correlation_shift(together: Together) -> Numbers:
    pair = together.pair
    if pair is None:
        return np.nan
    lower, upper = pair.shift.limits(pair.half)
    return {"": pair.shift.value, "lower": lower, "upper": upper, "z": pair.shift.z, "p": pair.p}


def _correlation(together: Together) -> Numbers:
    pair = together.pair
    return {"": pair.shift.window, "reference": pair.shift.reference} if pair else np.nan


def _moved(together: Together) -> Numbers:
    pair = together.pair
    if pair is None:
        return np.nan
    return {"": float(pair.moved) if pair.learnt.known else np.nan, "pairs": float(pair.pairs)}


def _smallest(together: Together) -> Numbers:
    pair = together.pair
    if pair is None:
        return np.nan
    known = pair.learnt if pair.learnt.known else None
    level = together.level / max(1, len(together.evidence)) / pair.pairs
    return smallest_correlation_shift(pair.shift, known, level=level)


def _pca_error(together: Together) -> Numbers:
    tested = together.reconstruction
    return {"": tested.found.window, "reference": tested.found.reference, "p": tested.p} if tested else np.nan


def _pca_error_ratio(together: Together) -> Numbers:
    tested = together.reconstruction
    if tested is None or not tested.found.reference > 0:
        return np.nan
    return tested.found.window / tested.found.reference


def _mahalanobis(together: Together) -> Numbers:
    return np.sqrt(together.distance.found[0]) if together.distance else np.nan


def _mahalanobis_adjusted(together: Together) -> Numbers:
    tested = together.distance
    if tested is None:
        return np.nan
    squared, noise = tested.found
    return {"": np.sqrt(max(0.0, squared - noise)), "p": tested.p}


METRICS = (
    Metric(
        "drift.correlation_shift", "change of the rank correlation of the pair of features that has surely moved most; "
        "`drift.culprit` names the pair, the limits hold for all pairs together, `_z` is the change in standard errors",
        _correlation_shift, CORRELATION, "away", _FEATURES, JOINT, gate=0.1, beside=("lower", "upper", "z", "p"),
    ),
    Metric("drift.correlation", "rank correlation of that pair in the window; `_reference` that of the reference",
           _correlation, subjects=_FEATURES, kind=JOINT, beside=("reference",)),
    Metric("drift.correlations_moved", "pairs whose correlation has moved (p ≤ 0.01 after Benjamini–Hochberg over "
           "pairs); `_pairs` is how many were compared", _moved, subjects=_FEATURES, kind=JOINT, beside=("pairs",)),
    Metric("drift.smallest_correlation_shift", "smallest change of that pair's correlation that the window could have "
           "shown (found with probability 0.9)", _smallest, subjects=_FEATURES, kind=JOINT),
    Metric(
        "drift.pca_error", "mean squared error of reconstruction by the reference's principal components that keep "
        "65 % of its variance, in variances of one feature; `_reference` that of the reference", _pca_error,
        subjects=_FEATURES, kind=JOINT, beside=("reference", "p"),
    ),
    Metric("drift.pca_error_ratio", "that error against the reference's", _pca_error_ratio, RECONSTRUCTION, "apart",
           _FEATURES, JOINT, gate=1.1),
    Metric("drift.mahalanobis", "Mahalanobis distance of the means of all features", _mahalanobis, MEANS,
           subjects=_FEATURES, kind=JOINT),
    Metric("drift.mahalanobis_adjusted", "Mahalanobis distance less what noise alone would make of it",
           _mahalanobis_adjusted, MEANS, subjects=_FEATURES, kind=JOINT, gate=0.1, beside=("p",)),
)  # fmt: skip
