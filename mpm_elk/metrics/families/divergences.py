"""How far apart the shares of the cells are. All are exact for the coarse cells; formulas are in `divergence.py`."""

from mpm_elk.metrics import divergence
from mpm_elk.metrics.metric import DISTRIBUTION, Metric, Numbers
from mpm_elk.metrics.subject import Subject


def _noise(subject: Subject) -> tuple[int, int, float, float]:
    """Give what the noise of a distance depends on: both sizes, cells, overdispersion."""
    return *subject.sizes, subject.occupied, subject.chi2.phi


def _psi(subject: Subject) -> Numbers:
    return divergence.psi(*subject.sides)


def _psi_adjusted(subject: Subject) -> Numbers:
    psi, noise = divergence.psi(*subject.sides), _noise(subject)
    limits = divergence.psi_limits(psi, *noise)
    return {"": divergence.psi_adjusted(psi, *noise), "lower": limits.lower, "upper": limits.upper}


def _kl(subject: Subject) -> Numbers:
    return divergence.kl(*subject.sides)


def _js(subject: Subject) -> Numbers:
    return divergence.jensen_shannon(*subject.sides)


def _js_adjusted(subject: Subject) -> Numbers:
    return divergence.js_adjusted(divergence.jensen_shannon(*subject.sides), *_noise(subject))


def _hellinger(subject: Subject) -> Numbers:
    return divergence.hellinger(*subject.sides)


def _hellinger_adjusted(subject: Subject) -> Numbers:
    return divergence.hellinger_adjusted(divergence.hellinger(*subject.sides), *_noise(subject))


def _total_variation(subject: Subject) -> Numbers:
    return divergence.total_variation(*subject.sides)


def _l_infinity(subject: Subject) -> Numbers:
    found = divergence.l_infinity(*subject.sides)
    z = divergence.cell_z(*subject.sides, subject.chi2.phi)
    return {"": found.value, "z": z[int(found.cell)]}


METRICS = (
    Metric("drift.psi", "population stability index, +½ a cell", _psi, DISTRIBUTION),
    Metric(
        "drift.psi_adjusted", "PSI less what noise alone would make of it", _psi_adjusted, DISTRIBUTION,
        gate=0.1, beside=("lower", "upper"),
    ),
    Metric(
        "drift.kl", "Kullback–Leibler divergence of the window from the reference, in nats, +½ a cell", _kl,
        DISTRIBUTION,
    ),
    Metric("drift.js", "Jensen–Shannon distance, base 2", _js, DISTRIBUTION),
    Metric(
        "drift.js_adjusted", "Jensen–Shannon distance less what noise alone would make of it", _js_adjusted,
        DISTRIBUTION, gate=0.1,
    ),
    Metric("drift.hellinger", "Hellinger distance", _hellinger, DISTRIBUTION),
    Metric(
        "drift.hellinger_adjusted", "Hellinger distance less what noise alone would make of it", _hellinger_adjusted,
        DISTRIBUTION, gate=0.083,
    ),
    Metric(
        "drift.total_variation", "share of events that would have to move", _total_variation, DISTRIBUTION, gate=0.03
    ),
    Metric(
        "drift.l_infinity", "largest change of one cell's share; `drift.culprit` names the cell, `_z` is the change in "
        "standard errors", _l_infinity, DISTRIBUTION, gate=0.03, beside=("z",),
    ),
)  # fmt: skip
