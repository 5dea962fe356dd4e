"""Keep the alerts of a model in step with its judged windows: read what is stored, walk, write what changed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.documents import event_document, read_episode, to_document, withdrawn
from mpm_elk.alerts.episodes import REINSTATED, WITHDRAWN, Change, Episode, Point, Series, Transition
from mpm_elk.alerts.life import Life, follow, memory
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import Stored, get_many, put_if_unchanged
from mpm_elk.cluster.fenced import Document, append
from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.search import scan
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.rules.documents import segment_of
from mpm_elk.rules.evaluate import Evaluation
from mpm_elk.rules.judgement import Judgement, Monitor
from mpm_elk.timespan import format_span, iso, milliseconds, parse_instant, to_ms

Judged = Mapping[str, tuple[str, Judgement]]
"""Document id → index, judgement."""


@dataclass
class Kept:
    """What came of it: what happened to which episodes, and how many documents were written."""

    happened: list[tuple[Episode, Transition]] = field(default_factory=list)
    written: int = 0


@dataclass(frozen=True)
class AlertKeeper:
    """Keeps the episodes of one monitor's rules on one model. Without a lease it only says what it would do.

    Windows that end at or before `quiet_until` (ms) raise nothing: the model was learning then.
    """

    client: Elasticsearch
    lease: Lease | None
    model: ModelKey
    monitor: Monitor
    now_ms: int
    run_id: str
    quiet_until: int = 0
    backfill: bool = False
    """Whether earlier windows are judged: an episode that turns out to have begun there is another one."""

    def keep(self, judged: Judged, unkept: int | None = None, *, until: int = 0) -> Kept:
        """Bring the episodes up to date with this run's judgements, and with stored ones from `unkept` (ms) on.

        `until` (ms) is the end of what is judged; windows in which there was nothing to judge are no judgements.
        """
        length = milliseconds(self.monitor.length)
        starts = [j.start for _, j in judged.values()] + ([] if unkept is None else [unkept])
        if not starts and not until:
            return Kept()
        rules = {rule.id: rule for rule in self.monitor.rules}
        since = min(starts, default=until - length) - max(map(memory, self.monitor.rules)) * length
        before, stored = self._stored(since)
        points = self._points(judged, since, stored)

        lives = {
            series: follow(
                series, points.get(series, ()), rules[series.rule], until=until, changes=before.get(series, ())
            )
            for series in sorted({*points, *stored})
        }
        self._find(lives, stored)

        updates: list[tuple[Document, Stored | None]] = []
        events: list[tuple[Document, Episode, Transition]] = []
        kept = Kept()
        for series, life in lives.items():
            rule, known = rules[series.rule], stored.get(series, {})
            for episode in life.episodes:
                old = known.pop(episode.uuid, None)
                document = to_document(episode, rule, self.run_id, old.source if old else None)
                if document is not None:
                    updates.append((document, old))
                events += [self._event(episode, rule, t) for t in episode.transitions if t.point.start >= since]
                if old is not None and _is_withdrawn(old):
                    events.append(self._event(episode, rule, Transition(REINSTATED, episode.last)))
            for old in known.values():
                episode = read_episode(old.source)
                if not _is_withdrawn(old):
                    updates.append((withdrawn(old.source, self.now_ms, self.run_id, self._why), old))
                # Also for one that is withdrawn already: the run that did it may have died before it told so.
                events.append(self._event(episode, rule, Transition(WITHDRAWN, episode.last)))
        told = get_many(self.client, [(document.index, document.id) for document, *_ in events], ["event.action"])
        news = [event for event in events if event[0].id not in told]
        kept.happened = [(episode, transition) for _, episode, transition in news]
        kept.written = self._write(updates, [document for document, *_ in news])
        return kept

    def _find(self, lives: Mapping[Series, Life], stored: dict[Series, dict[str, Stored]]) -> None:
        """Read episodes that are stored although nothing showed that they matter: they were withdrawn long ago."""
        new = {e.uuid: s for s, life in lives.items() for e in life.episodes if e.uuid not in stored.get(s, {})}
        for uuid, document in get_many(self.client, [(str(Index.ALERTS), uuid) for uuid in new]).items():
            stored[new[uuid]][uuid] = document

    @property
    def _why(self) -> str:
        return "a backfill judged earlier windows" if self.backfill else "events that came late changed the numbers"

    def _event(self, episode: Episode, rule: Rule, transition: Transition) -> tuple[Document, Episode, Transition]:
        return event_document(episode, rule, transition, self.now_ms, self.run_id), episode, transition

    def _stored(self, since: int) -> tuple[dict[Series, list[Change]], dict[Series, dict[str, Stored]]]:
        """Read the episodes that were open at `since` or later: series → uuid → document.

        Gives first when those before them, as far back as flapping is counted, opened and recovered.
        """
        counted = max((rule.flapping.windows for rule in self.monitor.rules if rule.flapping), default=0)
        earlier = since - counted * milliseconds(self.monitor.length)
        recent = [
            {"range": {f"mpm.alert.{name}": {"gte": iso(at)}}}
            for name, at in (("last_detected", since), ("recovered_at", earlier))
        ]
        query = {
            "bool": {
                "filter": [*self.model.filters(), {"terms": {"rule.id": [rule.id for rule in self.monitor.rules]}}],
                "should": [{"term": {"mpm.alert.status": "active"}}, *recent],
                "minimum_should_match": 1,
            }
        }
        hits = scan(self.client, Index.ALERTS, {"query": query, "_source": False}, sort="mpm.alert.start")
        found: dict[Series, dict[str, Stored]] = defaultdict(dict)
        before: dict[Series, list[Change]] = defaultdict(list)
        for uuid, document in get_many(self.client, [(hit["_index"], hit["_id"]) for hit in hits]).items():
            episode = read_episode(document.source)
            if episode.recovered is not None and max(episode.recovered, episode.last.end) < since:
                if not _is_withdrawn(document):
                    rank = episode.worst.severity.rank
                    before[episode.series] += [(episode.opened, rank), (episode.recovered, rank)]
            else:
                found[episode.series][uuid] = document
        return before, found

    def _points(
        self, judged: Judged, since: int, stored: Mapping[Series, Mapping[str, Stored]]
    ) -> dict[Series, list[Point]]:
        """Gather the windows of every series: stored ones from `since` or an open episode's begin on, and new ones."""
        begins = {
            series: min(since, *(read_episode(document.source).start for document in episodes.values()))
            for series, episodes in stored.items()
        }
        points: dict[Series, list[Point]] = defaultdict(list)
        for hit in self._metrics(since, begins):
            if hit["_id"] in judged:
                continue
            mpm = hit["_source"]["mpm"]
            start, end = (to_ms(parse_instant(mpm["window"][name])) for name in ("start", "end"))
            for entry in mpm["evaluations"]:
                series = Series(self.model, entry["rule"], mpm["subject"]["name"], segment_of(mpm))
                if start >= begins.get(series, since) and series.rule in {rule.id for rule in self.monitor.rules}:
                    evaluation = Evaluation.from_document(entry)
                    where = (hit["_index"], hit["_id"])
                    points[series].append(Point(start, end, evaluation, mpm["model"]["version"], where))
        for document_id, (index, judgement) in judged.items():
            key = judgement.key
            for evaluation in judgement.evaluations:
                series = Series(self.model, evaluation.rule, key.subject, key.segment)
                where = (index, document_id)
                point = Point(judgement.start, judgement.end, evaluation, key.version.version, where)
                points[series].append(point)
        if self.quiet_until:
            # A series stays in the list: what it had raised before is withdrawn.
            return {series: [p for p in some if p.end > self.quiet_until] for series, some in points.items()}
        return points

    def _metrics(self, since: int, begins: Mapping[Series, int]) -> "list[dict[str, Any]]":
        clauses: list[dict[str, Any]] = [{"range": {"mpm.window.start": {"gte": iso(since)}}}]
        for series, start in begins.items():
            if start < since:
                clauses.append({"bool": {"filter": [
                    {"range": {"mpm.window.start": {"gte": iso(start), "lt": iso(since)}}},
                    {"term": {"mpm.subject.name": series.subject}},
                    {"term": {"mpm.segment_key": series.segment.key}},
                ]}})  # fmt: skip
        filters = [
            *self.model.filters(),
            {"term": {"mpm.window.length": format_span(self.monitor.length)}},
            {"term": {"mpm.reference.kind": str(self.monitor.reference)}},
        ]
        body = {
            "query": {"bool": {"filter": filters, "should": clauses, "minimum_should_match": 1}},
            "_source": ["mpm.model", "mpm.subject", "mpm.segment", "mpm.window", "mpm.evaluations"],
        }
        pattern = all_months(Index.METRICS, self.model.name, self.model.environment)
        return list(scan(self.client, pattern, body, sort="mpm.window.start"))

    def _write(self, updates: list[tuple[Document, Stored | None]], events: list[Document]) -> int:
        written = 0
        if self.lease is not None and updates:
            self.lease.keep()
            written += put_if_unchanged(self.client, updates)
            refresh(self.client, [Index.ALERTS])
        if self.lease is not None and events:
            self.lease.keep()
            written += append(self.client, events)
        return written


def _is_withdrawn(stored: Stored) -> bool:
    return bool(stored.source["mpm"]["alert"].get("withdrawn"))
