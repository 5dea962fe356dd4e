"""Rows of two sides as one classifier sees them: numbers, codes of categories, and folds. Pure and without chance.

Everything follows from the rows themselves, never from their order, nor from which side they are on but for the folds,
which are dealt to each side: the same rows give the same numbers wherever they come from.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpm_elk.metrics import Counts, Floats
from mpm_elk.profiles.rows import Rows, mixed

FOLDS = 5
CATEGORIES_MAX = 200
CATEGORY_MIN = 10
"""A category with fewer rows, of both sides together, is counted with the other rare ones."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Two sides in one form: matrices (n, d) and (m, d) in a canonical order, which columns are codes, and folds.

    `by_hour` tells whether all rows of an hour are in one fold.
    """

    features: tuple[str, ...]
    categorical: tuple[bool, ...]
    window: Floats
    reference: Floats
    window_folds: Counts
    reference_folds: Counts
    by_hour: bool


def prepare(window: Rows, reference: Rows) -> Sides:
    """Give both sides one form. Features that are the same in all rows are left out."""
    columns: dict[str, tuple[Floats, Floats]] = {}
    textual = set(window.texts) | set(reference.texts)
    for name in sorted({*window.numbers, *reference.numbers, *textual}):
        if name in textual:
            pair = _codes(*(side.texts.get(name, [None] * side.size) for side in (window, reference)))
        else:
            missing = (np.full(side.size, np.nan) for side in (window, reference))
            sides = zip((window, reference), missing, strict=True)
            first, second = (side.numbers.get(name, gap) for side, gap in sides)
            pair = first, second
        both = np.concatenate(pair)
        if not np.isnan(both).all() and (both != both[0]).any():
            columns[name] = pair
    groups = _hours(window, reference)
    found = []
    for at, side in enumerate((window, reference)):
        matrix = np.empty((side.size, len(columns)))
        for column, pair in enumerate(columns.values()):
            matrix[:, column] = pair[at]
        hours = groups[at] if groups else np.zeros(side.size, dtype=np.int64)
        order = np.lexsort([*matrix.T[::-1], hours])
        found.append((matrix[order], _folds_by_hour(hours[order]) if groups else _folds(side.size)))
    (first, first_folds), (second, second_folds) = found
    return Sides(
        tuple(columns),
        tuple(name in textual for name in columns),
        first,
        second,
        first_folds,
        second_folds,
        groups is not None,
    )


def _codes(window: Sequence[str | None], reference: Sequence[str | None]) -> tuple[Floats, Floats]:
    """Give categories numbers: those that are frequent in both sides together, all others as one; missing is nan."""
    counts = Counter(value for side in (window, reference) for value in side if value is not None)
    frequent = sorted((-number, value) for value, number in counts.items() if number >= CATEGORY_MIN)
    kept = sorted(value for _, value in frequent[:CATEGORIES_MAX])
    code: dict[str | None, float] = {value: float(at) for at, value in enumerate(kept)}
    code[None] = np.nan
    rest = float(len(kept))
    first, second = (np.array([code.get(value, rest) for value in side]) for side in (window, reference))
    return first, second


def _hours(window: Rows, reference: Rows) -> tuple[Counts, Counts] | None:
    """Give the hours to deal into folds: only where each side has enough, and none is on both sides."""
    if window.hours is None or reference.hours is None:
        return None
    sides = [np.unique(hours) for hours in (window.hours, reference.hours)]
    if min(map(len, sides)) < FOLDS or len(np.intersect1d(sides[0], sides[1])):
        return None
    return window.hours, reference.hours


def _folds(size: int) -> Counts:
    """Deal rows into folds of equal size."""
    folds = np.empty(size, dtype=np.int64)
    folds[np.argsort(mixed(np.arange(1, size + 1)), kind="stable")] = np.arange(size) % FOLDS
    return folds


def _folds_by_hour(hours: Counts) -> Counts:
    """Deal hours into folds, each to the one that has fewest rows."""
    starts, which, sizes = np.unique(hours, return_inverse=True, return_counts=True)
    held, fold_of = [0] * FOLDS, np.empty(len(starts), dtype=np.int64)
    for at in np.argsort(mixed(starts), kind="stable").tolist():
        fold = held.index(min(held))
        fold_of[at] = fold
        held[fold] += int(sizes[at])
    return np.asarray(fold_of[which], dtype=np.int64)
