"""The query by which duckdb counts events in our cells, hour by hour, and how its answer is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mpm_elk.profiles.cells import CategoricalCells, Cells, CellSet, NumericCells
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.timespan import HOUR_MS

_WIDTHS = {NumericCells.kind: 6, CategoricalCells.kind: 2}


def counting_sql(file: Path, cells: CellSet, columns: dict[str, str]) -> str:
    """Ask for the same as the roll-up: events, and of each subject its cells and moments, by hour.

    `columns` names the column of each subject.
    """
    parts = [part for name, entry in cells.subjects.items() for part in _parts(entry, f'"{columns[name]}"')]
    chosen = ", ".join([f"time // {HOUR_MS} AS hour", "count(*)", *parts])
    return f"SELECT {chosen} FROM read_parquet('{file}') GROUP BY hour ORDER BY hour"  # noqa: S608 — our own names


def _parts(cells: Cells, column: str) -> list[str]:
    if isinstance(cells, CategoricalCells):
        return [f"map_keys(histogram({column}))", f"map_values(histogram({column}))"]
    # duckdb's bins hold their upper edge, our cells their lower one.
    edges = ", ".join(f"{edge:.17e}" for edge in np.nextafter(cells.edges, -np.inf).tolist())
    histogram = f"map_values(histogram({column}, [{edges}]))"
    return [histogram, *(f"{what}" for what in _moments(column))]


def _moments(column: str) -> list[str]:
    return [f"count({column})", f"sum({column})", f"sum({column} * {column})", f"min({column})", f"max({column})"]


def read_counts(row: Sequence[Any], cells: CellSet) -> tuple[int, Profile]:
    """Read the hour (ms) and the profile in one row of the answer."""
    hour, events, *rest = row
    subjects = {}
    for name, entry in cells.subjects.items():
        own, rest = rest[: _WIDTHS[entry.kind]], rest[_WIDTHS[entry.kind] :]
        moments = Moments()
        if isinstance(entry, CategoricalCells):
            known = {*entry.values, *entry.rest}
            terms = dict(zip(own[0] or (), own[1] or (), strict=True))
            counts = entry.count_terms({k: n for k, n in terms.items() if k in known}, sum(terms.values()))
        else:
            counts = np.zeros(entry.size, dtype=np.int64)
            counts[: len(own[0] or ())] = own[0] or ()  # the cell above the last edge is left out where it is empty
            moments = Moments(*own[1:]) if own[1] else moments
        subjects[name] = SubjectProfile(entry.hash, counts, events - int(counts.sum()), 0, moments)
    return hour * HOUR_MS, Profile(events, subjects=subjects)
