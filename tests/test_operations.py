"""docs/operations.md and the files that it shows: each is what its program can read, and names only what exists."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from croniter import croniter

from mpm_elk.config import load
from mpm_elk.contract.events import PredictionEvent
from mpm_elk.contract.roles import ROLES

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
FOLDERS = ("filebeat", "elastic-agent", "systemd", "cron", "kubernetes")
FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (EXAMPLES / folder).iterdir() if path.is_file()
)

_BLOCK = re.compile(r"^```(?P<tag>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

FILESTREAM = {
    *("type", "id", "paths", "message_max_bytes", "encoding", "exclude_lines", "include_lines", "ignore_older"),
    *("prospector.scanner.fingerprint.length", "prospector.scanner.check_interval", "close.on_state_change.inactive"),
}
LOGSTASH_OUTPUT = {
    *("type", "hosts", "loadbalance", "bulk_max_size", "compression_level", "worker", "timeout"),
    *("ssl.certificate_authorities", "ssl.certificate", "ssl.key", "ssl.verification_mode"),
}
SYSTEMD = {
    "Unit": {"Description", "Wants", "After"},
    "Service": {
        *("Type", "DynamicUser", "Environment", "EnvironmentFile", "ExecStart", "SuccessExitStatus", "TimeoutStartSec"),
        *("MemoryMax", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "ProtectSystem"),
        *("CapabilityBoundingSet", "RestrictAddressFamilies"),
    },
    "Timer": {"OnCalendar", "RandomizedDelaySec", "Persistent"},
    "Install": {"WantedBy"},
}


def shell_blocks() -> str:
    """Give all that the page says to type."""
    return "\n".join(match["text"] for match in _BLOCK.finditer(PAGE) if match["tag"] == "sh")


def commands(program: str) -> Iterator[list[str]]:
    """Give the words of each call of a program."""
    words = shlex.split(shell_blocks().replace("\n", " ; "), comments=False)
    starts = [at for at, word in enumerate(words) if word == program]
    for start in starts:
        end = next((at for at in range(start, len(words)) if words[at] in (";", "|")), len(words))
        yield words[start:end]


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_each_file_as_it_is(name: str) -> None:
    shown = {match["tag"].partition(" ")[2]: match["text"] for match in _BLOCK.finditer(PAGE)}
    assert shown[name] == (ROOT / name).read_text(encoding="utf-8")


def test_what_is_to_be_typed_is_shell(tmp_path: Path) -> None:
    script = tmp_path / "typed.sh"
    script.write_text(shell_blocks())
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_filebeat_sends_lines_to_logstash_as_they_are() -> None:
    settings = yaml.safe_load((EXAMPLES / "filebeat" / "filebeat.yaml").read_text())
    assert set(settings) == {"filebeat.inputs", "output.logstash"}
    (stream,) = settings["filebeat.inputs"]
    check_stream(stream)
    assert stream["type"] == "filestream"
    check_output(settings["output.logstash"])


def test_elastic_agent_sends_lines_to_logstash_as_they_are() -> None:
    settings = yaml.safe_load((EXAMPLES / "elastic-agent" / "elastic-agent.yaml").read_text())
    assert set(settings) == {"outputs", "inputs", "agent.monitoring"}
    (source,) = settings["inputs"]
    assert set(source) == {"id", "type", "use_output", "streams"}
    assert source["type"] == "filestream"
    (stream,) = source["streams"]
    assert set(stream.pop("data_stream")) == {"dataset"}
    check_stream(stream)
    output = settings["outputs"][source["use_output"]]
    assert output["type"] == "logstash"
    check_output(output)


def check_stream(stream: dict[str, Any]) -> None:
    assert {"id", "paths", "message_max_bytes"} <= set(stream) <= FILESTREAM
    # A parser would change what Logstash is to see.
    assert "parsers" not in stream
    assert stream["message_max_bytes"] > 1 << 20, "Logstash should refuse a long line, not get half of it"


def check_output(output: dict[str, Any]) -> None:
    tls = {"ssl.certificate_authorities", "ssl.certificate", "ssl.key"}
    assert tls <= set(output) <= LOGSTASH_OUTPUT
    assert output["ssl.verification_mode"] == "full"
    assert all(re.fullmatch(r"[\w.-]+:5044", host) for host in output["hosts"])


def unit(name: str) -> dict[str, dict[str, str]]:
    """Read a systemd unit; a key that stands twice is an error."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=["="])
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((EXAMPLES / "systemd" / name).read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.mark.parametrize("name", ["mpm-elk.service", "mpm-elk.timer"])
def test_units_hold_known_keys(name: str) -> None:
    for section, keys in unit(name).items():
        assert set(keys) <= SYSTEMD[section]


def test_the_service_takes_neither_an_alert_nor_another_run_for_a_failure() -> None:
    service = unit("mpm-elk.service")["Service"]
    assert service["SuccessExitStatus"].split() == ["3", "75"]
    assert service["Type"] == "oneshot"
    assert not re.search("password|key", service["Environment"], re.IGNORECASE)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    for name in ("mpm-elk.service", "mpm-elk.timer"):
        text = (EXAMPLES / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/mpm-elk/bin/mpm-elk", "/bin/true"))
    command: list[str | Path] = ["systemd-analyze", "verify"]
    command += [tmp_path / "mpm-elk.service", tmp_path / "mpm-elk.timer"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "mpm-elk" in line]
    assert (done.returncode, told) == (0, []), done.stderr
    calendar = unit("mpm-elk.timer")["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


def quarters(schedule: str) -> bool:
    """Tell whether a schedule is every 15 minutes."""
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    times = croniter(schedule, begin)
    return [times.get_next(datetime) - begin for _ in range(96)] == [timedelta(minutes=15 * n) for n in range(1, 97)]


def test_the_crontab_line_is_one() -> None:
    lines = (EXAMPLES / "cron" / "mpm-elk").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert [line.split("=")[0] for line in lines[:-1]] == ["SHELL", "MPM_CONFIG"]
    *schedule, user, command = lines[-1].split(maxsplit=6)
    assert quarters(" ".join(schedule))
    assert user == "mpm"
    assert "%" not in command, "cron makes a line feed of it"
    assert subprocess.run(["sh", "-nc", command], check=False).returncode == 0
    assert (EXAMPLES / "cron" / "mpm-elk").read_text().endswith("\n"), "cron ignores a last line without line feed"


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """The Kubernetes objects by kind."""
    text = (EXAMPLES / "kubernetes" / "cronjob.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.mark.parametrize("kind", ["ConfigMap", "CronJob"])
@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_field(manifests: dict[str, Any], kind: str, version: str) -> None:
    kubernetes_validate.validate(manifests[kind], version, strict=True)


def test_a_wrong_field_would_be_found(manifests: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(manifests["CronJob"]))
    wrong["spec"]["concurencyPolicy"] = wrong["spec"].pop("concurrencyPolicy")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_cronjob_runs_one_at_a_time_without_root_and_with_its_key_in_a_secret(manifests: dict[str, Any]) -> None:
    spec = manifests["CronJob"]["spec"]
    assert quarters(spec["schedule"])
    assert spec["concurrencyPolicy"] == "Forbid"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    # The user of the image: Dockerfile.
    assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in (
        ROOT / "Dockerfile"
    ).read_text(encoding="utf-8")
    (container,) = pod["containers"]
    plain = {entry["name"] for entry in container["env"] if "value" in entry}
    assert not [name for name in plain if re.search("PASSWORD|KEY", name)]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert not container["image"].endswith(":latest")
    assert ":" in container["image"]


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (1, 1), (2, 2), (3, 0), (75, 0)])
def test_the_container_fails_when_the_run_fails(
    manifests: dict[str, Any], tmp_path: Path, code: int, seen: int
) -> None:
    (container,) = manifests["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    program = tmp_path / "mpm-elk"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    command = [*container["command"], *container["args"]]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(command, env=environment, check=False).returncode == seen


def test_the_config_map_is_a_configuration(manifests: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mpm.yml"
    file.write_text(manifests["ConfigMap"]["data"]["mpm.yml"])
    assert load(file, {}).models


def test_the_events_that_curl_sends_are_valid() -> None:
    bodies = [
        words[words.index("--data-binary") + 1]
        for words in commands("curl")
        if "https://localhost:8080" in words and "--data-binary" in words
    ]
    assert len(bodies) == 3
    assert bodies.pop().startswith("@")
    events = []
    for body in bodies:
        found = json.loads(body.replace(" ; ", "\n"))
        events += found if isinstance(found, list) else [found]
    for event in events:
        PredictionEvent.model_validate(event)
    assert len({event["mpm"]["prediction"]["id"] for event in events}) == len(events) == 3


def test_the_api_key_has_the_shippers_privileges_and_no_other() -> None:
    (line,) = [line for line in shell_blocks().splitlines() if line.startswith("printf") and "role_descriptors" in line]
    command = line.removesuffix("|").strip()
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    descriptors = json.loads(done.stdout)["role_descriptors"]
    assert set(descriptors) == {"mpm_shipper"}
    role = descriptors["mpm_shipper"]
    assert {key: role[key] for key in role if key != "metadata"} == ROLES["mpm_shipper"]


def test_pipelines_plugins_and_variables_that_are_named_exist() -> None:
    bundle = [path for path in (ROOT / "logstash").rglob("*") if path.suffix in (".conf", ".yml")]
    of_logstash = "\n".join(path.read_text(encoding="utf-8") for path in bundle)
    plugins = set(re.findall(r'id => "(mpm_\w+)"', of_logstash))
    named = set(re.findall(r"`(mpm_(?:receive|predictions|ground|captures|dead|store|http|beats)\w*)`", PAGE))
    assert len(named) > 5
    assert named <= plugins
    pipelines = {entry["pipeline.id"] for entry in yaml.safe_load((ROOT / "logstash" / "pipelines.yml").read_text())}
    rows = set(re.findall(r"^\| `(mpm-[\w-]+)` \| `mpm_", PAGE, re.MULTILINE))
    assert rows <= pipelines
    compose = [path for path in [ROOT / "docker-compose.yml", *(ROOT / "compose").iterdir()] if path.is_file()]
    known = of_logstash + "\n".join(path.read_text() for path in compose)
    variables = set(re.findall(r"\bMPM_[A-Z_]+\b", PAGE)) - {"MPM_JOB_API_KEY"}
    assert [name for name in sorted(variables) if not re.search(rf"\b{name}\b", known)] == []


def test_the_number_of_queues_is_that_of_the_pipelines() -> None:
    pipelines = yaml.safe_load((ROOT / "logstash" / "pipelines.yml").read_text())
    assert "Each of the six pipelines" in PAGE
    assert len(pipelines) == 6
    assert "for each of five\npipelines" in PAGE
    assert sum(pipeline.get("dead_letter_queue.enable", True) for pipeline in pipelines) == 5


def test_the_example_of_a_queue_is_calculated_right() -> None:
    found = re.search(r"([\d,]+) events/s × ([\d,]+) bytes × ([\d,]+) s × (\d) = ([\d.]+) GB for four hours", PAGE)
    assert found
    rate, size, seconds, overhead = (int(text.replace(",", "")) for text in found.groups()[:4])
    assert seconds == 4 * 3600
    assert rate * size * seconds * overhead == pytest.approx(float(found[5]) * 1e9)
