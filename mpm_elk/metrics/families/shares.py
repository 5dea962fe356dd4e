"""Shares of events that are not as they should be: missing, of the wrong type, not known to the cells. All exact."""

from collections.abc import Callable

import numpy as np

from mpm_elk.metrics.metric import CATEGORICAL, MISSING, NUMERIC, RANGE, TYPE, UNSEEN, Context, Metric, Numbers
from mpm_elk.metrics.subject import Share, Subject

SUBJECTS = ("features.*", "prediction.*")


def share_metrics(
    name: str,
    test: str,
    share_of: Callable[[Context], Share],
    meanings: tuple[str, str],
    *,
    subjects: tuple[str, ...] = SUBJECTS,
    kind: str | None = None,
) -> tuple[Metric[Context], ...]:
    """Make a share's metrics: its rate, how much that is above the reference's, and the p of their difference.

    `meanings` are those of rate and increase.
    """

    def rate(context: Context) -> Numbers:
        share = share_of(context)
        now, before = ((k / n if n else np.nan) for k, n in ((share.k, share.n), (share.k0, share.n0)))
        return {"": now, "reference": before}

    def increase(context: Context) -> Numbers:
        found = share_of(context).difference
        return {"": found.effect, "lower": found.lower, "upper": found.upper}

    def p(context: Context) -> Numbers:
        return share_of(context).p

    return (
        Metric(f"{name}_rate", meanings[0], rate, test, subjects=subjects, kind=kind, compares=False,
               beside=("reference",)),
        Metric(f"{name}_increase", meanings[1], increase, test, subjects=subjects, kind=kind, gate=0.01,
               beside=("lower", "upper")),
        Metric(f"{name}_p", f"p of the test `{test}`", p, bad="below", subjects=subjects, kind=kind),
    )  # fmt: skip


def _missing(subject: Subject) -> Share:
    return subject.missing


def _type_violations(subject: Subject) -> Share:
    return subject.type_violations


def _strange(subject: Subject) -> Share:
    return subject.strange


METRICS = (
    *share_metrics("quality.missing", MISSING, _missing,
                   ("share of events without the value", "how much more often the value is missing")),
    *share_metrics("quality.type_violation", TYPE, _type_violations,
                   ("share of events whose value has the wrong type", "how much more often the type is wrong")),
    *share_metrics("quality.unseen", UNSEEN, _strange,
                   ("share of categories that the cells do not know", "how much more often a category is unseen"),
                   kind=CATEGORICAL),
    *share_metrics("quality.out_of_range", RANGE, _strange,
                   ("share of values outside the range that the cells were cut from",
                    "how much more often values are out of range"), kind=NUMERIC),
)  # fmt: skip
