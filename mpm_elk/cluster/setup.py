"""Install templates, lifecycle policies and roles in Elasticsearch, and take them out again. Data is never deleted."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from elasticsearch import ApiError, AuthorizationException, Elasticsearch

from mpm_elk.cluster.client import reason, translate, translated
from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index
from mpm_elk.contract.templates import MANAGED_BY, VERSION, Body, Kind, Managed, managed, patterns, root, signature
from mpm_elk.errors import ClusterError

_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_PATHS = {
    Kind.POLICY: "/_ilm/policy",
    Kind.COMPONENT: "/_component_template",
    Kind.TEMPLATE: "/_index_template",
    Kind.ROLE: "/_security/role",
}
_NO_SUCH_API = (400, 405, 410, 501)
"""What a GET without parameters answers where the API does not exist; 410 on serverless."""

_LACKS = {
    Kind.POLICY: "this cluster has no index lifecycle management; old months are neither merged nor deleted",
    Kind.ROLE: "this cluster has no role API; write the roles in index_templates/roles/ into roles.yml",
}


class Action(StrEnum):
    """What happened to one thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    SKIPPED = "skipped"
    KEPT = "kept"


@dataclass(frozen=True)
class Change:
    """What was done, or with a dry run would be done, to one thing. `detail` says why it was not."""

    kind: str
    name: str
    action: Action
    detail: str = ""


class _LacksError(Exception):
    """The cluster, or the user, cannot do this; setup goes on without."""


def install(client: Elasticsearch, *, dry_run: bool = False, force: bool = False) -> list[Change]:
    """Bring templates, policies and roles to this version, and say what changed.

    Everything is compared before anything is written. Raises ClusterError where a newer version is installed, or where
    something of the same name is not ours and `force` is not given. `mpm-*@custom` templates are never touched.
    """
    installed: dict[Kind, dict[str, Body]] = {}
    lacking: dict[Kind, str] = {}
    for kind in Kind:
        try:
            installed[kind] = _installed(client, kind)
        except _LacksError as lacks:
            lacking[kind] = str(lacks)
    wanted = managed(lifecycle=Kind.POLICY not in lacking)
    present = [Managed(kind, name, body) for kind, bodies in installed.items() for name, body in bodies.items()]
    _refuse_downgrade(present)
    if not force:
        _refuse_foreign(wanted, present)
    changes = [Change(kind, made.name, Action.SKIPPED, why) for kind, why in lacking.items() for made in _all_of(kind)]
    changes += [
        _bring(client, made, installed[made.kind].get(made.name), dry_run=dry_run)
        for made in wanted
        if made.kind not in lacking
    ]
    return changes + _extend_existing(client, changes, dry_run=dry_run)


def remove(client: Elasticsearch, *, dry_run: bool = False) -> list[Change]:
    """Take out what `install` put in, and say what is gone. Indices and their documents stay.

    What somebody else installed under our names is kept, and so is what is still used, with the reason.
    """
    changes: list[Change] = []
    for kind in reversed(Kind):
        try:
            bodies = _installed(client, kind)
        except _LacksError as lacks:
            changes += [Change(kind, made.name, Action.SKIPPED, str(lacks)) for made in _all_of(kind)]
            continue
        changes += [_take_out(client, Managed(kind, name, body), dry_run=dry_run) for name, body in bodies.items()]
    return changes


def _all_of(kind: Kind) -> list[Managed]:
    return [made for made in managed() if made.kind is kind]


def _request(client: Elasticsearch, method: str, path: str, body: Body | None = None) -> Any:
    return client.perform_request(method, path, headers=_HEADERS, body=body).body


def _installed(client: Elasticsearch, kind: Kind) -> dict[str, Body]:
    """Read what is installed under our names. Raises _LacksError where the cluster does not have this API."""
    # Roles cannot be listed by a pattern.
    path = _PATHS[kind] if kind is Kind.ROLE else f"{_PATHS[kind]}/mpm-*"
    try:
        found = _request(client, "GET", path)
    except ApiError as error:
        if error.meta.status == 404:
            return {}
        if kind in _LACKS and error.meta.status in _NO_SUCH_API:
            raise _LacksError(_LACKS[kind]) from error
        if kind is Kind.ROLE and isinstance(error, AuthorizationException):
            why = "this user may not manage roles; run setup as a user with `manage_security`"
            raise _LacksError(why) from error
        raise translate(error) from error
    # What another version of ours installed is our concern too, or `remove` would leave it.
    names = {made.name for made in _all_of(kind)}
    return {name: body for name, body in _bodies(kind, found).items() if name in names or _is_ours(kind, body)}


def _bodies(kind: Kind, found: Body) -> dict[str, Body]:
    match kind:
        case Kind.COMPONENT:
            return {each["name"]: each["component_template"] for each in found["component_templates"]}
        case Kind.TEMPLATE:
            return {each["name"]: each["index_template"] for each in found["index_templates"]}
        case Kind.POLICY | Kind.ROLE:
            return found


def _is_ours(kind: Kind, body: Body) -> bool:
    return signature(kind, body).get("managed_by") == MANAGED_BY


def _refuse_downgrade(present: list[Managed]) -> None:
    newest = max(
        (signature(made.kind, made.body).get("version") or 0 for made in present if _is_ours(made.kind, made.body)),
        default=0,
    )
    if newest > VERSION:
        message = f"the cluster holds version {newest} of the templates, this mpm-elk brings version {VERSION}"
        raise ClusterError(
            message, remedy="update mpm-elk; to go back, run `mpm-elk setup --remove` with the newer one"
        )


def _refuse_foreign(wanted: list[Managed], present: list[Managed]) -> None:
    names = {(made.kind, made.name) for made in wanted}
    foreign = [
        f"{made.kind} {made.name}"
        for made in present
        if (made.kind, made.name) in names and not _is_ours(made.kind, made.body)
    ]
    if foreign:
        message = f"not installed by mpm-elk, but under its name: {', '.join(foreign)}"
        raise ClusterError(message, remedy="rename or remove them, or overwrite them with `mpm-elk setup --force`")


def _bring(client: Elasticsearch, made: Managed, present: Body | None, *, dry_run: bool) -> Change:
    """Create or update one thing where it differs."""
    if present is not None and signature(made.kind, present) == signature(made.kind, made.body):
        return Change(made.kind, made.name, Action.UNCHANGED)
    action = Action.CREATED if present is None else Action.UPDATED
    if dry_run:
        return Change(made.kind, made.name, action)
    try:
        _request(client, "PUT", f"{_PATHS[made.kind]}/{made.name}", made.body)
    except ApiError as error:
        # A cluster can have the role API and yet be unable to store a role: the minimal distribution is one.
        if made.kind is Kind.ROLE and error.meta.status in (*_NO_SUCH_API, 403):
            detail = f"Elasticsearch did not store it ({reason(error)}); the role is in index_templates/roles/"
            return Change(made.kind, made.name, Action.SKIPPED, detail)
        raise translate(error) from error
    return Change(made.kind, made.name, action)


def _extend_existing(client: Elasticsearch, changes: list[Change], *, dry_run: bool) -> list[Change]:
    """Give new fields to the indices that exist already: a template by itself reaches new ones only."""
    changed = {change.name for change in changes if change.action in (Action.CREATED, Action.UPDATED)}
    return [
        change
        for index in MAPPINGS
        if f"{root(index)}@mappings" in changed
        for change in _extend(client, index, dry_run=dry_run)
    ]


def _extend(client: Elasticsearch, index: Index, *, dry_run: bool) -> list[Change]:
    with translated():
        names = sorted(client.indices.get_settings(index=patterns(index), ignore_unavailable=True, name="index.uuid"))
    if not names:
        return []
    what, target = "fields of existing indices", f"{root(index)} ({len(names)})"
    if dry_run:
        return [Change(what, target, Action.UPDATED)]
    try:
        client.indices.put_mapping(
            index=patterns(index), ignore_unavailable=True, allow_no_indices=True, **MAPPINGS[index]
        )
    except ApiError as error:
        if error.meta.status not in (400, 403):
            raise translate(error) from error
        detail = f"{reason(error)}; these indices keep the fields that they have"
        return [Change(what, target, Action.KEPT, detail)]
    return [Change(what, target, Action.UPDATED)]


def _take_out(client: Elasticsearch, made: Managed, *, dry_run: bool) -> Change:
    if not _is_ours(made.kind, made.body):
        return Change(made.kind, made.name, Action.KEPT, "not installed by mpm-elk")
    if not dry_run:
        try:
            _request(client, "DELETE", f"{_PATHS[made.kind]}/{made.name}")
        except ApiError as error:
            # In use by a template or an index of the user's.
            if error.meta.status in (400, 409):
                return Change(made.kind, made.name, Action.KEPT, reason(error))
            raise translate(error) from error
    return Change(made.kind, made.name, Action.REMOVED)
