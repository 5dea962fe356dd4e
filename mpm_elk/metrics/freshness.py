"""How long ago the last event was: is a model silent."""

import numpy as np
import numpy.typing as npt

from mpm_elk.metrics import Floats


def silence(ends: npt.ArrayLike, counts: npt.ArrayLike, last: npt.ArrayLike, before: float = 0) -> Floats:
    """Give the time from the last event to the end of each window, (T,), in the unit of `ends` and `last`.

    Windows follow each other in time. `last` is the time of a window's last event, 0 where it is not known. Of an
    empty window the last event is that of the latest window with events before it, or the one at `before`. nan where
    there was none, or where its time is not known.
    """
    when, busy = np.asarray(last, dtype=np.float64), np.asarray(counts) > 0
    latest = np.maximum.accumulate(np.where(busy, np.arange(len(busy)), -1))
    found = np.where(latest >= 0, when[latest], before) if len(when) else when
    return np.asarray(np.where(found > 0, np.asarray(ends, dtype=np.float64) - found, np.nan), dtype=np.float64)
