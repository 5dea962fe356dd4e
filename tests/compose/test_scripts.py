"""The scripts in compose/, run for real: secrets, certificates, the loop of the job, users."""

import importlib.util
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mpm_elk.contract.roles import ROLES
from mpm_elk.errors import ConfigError
from tests.compose.conftest import ROOT

COMPOSE = ROOT / "compose"
SCRIPTS = ("secrets", "certificates", "setup", "job")
SERVERS = ("elasticsearch", "logstash", "kibana", "client")


def sh(script: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts."""
    command = ["sh", COMPOSE / script, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60
    )


def values(file: Path) -> dict[str, str]:
    """Read what stands in an .env file."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_sound(script: str) -> None:
    assert os.access(COMPOSE / script, os.X_OK)
    assert subprocess.run(["sh", "-n", COMPOSE / script], check=False).returncode == 0
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "--shell", "sh", COMPOSE / script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert sh("secrets", file).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    again = sh("secrets", file)
    assert again.returncode == 1
    assert "nothing was changed" in again.stderr
    assert file.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_secrets_are_long_plain_and_all_different(tmp_path: Path) -> None:
    for name in ("a", "b"):
        done = sh("secrets", tmp_path / name)
        assert done.returncode == 0
        assert f"{len(values(tmp_path / name))} passwords" in done.stdout
        assert not any(value in done.stdout + done.stderr for value in values(tmp_path / name).values())
    made = [value for name in ("a", "b") for value in values(tmp_path / name).values()]
    assert len(set(made)) == len(made) == 20
    # Kibana wants 32 characters or more for its keys.
    assert all(len(value) == 40 and value.isalnum() and value.isascii() for value in made)


def test_git_and_docker_leave_the_secrets_out() -> None:
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith("!") and ("env" in rule or "mpm.yml" in rule)]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the script fills."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificates")
    done = sh("certificates", CERTIFICATES=str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def handshake(folder: Path, server: str, name: str) -> str | None:
    """Connect to a server with this certificate under a name, in memory; gives what the client says against it."""
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(folder / server / f"{server}.crt", folder / server / f"{server}.key")
    asking = ssl.create_default_context(cafile=folder / "ca" / "ca.crt")
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(down, up, server_hostname=name)
    peer = accepting.wrap_bio(up, down, server_side=True)
    for _ in range(5):
        for side in (client, peer):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    assert client.version() == "TLSv1.3"
    return None


@pytest.mark.parametrize("server", SERVERS)
def test_a_strict_client_trusts_the_servers_under_their_names(certificates: Path, server: str) -> None:
    for name in (server, "localhost", "127.0.0.1", "::1"):
        assert handshake(certificates, server, name) is None
    assert handshake(certificates, server, "other.example.org")


@pytest.mark.parametrize("server", SERVERS)
def test_keys_are_pkcs8_and_not_for_everybody(certificates: Path, server: str) -> None:
    key = certificates / server / f"{server}.key"
    assert key.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert stat.S_IMODE(key.stat().st_mode) == 0o640
    if os.getuid() == 0:
        assert (key.stat().st_uid, key.stat().st_gid) == (1000, 0)


def test_the_authority_gives_its_certificate_and_keeps_its_key(certificates: Path) -> None:
    assert stat.S_IMODE((certificates / "authority" / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((certificates / "authority").stat().st_mode) == 0o700
    assert [path.name for path in (certificates / "ca").iterdir()] == ["ca.crt"]
    assert stat.S_IMODE((certificates / "ca" / "ca.crt").stat().st_mode) == 0o644


def test_doing_it_again_changes_nothing_and_renewing_keeps_the_authority(certificates: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(certificates, folder)

    def contents() -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = contents()
    assert sh("certificates", CERTIFICATES=str(folder)).returncode == 0
    assert contents() == before
    assert sh("certificates", "renew", CERTIFICATES=str(folder)).returncode == 0
    after = contents()
    assert {name for name in before if before[name] == after[name]} == {
        "authority/ca.key",
        "authority/ca.crt",
        "ca/ca.crt",
    }
    assert handshake(folder, "logstash", "logstash") is None
    assert sh("certificates", "remove", CERTIFICATES=str(folder)).returncode == 2


@pytest.fixture
def fake(tmp_path: Path) -> dict[str, str]:
    """An environment whose `mpm-elk` notes how it is called and exits with the codes of a list, one after another."""
    program = tmp_path / "mpm-elk"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >>{tmp_path}/calls\n'
        f"code=$(head -n 1 {tmp_path}/codes)\n"
        f"sed -i 1d {tmp_path}/codes\n"
        f"[ -e {tmp_path}/slow ] && exec sleep 60\n"
        "exit ${code:-0}\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MPM_JOB_HEARTBEAT": str(tmp_path / "heartbeat")}


def run_job(tmp_path: Path, fake: dict[str, str], *, calls: int, interval: str = "0") -> tuple[list[str], str]:
    """Start the loop, end it after so many calls of `mpm-elk`; gives those calls, and what was logged."""
    environment = {**os.environ, **fake, "MPM_JOB_INTERVAL": interval}
    with subprocess.Popen(
        ["sh", COMPOSE / "job"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        noted = tmp_path / "calls"
        until = time.monotonic() + 30
        while (not noted.exists() or len(noted.read_text().splitlines()) < calls) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        logged, _ = process.communicate(timeout=5)
        assert process.returncode == 0
    return noted.read_text().splitlines(), logged


@pytest.mark.parametrize(("codes", "failures"), [("0\n3\n75\n", []), ("0\n1\n2\n", ["1", "2"])])
def test_alerts_and_another_run_are_no_failures(
    tmp_path: Path, fake: dict[str, str], codes: str, failures: list[str]
) -> None:
    (tmp_path / "codes").write_text(codes)
    calls, logged = run_job(tmp_path, fake, calls=4)
    assert set(calls) == {"run --log-format ecs"}
    lines = [line for line in logged.splitlines() if line.startswith("{")]
    assert [line.rpartition(":")[2].rstrip("}") for line in lines] == failures
    assert all('"event.outcome":"failure"' in line for line in lines)
    assert (tmp_path / "heartbeat").exists()


def test_a_run_that_failed_is_no_heartbeat(tmp_path: Path, fake: dict[str, str]) -> None:
    (tmp_path / "codes").write_text("1\n")
    run_job(tmp_path, fake, calls=1, interval="60")
    assert not (tmp_path / "heartbeat").exists()


def test_the_loop_ends_at_once_when_it_is_told_to_even_in_a_run(tmp_path: Path, fake: dict[str, str]) -> None:
    (tmp_path / "codes").write_text("")
    (tmp_path / "slow").touch()
    run_job(tmp_path, fake, calls=1, interval="60")


@pytest.fixture(scope="module")
def users() -> ModuleType:
    """The script that makes the users."""
    spec = importlib.util.spec_from_file_location("compose_users", COMPOSE / "users.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_users_have_the_roles_that_setup_installs(users: ModuleType) -> None:
    made = users.requests({variable: variable.lower() for variable in passwords(users)})
    bodies = {path.rpartition("/_security/")[2]: body for _, path, body in made}
    assert bodies["user/kibana_system/_password"] == {"password": "kibana_password"}
    assert bodies["user/mpm-shipper"] == {"password": "mpm_shipper_password", "roles": ["mpm_shipper"]}
    assert bodies["user/mpm-job"]["roles"] == ["mpm_job"]
    known = {*ROLES, *(name.removeprefix("role/") for name in bodies if name.startswith("role/"))}
    assert {role for body in bodies.values() for role in body.get("roles", [])} <= known
    assert not any(body.get("cluster") or body.get("indices") for body in bodies.values())
    # Roles are there before the users that have them.
    kinds = [path.split("/")[2] for _, path, _ in made[1:]]
    assert kinds == sorted(kinds)


def passwords(users: ModuleType) -> set[str]:
    return {"KIBANA_PASSWORD", *(variable for variable, _ in users.USERS.values())}


def test_the_setup_service_hands_over_every_password(users: ModuleType, services: dict[str, Any]) -> None:
    assert passwords(users) < set(services["setup"]["environment"])


def test_a_missing_password_is_an_error(users: ModuleType) -> None:
    with pytest.raises(ConfigError, match="KIBANA_PASSWORD is not set"):
        users.requests({})
