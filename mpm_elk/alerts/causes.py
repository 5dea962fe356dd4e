"""What an alert goes with: which cells, groups of events and other subjects its change is made of. Pure.

A change is the sum over cells of |p − q|: the window's shares less those of the reference, twice the total variation.
Its parts add up to it exactly. Nothing here says what caused what.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mpm_elk.profiles.cells import Cells, Floats, Ints
from mpm_elk.profiles.profile import SubjectProfile

Sides = tuple[Ints, Ints]
"""Counts per cell in the window, and in its reference."""


@dataclass(frozen=True)
class Part:
    """A part of a change: its share, which is negative where it works against the whole."""

    name: str
    share: float


@dataclass(frozen=True)
class Split:
    """A change by groups of events: how much comes from there being more of some, and how much from within each.

    `mix` and `within` have a part for each group; all of both add up to 1. `new` and `gone` are groups that only the
    window, or only the reference, has.
    """

    by: str
    mix: tuple[Part, ...]
    within: tuple[Part, ...]
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def mixed(self) -> float:
        """The share that comes from there being more of some groups, and fewer of others."""
        return sum(part.share for part in self.mix)


def about(metric: str, cells: Cells, profile: SubjectProfile) -> Ints:
    """Count a subject's events as a metric sees them: bad and good for a rate, coarse cells for all else."""
    coarse, present = cells.to_coarse(profile.cells), profile.present
    total = present + profile.missing + profile.type_violations
    rates = {
        "quality.missing": (profile.missing, total),
        "quality.type_violation": (profile.type_violations, total),
        "quality.unseen": (int(coarse[-1]), present),
        "quality.out_of_range": (int(coarse[0] + coarse[-1]), present),
    }
    for name, (bad, of) in rates.items():
        if metric.startswith(name):
            return np.array([bad, of - bad])
    return coarse


def by_cells(labels: Sequence[str], window: Ints, reference: Ints) -> list[Part]:
    """Say which cells a change lies in, the largest part first; nothing where a side is empty or nothing changed."""
    moved = _moved(window, reference)
    if moved is None:
        return []
    sizes = np.abs(moved) / np.abs(moved).sum()
    return _ordered(Part(label, float(size)) for label, size in zip(labels, sizes.tolist(), strict=True) if size)


def by_groups(by: str, groups: Mapping[str, Sides]) -> Split | None:
    """Split a change into the mix of groups and what changed within each, as Kitagawa does with rates.

    With π and ρ the group's share of the window and of the reference, P and Q its shares of cells there, the change in
    a cell is the sum over groups of (π + ρ)/2 · (P − Q), within, and of (π − ρ) · (P + Q)/2, the mix (E. Kitagawa,
    "Components of a difference between two rates", 1955). Of the mix the mean over all events is taken off, which adds
    nothing: a group counts by how unlike the others it is. A group that one side lacks is all mix. None where there is
    one group, a side is empty, or nothing changed.
    """
    if len(groups) < 2:
        return None
    whole = sum(window for window, _ in groups.values()), sum(reference for _, reference in groups.values())
    sides = np.asarray(whole[0]), np.asarray(whole[1])
    moved = _moved(*sides)
    if moved is None:
        return None
    direction, change = np.sign(moved), float(np.abs(moved).sum())
    middle = (_shares(sides[0]) + _shares(sides[1])) / 2
    mix, within = [], []
    for name, (window, reference) in groups.items():
        weights = float(window.sum() / sides[0].sum()), float(reference.sum() / sides[1].sum())
        present = [_shares(side) for side in (window, reference) if side.sum()]
        inside = present[0], present[-1]
        mean = (inside[0] + inside[1]) / 2 - middle
        mix.append(Part(name, (weights[0] - weights[1]) * float(direction @ mean) / change))
        apart = float(direction @ (inside[0] - inside[1]))
        within.append(Part(name, (weights[0] + weights[1]) / 2 * apart / change))
    new = tuple(name for name, (_, reference) in groups.items() if not reference.sum())
    gone = tuple(name for name, (window, _) in groups.items() if not window.sum())
    return Split(by, tuple(_ordered(mix)), tuple(_ordered(within)), new, gone)


def by_size(sizes: Mapping[str, float]) -> list[Part]:
    """Give each its share of the sum, the largest first; what is not above zero has none."""
    total = sum(size for size in sizes.values() if size > 0)
    return _ordered(Part(name, size / total) for name, size in sizes.items() if size > 0)


def _moved(window: Ints, reference: Ints) -> Floats | None:
    """Give the change of each cell's share; None where a side is empty, or no share changed."""
    if not window.sum() or not reference.sum():
        return None
    moved = _shares(window) - _shares(reference)
    return moved if np.any(moved) else None


def _shares(counts: Ints) -> Floats:
    shares: Floats = counts / counts.sum()
    return shares


def _ordered(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (-round(part.share, 12), part.name))
