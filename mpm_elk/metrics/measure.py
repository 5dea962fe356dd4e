"""Measure one subject in one window: every metric that its counts allow, with limits and p-values. Pure.

The last row of the given windows is the one that is measured; the rows before it are its history, from which the
dispersion of each test is learnt. References stand row by row beside the windows.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np

from mpm_elk.metrics import Flags, divergence
from mpm_elk.metrics.catalogue import JOINT_METRICS, SUBJECT_METRICS, TRAFFIC_METRICS
from mpm_elk.metrics.freshness import silence
from mpm_elk.metrics.measured import Learning, Measured
from mpm_elk.metrics.metric import Context, Metric
from mpm_elk.metrics.sensitivity import LEVEL
from mpm_elk.metrics.subject import Subject
from mpm_elk.metrics.together import Together
from mpm_elk.metrics.traffic import Traffic
from mpm_elk.profiles.cells import Cells
from mpm_elk.profiles.joint_windows import JointWindows
from mpm_elk.profiles.windows import SubjectWindows, TrafficWindows


def measure_subject(
    cells: Cells,
    windows: SubjectWindows,
    references: SubjectWindows,
    flagged: Flags,
    *,
    in_sample: Flags,
    learn_from: Flags | None = None,
    level: float = LEVEL,
    only: Collection[str] | None = None,
) -> Measured:
    """Measure the last of `windows` (T rows) against the last of `references`; `flagged` (T−1,) marks past alerts.

    `in_sample` (T,) marks windows of the data that the cells were cut from: they have nothing out of range or unseen by
    construction, and so say nothing about how much that varies. `learn_from` (T,) chooses the windows that show how
    much everything else varies; without it all do. `level` is the p, adjusted over the subject's tests, that is
    evidence: it decides the smallest drift that could have been shown, and nothing else. With `only`, just these
    metrics are computed, and neither distributions nor a culprit.
    """
    usual = np.ones(len(windows.missing), dtype=np.bool_) if learn_from is None else learn_from
    learning = Learning(flagged)
    subject = Subject(cells, windows, references, learning, usual, in_sample, level)
    p = subject.evidence
    measured = Measured(
        _numbers((metric for metric in SUBJECT_METRICS if metric.fits(cells.kind) and _is_in(metric, only)), subject),
        p,
        int(windows.events[-1]),
        int(references.events[-1]),
        learning=learning.without(p),
    )
    if only is not None:
        return measured
    window, reference = subject.sides
    labels = cells.coarse_labels()
    moved = divergence.l_infinity(window, reference)
    return replace(
        measured,
        culprit=labels[int(moved.cell)] if moved.value > 0 else None,
        distributions={"cells": labels, "window": window.tolist(), "reference": reference.tolist()},
    )


def measure_together(
    names: Sequence[str],
    windows: JointWindows,
    references: JointWindows,
    flagged: Flags,
    *,
    learn_from: Flags | None = None,
    level: float = LEVEL,
) -> Measured:
    """Measure what the features `names` do together in the last of `windows` (T rows), as `measure_subject`.

    Sizes are those of the sample.
    """
    usual = np.ones(len(windows.events), dtype=np.bool_) if learn_from is None else learn_from
    learning = Learning(flagged)
    context = Together(tuple(names), windows, references, learning, usual, level)
    p = context.evidence
    return Measured(
        _numbers(JOINT_METRICS, context),
        p,
        int(windows.events[-1]),
        int(references.events[-1]),
        culprit=" and ".join(context.pair.features) if context.pair else None,
        learning=learning.without(p),
    )


def measure_traffic(
    traffic: TrafficWindows, members: Flags, rows: slice, flagged: Flags, *, ends: Sequence[int], before: int = 0
) -> Measured:
    """Measure the traffic of the last window of `rows` (R of T windows).

    `members` (T, T) says which windows each is compared with, `flagged` (R−1,) which of the history raised an alert,
    `ends` (T,) when each window ends (ms), `before` when the last event before all of them was, 0 where there was none.
    """
    windows, references = traffic.take(rows), traffic.pool(members[rows])
    counts = np.where(members[rows][-1], traffic.count, np.nan)
    learning = Learning(flagged)
    quiet = silence(ends, traffic.count, traffic.last, before)[rows] / 1000
    context = Traffic(windows, references, counts, quiet, learning)
    p = context.evidence
    return Measured(
        _numbers(TRAFFIC_METRICS, context),
        p,
        context.count,
        int(references.count[-1]),
        learning=learning.without(p),
    )


def _is_in(metric: Metric[Context], only: Collection[str] | None) -> bool:
    return only is None or metric.name in only


def _numbers(metrics: Iterable[Metric[Context]], context: Context) -> dict[str, float]:
    return {name: value for metric in metrics for name, value in metric.numbers(context).items()}
