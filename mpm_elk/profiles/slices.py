"""Slices: the events of one segment, or of a combination of several, counted apart by value.

Values have profiles of their own once they are *named*: the frequent ones at first, and whatever comes later, as long
as there is room. All other events are in `(other)`, those without a value in `(missing)`, so that the profiles of a
slice add up to all events that did not fail. Pure.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpm_elk.contract.keys import MISSING, OTHER, Segment, names_in
from mpm_elk.contract.limits import CATEGORY_MAX, COMBINATIONS_MAX, SEGMENT_VALUES_MAX
from mpm_elk.contract.source import Source

Values = tuple[str, ...]
"""One value of each segment of a slice."""

_LOOK = {1: 1000, 2: 100, 3: 20}
"""How many values of each segment a look for new ones can meet, by the number of segments."""
_PAIRS_MAX = 1000
"""How many combinations a search may meet: each answers with all its cells."""


@dataclass(frozen=True)
class Slice:
    """A segment or a combination by its `name`, the `values` that are named, and the subjects that are counted."""

    name: str
    values: tuple[Values, ...] = ()
    subjects: tuple[str, ...] = ()

    @cached_property
    def names(self) -> list[str]:
        """The segments that it is made of."""
        return names_in(self.name)

    @cached_property
    def columns(self) -> list[list[str]]:
        """The named values of each segment, in order."""
        return [sorted(set(column)) for column in zip(*self.values, strict=True)]

    @property
    def width(self) -> int:
        """The most profiles that one hour can answer with: every combination, `(other)`, and `(missing)`."""
        return math.prod(map(len, self.columns)) + 2

    def segment(self, values: Values) -> Segment:
        """Give the segment of some values."""
        return Segment.of(dict(zip(self.names, values, strict=True)))

    def aggregations(self, source: Source, inner: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for `inner` in every named value, in the others, and where there is none."""
        fields = [source.segment_field(name) for name in self.names]
        named: dict[str, Any] = dict(inner)
        for field, values in reversed(list(zip(fields, self.columns, strict=True))):
            named = {"value": {"terms": {"field": field, "include": values, "size": len(values)}, "aggs": named}}
        present = [{"exists": {"field": field}} for field in fields]
        known = [{"terms": {field: values}} for field, values in zip(fields, self.columns, strict=True)]
        other = {"bool": {"filter": present, "must_not": [{"bool": {"filter": known}}]}}
        missing = {"bool": {"must_not": [{"bool": {"filter": present}}]}}
        return {
            **named,
            "other": {"filter": other, "aggs": dict(inner)},
            "missing": {"filter": missing, "aggs": dict(inner)},
        }

    def read(self, bucket: Mapping[str, Any]) -> Iterator[tuple[Segment, Mapping[str, Any]]]:
        """Give the segment of each bucket in one hour's answer; several may belong to `(other)`."""
        wanted = set(self.values)
        for values, found in _leaves(bucket, len(self.names)):
            yield self.segment(values if values in wanted else (OTHER,) * len(values)), found
        for name, value in (("other", OTHER), ("missing", MISSING)):
            if bucket[name]["doc_count"]:
                yield self.segment((value,) * len(self.names)), bucket[name]


def _leaves(bucket: Mapping[str, Any], depth: int) -> Iterator[tuple[Values, Mapping[str, Any]]]:
    """Walk down nested terms."""
    if depth == 0:
        yield (), bucket
        return
    for entry in bucket["value"]["buckets"]:
        for values, leaf in _leaves(entry, depth - 1):
            yield (_text(entry), *values), leaf


def _text(bucket: Mapping[str, Any]) -> str:
    return str(bucket.get("key_as_string", bucket["key"]))


def look_for_values(name: str, known: Sequence[Values], source: Source) -> dict[str, Any]:
    """Ask how many events have which value; of a plain segment only those that are not known yet."""
    names = names_in(name)
    aggregation: dict[str, Any] = {}
    for part in reversed(names):
        terms: dict[str, Any] = {"field": source.segment_field(part), "size": _LOOK[len(names)]}
        if known and len(names) == 1:
            terms["exclude"] = [value for (value,) in known]
        aggregation = {"value": {"terms": terms, **({"aggs": aggregation} if aggregation else {})}}
    return aggregation


def values_found(name: str, answer: Mapping[str, Any]) -> dict[Values, int]:
    """Read what `look_for_values` asked for."""
    if "aggregations" not in answer:
        return {}
    return {values: leaf["doc_count"] for values, leaf in _leaves(answer["aggregations"], len(names_in(name)))}


def named(known: Iterable[Values], found: Mapping[Values, int]) -> tuple[Values, ...]:
    """Add the most frequent of the values that were found to the known ones, as long as there is room.

    A value that was named stays named, and one that was not is in `(other)` for good once there is no room: so a
    profile never has to be split afterwards.
    """
    chosen = list(dict.fromkeys(known))
    taken = set(chosen)
    for values in sorted(found, key=lambda values: (-found[values], values)):
        if values in taken or any(value in (OTHER, MISSING) or len(value) > CATEGORY_MAX for value in values):
            continue
        wider = Slice("", (*chosen, values))
        most = SEGMENT_VALUES_MAX if len(values) == 1 else COMBINATIONS_MAX
        if len(chosen) < most and math.prod(map(len, wider.columns)) <= _PAIRS_MAX:
            chosen.append(values)
            taken.add(values)
    return tuple(chosen)
