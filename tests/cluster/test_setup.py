"""What setup decides, against a stand-in that stores what it is sent.

The stand-in has the APIs that the minimal distribution lacks (lifecycle policies, storing roles), and can lack any of
them. That Elasticsearch takes the bodies is shown in tests/integration/test_setup.py.
"""

import fnmatch
import json
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders
from elastic_transport._node import NodeApiResponse
from elasticsearch import Elasticsearch

from mpm_elk.cli.setup import command
from mpm_elk.cluster.setup import Action, Change, install, remove
from mpm_elk.config import Config
from mpm_elk.contract.templates import VERSION, Kind, managed
from mpm_elk.errors import ClusterError, PermissionDeniedError

Stored = dict[str, dict[str, Any]]
PREFIXES = {
    "/_ilm/policy": Kind.POLICY,
    "/_component_template": Kind.COMPONENT,
    "/_index_template": Kind.TEMPLATE,
    "/_security/role": Kind.ROLE,
}


class StandIn(BaseNode):
    """Answers the setup's requests from memory."""

    stored: ClassVar[dict[Kind, Stored]]
    indices: ClassVar[list[str]]
    answers: ClassVar[dict[tuple[str, str], tuple[int, Any]]]
    writes: ClassVar[list[str]]

    def perform_request(self, method: str, target: str, body: bytes | None = None, **_: object) -> NodeApiResponse:  # type: ignore[override]
        path = target.split("?", maxsplit=1)[0]
        status, answer = self._answer(method, path, json.loads(body) if body else None)
        headers = HttpHeaders({"x-elastic-product": "Elasticsearch", "content-type": "application/json"})
        meta = ApiResponseMeta(status, "1.1", headers, 0.0, self.config)
        return NodeApiResponse(meta, json.dumps(answer).encode())

    def close(self) -> None:
        pass

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        for (wanted, prefix), answer in self.answers.items():
            if method == wanted and path.startswith(prefix):
                return answer
        if method != "GET":
            self.writes.append(f"{method} {path}")
        for prefix, kind in PREFIXES.items():
            if path.startswith(prefix):
                return self._store(method, kind, path.removeprefix(prefix).strip("/"), body)
        if path.endswith("_settings/index.uuid"):
            root = path.split("-v1", maxsplit=1)[0].strip("/") + "-v1"
            return 200, {name: {"settings": {}} for name in self.indices if name.startswith(root)}
        return 200, {"acknowledged": True}

    def _store(self, method: str, kind: Kind, name: str, body: Any) -> tuple[int, Any]:
        held = self.stored[kind]
        if method == "PUT":
            held[name] = body
            return 200, {"acknowledged": True}
        if method == "DELETE":
            held.pop(name)
            return 200, {"acknowledged": True}
        found = {each: held[each] for each in held if not name or fnmatch.fnmatch(each, name)}
        match kind:
            case Kind.COMPONENT:
                return 200, {"component_templates": [{"name": n, "component_template": b} for n, b in found.items()]}
            case Kind.TEMPLATE:
                return 200, {"index_templates": [{"name": n, "index_template": b} for n, b in found.items()]}
            case Kind.POLICY | Kind.ROLE:
                return (200, found) if found else (404, {})


@pytest.fixture
def cluster() -> type[StandIn]:
    class Cluster(StandIn):
        stored: ClassVar[dict[Kind, Stored]] = {kind: {} for kind in Kind}
        indices: ClassVar[list[str]] = []
        answers: ClassVar[dict[tuple[str, str], tuple[int, Any]]] = {}
        writes: ClassVar[list[str]] = []

    return Cluster


@pytest.fixture
def client(cluster: type[StandIn]) -> Elasticsearch:
    return Elasticsearch("http://localhost:9200", node_class=cluster, max_retries=0)


def actions(changes: list[Change], kind: str | None = None) -> set[Action]:
    return {change.action for change in changes if kind in (None, change.kind)}


def no_handler(path: str) -> tuple[int, Any]:
    return 400, {"error": f"no handler found for uri [{path}] and method [GET]"}


def test_installs_everything_once(client: Elasticsearch, cluster: type[StandIn]) -> None:
    assert actions(install(client)) == {Action.CREATED}
    assert {(kind, name): body for kind, held in cluster.stored.items() for name, body in held.items()} == {
        (made.kind, made.name): made.body for made in managed()
    }
    # A template needs its components, and these the policies.
    written = [write.split("/")[1] for write in cluster.writes]
    assert list(dict.fromkeys(written)) == ["_ilm", "_component_template", "_index_template", "_security"]
    cluster.writes.clear()
    assert actions(install(client)) == {Action.UNCHANGED}
    assert cluster.writes == []


def test_dry_run_writes_nothing_and_says_the_same(client: Elasticsearch, cluster: type[StandIn]) -> None:
    cluster.indices.append("mpm-alerts-v1")
    foretold = install(client, dry_run=True)
    assert cluster.writes == []
    assert foretold == install(client)
    foretold = remove(client, dry_run=True)
    assert all(cluster.stored.values())
    assert foretold == remove(client)


def test_updates_what_an_older_version_installed(client: Elasticsearch, cluster: type[StandIn]) -> None:
    install(client)
    cluster.stored[Kind.TEMPLATE]["mpm-metrics"]["version"] = VERSION - 1
    cluster.stored[Kind.ROLE]["mpm_job"]["metadata"]["content_hash"] = "older"
    changed = [change for change in install(client) if change.action is not Action.UNCHANGED]
    assert changed == [
        Change(Kind.TEMPLATE, "mpm-metrics", Action.UPDATED),
        Change(Kind.ROLE, "mpm_job", Action.UPDATED),
    ]


def test_new_fields_reach_existing_indices(client: Elasticsearch, cluster: type[StandIn]) -> None:
    install(client)
    cluster.indices += ["mpm-alerts-v1", "mpm-alert-events-v1-2026.11"]
    cluster.stored[Kind.COMPONENT]["mpm-alerts@mappings"]["_meta"]["content_hash"] = "older"
    cluster.writes.clear()
    changes = install(client)
    assert Change("fields of existing indices", "mpm-alerts (1)", Action.UPDATED) in changes
    assert [write for write in cluster.writes if "_mapping" in write] == ["PUT /mpm-alerts-v1,mpm-alerts-v1-*/_mapping"]


def test_a_field_that_cannot_be_added_is_said(client: Elasticsearch, cluster: type[StandIn]) -> None:
    cluster.indices.append("mpm-alerts-v1")
    cluster.answers["PUT", "/mpm-alerts-v1"] = (
        400,
        {"error": {"reason": "mapper [x] cannot be changed"}, "status": 400},
    )
    (kept,) = (change for change in install(client) if change.action is Action.KEPT)
    assert kept.name == "mpm-alerts (1)"
    assert "cannot be changed" in kept.detail


@pytest.mark.parametrize("status", [400, 405, 410])
def test_does_without_lifecycle_management(client: Elasticsearch, cluster: type[StandIn], status: int) -> None:
    cluster.answers["GET", "/_ilm"] = (status, no_handler("/_ilm")[1])
    changes = install(client)
    assert actions(changes, Kind.POLICY) == {Action.SKIPPED}
    assert "lifecycle" not in json.dumps(cluster.stored[Kind.COMPONENT])
    assert actions(install(client), Kind.COMPONENT) == {Action.UNCHANGED}
    # The cluster learns it later.
    del cluster.answers["GET", "/_ilm"]
    changes = install(client)
    assert actions(changes, Kind.POLICY) == {Action.CREATED}
    assert Change(Kind.COMPONENT, "mpm-predictions@settings", Action.UPDATED) in changes


def test_does_without_roles(client: Elasticsearch, cluster: type[StandIn]) -> None:
    cluster.answers["GET", "/_security"] = no_handler("/_security/role")
    changes = install(client)
    assert actions(changes, Kind.ROLE) == {Action.SKIPPED}
    assert actions(changes, Kind.TEMPLATE) == {Action.CREATED}
    assert actions(remove(client), Kind.ROLE) == {Action.SKIPPED}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_user_who_may_not_manage_roles_installs_the_rest(
    client: Elasticsearch, cluster: type[StandIn], method: str
) -> None:
    cluster.answers[method, "/_security"] = (403, {"error": {"type": "security_exception", "reason": "unauthorized"}})
    changes = install(client)
    assert actions(changes, Kind.ROLE) == {Action.SKIPPED}
    assert all(change.detail for change in changes if change.kind == Kind.ROLE)
    assert actions(changes, Kind.TEMPLATE) == {Action.CREATED}


def test_a_user_who_may_not_manage_templates_is_an_error(client: Elasticsearch, cluster: type[StandIn]) -> None:
    cluster.answers["PUT", "/_component_template"] = (403, {"error": {"reason": "unauthorized"}, "status": 403})
    with pytest.raises(PermissionDeniedError):
        install(client)


def test_refuses_what_is_not_ours(client: Elasticsearch, cluster: type[StandIn]) -> None:
    foreign: dict[str, Any] = {"index_patterns": ["mpm-x"], "_meta": {"managed_by": "somebody"}}
    cluster.stored[Kind.TEMPLATE]["mpm-metrics"] = foreign
    with pytest.raises(ClusterError, match="index template mpm-metrics") as refused:
        install(client)
    assert "--force" in str(refused.value)
    assert cluster.writes == []
    assert Change(Kind.TEMPLATE, "mpm-metrics", Action.KEPT, "not installed by mpm-elk") in remove(client)
    assert cluster.stored[Kind.TEMPLATE] == {"mpm-metrics": foreign}
    assert Change(Kind.TEMPLATE, "mpm-metrics", Action.UPDATED) in install(client, force=True)


def test_refuses_to_go_back(client: Elasticsearch, cluster: type[StandIn]) -> None:
    install(client)
    cluster.stored[Kind.POLICY]["mpm-keep"]["policy"]["_meta"]["version"] = VERSION + 1
    cluster.writes.clear()
    for force in (False, True):
        with pytest.raises(ClusterError, match=f"version {VERSION + 1}.*version {VERSION}") as refused:
            install(client, force=force)
        assert "update mpm-elk" in str(refused.value)
    assert cluster.writes == []


def test_removes_what_is_ours_and_nothing_else(client: Elasticsearch, cluster: type[StandIn]) -> None:
    install(client)
    custom: dict[str, Any] = {"template": {"settings": {"index.number_of_shards": 3}}}
    cluster.stored[Kind.COMPONENT]["mpm-metrics@custom"] = custom
    cluster.stored[Kind.ROLE]["superuser"] = {"cluster": ["all"], "metadata": {"_reserved": True}}
    old = {"index_patterns": ["mpm-gone-v1"], "version": 1, "_meta": {"managed_by": "mpm-elk"}}
    cluster.stored[Kind.TEMPLATE]["mpm-gone"] = old
    cluster.writes.clear()
    assert actions(remove(client)) == {Action.REMOVED}
    assert {kind: set(held) for kind, held in cluster.stored.items()} == {
        Kind.POLICY: set(),
        Kind.COMPONENT: {"mpm-metrics@custom"},
        Kind.TEMPLATE: set(),
        Kind.ROLE: {"superuser"},
    }
    # A component cannot go before the templates that use it, nor a policy before the components that name it.
    written = [write.split("/")[1] for write in cluster.writes]
    assert list(dict.fromkeys(written)) == ["_security", "_index_template", "_component_template", "_ilm"]
    assert remove(client) == []


def test_the_command_prints_what_changed(client: Elasticsearch, cluster: type[StandIn]) -> None:
    cluster.answers["GET", "/_ilm"] = no_handler("/_ilm/policy")
    app = SimpleNamespace(client=client, config=Config())

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(command, arguments, obj=app, catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    count = len(managed(lifecycle=False))
    assert run("--dry-run").endswith(f"would be: 2 skipped, {count} created\n")
    assert cluster.writes == []
    shown = run()
    assert "created   index template mpm-metrics\n" in shown
    assert "skipped   lifecycle policy mpm-keep: this cluster has no index lifecycle management" in shown
    assert run().splitlines()[-1] == f"2 skipped, {count} unchanged"
    changes = json.loads(run("--remove", "--json"))["changes"]
    assert {"kind": "role", "name": "mpm_job", "action": "removed", "detail": ""} in changes
    assert run("--remove").splitlines()[-1] == "2 skipped"


def test_the_command_refuses_force_when_removing(client: Elasticsearch) -> None:
    done = CliRunner().invoke(command, ["--remove", "--force"], obj=SimpleNamespace(client=client))
    assert done.exit_code == 2
    assert "--force" in done.output


def test_what_is_in_use_is_kept_with_the_reason(client: Elasticsearch, cluster: type[StandIn]) -> None:
    install(client)
    answer = {
        "error": {"reason": "Cannot delete policy [mpm-keep]. It is in use by one or more indices"},
        "status": 400,
    }
    cluster.answers["DELETE", "/_ilm/policy/mpm-keep"] = (400, answer)
    kept = [change for change in remove(client) if change.action is Action.KEPT]
    assert [(change.name, "in use" in change.detail) for change in kept] == [("mpm-keep", True)]
