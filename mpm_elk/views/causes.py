"""What an alert goes with, as stored: cells, versions, segments, other subjects, changes by people, other models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mpm_elk.alerts.causes import Part, Sides, Split, about, by_cells, by_groups, by_size
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.search import scan
from mpm_elk.config import Config
from mpm_elk.config.references import Reference, parse_reference
from mpm_elk.contract.keys import EVERYTHING, Segment, VersionKey, names_in
from mpm_elk.contract.names import Index, all_months
from mpm_elk.job.timelines import read_alarms
from mpm_elk.metrics.reference import members
from mpm_elk.profiles.cells import Cells, Ints
from mpm_elk.profiles.profile import SubjectProfile
from mpm_elk.profiles.store import Wanted, read
from mpm_elk.profiles.timeline import Slots, Timeline, subject, unit_for
from mpm_elk.registry.store import load
from mpm_elk.rules.documents import segment_of
from mpm_elk.rules.judgement import Alarms
from mpm_elk.timespan import iso, parse_instant, parse_span, to_ms
from mpm_elk.views.alerts import Alert, listed
from mpm_elk.views.alerts import Wanted as WantedAlerts


@dataclass(frozen=True)
class Causes:
    """What an alert goes with; what cannot be told is left out.

    `cells` are parts of the change of the worst window; `splits` the same by version and by segment; `subjects` the
    parts of all subjects' numbers of this kind in that window; `changes` what people changed near its begin; `upstream`
    the alerts of other models at the same time, by what their subject and this one both come from.
    """

    cells: Sequence[Part] = ()
    splits: Sequence[Split] = ()
    subjects: Sequence[Part] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    upstream: Mapping[str, Sequence[Alert]] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {
            "cells": [vars(part) for part in self.cells],
            "splits": [
                {
                    "by": split.by,
                    "mix": [vars(part) for part in split.mix],
                    "within": [vars(part) for part in split.within],
                    "new": list(split.new),
                    "gone": list(split.gone),
                }
                for split in self.splits
            ],
            "subjects": [vars(part) for part in self.subjects],
            "changes": list(self.changes),
            "upstream": {
                name: [{"model": a.model.name, "rule": a.rule, "subject": a.subject, "uuid": a.uuid} for a in alerts]
                for name, alerts in self.upstream.items()
            },
        }


def causes(client: Elasticsearch, config: Config, alert: Alert) -> Causes:
    """Gather what an alert goes with, as its worst window and the profiles of that time have it."""
    evidence = alert.source["mpm"]["evidence"]["worst"]
    place = evidence["metric"]["index"], evidence["metric"]["id"]
    stored = get_many(client, [place])
    upstream = dict(_upstream(client, config, alert))
    changes = list(_changes(client, alert))
    if place[1] not in stored:
        return Causes(changes=changes, upstream=upstream)
    mpm = stored[place[1]].source["mpm"]
    metric = str(evidence["evaluation"]["metric"])
    return Causes(
        _cells(metric, mpm),
        _Splitting.of(client, config, alert, metric, mpm).splits(),
        by_size(_like(client, alert, metric, mpm)),
        changes,
        upstream,
    )


def _cells(metric: str, mpm: Mapping[str, Any]) -> list[Part]:
    if "distributions" not in mpm or not metric.startswith("drift."):
        return []
    drawn = mpm["distributions"]
    return by_cells(drawn["cells"], np.array(drawn["window"]), np.array(drawn["reference"]))


def _like(client: Elasticsearch, alert: Alert, metric: str, mpm: Mapping[str, Any]) -> dict[str, float]:
    """Read the same number of all subjects of the same type in the same window: subject → number."""
    family, name = metric.split(".", 1)
    terms = {
        "mpm.model.version": mpm["model"]["version"],
        "mpm.subject.type": mpm["subject"]["type"],
        "mpm.segment_key": mpm["segment_key"],
        "mpm.window.start": mpm["window"]["start"],
        "mpm.window.length": mpm["window"]["length"],
        "mpm.reference.kind": mpm["reference"]["kind"],
    }
    filters = [*alert.model.filters(), *({"term": {name: value}} for name, value in terms.items())]
    body = {"query": {"bool": {"filter": filters}}, "_source": ["mpm.subject.name", f"mpm.{metric}"]}
    pattern = all_months(Index.METRICS, alert.model.name, alert.model.environment)
    hits = [hit["_source"]["mpm"] for hit in scan(client, pattern, body, sort="@timestamp")]
    return {hit["subject"]["name"]: abs(hit[family][name]) for hit in hits if name in hit.get(family, {})}


def _changes(client: Elasticsearch, alert: Alert) -> Iterator[dict[str, Any]]:
    """Read what people changed in the two windows before the alert began, and in its first one."""
    window = alert.source["mpm"]["evidence"]["worst"]["window"]
    length = _ms(window["end"]) - _ms(window["start"])
    start = _ms(alert.about["start"])
    span = {"range": {"@timestamp": {"gte": iso(start - 2 * length), "lt": iso(start + length)}}}
    body = {"query": {"bool": {"filter": [*alert.model.filters(), span]}}}
    for hit in scan(client, f"{Index.AUDIT}-*", body, sort="@timestamp"):
        source = hit["_source"]
        if "alert" not in source["mpm"]:
            who = source.get("user", {}).get("name")
            yield {"at": source["@timestamp"], "action": source["event"]["action"], "by": who}


def _upstream(client: Elasticsearch, config: Config, alert: Alert) -> Iterator[tuple[str, list[Alert]]]:
    """Find alerts of other models at the same time whose subject comes from where this one's does."""
    mine = config.upstream(alert.model.name, alert.source["mpm"]["subject"]["name"])
    if not mine:
        return
    start, end = _span(alert)
    wanted = WantedAlerts(environment=alert.model.environment, status=None, since=start)
    others = [
        other for other in listed(client, wanted) if other.model != alert.model and _span(other)[0] < end
    ]  # fmt: skip
    for name in mine:
        same = [
            other
            for other in others
            if name in config.upstream(other.model.name, other.source["mpm"]["subject"]["name"])
        ]
        if same:
            yield name, same


def _span(alert: Alert) -> tuple[int, int]:
    return _ms(alert.about["start"]), _ms(alert.about["last_detected"])


@dataclass(frozen=True)
class _Splitting:
    """One subject's worst window and its reference, so that both can be had of any version and segment."""

    metric: str
    subject: str
    cells: Cells | None
    version: VersionKey
    segment: Segment
    reference: Reference
    timeline: Timeline
    fixed: Timeline | None
    chosen: Sequence[int]
    segments: Sequence[str]

    @classmethod
    def of(
        cls, client: Elasticsearch, config: Config, alert: Alert, metric: str, mpm: Mapping[str, Any]
    ) -> "_Splitting":
        """Read the profiles of the window and of its reference."""
        reference, length = parse_reference(mpm["reference"]["kind"]), parse_span(mpm["window"]["length"])
        start, end = _ms(mpm["window"]["start"]), _ms(mpm["window"]["end"])
        name, segment = mpm["subject"]["name"], segment_of(mpm)
        found = load(client, alert.model).cells
        cells = found.cells.subjects.get(name) if found else None
        version = alert.model.version(mpm["model"]["version"])
        earlier = _ms(mpm["reference"]["start"]) if "start" in mpm["reference"] else start
        fixed = None
        if reference.fixed is not None:
            fixed, earlier = _filled(client, alert, length, reference.fixed), start
        timeline = _filled(client, alert, length, (min(earlier, start), end))
        at = timeline.size - 1
        slots, _ = timeline.lineage(version, segment)
        counted = subject(slots, name)
        usable = np.array([profile is not None and profile.present + profile.missing > 0 for profile in counted])
        about = mpm["window"]["length"], mpm["reference"]["kind"]
        alarms = Alarms(read_alarms(client, alert.model, *about, (timeline.start, timeline.end)))
        flagged = alarms.flags(name, segment, timeline)
        chosen = np.flatnonzero(members(reference, length, usable, ~flagged)[at]).tolist()
        declared = config.segments(alert.model.name) if segment == EVERYTHING else ()
        return cls(metric, name, cells, version, segment, reference, timeline, fixed, chosen, declared)

    def splits(self) -> list[Split]:
        """Split the change by version, and by each segment that is counted."""
        if self.cells is None:
            return []
        found = [by_groups("version", self._versions())]
        found += [by_groups(name, self._values(name)) for name in self.segments]
        return [split for split in found if split is not None]

    def _versions(self) -> dict[str, Sides]:
        if self.fixed is not None or not self.chosen:
            return {}
        sides = {}
        for (version, segment), slots in sorted(self.timeline.windows.items()):
            if segment == self.segment:
                sides[version.version] = self._counts(slots[-1:]), self._counts([slots[at] for at in self.chosen])
        return _known(sides)

    def _values(self, name: str) -> dict[str, Sides]:
        """Count each value of a segment in the window and in the reference."""
        holders = [self.timeline, *([self.fixed] if self.fixed else [])]
        values = {s for holder in holders for _, s in holder.windows if s.name == name}
        sides = {}
        for segment in sorted(values):
            slots, _ = self.timeline.lineage(self.version, segment)
            label = segment.value if len(names_in(name)) == 1 else segment.key
            sides[label] = self._counts(slots[-1:]), self._counts(self._reference(segment, slots))
        return _known(sides)

    def _reference(self, segment: Segment, slots: Slots) -> Slots:
        if self.fixed is not None:
            return self.fixed.lineage(self.version, segment)[0]
        if self.reference.kind == "version":
            other = self.version.model.version(self.reference.version or "")
            return self.timeline.windows.get((other, segment), [None])[-1:]
        return [slots[at] for at in self.chosen]

    def _counts(self, slots: Slots) -> Ints:
        """Add windows up, and count them as the metric sees them, in coarse cells."""
        assert self.cells is not None  # noqa: S101 — the caller has looked
        total: Ints | None = None
        for cells in (self.cells, self.cells.coarsened()):
            some = [p for p in subject(slots, self.subject) if p is not None and p.cells_hash == cells.hash]
            if some:
                counts = about(self.metric, cells, sum(some[1:], some[0]))
                total = counts if total is None else total + counts
        if total is None:
            nothing = SubjectProfile(self.cells.hash, np.zeros(self.cells.size, dtype=np.int64), 0, 0)
            total = about(self.metric, self.cells, nothing)
        return total


def _known(sides: dict[str, Sides]) -> dict[str, Sides]:
    return {name: (window, before) for name, (window, before) in sides.items() if window.sum() or before.sum()}


def _filled(client: Elasticsearch, alert: Alert, length: timedelta, span: tuple[int, int]) -> Timeline:
    size = int(length.total_seconds() * 1000)
    timeline = Timeline(span[0], size, (span[1] - span[0]) // size)
    timeline.add(read(client, alert.model, Wanted(unit_for(length), *span)))
    return timeline


def _ms(text: str) -> int:
    return to_ms(parse_instant(text))
