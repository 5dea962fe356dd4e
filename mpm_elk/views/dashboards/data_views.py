"""What the dashboards' compiler does not write: data views, saved searches, the tag. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.contract.names import Index
from mpm_elk.views.dashboards.saved import Object
from mpm_elk.views.dashboards.words import COUNT, METRIC_FORMATS, METRIC_LABELS, duration

CORE = "8.8.0"
VERSIONS = {"dashboard": "10.2.0", "index-pattern": "8.0.0", "search": "10.5.0", "tag": "8.0.0"}
"""The model version of each type: the floor that every Kibana from 8.19 takes and brings up to date by itself."""

TAG = "mpm-elk"
PREFIX = "[MPM] "

_MODEL = {
    "mpm.model.name": "Model",
    "mpm.model.version": "Version",
    "service.environment": "Environment",
    "mpm.segment_key": "Segment",
}
_COMMON = {**_MODEL, "mpm.subject.name": "Feature or output"}


@dataclass(frozen=True)
class DataView:
    """A data view: which indices, and how fields are called and shown."""

    id: str
    index: Index
    pattern: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, Object] = field(default_factory=dict)

    def to_saved(self) -> Object:
        """Make the saved object, opened."""
        labels = {name: {"customLabel": label} for name, label in sorted(self.labels.items())}
        attributes = {
            "title": self.pattern,
            "name": f"{PREFIX}{self.name}",
            "timeFieldName": "@timestamp",
            "allowHidden": False,
            "fields": [],
            "fieldAttrs": labels,
            "fieldFormatMap": dict(sorted(self.formats.items())),
            "runtimeFieldMap": {},
            "sourceFilters": [],
            "typeMeta": {},
        }
        return envelope("index-pattern", self.id, attributes, [])


DATA_VIEWS = (
    DataView(
        "mpm-metrics",
        Index.METRICS,
        Index.METRICS.pattern,
        "Metrics",
        _COMMON | METRIC_LABELS,
        METRIC_FORMATS,
    ),
    DataView(
        "mpm-profiles",
        Index.PROFILES,
        Index.PROFILES.pattern,
        "Counts by hour and day",
        _MODEL
        | {
            "@timestamp": "Start",
            "mpm.profile.granularity": "Length",
            "mpm.profile.count": "Predictions",
            "mpm.profile.failures": "Failed",
            "mpm.profile.end": "End",
        },
        {"mpm.profile.count": COUNT, "mpm.profile.failures": COUNT},
    ),
    DataView(
        "mpm-alerts",
        Index.ALERTS,
        f"{Index.ALERTS.value}*",
        "Alerts",
        _COMMON
        | {
            "@timestamp": "Last bad window's end",
            "rule.id": "Rule",
            "mpm.owner": "Owner",
            "mpm.alert.status": "Status",
            "mpm.alert.workflow_status": "Handling",
            "mpm.alert.assignee": "Assigned to",
            "mpm.alert.verdict": "Verdict",
            "mpm.alert.start": "Since",
            "mpm.alert.end": "Until",
            "mpm.alert.severity": "Severity now",
            "mpm.alert.max_severity": "At worst",
            "mpm.alert.reason": "Reason",
            "mpm.alert.duration.us": "Duration",
        },
        {"mpm.alert.duration.us": duration("microseconds")},
    ),
    DataView(
        "mpm-alert-events",
        Index.ALERT_EVENTS,
        Index.ALERT_EVENTS.pattern,
        "Changes of alerts",
        _COMMON
        | {
            "@timestamp": "When",
            "event.dataset": "About",
            "event.action": "Change",
            "event.duration": "After the first bad window",
            "event.reason": "Why",
            "rule.id": "Rule",
            "user.name": "Who",
            "mpm.alert.reason": "Reason",
            "mpm.notification.channel": "Channel",
        },
        {"event.duration": duration("nanoseconds")},
    ),
    DataView(
        "mpm-runs",
        Index.RUNS,
        Index.RUNS.pattern,
        "Runs of the job",
        {
            "@timestamp": "Ended",
            "event.outcome": "Outcome",
            "event.duration": "Duration",
            "mpm.run.id": "Run",
            "mpm.run.models": "Models",
            "mpm.run.counts.hours": "Hours read",
            "mpm.run.counts.profiles": "Profiles",
            "mpm.run.counts.metrics": "Metric documents",
            "mpm.run.counts.alerts": "Alerts",
            "mpm.run.counts.notifications": "Notifications sent",
            "mpm.run.counts.failed_models": "Models given up",
            "mpm.run.counts.behind_ms": "Lag",
            "mpm.run.counts.cpu_ms": "Processor time",
        },
        {
            "event.duration": duration("nanoseconds"),
            "mpm.run.counts.behind_ms": duration("milliseconds"),
            "mpm.run.counts.cpu_ms": duration("milliseconds"),
            **dict.fromkeys(
                (
                    *("mpm.run.counts.hours", "mpm.run.counts.profiles", "mpm.run.counts.metrics"),
                    *("mpm.run.counts.alerts", "mpm.run.counts.notifications", "mpm.run.counts.failed_models"),
                ),
                COUNT,
            ),
        },
    ),
    DataView(
        "mpm-quarantine",
        Index.QUARANTINE,
        Index.QUARANTINE.pattern,
        "Quarantine",
        {
            "@timestamp": "Arrived",
            "mpm.quarantine.state": "State",
            "mpm.quarantine.reason_code": "Reason",
            "mpm.quarantine.source": "Source",
            "mpm.quarantine.line": "Line",
            "error.message": "What is wrong",
        },
        {"mpm.quarantine.line": COUNT},
    ),
    DataView(
        "mpm-captures",
        Index.CAPTURES,
        Index.CAPTURES.pattern,
        "Captures",
        {
            "@timestamp": "Arrived",
            "mpm.capture.platform": "Platform",
            "mpm.capture.endpoint": "Endpoint",
            "mpm.capture.conversion.state": "State",
        },
    ),
)


@dataclass(frozen=True)
class SavedSearch:
    """A table of documents: which columns of which data view, chosen by a query, the newest first."""

    id: str
    view: str
    title: str
    description: str
    columns: Sequence[str]
    query: str = ""
    sort: str = "@timestamp"

    def to_saved(self) -> Object:
        """Make the saved object, opened."""
        name = "kibanaSavedObjectMeta.searchSourceJSON.index"
        source: dict[str, Any] = {
            "query": {"query": self.query, "language": "kuery"},
            "filter": [],
            "highlightAll": False,
            "version": True,
            "indexRefName": name,
        }
        attributes = {
            "title": f"{PREFIX}{self.title}",
            "description": self.description,
            "columns": list(self.columns),
            "sort": [[self.sort, "desc"]],
            "grid": {},
            "hideChart": True,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "usesAdHocDataView": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": source},
        }
        return envelope("search", self.id, attributes, [{"id": self.view, "name": name, "type": "index-pattern"}])


SEARCHES = (
    SavedSearch(
        "mpm-elk-alerts-newest",
        "mpm-alerts",
        "Newest alerts",
        "One line an alert, with its reason.",
        ("mpm.alert.status", "mpm.alert.workflow_status", "mpm.alert.max_severity", "mpm.model.name",
         "mpm.subject.name", "rule.id", "mpm.alert.start", "mpm.alert.reason"),
    ),
    SavedSearch(
        "mpm-elk-findings",
        "mpm-metrics",
        "Findings",
        "Windows that were a warning or critical, each in one sentence.",
        ("mpm.status", "mpm.model.name", "mpm.subject.name", "mpm.finding"),
        "mpm.status: (warning or critical)",
    ),
    SavedSearch(
        "mpm-elk-quarantine-newest",
        "mpm-quarantine",
        "Newest lines in quarantine",
        "What was not accepted, and why.",
        ("mpm.quarantine.state", "mpm.quarantine.reason_code", "mpm.quarantine.source", "mpm.quarantine.line",
         "error.message"),
    ),
    SavedSearch(
        "mpm-elk-runs-newest",
        "mpm-runs",
        "Newest runs",
        "What each run read and wrote.",
        ("event.outcome", "event.duration", "mpm.run.counts.cpu_ms", "mpm.run.counts.behind_ms",
         "mpm.run.counts.failed_models", "mpm.run.counts.hours", "mpm.run.counts.profiles", "mpm.run.counts.metrics",
         "mpm.run.counts.alerts", "mpm.run.models"),
    ),
)  # fmt: skip


def envelope(kind: str, identity: str, attributes: Object, references: list[Object]) -> Object:
    """Wrap attributes as Kibana stores them; what changes by itself is left out."""
    return {
        "id": identity,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE,
        "typeMigrationVersion": VERSIONS[kind],
        "managed": False,
    }


def tag() -> Object:
    """Make the tag that all our objects carry."""
    return envelope("tag", TAG, {"name": "MPM", "description": "Installed by mpm-elk", "color": "#4DD2CA"}, [])


def tagged(saved: Object) -> Object:
    """Add our tag to an object."""
    reference = {"id": TAG, "name": f"tag-ref-{TAG}", "type": "tag"}
    return {**saved, "references": [*saved["references"], reference]}


def our_objects() -> list[Object]:
    """Make everything but the dashboards, opened; what others refer to comes first."""
    return [
        tag(),
        *(view.to_saved() for view in DATA_VIEWS),
        *(tagged(search.to_saved()) for search in SEARCHES),
    ]
