"""Judgements as documents of `mpm-metrics-v1-*`: one subject in one window, all its metrics as fields. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mpm_elk.cluster.fenced import Document
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import Segment
from mpm_elk.contract.names import Index, monthly
from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.metrics.finding import describe
from mpm_elk.metrics.metric import JOINT, JOINT_SUBJECT
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.store import content_hash
from mpm_elk.rules.judgement import Judgement, Monitor
from mpm_elk.timespan import format_span, iso

_DIGITS = 12
"""Sums of doubles differ in their last digits by the order of addition; what is written does not."""


def document_id(monitor: Monitor, judgement: Judgement) -> str:
    """Name the document of a judgement."""
    key = judgement.key
    return digest(
        "metric",
        key.version.environment,
        key.version.name,
        key.version.version,
        key.subject,
        key.segment.name,
        key.segment.value,
        str(judgement.start),
        format_span(monitor.length),
        str(monitor.reference),
    )


def to_document(monitor: Monitor, judgement: Judgement, cells: CellSet, *, quiet_until: int = 0) -> Document:
    """Make the document of a judgement, without its revision and run.

    A window that ends at or before `quiet_until` (ms) is one of the model's learning time, and says so.
    """
    key, measured, against = judgement.key, judgement.measured, str(monitor.reference)
    source: dict[str, Any] = {
        "@timestamp": iso(judgement.end),
        "event": {"kind": "metric", "module": "mpm", "dataset": "mpm.metric"},
        "service": {"environment": key.version.environment},
        "mpm": {
            "model": {"name": key.version.name, "version": key.version.version},
            "subject": _subject(key.subject, cells),
            "segment": key.segment.fields(),
            "segment_key": key.segment.key,
            "window": {
                "start": iso(judgement.start),
                "end": iso(judgement.end),
                "length": format_span(monitor.length),
            },
            "reference": _reference(judgement, against),
            "sample": {"window": measured.window, "reference": measured.reference},
            **_families(measured.values),
            "status": judgement.status.value,
            "finding": describe(key.subject, against, measured, judgement.p_adjusted),
            "evaluations": [rounded(evaluation.to_document()) for evaluation in judgement.evaluations],
        },
    }
    mpm = source["mpm"]
    family = "traffic" if key.subject == TRAFFIC_SUBJECT else "drift"
    if judgement.p_adjusted is not None:
        mpm.setdefault(family, {})["p_adjusted"] = rounded(judgement.p_adjusted)
    if measured.culprit is not None:
        mpm.setdefault(family, {})["culprit"] = measured.culprit
    if measured.distributions:
        mpm["distributions"] = dict(measured.distributions)
    if judgement.end <= quiet_until:
        mpm["learning"] = True
    mpm["hash"] = content_hash(source)
    index = monthly(Index.METRICS, key.version.name, key.version.environment, judgement.start)
    return Document(index, document_id(monitor, judgement), source)


def _subject(name: str, cells: CellSet) -> dict[str, str]:
    if name == TRAFFIC_SUBJECT:
        return {"name": name, "type": "model", "kind": "traffic"}
    if name == JOINT_SUBJECT:
        return {"name": name, "type": "features", "kind": JOINT}
    kind = "feature" if name.startswith("features.") else "prediction"
    return {"name": name, "type": kind, "kind": cells.subjects[name].kind}


def _reference(judgement: Judgement, against: str) -> dict[str, Any]:
    used = judgement.reference
    reference: dict[str, Any] = {"kind": against, "windows": used.windows, "excluded": used.excluded}
    if used.start is not None and used.end is not None:
        reference |= {"start": iso(used.start), "end": iso(used.end)}
    if used.versions:
        reference["versions"] = list(used.versions)
    if used.baseline:
        reference["baseline"] = used.baseline
    return reference


def _families(values: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Group `drift.psi` and its like to objects."""
    families: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        family, metric = name.split(".", 1)
        families.setdefault(family, {})[metric] = rounded(value)
    return families


def rounded(value: Any) -> Any:
    """Keep twelve digits of every float, in objects too."""
    if isinstance(value, dict):
        return {name: rounded(entry) for name, entry in value.items()}
    # Adding 0 makes −0 a plain 0, which JSON would write differently.
    return float(f"{value:.{_DIGITS}g}") + 0.0 if isinstance(value, float) else value


def revised(document: Document, stored: Mapping[str, Any] | None, run_id: str, cause: str) -> Document | None:
    """Add revision and run to a document; None where `stored`, the `mpm` object that is there, says the same."""
    mpm = document.source["mpm"]
    if stored is None:
        revision: dict[str, Any] = {"number": 1, "cause": "first"}
    elif stored["hash"] == mpm["hash"]:
        return None
    else:
        before = stored["revision"]
        first = before.get("first_value") or {"status": stored["status"], "evaluations": stored["evaluations"]}
        revision = {"number": before["number"] + 1, "cause": cause, "first_value": first}
    return replace(document, source={**document.source, "mpm": {**mpm, "revision": revision, "run": {"id": run_id}}})


def segment_of(mpm: Mapping[str, Any]) -> Segment:
    """Read the segment of a document."""
    return Segment.of(mpm["segment"])
