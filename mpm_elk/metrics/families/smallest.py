"""The smallest drift that the window could have shown: a size that its tests find nine times in ten."""

from mpm_elk.metrics import sensitivity
from mpm_elk.metrics.metric import NUMERIC, Metric, Numbers
from mpm_elk.metrics.subject import Subject


def _mean_shift(subject: Subject) -> Numbers:
    learnt = subject.mean.learnt
    known = learnt if learnt.known else None
    return sensitivity.smallest_mean_shift(*subject.last_moments, known, level=subject.part_level)


def _psi(subject: Subject) -> Numbers:
    learnt = subject.chi2.learnt
    known = learnt if learnt.known else None
    return sensitivity.smallest_psi(subject.chi2.found.df, *subject.sizes, known, level=subject.part_level)


METRICS = (
    Metric("drift.smallest_mean_shift", "smallest shift of the mean, in the reference's sd, that the window could have "
           "shown (found with probability 0.9)", _mean_shift, kind=NUMERIC),
    Metric("drift.smallest_psi", "smallest true PSI that the window could have shown (found by χ² with probability "
           "0.9)", _psi),
)  # fmt: skip
