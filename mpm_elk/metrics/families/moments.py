"""Mean and spread of numbers, from count, sum and sum of squares: exact for the raw rows."""

import numpy as np

from mpm_elk.metrics import spread
from mpm_elk.metrics.metric import DISTRIBUTION, NUMERIC, Metric, Numbers
from mpm_elk.metrics.subject import Subject


def _mean(subject: Subject) -> Numbers:
    window, reference = subject.last_moments
    return {"": window.mean, "reference": reference.mean}


def _mean_shift(subject: Subject) -> Numbers:
    found, wider = subject.mean.found, np.sqrt(subject.mean.phi)
    effect = found.effect
    # The limits widen with the dispersion, as the p-value does.
    return {
        "": effect,
        "lower": effect - wider * (effect - found.lower),
        "upper": effect + wider * (found.upper - effect),
        "p": subject.mean.p,
    }


def _sd_ratio(subject: Subject) -> Numbers:
    sides, edges = subject.last_moments, subject.numeric.edges
    window, reference = (
        spread.kurtosis(counts, edges, moments) for counts, moments in zip(subject.fine_sides, sides, strict=True)
    )
    found = spread.sd_ratio(*sides, (window, reference), subject.mean.phi)
    return {"": found.value, "lower": found.lower, "upper": found.upper}


METRICS = (
    Metric("drift.mean", "mean of the window; `_reference` that of the reference", _mean, kind=NUMERIC,
           compares=False, beside=("reference",)),
    Metric("drift.mean_shift", "shift of the mean in the reference's sd", _mean_shift, DISTRIBUTION, "away",
           kind=NUMERIC, gate=0.1, beside=("lower", "upper", "p")),
    Metric("drift.sd_ratio", "standard deviation against the reference's", _sd_ratio, DISTRIBUTION, "apart",
           kind=NUMERIC, gate=1.25, beside=("lower", "upper")),
)  # fmt: skip
