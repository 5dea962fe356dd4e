"""Episodes and their transitions as documents. Pure.

The shape under `mpm.alert` is that of Kibana's `kibana.alert.*`, so that a bridge to it stays simple.
"""

from collections.abc import Mapping
from typing import Any

from mpm_elk.alerts.episodes import RECOVERED, WITHDRAWN, Episode, Point, Series, Transition
from mpm_elk.alerts.people import peoples
from mpm_elk.cluster.fenced import Document
from mpm_elk.config.rules import Rule
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, monthly
from mpm_elk.rules.documents import rounded, segment_of
from mpm_elk.rules.evaluate import Evaluation
from mpm_elk.timespan import iso, parse_instant, to_ms

ACTIVE, ENDED = "active", "recovered"


def to_document(episode: Episode, rule: Rule, run_id: str, stored: Mapping[str, Any] | None) -> Document | None:
    """Make the document of an episode; None where `stored` says the same. What people set there is kept."""
    source = _source(episode, rule, episode.last, "alert")
    alert = source["mpm"]["alert"]
    alert |= {
        "status": ACTIVE if episode.active else ENDED,
        "start": iso(episode.start),
        "last_detected": iso(episode.last.end),
        "duration": {"us": (episode.last.end - episode.start) * 1000},
        "severity": episode.last.severity.value,
        "max_severity": episode.worst.severity.value,
        "reason": episode.worst.evaluation.reason,
        "evaluation": _evaluation(episode.worst),
        "windows": episode.windows,
        "flapping": episode.flapping,
        "opened_at": iso(episode.opened),
        **peoples(stored),
    }
    times = {
        "end": episode.end,
        "recovered_at": episode.recovered,
        "recovering_since": episode.recovering,
        "no_data_since": episode.no_data,
    }
    alert |= {name: iso(at) for name, at in times.items() if at is not None}
    if stored is not None and "inhibited_by" in stored["mpm"]["alert"]:
        alert["inhibited_by"] = stored["mpm"]["alert"]["inhibited_by"]
    source["event"] |= {"start": iso(episode.start), "severity": episode.worst.severity.rank}
    source["mpm"]["evidence"] = {
        "first_window": iso(episode.start),
        "worst": _evidence(episode.worst),
        "last": _evidence(episode.last),
    }
    if stored is not None and _essence(stored) == _essence(source):
        return None
    source["mpm"]["run"] = {"id": run_id}
    return Document(Index.ALERTS, episode.uuid, source)


def _essence(source: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out which run wrote a document."""
    return {**source, "mpm": {name: value for name, value in source["mpm"].items() if name != "run"}}


def _source(episode: Episode, rule: Rule | None, point: Point, kind: str) -> dict[str, Any]:
    series = episode.series
    source: dict[str, Any] = {
        "@timestamp": iso(point.end),
        "event": {"kind": kind, "module": "mpm", "dataset": "mpm.alert"},
        "rule": {"id": series.rule},
        "service": {"environment": series.model.environment},
        "mpm": {
            "model": {"name": series.model.name, "version": point.version},
            "subject": {"name": series.subject},
            "segment": series.segment.fields(),
            "segment_key": series.segment.key,
            "window": {"start": iso(point.start), "end": iso(point.end)},
            "alert": {"uuid": episode.uuid, "instance": {"id": series.instance}},
        },
    }
    if rule is not None and rule.description:
        source["rule"]["description"] = rule.description
    if rule is not None and rule.owner:
        source["mpm"]["owner"] = rule.owner
    if rule is not None and rule.runbook:
        source["mpm"]["runbook"] = rule.runbook
    return source


def _evaluation(point: Point) -> dict[str, Any]:
    names = ("metric", "value", "lower", "upper", "threshold", "p_adjusted")
    evaluation = point.evaluation.to_document()
    return {name: rounded(evaluation[name]) for name in names if name in evaluation}


def _evidence(point: Point) -> dict[str, Any]:
    index, document_id = point.document
    return {
        "window": {"start": iso(point.start), "end": iso(point.end)},
        "version": point.version,
        "metric": {"index": index, "id": document_id},
        "evaluation": rounded(point.evaluation.to_document()),
    }


def read_episode(source: Mapping[str, Any]) -> Episode:
    """Read an episode back; its transitions are in the events."""
    mpm = source["mpm"]
    model = ModelKey(source["service"]["environment"], mpm["model"]["name"])
    series = Series(model, source["rule"]["id"], mpm["subject"]["name"], segment_of(mpm))
    alert, evidence = mpm["alert"], mpm["evidence"]
    times = ("end", "opened_at", "recovering_since", "recovered_at", "no_data_since")
    at = {name: _ms(alert[name]) for name in times if name in alert}
    return Episode(
        series,
        _ms(alert["start"]),
        _read_point(evidence["last"]),
        _read_point(evidence["worst"]),
        alert["windows"],
        at.get("end"),
        at.get("opened_at", 0),
        at.get("recovering_since"),
        at.get("recovered_at"),
        at.get("no_data_since"),
        flapping=alert["flapping"],
    )


def _read_point(evidence: Mapping[str, Any]) -> Point:
    window, metric = evidence["window"], evidence["metric"]
    return Point(
        _ms(window["start"]),
        _ms(window["end"]),
        Evaluation.from_document(evidence["evaluation"]),
        evidence["version"],
        (metric["index"], metric["id"]),
    )


def _ms(text: str) -> int:
    return to_ms(parse_instant(text))


def withdrawn(stored: Mapping[str, Any], now_ms: int, run_id: str, why: str) -> Document:
    """End an episode that later events, or earlier windows, have taken the ground from."""
    alert = stored["mpm"]["alert"]
    changes = {
        "status": ENDED,
        "end": alert.get("end", alert["last_detected"]),
        "reason": f"withdrawn at {iso(now_ms)}: {why}; was: {alert['reason']}",
        "withdrawn": True,
    }
    kept = {name: value for name, value in alert.items() if name not in ("recovering_since", "no_data_since")}
    source = {**stored, "mpm": {**stored["mpm"], "alert": {**kept, **changes}, "run": {"id": run_id}}}
    return Document(Index.ALERTS, alert["uuid"], source)


def event_document(episode: Episode, rule: Rule | None, transition: Transition, now_ms: int, run_id: str) -> Document:
    """Make the document of a transition: what was known when it happened."""
    point = transition.point
    source = _source(episode, rule, point, "event")
    source["event"] |= {"action": transition.action, "created": iso(now_ms), "reason": point.evaluation.reason}
    source["mpm"]["alert"] |= {
        "status": ENDED if transition.action in (RECOVERED, WITHDRAWN) else ACTIVE,
        "severity": point.severity.value,
        "reason": point.evaluation.reason,
        "evaluation": _evaluation(point),
        "flapping": transition.flapping,
    }
    if transition.flapping and transition.worse:
        source["mpm"]["alert"]["worse"] = True
    source["mpm"]["evidence"] = _evidence(point)
    source["mpm"]["run"] = {"id": run_id}
    index = monthly(Index.ALERT_EVENTS, episode.series.model.name, episode.series.model.environment, point.end)
    return Document(index, digest("alert-event", episode.uuid, transition.action, str(point.end)), source)
