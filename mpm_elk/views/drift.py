"""What is stored of a model's windows: find the metric documents that a reader asks for, or say what there is."""

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.keys import ALL, ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.errors import RegistryError, UsageError
from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.rules.judgement import ALL_VERSIONS
from mpm_elk.timespan import DAY_MS, iso, parse_instant, to_ms
from mpm_elk.views.lines import Line, in_order, line

LATEST = "latest"
_MANY = 10_000
_DATE = len("2026-11-24")


@dataclass(frozen=True)
class Wanted:
    """What to show: of which model, and what of it. `features` are names or patterns, without any all are shown."""

    model: ModelKey
    features: tuple[str, ...] = ()
    version: str | None = None
    segment: str = ALL
    window: str = LATEST
    against: str | None = None


@dataclass(frozen=True)
class Section:
    """One version's subjects in one window, against one reference: their documents (what is under `mpm`) and lines."""

    version: str
    against: str
    window: Mapping[str, str]
    documents: Sequence[Mapping[str, Any]]

    @property
    def lines(self) -> list[Line]:
        """The subjects, the worst first."""
        return in_order(map(line, self.documents))

    @property
    def reference(self) -> Mapping[str, Any]:
        """What the subjects were compared with: that of the first one."""
        found: Mapping[str, Any] = self.documents[0]["reference"]
        return found

    def to_document(self) -> dict[str, Any]:
        """Write the section as JSON."""
        return {
            "version": self.version,
            "against": self.against,
            "window": dict(self.window),
            "subjects": list(self.documents),
        }


@dataclass(frozen=True)
class Found:
    """What was found: subjects by version and reference, and the traffic of all versions together."""

    wanted: Wanted
    sections: Sequence[Section]
    traffic: Sequence[Section]

    def to_document(self) -> dict[str, Any]:
        """Write all as JSON."""
        return {
            "model": self.wanted.model.name,
            "environment": self.wanted.model.environment,
            "segment": self.wanted.segment,
            "sections": [section.to_document() for section in self.sections],
            "traffic": [section.to_document() for section in self.traffic],
        }


@dataclass(frozen=True)
class _Group:
    """Windows of one length, of one version, against one reference; `start` (ms) is that of the last."""

    version: str
    against: str
    length: str
    start: int

    def clause(self) -> dict[str, Any]:
        terms = {
            "mpm.model.version": self.version,
            "mpm.reference.kind": self.against,
            "mpm.window.length": self.length,
            "mpm.window.start": iso(self.start),
        }
        return {"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}}


def find(client: Elasticsearch, wanted: Wanted) -> Found:
    """Find the documents. Raises RegistryError that says what there is where nothing fits."""
    there = _what_is_there(client, wanted.model)
    subjects = _subjects(wanted, there["subjects"])
    _require("version", wanted.version, [v for v in there["versions"] if v != ALL_VERSIONS], wanted.model)
    _require("segment", wanted.segment, there["segments"], wanted.model)
    _require("reference", wanted.against, there["against"], wanted.model)
    filters = _filters(wanted, subjects)
    groups = _newest(_groups(client, wanted.model, filters))
    if not groups:
        raise RegistryError(
            f"nothing is stored of {wanted.model} that fits all of these",
            remedy=_where(client, wanted, subjects, there),
        )
    documents = _read(client, wanted.model, [*filters, _any(group.clause() for group in groups)])
    sections: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for mpm in documents:
        key = mpm["model"]["version"], mpm["reference"]["kind"], mpm["window"]["length"]
        sections.setdefault(key, []).append(mpm)
    made = [
        Section(version, against, some[0]["window"], some) for (version, against, _), some in sorted(sections.items())
    ]
    return Found(
        wanted,
        [section for section in made if section.version != ALL_VERSIONS],
        [section for section in made if section.version == ALL_VERSIONS],
    )


def _what_is_there(client: Elasticsearch, model: ModelKey) -> dict[str, list[str]]:
    """List versions, segments, references and subjects of a model. Raises RegistryError where there is nothing."""
    fields = {
        "versions": "mpm.model.version",
        "segments": "mpm.segment_key",
        "against": "mpm.reference.kind",
        "subjects": "mpm.subject.name",
    }
    aggregations = {name: _terms(field) for name, field in fields.items()}
    aggregations |= {"first": {"min": {"field": "mpm.window.start"}}, "last": {"max": {"field": "mpm.window.end"}}}
    answer = _aggregate(client, _pattern(model), model.filters(), aggregations)
    found = {name: [bucket["key"] for bucket in answer[name]["buckets"]] for name in fields} if answer else {}
    if not found or not found["subjects"]:
        raise _unknown(client, model)
    span = [iso(int(answer[name]["value"]))[:16].replace("T", " ") for name in ("first", "last")]
    return {**found, "span": span}


def _unknown(client: Elasticsearch, model: ModelKey) -> RegistryError:
    """Say which models have metrics, and which of them may have been meant."""
    by_name = {**_terms("mpm.model.name"), "aggs": {"environments": _terms("service.environment")}}
    answer = _aggregate(client, Index.METRICS.pattern, [], {"models": by_name})
    models = {
        bucket["key"]: [inner["key"] for inner in bucket["environments"]["buckets"]]
        for bucket in (answer["models"]["buckets"] if answer else [])
    }
    if not models:
        remedy = "nothing was measured yet: send predictions, then `mpm-elk run`"
    elif model.name in models:
        remedy = f"it has metrics in {', '.join(models[model.name])}: name it with --environment"
    elif alike := difflib.get_close_matches(model.name, models, n=1):
        remedy = f"did you mean {alike[0]}?"
    else:
        remedy = f"models with metrics: {', '.join(sorted(models)[:20])}"
    return RegistryError(f"no metrics of {model} are stored", remedy=remedy)


def _subjects(wanted: Wanted, there: Sequence[str]) -> list[str]:
    """Find the subjects that the names or patterns mean: `temp` is `features.temp`, `score` is `prediction.score`."""
    known = [name for name in there if name != TRAFFIC_SUBJECT]
    chosen: dict[str, None] = {}
    for pattern in wanted.features:
        forms = (pattern, f"features.{pattern}", f"prediction.{pattern}")
        found = [name for name in known if any(name == form or fnmatch.fnmatchcase(name, form) for form in forms)]
        if not found:
            short = {name.split(".", 1)[-1]: name for name in known}
            alike = difflib.get_close_matches(pattern.split(".", 1)[-1], short, n=1)
            raise RegistryError(
                f"no metrics of the feature {pattern!r} of {wanted.model} are stored",
                remedy=f"did you mean {alike[0]!r}?" if alike else f"there are: {', '.join(sorted(short))}",
            )
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _require(what: str, name: str | None, there: Sequence[str], model: ModelKey) -> None:
    if name is None or name in there:
        return
    alike = difflib.get_close_matches(name, there, n=1)
    listed = ", ".join(sorted(there)[:20])
    raise RegistryError(
        f"no metrics of {model} are stored for the {what} {name!r}",
        remedy=f"did you mean {alike[0]!r}? There are: {listed}" if alike else f"there are: {listed}",
    )


def _filters(wanted: Wanted, subjects: Sequence[str]) -> list[dict[str, Any]]:
    filters = [*wanted.model.filters(), {"term": {"mpm.segment_key": wanted.segment}}, *_when(wanted.window)]
    if subjects:
        filters.append({"terms": {"mpm.subject.name": list(subjects)}})
    if wanted.version is not None:
        filters.append({"terms": {"mpm.model.version": [wanted.version, ALL_VERSIONS]}})
    if wanted.against is not None:
        filters.append({"term": {"mpm.reference.kind": wanted.against}})
    return filters


def _when(window: str) -> list[dict[str, Any]]:
    """Choose windows that a day touches, or that hold an instant. Raises UsageError for what is no time."""
    if window == LATEST:
        return []
    try:
        start = to_ms(parse_instant(window))
    except ValueError:
        message = f"{window!r} is no window"
        raise UsageError(message, remedy=f"write {LATEST}, a day (2026-11-24), or a time (2026-11-24T05:00Z)") from None
    end = start + (DAY_MS if len(window.strip()) <= _DATE else 1)
    return [{"range": {"mpm.window.start": {"lt": iso(end)}}}, {"range": {"mpm.window.end": {"gt": iso(start)}}}]


def _groups(client: Elasticsearch, model: ModelKey, filters: Sequence[Mapping[str, Any]]) -> list[_Group]:
    last = {"last": {"max": {"field": "mpm.window.start"}}}
    by_length = {**_terms("mpm.window.length"), "aggs": last}
    by_reference = {**_terms("mpm.reference.kind"), "aggs": {"length": by_length}}
    by_version = {**_terms("mpm.model.version"), "aggs": {"against": by_reference}}
    answer = _aggregate(client, _pattern(model), filters, {"version": by_version})
    return [
        _Group(version["key"], against["key"], length["key"], int(length["last"]["value"]))
        for version in (answer["version"]["buckets"] if answer else [])
        for against in version["against"]["buckets"]
        for length in against["length"]["buckets"]
    ]


def _newest(groups: Iterable[_Group]) -> list[_Group]:
    """Keep the groups of the last window of each length: not a version or a rule that has gone since."""
    known = list(groups)
    last = {group.length: max(g.start for g in known if g.length == group.length) for group in known}
    return [group for group in known if group.start == last[group.length]]


def _where(client: Elasticsearch, wanted: Wanted, subjects: Sequence[str], there: Mapping[str, Sequence[str]]) -> str:
    """Say when there is something, for a reader who asked for a time when there is nothing."""
    whenever = Wanted(wanted.model, wanted.features, wanted.version, wanted.segment, LATEST, wanted.against)
    groups = _groups(client, wanted.model, _filters(whenever, subjects))
    first, last = there["span"]
    span = f"windows are stored from {first} to {last}"
    if not groups:
        return f"{span}; leave an option out"
    return f"{span}, the last that fits begins {iso(max(group.start for group in groups))[:16].replace('T', ' ')}"


def _read(client: Elasticsearch, model: ModelKey, filters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    body = {"query": {"bool": {"filter": filters}}, "_source": ["mpm"]}
    return [hit["_source"]["mpm"] for hit in scan(client, _pattern(model), body, sort="mpm.subject.name")]


def _any(clauses: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def _terms(field: str) -> dict[str, Any]:
    return {"terms": {"field": field, "size": _MANY, "order": {"_key": "asc"}}}


def _aggregate(
    client: Elasticsearch, index: str, filters: Sequence[Mapping[str, Any]], aggregations: Mapping[str, Any]
) -> dict[str, Any]:
    """Aggregate over some documents; empty where there is no index."""
    body = {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": filters}}, "aggs": aggregations}
    [answer] = search_all(client, [Search(index, body)])
    found: dict[str, Any] = answer.get("aggregations", {})
    return found


def _pattern(model: ModelKey) -> str:
    return all_months(Index.METRICS, model.name, model.environment)
