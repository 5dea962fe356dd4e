"""Several features together, by a classifier: `classifier.py`. Asked for by hand, because it reads rows."""

import numpy as np

from mpm_elk.metrics.metric import CLASSIFIER, JOINT, JOINT_SUBJECT, Metric, Numbers
from mpm_elk.metrics.told_apart import ToldApart

_FEATURES = (JOINT_SUBJECT,)


def _auc(apart: ToldApart) -> Numbers:
    found, usual = apart.told.found, apart.usual
    lower, upper = found.limits()
    numbers: dict[str, float | np.float64] = {"": found.value, "lower": lower, "upper": upper, "p_rows": apart.p_rows}
    if usual is not None:
        numbers |= {"usual": usual.value, "usual_upper": usual.upper}
    return numbers if apart.p is None else {**numbers, "p": apart.p}


METRICS = (
    Metric(
        "drift.classifier_auc", "share of pairs, one event of the window and one of the reference, that a classifier "
        "puts in the right order: 0.5 is chance, 1 tells all apart; `_usual` is that of past windows, `_p_rows` the p "
        "of events drawn at random", _auc, CLASSIFIER, subjects=_FEATURES, kind=JOINT, gate=0.55,
        beside=("lower", "upper", "p", "p_rows", "usual", "usual_upper"),
    ),
)  # fmt: skip
