"""Which earlier windows a window is compared with. Pure."""

from datetime import timedelta

import numpy as np

from mpm_elk.config.references import Reference
from mpm_elk.metrics import Flags

_WEEK = timedelta(weeks=1)
_ENOUGH = 0.25
"""The share of a rolling reference's windows that must have events."""


def members(reference: Reference, length: timedelta, usable: Flags, clean: Flags) -> Flags:
    """Say which windows, (T, T), make up each window's reference: row i, true where window j belongs to it.

    `usable` (T,) marks windows with events, `clean` (T,) those that raised no alert. Windows with an alert are left out
    of a rolling reference and of one of several weeks, so that an incident does not become the measure of what follows;
    but where they are more than half, the new state is what is usual now, and all windows count. Such a reference of
    which less than a quarter has events is none. The kinds `baseline`, `training`, `version` and `window` have no
    members here.
    """
    size = len(usable)
    distance = np.arange(size)[:, None] - np.arange(size)[None, :]
    if reference.kind == "rolling" and reference.span is not None:
        width = reference.span // length
        return _merged((distance >= 1) & (distance <= width), width, usable, clean)
    if reference.weeks is not None:
        week = _WEEK // length
        several = (distance >= 1) & (distance <= week * reference.weeks) & (distance % week == 0)
        return _merged(several, reference.weeks, usable, clean)
    if reference.kind == "previous":
        return np.asarray((distance == 1) & usable[None, :], dtype=np.bool_)
    if reference.kind == "same-time-last-week":
        return np.asarray((distance == _WEEK // length) & usable[None, :], dtype=np.bool_)
    return np.zeros((size, size), dtype=np.bool_)


def _merged(those: Flags, width: int, usable: Flags, clean: Flags) -> Flags:
    """Choose `those` windows (T, T), `width` in a row where all have events, less the ones with an alert."""
    known = those & usable[None, :]
    kept = known & clean[None, :]
    mostly_clean = 2 * kept.sum(axis=1) >= known.sum(axis=1)
    chosen = np.where(mostly_clean[:, None], kept, known)
    enough = chosen.sum(axis=1) >= max(1, _ENOUGH * width)
    return np.asarray(chosen & enough[:, None], dtype=np.bool_)


def reach(reference: Reference, length: timedelta) -> int:
    """Give how many windows back a reference goes."""
    if reference.kind == "rolling" and reference.span is not None:
        return reference.span // length
    if reference.weeks is not None:
        return reference.weeks * (_WEEK // length)
    return {"previous": 1, "same-time-last-week": _WEEK // length}.get(reference.kind, 0)
