"""A real Logstash that runs the committed bundle, for tests: started once, stopped, killed, started again.

LOGSTASH_HOME names an unpacked Logstash 9.x; without it Docker's image is taken. The Elasticsearch behind it may be the
minimal distribution: a proxy answers the two questions that it lacks.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
import urllib3
import yaml

ROOT = Path(__file__).parents[2] / "logstash"
STACK_VERSION = os.environ.get("STACK_VERSION", "9.5.3")

HTTP_USER, HTTP_PASSWORD = "service", "a-password-of-this-test"
_START_SECONDS = 180
_STOP_SECONDS = 60


def missing() -> str | None:
    """Say what a real Logstash needs and is not there; None when all is."""
    home = os.environ.get("LOGSTASH_HOME")
    if home:
        return None if (Path(home) / "bin/logstash").exists() else f"LOGSTASH_HOME={home} holds no bin/logstash"
    if os.environ.get("MPM_REQUIRE_LOGSTASH") and shutil.which("docker"):
        return None
    return "a real Logstash: set LOGSTASH_HOME to an unpacked 9.x, or run `make test-logstash` where Docker is"


def free_port() -> int:
    """Give a port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Certificates:
    """A certificate authority, a certificate for the servers of a test, and one for its clients."""

    folder: Path

    def __post_init__(self) -> None:
        authority = trustme.CA()
        self.ca, self.certificate, self.key = (self.folder / name for name in ("ca.crt", "tls.crt", "tls.key"))
        server = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca)
        self.certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
        self.key.write_bytes(_pkcs8(server.private_key_pem.bytes()))

    def client(self) -> ssl.SSLContext:
        """Trust the authority, and show the certificate where one is asked for."""
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _pkcs8(pem: bytes) -> bytes:
    """Write a private key in the form that Logstash reads."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 — comes with trustme
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Logstash:
    """One instance with its own folder, where queues, offsets and logs outlive a kill."""

    folder: Path
    certificates: Certificates
    elasticsearch: Mapping[str, str]
    inputs: str = "http"
    changes: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.settings, self.data = self.folder / "config", self.folder / "data"
        self.settings.mkdir(parents=True)
        self.data.mkdir()
        self.http_port, self.tcp_port, self.beats_port, self.api_port = (free_port() for _ in range(4))
        self.log = self.folder / "logstash.log"
        self.service = urllib3.PoolManager(ca_certs=str(self.certificates.ca), maxsize=8)
        self._write_settings()

    def _write_settings(self) -> None:
        for name in ("pipelines.yml",):
            shutil.copy(ROOT / name, self.settings)
        settings = yaml.safe_load((ROOT / "logstash.yml").read_text())
        settings["api.http.port"] = self.api_port
        if home := os.environ.get("LOGSTASH_HOME"):
            for name in ("jvm.options", "log4j2.properties"):
                shutil.copy(Path(home) / "config" / name, self.settings)
            settings["path.data"] = str(self.data)
            # In a container the image's own user runs it; here it may be root.
            settings["allow_superuser"] = os.geteuid() == 0
        (self.settings / "logstash.yml").write_text(yaml.safe_dump(settings))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the bundle reads."""
        data = self.data
        return {
            "MPM_LOGSTASH_HOME": str(ROOT),
            "MPM_INPUTS": self.inputs,
            "MPM_DEAD_LETTER_PATH": str(data / "dead_letter_queue"),
            "MPM_HTTP_PORT": str(self.http_port),
            "MPM_HTTP_USER": HTTP_USER,
            "MPM_HTTP_PASSWORD": HTTP_PASSWORD,
            "MPM_TCP_PORT": str(self.tcp_port),
            "MPM_BEATS_PORT": str(self.beats_port),
            "MPM_FILE_PATH": str(self.folder / "logs" / "**" / "*"),
            "MPM_FILE_MODE": "read",
            "MPM_FILE_SINCEDB": str(data / "file.sincedb"),
            "MPM_FILE_COMPLETED_LOG": str(data / "file.completed"),
            "MPM_TLS_CERTIFICATE": str(self.certificates.certificate),
            "MPM_TLS_KEY": str(self.certificates.key),
            "MPM_TLS_CA": str(self.certificates.ca),
            "MPM_ES_CA_CERTS": str(self.certificates.ca),
            "LS_JAVA_OPTS": "-Xms768m -Xmx768m",
            **self.elasticsearch,
            **self.changes,
        }

    def start(self) -> None:
        """Start it, and wait until all pipelines run and the http input listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        wanted = {entry["pipeline.id"] for entry in yaml.safe_load((ROOT / "pipelines.yml").read_text())}
        until = time.monotonic() + _START_SECONDS
        while not (self._listens() and wanted <= set(self.stats())):
            if self.process.poll() is not None:
                raise RuntimeError(f"Logstash ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"Logstash did not start within {_START_SECONDS} s:\n{self.tail()}")
            time.sleep(0.5)

    def _command(self) -> list[str]:
        if home := os.environ.get("LOGSTASH_HOME"):
            return [f"{home}/bin/logstash", "--path.settings", str(self.settings)]
        mounts = [part for path in (ROOT, self.folder) for part in ("--volume", f"{path}:{path}")]
        variables = [part for name in self.environment for part in ("--env", name)]
        image = f"docker.elastic.co/logstash/logstash:{STACK_VERSION}"
        user = f"{os.getuid()}:0"
        settings = ["logstash", "--path.settings", str(self.settings), "--path.data", str(self.data)]
        return ["docker", "run", "--rm", "--network=host", "--user", user, *mounts, *variables, image, *settings]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.http_port)) == 0

    def stats(self) -> dict[str, Any]:
        """Give the counters of each pipeline; empty while the API does not answer."""
        try:
            answer = urllib3.request("GET", f"http://127.0.0.1:{self.api_port}/_node/stats/pipelines", retries=False)
            pipelines: dict[str, Any] = answer.json()["pipelines"]
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            return {}
        return pipelines

    def passed(self) -> int:
        """Give the number of lines that passed by since the start."""
        filters = self.stats()["mpm-intake"]["plugins"]["filters"]
        return int(next(f["events"]["in"] for f in filters if f["id"] == "mpm_receive_passed"))

    def post(self, body: bytes, headers: Mapping[str, str] | None = None, path: str = "/") -> int:
        """Send a body to the http input; gives the status of the answer, and raises HTTPError where there is none."""
        answer = self.service.request(
            "POST",
            f"https://127.0.0.1:{self.http_port}{path}",
            body=body,
            headers={**urllib3.make_headers(basic_auth=f"{HTTP_USER}:{HTTP_PASSWORD}"), **(headers or {})},
            timeout=60,
            retries=False,
        )
        return int(answer.status)

    def kill(self) -> None:
        """End it without a chance to tidy up, as a crash does."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an orchestrator does; kill it when that takes too long."""
        try:
            self._signal(signal.SIGTERM, patience=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: int, patience: float = 30) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        self.process.wait(patience)
        self.process = None

    def tail(self) -> str:
        """Give the end of its log."""
        return self.log.read_text(errors="replace")[-4000:]
