"""Propose for each subject of a model's traffic what to watch, and in which cells. Pure."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from mpm_elk.contract.source import WHOLE_TYPES, Source
from mpm_elk.profiles.cells import LABEL, SCORE, CategoricalCells, Cells, CellSet, Floats, NumericCells
from mpm_elk.profiles.cut import FINE, SCORE_FINE, VOCABULARY_MAX, cut_categorical, cut_numeric
from mpm_elk.registry.rows import Chunk, Value
from mpm_elk.registry.store import ModelCells
from mpm_elk.registry.training import IDS_ABOVE, fields_of
from mpm_elk.registry.traits import FEW, Counted

MIN_VALUES = 200
_MOSTLY_OWN = 0.5
"""Texts of which more than this share differ are ids or free text."""
_RISES = 0.9
_MUCH_MISSING = 0.5
INTEGER_CODE = "integer-code"
_LARGEST = float(np.finfo(np.float64).max)


class Watch(StrEnum):
    """What of a subject is watched."""

    ALL = "all"
    MISSING = "missing"
    NOTHING = "nothing"


class State(StrEnum):
    """What becomes of a subject's cells."""

    NEW = "new"
    PROVISIONAL = "provisional"
    KEPT = "kept"
    ANEW = "anew"
    NONE = "none"


@dataclass(frozen=True)
class Proposal:
    """What is proposed for one subject, and why: `traits` for programs, `notes` for people."""

    subject: str
    state: State
    watch: Watch
    cells: Cells | None
    counted: Counted
    traits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def wrong_type(self) -> float:
        """The share of values that are not of the proposed kind."""
        kind = self.cells.kind if self.cells else None
        counted = self.counted
        wrong = counted.lost + (counted.texts if kind == NumericCells.kind else counted.numbers)
        values = counted.numbers + counted.texts + counted.lost
        return wrong / values if values and kind else 0.0

    @property
    def different(self) -> int:
        """How many different values of the proposed kind there are, about."""
        numeric = self.cells is not None and self.cells.kind == NumericCells.kind
        counted = self.counted
        estimate, values = (
            (counted.different_numbers, counted.numbers) if numeric else (counted.different_texts, counted.texts)
        )
        return min(estimate, values)

    def to_document(self) -> dict[str, Any]:
        """Write the proposal as JSON."""
        cells = self.cells
        numeric = isinstance(cells, NumericCells)
        return {
            "subject": self.subject,
            "kind": cells.kind if cells else None,
            "state": self.state.value,
            "watch": self.watch.value,
            "cells": len(cells.coarse) - 1 if isinstance(cells, NumericCells) else len(cells.values) if cells else 0,
            "spikes": [] if INTEGER_CODE in self.traits else _spikes(cells),
            "range": [self.counted.low, self.counted.high] if numeric and self.counted.numbers else None,
            "values": self.counted.numbers + self.counted.texts,
            "different": self.different,
            "missing": round(self.counted.missing, 6),
            "wrong_type": round(self.wrong_type, 6),
            "traits": list(self.traits),
            "notes": list(self.notes),
        }


def _spikes(cells: Cells | None) -> list[float]:
    """List the values that have a coarse cell of their own."""
    if not isinstance(cells, NumericCells):
        return []
    edges = cells.edges[cells.coarse]
    alone = edges[1:] <= np.nextafter(edges[:-1], np.inf)
    return [float(value) for value in edges[:-1][alone]]


@dataclass(frozen=True)
class Seen:
    """What is known of a model's traffic: a sample of rows, counts of each subject, and values of those with few."""

    rows: Chunk
    counted: Mapping[str, Counted]
    values: Mapping[str, Mapping[str, int]]


def is_numeric(subject: str, counted: Counted) -> bool:
    """Tell whether most of a subject's values are numbers."""
    return subject != LABEL and counted.numbers > 0 and counted.numbers >= counted.texts


def is_id(counted: Counted) -> bool:
    """Tell whether texts are ids or free text: many, and most of them differ."""
    return counted.different_texts > IDS_ABOVE and counted.different_texts > _MOSTLY_OWN * counted.texts


def listed(counted: Mapping[str, Counted]) -> list[str]:
    """Choose the subjects whose values are worth listing: categories, and numbers with few values."""
    return [
        name
        for name, some in counted.items()
        if (some.different_numbers <= FEW if is_numeric(name, some) else not is_id(some))
    ]


def propose(seen: Seen, known: ModelCells | None, source: Source, anew: Sequence[str] = ()) -> list[Proposal]:
    """Propose cells for every subject; frozen cells are kept, but those of subjects that match `anew`."""
    frozen = {n: c for n, c in known.cells.subjects.items() if n not in known.provisional} if known else {}
    provisional = known.provisional if known else frozenset()
    found = []
    for name in sorted(seen.counted, key=lambda name: (not name.startswith("prediction."), name)):
        again = name in frozen and any(fnmatch.fnmatchcase(name, pattern) for pattern in anew)
        if name in frozen and not again:
            found.append(_kept(name, frozen[name], seen.counted[name]))
            continue
        made = _propose(name, seen, source)
        if made.cells is not None:
            state = State.ANEW if again else State.PROVISIONAL if name in provisional else State.NEW
            made = replace(made, state=state)
        found.append(made)
    return found


def cells_of(proposals: Sequence[Proposal]) -> CellSet:
    """Give the cells of all subjects that get or have some."""
    return CellSet({p.subject: p.cells for p in proposals if p.cells is not None})


def _kept(name: str, cells: Cells, counted: Counted) -> Proposal:
    kept = Proposal(name, State.KEPT, Watch.ALL, cells, counted)
    if kept.wrong_type > _MOSTLY_OWN:
        note = f"most values are not {cells.kind}, as its frozen cells are: --recut {name} cuts them anew"
        return replace(kept, traits=("wrong-type",), notes=(note,))
    return kept


def _propose(name: str, seen: Seen, source: Source) -> Proposal:
    counted = seen.counted[name]
    values = counted.numbers + counted.texts
    if values < MIN_VALUES:
        note = f"{values} values in {counted.events} events: too few to cut cells from (at least {MIN_VALUES})"
        return Proposal(name, State.NONE, Watch.NOTHING, None, counted, ("too-few",), (note,))
    sample = [value for value in seen.rows.subjects.get(name, ()) if value is not None]
    made = _number(name, seen, source, sample) if is_numeric(name, counted) else _category(name, seen)
    traits, notes = list(made.traits), list(made.notes)
    if made.different == 1:
        traits.append("constant")
        notes.append("constant: only a change can show")
    if made.wrong_type:
        traits.append("wrong-type")
        notes.append(f"{made.wrong_type:.2%} of its values are of another type")
    if counted.missing > _MUCH_MISSING:
        traits.append("mostly-missing")
        notes.append(f"missing in {counted.missing:.0%} of events: windows hold few values of it")
    return replace(made, traits=tuple(traits), notes=tuple(notes))


def _number(name: str, seen: Seen, source: Source, sample: Sequence[Value]) -> Proposal:
    counted = seen.counted[name]
    main, other = fields_of(name, numeric=True)
    numbers = np.array([value for value in sample if isinstance(value, float)], dtype=np.float64)
    if _counts_up(numbers, seen.rows, name):
        cells = NumericCells(main, np.array([-_LARGEST, _LARGEST]), np.array([0, 1]), other)
        note = "a counter or a time: it rises from event to event, so only missing values and types are worth watching"
        return Proposal(name, State.NONE, Watch.MISSING, cells, counted, ("counter",), (note,))
    # The extremes decide the fences, and a rare value has its cell: they come from counts, not from the sample.
    exact = [counted.low, counted.high, *(float(text) for text in seen.values.get(name, ()))]
    cells = cut_numeric(
        np.concatenate([numbers, exact]), main, other_field=other, fine=SCORE_FINE if name == SCORE else FINE
    )
    if not (1 < counted.different_numbers <= FEW and _whole(np.array(exact))):
        return Proposal(name, State.NONE, Watch.ALL, cells, counted)
    whole = source.subjects is not None and set(source.types(name)) <= set(WHOLE_TYPES)
    remedy = (
        "`as: categorical` in `sources:` counts them as categories"
        if whole
        else "send them as texts and they count as categories"
    )
    note = f"{counted.different_numbers} whole numbers, a cell each; if they are a code, {remedy}: a new one is unseen"
    return Proposal(name, State.NONE, Watch.ALL, cells, counted, (INTEGER_CODE,), (note,))


def _whole(numbers: Floats) -> bool:
    return bool(np.all(numbers == np.floor(numbers)))


def _counts_up(numbers: Floats, rows: Chunk, name: str) -> bool:
    """Tell whether whole numbers differ in every event and rise with time."""
    if rows.times is None or len(numbers) <= IDS_ABOVE or not _whole(numbers):
        return False
    if len(np.unique(numbers)) < 0.99 * len(numbers):
        return False
    pairs = [(t, v) for t, v in zip(rows.times, rows.subjects[name], strict=True) if isinstance(v, float)]
    # Nearly all times and values differ, so ranks need no care for ties: this is Spearman's correlation.
    times, values = (np.argsort(np.argsort(side, kind="stable")) for side in zip(*pairs, strict=True))
    return bool(abs(np.corrcoef(times, values)[0, 1]) > _RISES)


def _category(name: str, seen: Seen) -> Proposal:
    counted = seen.counted[name]
    main, other = fields_of(name, numeric=False)
    if is_id(counted):
        cells = CategoricalCells(main, (), closed=False, other_field=other)
        different = min(counted.different_texts, counted.texts)
        note = (
            f"an id or free text, about {different:,} different values in {counted.texts:,}: only "
            "missing values and types are worth watching"
        )
        return Proposal(name, State.NONE, Watch.MISSING, cells, counted, ("id",), (note,))
    cut = cut_categorical(seen.values[name], main, other_field=other)
    if cut.closed:
        return Proposal(name, State.NONE, Watch.ALL, cut, counted)
    note = f"about {counted.different_texts:,} categories: beyond {VOCABULARY_MAX:,} a new one does not show as unseen"
    return Proposal(name, State.NONE, Watch.ALL, cut, counted, ("many-categories",), (note,))
