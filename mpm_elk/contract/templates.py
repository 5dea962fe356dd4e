"""Component templates, index templates and lifecycle policies: what `mpm-elk setup` installs.

Each kind of index has a trio: `mpm-x@mappings` and `mpm-x@settings` are ours, `mpm-x@custom` is the user's. The last
one wins, is optional, and is never touched. It is where a retention, more shards, or another codec go.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index
from mpm_elk.contract.roles import ROLES

Body = dict[str, Any]

VERSION = 4
"""Counts up with every change of what is installed. A cluster with a newer version is left alone."""

MANAGED_BY = "mpm-elk"

_PRIORITY = 500
"""Above the templates that the stack brings (100) and those of Fleet packages (200)."""

KEEP = "mpm-keep"
RUNS = "mpm-runs"


class Kind(StrEnum):
    """What can be installed, in the order in which one thing needs another."""

    POLICY = "lifecycle policy"
    COMPONENT = "component template"
    TEMPLATE = "index template"
    ROLE = "role"


@dataclass(frozen=True)
class Managed:
    """One thing that `setup` installs, with the body that its API takes."""

    kind: Kind
    name: str
    body: Body


_DESCRIPTIONS = {
    Index.PREDICTIONS: "Prediction events of models",
    Index.GROUND_TRUTH: "Ground truth as it was reported",
    Index.CAPTURES: "Payloads of other platforms, as they came",
    Index.PROFILES: "Mergeable counts of one hour or day of a model version",
    Index.METRICS: "Metrics of one subject in one window",
    Index.ALERTS: "Alert episodes",
    Index.ALERT_EVENTS: "Transitions of alert episodes",
    Index.RUNS: "Runs of the job",
    Index.MODELS: "Registered models, their schemas and cells",
    Index.BASELINES: "Stored counts that windows are compared with",
    Index.AUDIT: "Who changed what",
    Index.QUARANTINE: "Events that were not accepted",
    Index.STATE: "Leases, and how far each shard has been read",
}

# ILM counts the age from an index's creation, and its force-merge may make an index read-only. An index that still
# takes documents must not be merged: events arrive up to 400 days late, so a month is quiet after 31 + 400 days. Kinds
# with one lasting index, and the quarantine and the captures, whose documents change state, have no policy.
_POLICY_OF = {
    Index.PREDICTIONS: KEEP,
    Index.GROUND_TRUTH: KEEP,
    Index.PROFILES: KEEP,
    Index.METRICS: KEEP,
    Index.ALERT_EVENTS: KEEP,
    Index.AUDIT: KEEP,
    Index.RUNS: RUNS,
}

_HOT: Body = {"min_age": "0ms", "actions": {"set_priority": {"priority": 100}}}

_POLICIES: dict[str, Body] = {
    KEEP: {
        "description": "Deletes nothing. Months that take no more documents are merged into one segment.",
        "phases": {
            "hot": _HOT,
            "warm": {
                "min_age": "450d",
                "actions": {"set_priority": {"priority": 10}, "forcemerge": {"max_num_segments": 1}},
            },
        },
    },
    RUNS: {
        "description": "Deletes the reports of runs after 450 days.",
        "phases": {"hot": _HOT, "delete": {"min_age": "450d", "actions": {"delete": {}}}},
    },
}

# Features are counted after dots are joined: 2000 of an event in either branch, and the fixed fields.
_MANY_FIELDS: Body = {"total_fields": {"limit": 5000, "ignore_dynamic_beyond_limit": True}}


def root(index: Index) -> str:
    """Name the templates of a kind: `mpm-predictions`."""
    return index.value.rsplit("-", 1)[0]


def patterns(index: Index) -> list[str]:
    """Match the one lasting index of a kind, and its monthly ones."""
    return [index.value, index.pattern]


def managed(*, lifecycle: bool = True) -> list[Managed]:
    """List all that `setup` installs, in order. Without `lifecycle` no policy is installed or named."""
    policies = [_sign(Managed(Kind.POLICY, name, _policy(name))) for name in _POLICIES] if lifecycle else []
    components = [_sign(made) for index in MAPPINGS for made in _components(index, lifecycle=lifecycle)]
    templates = [_sign(Managed(Kind.TEMPLATE, root(index), _template(index))) for index in MAPPINGS]
    roles = [_sign(Managed(Kind.ROLE, name, body)) for name, body in ROLES.items()]
    return [*policies, *components, *templates, *roles]


def _policy(name: str) -> Body:
    policy = _POLICIES[name]
    return {"policy": {"_meta": {"description": policy["description"]}, "phases": policy["phases"]}}


def _components(index: Index, *, lifecycle: bool) -> list[Managed]:
    name, described = root(index), _DESCRIPTIONS[index]
    return [
        Managed(
            Kind.COMPONENT,
            f"{name}@mappings",
            {"template": {"mappings": MAPPINGS[index]}, "_meta": {"description": f"{described}: fields"}},
        ),
        Managed(
            Kind.COMPONENT,
            f"{name}@settings",
            {
                "template": {"settings": {"index": _settings(index, lifecycle=lifecycle)}},
                "_meta": {"description": f"{described}: settings"},
            },
        ),
    ]


def _settings(index: Index, *, lifecycle: bool) -> Body:
    settings: Body = {
        "codec": "best_compression",
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "mapping": _MANY_FIELDS
        if index is Index.PREDICTIONS
        else {"total_fields": {"ignore_dynamic_beyond_limit": True}},
    }
    if lifecycle and index in _POLICY_OF:
        settings["lifecycle"] = {"name": _POLICY_OF[index]}
    return settings


def _template(index: Index) -> Body:
    name = root(index)
    return {
        "index_patterns": patterns(index),
        "priority": _PRIORITY,
        "composed_of": [f"{name}@mappings", f"{name}@settings", f"{name}@custom"],
        "ignore_missing_component_templates": [f"{name}@custom"],
        "allow_auto_create": True,
        "_meta": {"description": _DESCRIPTIONS[index]},
    }


def _sign(made: Managed) -> Managed:
    """Add version, owner and a hash of the content, where the API of this kind keeps such things."""
    signature = {"managed": True, "managed_by": MANAGED_BY, "content_hash": _content_hash(made.body)}
    match made.kind:
        case Kind.COMPONENT | Kind.TEMPLATE:
            body = {**made.body, "version": VERSION, "_meta": {**made.body["_meta"], **signature}}
        case Kind.POLICY:
            policy = made.body["policy"]
            body = {"policy": {**policy, "_meta": {**policy["_meta"], **signature, "version": VERSION}}}
        case Kind.ROLE:
            body = {**made.body, "metadata": {**signature, "version": VERSION}}
    return Managed(made.kind, made.name, body)


def _content_hash(body: Body) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def signature(kind: Kind, body: Body) -> Body:
    """Read who installed a thing, in which version: `managed_by`, `version`, `content_hash`, each where it is known."""
    found: Body
    match kind:
        case Kind.COMPONENT | Kind.TEMPLATE:
            found = {**(body.get("_meta") or {}), "version": body.get("version")}
        case Kind.POLICY:
            found = body.get("policy", {}).get("_meta") or {}
        case Kind.ROLE:
            found = body.get("metadata") or {}
    return found
