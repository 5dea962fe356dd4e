"""What a model's events hold of each subject, counted in Elasticsearch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.source import IGNORED, Clause, Source
from mpm_elk.profiles.cells import LABEL, OUTPUTS
from mpm_elk.profiles.cut import VOCABULARY_MAX
from mpm_elk.profiles.requests import key_text
from mpm_elk.registry.training import fields_of

FEW = 50
"""Numbers with at most so many different values are listed."""

_SUBJECTS_AT_ONCE = 20


@dataclass(frozen=True)
class Place:
    """The fields of a subject's numbers and of its texts, where there can be any; `ignored` tells of lost values."""

    numbers: str | None
    texts: str | None
    ignored: str | None = None


@dataclass(frozen=True)
class Counted:
    """What a subject's events carry.

    `events` are those in which it could be (inference did not fail); `lost` values could not be indexed in their field.
    The numbers of different values are Elasticsearch's estimates (HyperLogLog++, near exact up to some thousands).
    """

    events: int
    numbers: int = 0
    texts: int = 0
    lost: int = 0
    different_numbers: int = 0
    different_texts: int = 0
    low: float = 0.0
    high: float = 0.0

    @property
    def missing(self) -> float:
        """The share of events without any value."""
        return 1 - (self.numbers + self.texts + self.lost) / self.events if self.events else 0.0


@dataclass(frozen=True)
class Chosen:
    """The events of a model in a time [start, end) (ms)."""

    index: str
    model: ModelKey
    source: Source
    start: int
    end: int

    def query(self) -> dict[str, Any]:
        """Choose them, without failed inferences."""
        filters: list[Clause] = [*self.source.filters(self.model), self.source.between(self.start, self.end)]
        return {"bool": {"filter": filters, **self.source.without_failed}}


def place_of(subject: str, source: Source) -> Place:
    """Say where a subject is: ours has a field for numbers and one for texts, another source has one field."""
    if source.subjects is not None:
        field = source.subjects[subject]
        ignored = field.name if field.malformed == IGNORED else None
        return Place(field.name, None, ignored) if field.numeric else Place(None, field.name, ignored)
    if subject in OUTPUTS:
        main, _ = fields_of(subject, numeric=subject != LABEL)
        return Place(None, main) if subject == LABEL else Place(main, None)
    numbers, texts = fields_of(subject, numeric=True)
    return Place(numbers, texts)


def count_subjects(client: Elasticsearch, chosen: Chosen, subjects: Sequence[str]) -> dict[str, Counted]:
    """Count the values of each subject."""
    groups = list(_groups(subjects))
    searches = [Search(chosen.index, _body(chosen, group)) for group in groups]
    found: dict[str, Counted] = {}
    for group, answer in zip(groups, search_all(client, searches), strict=True):
        for at, name in enumerate(group):
            found[name] = _read(answer, at)
    return found


def _groups(subjects: Sequence[str]) -> Iterator[list[str]]:
    left = iter(subjects)
    while some := list(islice(left, _SUBJECTS_AT_ONCE)):
        yield some


def _body(chosen: Chosen, group: Sequence[str]) -> dict[str, Any]:
    aggregations: dict[str, Any] = {}
    for at, name in enumerate(group):
        place = place_of(name, chosen.source)
        if place.numbers:
            aggregations[f"{at}n"] = {"stats": {"field": place.numbers}}
            aggregations[f"{at}dn"] = {"cardinality": {"field": place.numbers}}
        if place.texts:
            aggregations[f"{at}t"] = {"value_count": {"field": place.texts}}
            aggregations[f"{at}dt"] = {"cardinality": {"field": place.texts}}
        if place.ignored:
            aggregations[f"{at}w"] = {"filter": {"term": {IGNORED: place.ignored}}}
    return {"size": 0, "track_total_hits": True, "query": chosen.query(), "aggs": aggregations}


def _read(answer: Mapping[str, Any], at: int) -> Counted:
    found = answer.get("aggregations", {})
    stats, texts = found.get(f"{at}n", {"count": 0}), found.get(f"{at}t", {"value": 0})
    low, high = (stats["min"], stats["max"]) if stats["count"] else (0.0, 0.0)
    return Counted(
        events=answer["hits"]["total"]["value"],
        numbers=stats["count"],
        texts=texts["value"],
        lost=found.get(f"{at}w", {"doc_count": 0})["doc_count"],
        different_numbers=found.get(f"{at}dn", {"value": 0})["value"],
        different_texts=found.get(f"{at}dt", {"value": 0})["value"],
        low=float(low),
        high=float(high),
    )


def count_values(client: Elasticsearch, chosen: Chosen, fields: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Count the different values of some subjects' fields: all of them where there are few, else the most frequent."""
    size = VOCABULARY_MAX + 1
    names = sorted(fields)
    searches = [
        Search(
            chosen.index,
            {
                "size": 0,
                "track_total_hits": False,
                "query": chosen.query(),
                "aggs": {"v": {"terms": {"field": fields[name], "size": size, "shard_size": 2 * size}}},
            },
        )
        for name in names
    ]
    answers = search_all(client, searches)
    return {
        name: {key_text(bucket): bucket["doc_count"] for bucket in answer.get("aggregations", {})["v"]["buckets"]}
        for name, answer in zip(names, answers, strict=True)
    }
