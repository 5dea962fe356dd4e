"""Do what people ask for with stored alerts: find them by the start of their id, and write only what nobody changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.people import Action, changed, deed_document
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import Stored, get_many, put_if_unchanged
from mpm_elk.cluster.fenced import Document, append
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.contract.names import Index
from mpm_elk.errors import ChangedError, UsageError

_TRIES = 5
_SHOWN = 3


@dataclass(frozen=True)
class Done:
    """One alert after an action, and whether the action changed it."""

    source: dict[str, Any]
    changed: bool

    @property
    def uuid(self) -> str:
        """The alert's id."""
        return str(self.source["mpm"]["alert"]["uuid"])


def find(client: Elasticsearch, ids: Sequence[str]) -> list[str]:
    """Give the whole ids of alerts that are named by the start of their id.

    Raises UsageError for a start that no alert has, or several.
    """
    names = [Search(Index.ALERTS, _starting(name)) for name in ids]
    return [_only(name, answer["hits"]["hits"]) for name, answer in zip(ids, search_all(client, names), strict=True)]


def _starting(name: str) -> dict[str, Any]:
    return {
        "query": {"prefix": {"mpm.alert.uuid": name}},
        "size": _SHOWN + 1,
        "_source": False,
        "sort": [{"mpm.alert.uuid": "asc"}],
    }


def _only(name: str, hits: Sequence[dict[str, Any]]) -> str:
    found = [str(hit["_id"]) for hit in hits]
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if not found:
        raise UsageError(f"no alert's id begins with {name!r}", remedy="`mpm-elk alerts list --status all` shows ids")
    some = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    raise UsageError(f"several alerts' ids begin with {name!r}: {some}", remedy="give more of the id")


def act(client: Elasticsearch, ids: Sequence[str], action: Action) -> list[Done]:
    """Apply an action to alerts, named by the start of their ids, and tell the trail.

    Given again after a crash it finishes what was begun, and does nothing twice.
    """
    return [_act(client, uuid, action) for uuid in dict.fromkeys(find(client, ids))]


def _act(client: Elasticsearch, uuid: str, action: Action) -> Done:
    for last in range(_TRIES - 1, -1, -1):
        stored = _read(client, uuid)
        _tell(client, stored.source)  # the command before this one may have died before it told the trail
        source = changed(stored.source, action)
        if source is None:
            return Done(stored.source, changed=False)
        try:
            put_if_unchanged(client, [(Document(Index.ALERTS, uuid, source), stored)])
        except ChangedError:
            if not last:
                raise
            continue
        refresh(client, [Index.ALERTS])
        _tell(client, source)
        return Done(source, changed=True)
    raise AssertionError  # the last try returns or raises


def _read(client: Elasticsearch, uuid: str) -> Stored:
    return get_many(client, [(Index.ALERTS, uuid)])[uuid]


def _tell(client: Elasticsearch, source: dict[str, Any]) -> None:
    if "handled" in source["mpm"]["alert"]:
        append(client, [deed_document(source)])
