"""The statistics of the tests on cells, and how much past windows varied. Formulas: `homogeneity.py` above."""

from mpm_elk.metrics import homogeneity
from mpm_elk.metrics.metric import Metric, Numbers
from mpm_elk.metrics.subject import Subject


def _chi2(subject: Subject) -> Numbers:
    found = subject.chi2.found
    return {"": found.statistic, "df": found.df, "p": subject.chi2.p}


def _g(subject: Subject) -> Numbers:
    found = homogeneity.g(*subject.sides)
    # Its noise is that of χ², and so is what past windows teach about it.
    return {"": found.statistic, "p": homogeneity.chi2_p(found.statistic, found.df, subject.chi2.learnt)}


def _phi(subject: Subject) -> Numbers:
    return subject.chi2.learnt.phi


def _windows(subject: Subject) -> Numbers:
    return subject.chi2.learnt.windows


METRICS = (
    Metric(
        "drift.chi2", "χ² of the coarse cells, small ones pooled; a part of the test `distribution`", _chi2,
        beside=("df", "p"),
    ),
    Metric("drift.g", "G (log-likelihood ratio) of the same cells, with the degrees of freedom of χ²", _g,
           beside=("p",)),
    Metric("dispersion.phi", "how many times as much as random samples past windows vary (mean of χ²/df)", _phi,
           compares=False),
    Metric("dispersion.windows", "past windows that this was learnt from", _windows, compares=False),
)  # fmt: skip
