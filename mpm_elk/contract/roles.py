"""The roles that `mpm-elk setup` installs: each may do what its part of the system does, and nothing else.

`auto_configure` lets a bulk request create the index that it writes to, and lets a new feature into the mapping.
`create_doc` adds documents and can neither change nor delete one. The cluster privilege `monitor` answers
`GET /_cluster/health` and `GET /`, which Logstash, the client and `mpm-elk` ask before they work.
"""

from typing import Any

from mpm_elk.contract.names import FROM_CAPTURES, Index

Body = dict[str, Any]

_APPEND = ["create_doc", "auto_configure"]
_WRITE = ["read", "write", "auto_configure", "view_index_metadata", "monitor", "maintenance"]
_READ = ["read", "view_index_metadata"]

_PUT_MAPPING = "indices:admin/mapping/put"
"""The action behind `PUT {index}/_mapping`. The named privilege that holds it, `manage`, could delete indices too."""


def _names(*indices: Index) -> list[str]:
    """Name an index of every kind, and all monthly ones of that kind."""
    return [name for index in indices for name in (index.value, index.pattern)]


def _grant(indices: list[str], privileges: list[str]) -> Body:
    return {"names": indices, "privileges": privileges}


_EVENTS = _names(Index.PREDICTIONS, Index.GROUND_TRUTH)
_CAPTURES = _names(Index.CAPTURES)
_FROM_CAPTURES = [f"{index}-{FROM_CAPTURES}*" for index in (Index.PREDICTIONS, Index.GROUND_TRUTH)]
_QUARANTINE = _names(Index.QUARANTINE)
_RESULTS = _names(Index.PROFILES, Index.METRICS, Index.RUNS)
_REGISTRY = _names(Index.MODELS, Index.BASELINES)
_ALERTS = _names(Index.ALERTS)
_APPEND_ONLY = _names(Index.ALERT_EVENTS, Index.AUDIT)

ROLES: dict[str, Body] = {
    # Adds events. A repeated event gets 409 from `op_type=create`, which needs no right to read.
    "mpm_shipper": {
        "cluster": ["monitor"],
        "indices": [_grant([*_EVENTS, *_CAPTURES, *_QUARANTINE], _APPEND)],
    },
    # Reads events by sequence number, writes results. Raw events and past entries of the trail stay as they are; what
    # it made from captures itself it may make again. `index` lets it note in a capture what became of it, no more.
    "mpm_job": {
        "cluster": ["monitor"],
        "indices": [
            _grant(_EVENTS, [*_READ, "monitor", "maintenance"]),
            _grant(_CAPTURES, [*_READ, "index", "monitor", "maintenance"]),
            _grant(_FROM_CAPTURES, _WRITE),
            _grant([*_QUARANTINE, *_RESULTS, *_REGISTRY, *_ALERTS, *_names(Index.STATE)], _WRITE),
            _grant(_APPEND_ONLY, [*_READ, *_APPEND, "monitor", "maintenance"]),
        ],
    },
    # People and dashboards.
    "mpm_reader": {
        "cluster": ["monitor"],
        "indices": [
            _grant([*_EVENTS, *_CAPTURES, *_QUARANTINE, *_RESULTS, *_REGISTRY, *_ALERTS, *_APPEND_ONLY], _READ),
        ],
    },
    # Who is on call: reads what readers read, and says what is done about alerts.
    "mpm_responder": {
        "cluster": ["monitor"],
        "indices": [
            _grant([*_EVENTS, *_CAPTURES, *_QUARANTINE, *_RESULTS, *_REGISTRY, *_names(Index.AUDIT)], _READ),
            _grant(_ALERTS, [*_READ, "index", "maintenance"]),
            _grant(_names(Index.ALERT_EVENTS), [*_READ, *_APPEND]),
        ],
    },
    # Runs `setup`, keeps the registry, acknowledges alerts, retries the quarantine. Roles themselves are installed by
    # who holds `manage_security`: that privilege can grant every other, so it is not given here.
    "mpm_admin": {
        "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
        "indices": [
            _grant([*_EVENTS, *_CAPTURES], [*_READ, *_APPEND, "monitor", "maintenance", _PUT_MAPPING]),
            _grant([*_QUARANTINE, *_REGISTRY, *_ALERTS], [*_WRITE, _PUT_MAPPING]),
            _grant(_APPEND_ONLY, [*_READ, *_APPEND, "monitor", "maintenance", _PUT_MAPPING]),
            _grant([*_RESULTS, *_names(Index.STATE)], [*_READ, "monitor", _PUT_MAPPING]),
        ],
    },
}
