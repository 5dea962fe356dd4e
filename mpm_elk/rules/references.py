"""References that are no earlier windows of the timeline: a fixed window, training data of the same days. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpm_elk.profiles.cells import Cells
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.timeline import BASELINE, Timeline, subject
from mpm_elk.profiles.windows import SubjectWindows, less, subject_windows
from mpm_elk.rules.judgement import BaselineCounts, ReferenceUsed, SubjectKey
from mpm_elk.timespan import DAY_MS

Span = tuple[int, int]
"""Start and end (ms) of a window."""

Found = tuple[SubjectWindows, ReferenceUsed]
"""The reference of each row, and what the last one is."""


@dataclass(frozen=True)
class Rows:
    """The windows that a judgement looks at, the last of them judged: their times, and whose events each holds."""

    times: Sequence[Span]
    owners: Sequence[str]


def against_fixed(fixed: Timeline | None, key: SubjectKey, cells: Cells, rows: Rows) -> Found:
    """Give each row the fixed window as its reference; rows that lie in it are compared with the rest of it.

    A window that begins before the fixed one is over has no reference: that would change until it is.
    """
    nothing = subject_windows(cells, [None] * len(rows.times))
    if fixed is None or rows.times[-1][0] < fixed.time(fixed.size)[0]:
        return nothing, ReferenceUsed()
    slots, owners = fixed.lineage(key.version, key.segment)
    windows = subject_windows(cells, subject(slots, key.subject))
    total = windows.pool(np.ones((1, fixed.size), dtype=np.bool_)).take(np.zeros(len(rows.times), dtype=np.intp))
    places = [fixed.at(start) for start, _ in rows.times]
    own = np.array([[at == place for at in range(fixed.size)] for place in places], dtype=np.bool_)
    used = np.flatnonzero(windows.total).tolist()
    if not used:
        return nothing, ReferenceUsed()
    versions = tuple(dict.fromkeys(owners[at] for at in used))
    start, end = fixed.time(0)[0], fixed.time(fixed.size)[0]
    return less(total, windows.pool(own)), ReferenceUsed(len(used), 0, start, end, versions)


def against_training(training: BaselineCounts | None, key: SubjectKey, cells: Cells, rows: Rows) -> Found:
    """Give each row the training data of its own days as its reference, where that holds all of them.

    So what has changed since the training is on both sides, and what differs is how training and serving were made.
    """
    found = [
        None if owner == BASELINE else _of_days(training, span)
        for span, owner in zip(rows.times, rows.owners, strict=True)
    ]
    beside = subject_windows(cells, [profile.subjects.get(key.subject) if profile else None for profile in found])
    if training is None or found[-1] is None:
        return beside, ReferenceUsed()
    start, end = rows.times[-1]
    return beside, ReferenceUsed((end - start) // DAY_MS, 0, start, end, (key.version.version,), training.id)


def _of_days(training: BaselineCounts | None, span: Span) -> Profile | None:
    days = [training.days.get(day) for day in range(*span, DAY_MS)] if training else []
    known = [day for day in days if day is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(days) else None
