"""docker-compose.yml: what can be known of it without Docker."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mpm_elk.config import load
from tests.compose.conftest import ROOT

FILE = ROOT / "docker-compose.yml"
ELASTIC = {"elasticsearch", "kibana", "logstash"}
ONE_SHOT = {"certificates", "setup", "dashboards", "demo"}

_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
_SECRET = re.compile(r"(PASSWORD|ENCRYPTIONKEY|API_KEY|TOKEN)$")


def variables() -> Iterator[re.Match[str]]:
    """Give every variable that Compose fills in."""
    text = "".join(line for line in FILE.read_text().splitlines(keepends=True) if not line.lstrip().startswith("#"))
    return _VARIABLE.finditer(text)


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Give source, target and mode of a service's volumes, defaults filled in."""
    found = []
    for text in service.get("volumes", []):
        source, target, *mode = _VARIABLE.sub(lambda match: str(match["rest"]), text).split(":")
        found.append((source, target, "".join(mode)))
    return found


def secret_names() -> set[str]:
    """List what compose/secrets makes."""
    return set(re.findall(r"^    secret (\w+)$", (ROOT / "compose" / "secrets").read_text(), re.MULTILINE))


def test_it_follows_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_compose_takes_it(tmp_path: Path) -> None:
    version = ["docker", "compose", "version"]
    if not shutil.which("docker") or subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip("needs docker compose")
    environment = tmp_path / "secrets.env"
    environment.write_text("".join(f"{name}=x\n" for name in secret_names()))
    command: list[str | Path] = ["docker", "compose", "--env-file", environment, "--profile", "*", "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_mounted_exists_and_is_read_only(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for source, target, mode in mounts(service):
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
                assert mode == "ro", f"{name} may write to {source} by {target}"


def test_scripts_that_services_start_are_there(services: dict[str, Any]) -> None:
    started = [
        word
        for service in services.values()
        for word in service.get("entrypoint", [])
        if word.startswith("/opt/mpm/compose/")
    ]
    assert len(started) == 3
    for word in started:
        assert (ROOT / word.removeprefix("/opt/mpm/")).is_file()


def test_volumes_are_declared_and_used(compose: dict[str, Any], services: dict[str, Any]) -> None:
    used = {source for service in services.values() for source, _, _ in mounts(service) if not source.startswith(".")}
    assert used == set(compose["volumes"])


def test_the_authoritys_key_is_seen_by_nobody_else(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "authority" in {m[0] for m in mounts(service)}] == [
        "certificates"
    ]
    for server in ELASTIC:
        seen = {source for source, _, _ in mounts(services[server]) if source.endswith("-tls")}
        assert seen == {f"{server}-tls"}


def test_ports_are_bound_to_loopback(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+", port) for port in ports), ports
    assert not any("network_mode" in service for name, service in services.items() if name != "certificates")


def test_elastic_images_have_one_version_and_none_is_the_latest(services: dict[str, Any]) -> None:
    tags = {name: service["image"].partition(":")[2] for name, service in services.items()}
    assert {tags[name] for name in ELASTIC} == {"${STACK_VERSION:-9.5.3}"}
    assert {tags[name] for name in set(services) - ELASTIC} == {"local"}


def test_every_variable_has_a_default_or_is_made_by_compose_secrets() -> None:
    needed = {match["name"] for match in variables() if match["kind"] != "-"}
    assert needed == secret_names()
    assert all(match["kind"] for match in variables()), "without :? an empty password would be used silently"


def test_secrets_are_variables_without_a_default(services: dict[str, Any]) -> None:
    values = [
        str(value)
        for service in services.values()
        for name, value in (service.get("environment") or {}).items()
        if _SECRET.search(name)
    ]
    assert len(values) > 10
    assert all(re.fullmatch(r"\$\{\w+:\?[^}]+\}", value) for value in values)


def test_no_command_line_holds_a_secret(services: dict[str, Any]) -> None:
    for service in services.values():
        lines = [service.get("command"), service.get("entrypoint"), service.get("healthcheck")]
        assert not any(name in json.dumps(lines) for name in secret_names())


def test_who_is_waited_for_can_be_waited_for(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services[other]["restart"] == "no", f"{name} waits for the end of {other}"
                assert other in ONE_SHOT


def test_nothing_starts_before_certificates_and_users_are_there(services: dict[str, Any]) -> None:
    assert "certificates" in services["elasticsearch"]["depends_on"]
    for name in ("kibana", "logstash", "job", "demo"):
        assert {"elasticsearch", "setup"} <= set(services[name]["depends_on"])


def test_every_service_has_a_memory_limit_a_restart_policy_and_bounded_logs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["mem_limit"], name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name
        assert service["logging"]["options"]["max-size"], name
        assert ("healthcheck" in service) == (name not in ONE_SHOT), name


def test_our_own_containers_have_no_privilege(services: dict[str, Any]) -> None:
    for name in set(services) - ELASTIC:
        service = services[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert ("user" in service or "cap_add" in service) == (name == "certificates")


def test_the_dashboards_are_imported_as_somebody_who_may_and_the_job_does_not_need_them(
    services: dict[str, Any],
) -> None:
    dashboards = services["dashboards"]
    assert dashboards["entrypoint"] == ["mpm-elk", "dashboards", "install"]
    assert dashboards["environment"]["MPM_KIBANA_USERNAME"] == "mpm-admin"
    assert dashboards["depends_on"] == {"kibana": {"condition": "service_healthy"}}
    assert services["job"]["depends_on"]["dashboards"]["required"] is False


def test_each_part_is_the_user_that_its_work_needs(services: dict[str, Any]) -> None:
    users = {
        name: service["environment"]["MPM_ES_USERNAME"]
        for name, service in services.items()
        if "MPM_ES_URL" in service.get("environment", {})
    }
    assert users == {"setup": "elastic", "logstash": "mpm-shipper", "job": "mpm-job", "demo": "mpm-admin"}


def test_certificates_hold_every_name_that_is_called(services: dict[str, Any]) -> None:
    called = set(re.findall(r"https://([\w.-]+)", json.dumps(services)))
    assert called <= ELASTIC | {"localhost"}


def test_the_demo_is_started_only_by_its_profile(services: dict[str, Any]) -> None:
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "demo": ["demo"]
    }


def test_the_jobs_configuration_loads() -> None:
    assert load(ROOT / "compose" / "mpm.yml", {}).elasticsearch is None


def test_logstash_finds_its_settings_and_its_folder(services: dict[str, Any]) -> None:
    logstash = services["logstash"]
    assert ("./logstash", logstash["environment"]["MPM_LOGSTASH_HOME"], "ro") in mounts(logstash)
    for name in ("logstash.yml", "pipelines.yml"):
        assert (f"./logstash/{name}", f"/usr/share/logstash/config/{name}", "ro") in mounts(logstash)
    # The image writes its settings file when a variable has the name of a setting, and this one it cannot write.
    own = {name for name in logstash["environment"] if not name.startswith("MPM_")}
    assert own == {"LS_JAVA_OPTS"}


def test_logstash_is_given_what_its_files_ask_for_and_nothing_else(services: dict[str, Any]) -> None:
    given = {name for name in services["logstash"]["environment"] if name.startswith("MPM_")}
    files = [path for path in (ROOT / "logstash").rglob("*") if path.suffix in (".conf", ".yml")]
    assert given <= {match["name"] for path in files for match in asked(path)}
    inputs = {"receive", "http", "beats"}
    not_used = {path for path in files if path.parent.name == "intake" and path.stem not in inputs}
    not_used |= {path for path in files if path.stem == "store_api_key"}
    needed = {match["name"] for path in set(files) - not_used for match in asked(path) if match["default"] is None}
    assert len(needed) > 5
    assert needed <= given


def asked(path: Path) -> Iterator[re.Match[str]]:
    """Give the variables that a file of Logstash names."""
    return re.finditer(r"\$\{(?P<name>MPM_\w+)(?::(?P<default>[^}]*))?\}", path.read_text(encoding="utf-8"))


def test_the_health_check_asks_for_a_pipeline_that_exists(services: dict[str, Any]) -> None:
    asked_for = re.search(r"/pipelines/([\w-]+)", services["logstash"]["healthcheck"]["test"][1])
    pipelines = yaml.safe_load((ROOT / "logstash" / "pipelines.yml").read_text(encoding="utf-8"))
    assert asked_for
    assert asked_for[1] in {pipeline["pipeline.id"] for pipeline in pipelines}
