"""Measurements that anyone can run again: `python -m benchmarks.NAME`."""

import os
import sys

WITHOUT_EXTRAS = "BENCH_WITHOUT_EXTRAS"
"""The environment variable that makes a process what an installation without extras is.

The client of Elasticsearch loads PyArrow wherever it finds it, which takes 27 MB that a run of the job has no use for.
An entry of None is the documented way to refuse an import.
"""

if os.environ.get(WITHOUT_EXTRAS):
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
