"""The development cluster: one node however often it is asked for, and none left over, whatever is killed."""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpm_elk.cluster import dev
from mpm_elk.cluster.dev import artifact, jdk, lifecycle, places, versions
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.process import Process
from mpm_elk.cluster.dev.state import Folder, read_process
from mpm_elk.contract.roles import ROLES
from mpm_elk.errors import DevClusterError

pytestmark = pytest.mark.integration

VERSION = os.environ.get("ES_VERSION", dev.DEFAULT_VERSION)
UP = (
    "from mpm_elk.cluster import dev; from mpm_elk.contract.roles import ROLES; "
    f"node = dev.up('{{name}}', version='{VERSION}', heap='512m', roles=ROLES); print(node.url, node.fresh)"
)
OWN = (
    "import time; from mpm_elk.cluster import dev; from mpm_elk.contract.roles import ROLES\n"
    f"with dev.cluster('{{name}}', version='{VERSION}', heap='512m', roles=ROLES) as node:\n"
    "    print(node.url, flush=True); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def state_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for the nodes of one test, which is gone afterwards, nodes included."""
    # Not pytest's tmp_path: when root runs the tests, the node's user could not enter it.
    path = Path(tempfile.mkdtemp(prefix="mpm-elk-test-"))
    path.chmod(0o755)
    monkeypatch.setenv("XDG_STATE_HOME", str(path))
    yield path
    for name in dev.names():
        dev.down(name)
    shutil.rmtree(path)


@pytest.fixture(scope="module", autouse=True)
def embedded() -> None:
    """What the embedded node needs, fetched before the time of a test counts; skips where it cannot be had."""
    try:
        version = versions.resolve(VERSION)
        artifact.home(version, say=lifecycle.silent)
        jdk.find(versions.oldest_java(version), user=places.run_as(), say=lifecycle.silent)
    except EmbeddedUnavailableError as error:
        pytest.skip(str(error))


def python(code: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code.format(name=name)], stdout=subprocess.PIPE, text=True)


def processes(name: str) -> tuple[Process, Process]:
    """Wait for the keeper and the server of a node."""
    folder = Folder.of(name)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        keeper, server = read_process(folder.keeper), read_process(folder.server)
        if keeper and server:
            return keeper, server
        time.sleep(0.02)
    pytest.fail(f"the node {name} did not start")


def call(node: dev.Node, method: str, path: str, user: str = "admin") -> int:
    request = urllib.request.Request(node.url + path, method=method)  # noqa: S310 — https
    request.add_header("Authorization", "Basic " + b64encode(f"{user}:{node.password(user)}".encode()).decode())
    context = ssl.create_default_context(cafile=node.ca_certs)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def java_processes(folder: Path) -> list[str]:
    """Find every process whose command line names the folder, but for those of this test."""
    listed = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line and " Z" not in line]


def test_two_at_once_start_one_and_its_data_survive_a_crash(state_home: Path) -> None:
    first, second = python(UP, "dev"), python(UP, "dev")
    answers = [process.communicate(timeout=200)[0].split() for process in (first, second)]
    assert answers[0][0] == answers[1][0], "two addresses for one node"
    assert sorted(fresh for _, fresh in answers) == ["False", "True"]

    node = dev.up("dev", roles=ROLES)
    assert (node.url, node.fresh, node.version) == (answers[0][0], False, dev.status()[0].version)
    assert call(node, "GET", "/_cluster/health", "job") == 200
    assert call(node, "PUT", "/mpm-kept") == 200
    assert call(node, "PUT", "/mpm-other", "reader") == 403
    with pytest.raises(DevClusterError, match="runs already"):
        dev.up("dev", heap="2g", roles=ROLES)

    keeper, server = processes("dev")
    os.kill(keeper.pid, signal.SIGKILL)
    assert server.wait(30), "the node outlived its keeper"
    assert [status.state for status in dev.status()] == ["crashed"]
    assert dev.running("dev") is None

    again = dev.up("dev", roles=ROLES)
    assert again.fresh
    assert again.passwords == node.passwords
    assert call(again, "HEAD", "/mpm-kept") == 200

    assert dev.down("dev", keep_data=True)
    assert [status.state for status in dev.status()] == ["stopped"]
    assert dev.down("dev")
    assert not dev.down("dev")
    assert java_processes(state_home) == []
    assert list((state_home / "mpm-elk/dev").iterdir()) == []


def test_an_owned_node_dies_with_its_owner_beside_another(state_home: Path) -> None:
    owner = python(OWN, "owned")
    assert owner.stdout is not None
    url = owner.stdout.readline().strip()
    keeper, server = processes("owned")
    with pytest.raises(DevClusterError, match=f"belongs to process {owner.pid}"):
        dev.up("owned", roles=ROLES)
    other = dev.up("other", version=VERSION, heap="512m", roles=ROLES)
    assert other.url != url

    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert keeper.wait(30), "the keeper outlived the owner"
    assert not server.alive
    assert not Folder.of("owned").path.exists()
    assert call(other, "GET", "/_cluster/health") == 200
    assert dev.down("other")
    assert java_processes(state_home) == []


def test_a_start_that_was_killed_halfway_is_taken_over(state_home: Path) -> None:
    starter = python(UP, "half")
    keeper, _ = processes("half")
    starter.kill()
    starter.communicate()
    assert [status.state for status in dev.status()] == ["starting"]
    node = dev.up("half", roles=ROLES)
    assert call(node, "GET", "/_cluster/health") == 200
    assert processes("half")[0] == keeper, "a second node was started"
    assert dev.down("half")
    assert java_processes(state_home) == []


def test_a_start_that_was_killed_halfway_can_be_taken_down(state_home: Path) -> None:
    starter = python(OWN, "half")
    keeper, server = processes("half")
    starter.kill()
    starter.communicate()
    dev.down("half")
    assert keeper.wait(30)
    assert not server.alive
    assert not Folder.of("half").path.exists()
    assert java_processes(state_home) == []


def test_a_failed_start_says_why_and_leaves_no_process(state_home: Path) -> None:
    with pytest.raises(DevClusterError, match=r"ended while it started: .*heap") as raised:
        dev.up("tiny", version=VERSION, heap="1m", roles=ROLES)
    assert raised.value.remedy == f"see {Folder.of('tiny').logs}"
    assert java_processes(state_home) == []


def test_a_role_that_elasticsearch_does_not_take_is_an_error(state_home: Path) -> None:
    with pytest.raises(DevClusterError, match="does not take a role"):
        dev.up(
            "roles", version=VERSION, heap="512m", roles={"mpm_job": {"indices": [{"names": ["x"], "privileges": 3}]}}
        )
    assert java_processes(state_home) == []
