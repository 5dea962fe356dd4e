"""Numbers along their axis: how the distribution curves differ, from fine cells. Bounds hold for the raw rows."""

from collections.abc import Callable

from mpm_elk.metrics import ordered
from mpm_elk.metrics.metric import DISTRIBUTION, NUMERIC, Metric, Numbers
from mpm_elk.metrics.subject import QUANTILES, Subject


def _ks(subject: Subject) -> Numbers:
    return {"": subject.ks.found.lower, "upper": subject.ks.found.upper, "p": subject.ks.p}


def _wasserstein(subject: Subject) -> Numbers:
    found = ordered.wasserstein(*subject.fine_sides, subject.numeric.edges)
    sd = subject.reference_sd
    return {"": found.value / sd, "bound": found.bound / sd}


def _cramer_von_mises(subject: Subject) -> Numbers:
    found = ordered.cramer_von_mises(*subject.fine_sides, single=subject.numeric.single)
    # Both statistics are made of F − G: what past windows say of its noise is the KS distance's dispersion.
    p = ordered.cramer_von_mises_p(found.value, *subject.sizes, subject.ks.learnt.phi)
    return {"": found.value, "bound": found.bound, "p": p}


def _quantile_shift(at: int) -> Callable[[Subject], Numbers]:
    def compute(subject: Subject) -> Numbers:
        found = subject.quantile_shift
        return {"": found.shift[at], "lower": found.lower[at], "upper": found.upper[at], "edge": found.edge[at]}

    return compute


METRICS = (
    Metric("drift.ks", "Kolmogorov–Smirnov distance at the cells' edges; that of the rows is at most `_upper`", _ks,
           DISTRIBUTION, kind=NUMERIC, beside=("upper", "p")),
    Metric(
        "drift.wasserstein", "mean way that values would have to go, in the reference's sd; values beyond the fences "
        "stand at the fence; that of the rows differs by at most `_bound`", _wasserstein, DISTRIBUTION,
        kind=NUMERIC, gate=0.1, beside=("bound",),
    ),
    Metric(
        "drift.cramer_von_mises", "Cramér–von Mises statistic T: 1/6 on average without drift, grows with the events; "
        "that of the rows differs by at most `_bound`", _cramer_von_mises, DISTRIBUTION, kind=NUMERIC,
        beside=("bound", "p"),
    ),
    *(
        Metric(
            f"drift.quantile_{quantile * 100:02.0f}_shift",
            f"how much more of the window lies below the reference's {quantile:.0%} quantile (the fine edge next to "
            "it, `_edge`)",
            _quantile_shift(at), DISTRIBUTION, "away", kind=NUMERIC, gate=0.03, beside=("lower", "upper", "edge"),
        )
        for at, quantile in enumerate(QUANTILES)
    ),
)  # fmt: skip
