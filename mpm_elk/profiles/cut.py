"""Cut cells from values: equal-frequency edges in two nested grids, with spikes and fences apart.

The recipe is the usual one for stability indices (equal noise per cell, scale-free, tails kept). A value that holds
more than a coarse cell's share gets a cell of its own, [v, nextafter(v)); whole numbers with few distinct values get
one cell a value. The fences below the smallest and above the largest value hold nothing of what the cells were cut
from.
"""

from collections.abc import Mapping

import numpy as np

from mpm_elk.profiles.cells import CategoricalCells, Floats, NumericCells

COARSE = 20
FINE = 128
SCORE_FINE = 256
TOP_CATEGORIES = 50
VOCABULARY_MAX = 1000
_DISTINCT_MAX = 50


def cut_numeric(values: Floats, field: str, *, other_field: str | None = None, fine: int = FINE) -> NumericCells:
    """Cut cells from finite `values`, shape (N,), N ≥ 1: `COARSE` equal-frequency cells nested in `fine` ones.

    The smallest and the largest value decide the fences, so they must be exact even where `values` is a sample.
    """
    ordered = np.sort(values)
    distinct, counts = np.unique(ordered, return_counts=True)
    low, above = distinct[0], _above(distinct[-1:])
    if len(distinct) <= _DISTINCT_MAX and np.all(distinct == np.floor(distinct)):
        edges = np.concatenate([distinct, above])
        return NumericCells(field, edges, np.arange(len(edges)), other_field)

    spikes = distinct[counts > len(ordered) / COARSE]
    continuous = ordered[~np.isin(ordered, spikes)]
    walls = np.concatenate([spikes, _above(spikes), [low], above])
    coarse = np.unique(np.concatenate([_quantile_edges(continuous, COARSE), walls]))
    edges = np.unique(np.concatenate([_quantile_edges(continuous, fine), coarse]))
    coarse = np.union1d(coarse, edges[-1:])  # without an upper fence the last fine edge may lie above the coarse ones
    return NumericCells(field, edges, np.searchsorted(edges, coarse), other_field)


def _above(values: Floats) -> Floats:
    """Give the next number above each value; the largest double has none, and then no upper fence."""
    with np.errstate(over="ignore"):
        above = np.nextafter(values, np.inf)
    return above[np.isfinite(above)]


def _quantile_edges(ordered: Floats, cells: int) -> Floats:
    """Give the inner edges of `cells` equal-frequency cells: values that occur, so that ties stay together."""
    if len(ordered) == 0:
        return ordered
    ranks = (np.arange(1, cells) * len(ordered)) // cells
    return np.unique(ordered[ranks])


def even_cells(low: float, high: float, field: str, *, other_field: str | None = None) -> NumericCells:
    """Cut [low, high] evenly: for a score of which nothing was seen yet."""
    steps = np.linspace(low, high, SCORE_FINE + 1)
    edges = np.append(steps[:-1], np.nextafter(high, np.inf))
    coarse = np.unique(np.append(np.round(np.linspace(0, SCORE_FINE, COARSE + 1)).astype(np.int64), SCORE_FINE))
    return NumericCells(field, edges, coarse, other_field)


def cut_categorical(counts: Mapping[str, int], field: str, *, other_field: str | None = None) -> CategoricalCells:
    """Cut cells from category counts: the most frequent get cells of their own, other known ones share one."""
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    known = ranked[:VOCABULARY_MAX]
    return CategoricalCells(
        field,
        values=tuple(known[:TOP_CATEGORIES]),
        rest=tuple(sorted(known[TOP_CATEGORIES:])),
        closed=len(ranked) <= VOCABULARY_MAX,
        other_field=other_field,
    )
