"""Metrics: pure functions over counts, moments and profiles. No input or output happens here.

The statistics work on arrays. Counts have the cells on their last axis, `(..., B)`; what is one number
a window has the shape `(...)`. Window and reference broadcast over the leading axes, so one call answers
for one window or for a whole history. What cannot be computed (an empty window) is nan, without a warning.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
