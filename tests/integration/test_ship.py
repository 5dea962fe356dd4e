"""Shipping to a real Elasticsearch, as the user who may only add documents."""

import gzip
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch

from mpm_elk.cli import cli
from mpm_elk.cluster.bulk import Patience
from mpm_elk.cluster.client import connect
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.errors import AuthenticationError, CertificateError, ClusterUnreachableError, PermissionDeniedError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import quarantine_id
from mpm_elk.intake.ship import ShipReport, Source, ship

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

SettingsFor = Callable[[str], ElasticsearchSettings]
ClientFor = Callable[[str], Elasticsearch]

NOW = datetime.now(tz=UTC).replace(microsecond=0)
QUICK = Patience(tries=12, first=0.05, longest=0.5)


@pytest.fixture
def shipper(client_for: ClientFor) -> Elasticsearch:
    return client_for("shipper")


@pytest.fixture
def model() -> str:
    """A model of this test alone."""
    return f"m{uuid4().hex}"


def event(model: str, identity: object, features: dict[str, Any] | None = None, at: datetime = NOW) -> dict[str, Any]:
    return {
        "@timestamp": at.isoformat(),
        "mpm": {
            "model": {"name": model, "version": "1"},
            "prediction": {"id": str(identity), "score": 0.5},
            "features": features or {"income": 1.5, "purpose": "car"},
        },
    }


def write(file: Path, documents: list[Any]) -> Path:
    file.write_bytes(b"".join(d if isinstance(d, bytes) else json.dumps(d).encode() + b"\n" for d in documents))
    return file


def send(client: Elasticsearch, file: Path, *, patience: Patience = QUICK, **options: Any) -> ShipReport:
    return ship(client, [Source.of(file)], limits=Limits(), state=file.parent / "state", patience=patience, **options)


def stored(admin: Elasticsearch, model: str) -> list[dict[str, Any]]:
    pattern = f"{Index.PREDICTIONS.value}-{model}-*"
    admin.indices.refresh(index=pattern)
    hits = admin.search(index=pattern, size=10_000, sort="mpm.prediction.id")["hits"]["hits"]
    return [hit["_source"] for hit in hits]


def count(admin: Elasticsearch, model: str) -> int:
    pattern = f"{Index.PREDICTIONS.value}-{model}-*"
    admin.indices.refresh(index=pattern)
    return int(admin.count(index=pattern)["count"])


def quarantined(admin: Elasticsearch, raw: bytes) -> list[dict[str, Any]]:
    admin.indices.refresh(index=Index.QUARANTINE.pattern)
    identity = quarantine_id(Line(1, 0, raw))
    hits = admin.search(index=Index.QUARANTINE.pattern, query={"ids": {"values": [identity]}})["hits"]["hits"]
    return [hit["_source"] for hit in hits]


def test_sent_twice_it_is_stored_once(
    shipper: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "log", [event(model, i, at=NOW - timedelta(days=i)) for i in range(100)])
    first, second = send(shipper, file), send(shipper, file)
    assert (first.created, first.duplicates, first.quarantined) == (100, 0, 0)
    assert (second.created, second.duplicates, second.quarantined) == (0, 100, 0)
    assert count(admin_client, model) == 100


def test_bad_input(shipper: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path) -> None:
    number, word = event(model, "1", {"income": 2.5}), event(model, "2", {"income": "many"})
    unknown = event(model, "3", {"income": float("nan"), "list": [1]})
    twice = json.dumps(event(model, "4", {"income": 1})).replace('"income": 1', '"income": 1, "income": 7').encode()
    long = json.dumps(event(model, "5", {"text": "x" * 2_000_000})).encode()
    latin = json.dumps(event(model, "6", {"city": "K"})).replace('"K"', '"Köln"').encode("latin-1")
    epoch = json.dumps(event(model, "7", at=datetime(1970, 1, 1, tzinfo=UTC))).encode()
    future = json.dumps(event(model, "8", at=datetime(2099, 1, 1, tzinfo=UTC))).encode()
    # What no rule of ours speaks of, and the mapping refuses.
    refused = json.dumps({**event(model, "9"), "host": {"name": {"a": model}}}).encode()
    lines = [number, word, unknown, twice + b"\n", long + b"\n", latin + b"\n", epoch + b"\n", future + b"\n"]
    file = write(tmp_path / "log", [*lines, refused + b"\n"])

    report = send(shipper, file)

    assert report.complete
    assert (report.created, report.quarantined) == (4, 5)
    features = [document["mpm"]["features"] for document in stored(admin_client, model)]
    assert features == [
        {"numeric": {"income": 2.5}},
        {"categorical": {"income": "many"}},
        {"unsupported": {"list": [1]}},
        {"numeric": {"income": 7}},
    ]
    assert stored(admin_client, model)[2]["mpm"]["features_invalid"] == ["income", "list"]
    for place, code, raw in (
        (5, "line_too_long", long),
        (6, "invalid_utf8", latin),
        (7, "timestamp_too_old", epoch),
        (8, "timestamp_too_new", future),
        (9, "refused_by_elasticsearch", refused),
    ):
        assert report.reasons[code].count == 1
        assert report.reasons[code].places == [f"{file}:{place}"]
        (document,) = quarantined(admin_client, raw)
        about = document["mpm"]["quarantine"]
        assert (about["reason_code"], about["line"], about["state"]) == (code, place, "open")
        assert (about["source"], about["bytes"]) == (str(file), len(raw))
        assert document["error"]["message"]
        assert ("raw_base64" in about) == (code == "invalid_utf8")
    again = send(shipper, file)
    assert (again.created, again.duplicates, again.quarantined) == (0, 4, 5)
    assert len(quarantined(admin_client, refused)) == 1


def test_names_and_texts_that_we_accept_are_accepted_by_elasticsearch(
    shipper: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    names = [
        ".",
        "..",
        ".a",
        "a.",
        "a..b",
        "a. .b",
        " a ",
        "a b",
        "\0",
        "_id",
        "_source",
        "*",
        "ü",
        "\ufeff",
        "😀",
        "x" * 256,
    ]
    features: dict[str, Any] = dict.fromkeys(names, 1.5)
    texts = {f"{name}t": text for name, text in zip(names, ["", " ", "\0", "😀" * 512, "x" * 1024] * 4, strict=False)}
    texts.pop("x" * 256 + "t")
    file = write(tmp_path / "log", [event(model, 1, {**features, **texts, "huge": 2**70, "tiny": 5e-324})])
    assert send(shipper, file).created == 1
    (document,) = stored(admin_client, model)
    assert set(document["mpm"]["features"]["numeric"]) == {*names, "huge", "tiny"}
    assert document["mpm"]["features"]["categorical"] == texts
    ignored = admin_client.count(index=f"{Index.PREDICTIONS.value}-{model}-*", query={"exists": {"field": "_ignored"}})
    assert ignored["count"] == 0


def test_a_cut_off_gzip_ships_what_is_readable_and_the_other_files(
    shipper: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    whole = gzip.compress(b"".join(json.dumps(event(model, i)).encode() + b"\n" for i in range(2000)))
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    other = write(tmp_path / "other", [event(model, "other")])
    report = ship(shipper, [Source.of(cut), Source.of(other)], limits=Limits(), state=tmp_path / "state")
    assert not report.complete
    assert len(report.damaged) == 1
    assert 500 < report.created < 2001
    assert count(admin_client, model) == report.created


class Proxy:
    """Passes bytes between clients and Elasticsearch, and cuts connections when told."""

    def __init__(self, url: str) -> None:
        self._to = (urlsplit(url).hostname or "", urlsplit(url).port or 9200)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self.cut_after: int | None = None
        self.down = False
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while self._open:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            if self.down:
                inner.close()
                continue
            threading.Thread(target=self._pass, args=(inner,), daemon=True).start()

    def _pass(self, inner: socket.socket) -> None:
        passed = 0
        with inner, socket.create_connection(self._to) as outer:
            while True:
                ready, _, _ = select.select([inner, outer], [], [])
                for side in ready:
                    block = side.recv(1 << 16)
                    if not block:
                        return
                    passed += len(block)
                    if self.cut_after is not None and passed > self.cut_after:
                        self.cuts += 1
                        return
                    (outer if side is inner else inner).sendall(block)

    def close(self) -> None:
        self._open = False
        self._listener.close()


@pytest.fixture
def proxy(settings_for: SettingsFor) -> Iterator[Proxy]:
    made = Proxy(settings_for("shipper").hosts[0])
    yield made
    made.close()


@pytest.fixture
def through(proxy: Proxy, settings_for: SettingsFor) -> Iterator[Elasticsearch]:
    """The shipper's client, through the proxy."""
    settings = settings_for("shipper")
    scheme = urlsplit(settings.hosts[0]).scheme
    with connect(settings.model_copy(update={"hosts": (f"{scheme}://127.0.0.1:{proxy.port}",)})) as client:
        yield client


def test_dropped_connections_lose_nothing_and_double_nothing(
    proxy: Proxy, through: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "log", [event(model, i) for i in range(6000)])
    # Each connection dies after about one and a half requests, some of them between a request and its answer.
    proxy.cut_after = 700_000
    report = send(through, file)
    assert proxy.cuts >= 1
    assert report.complete
    assert report.created + report.duplicates == 6000
    assert count(admin_client, model) == 6000


def test_an_absent_cluster_stops_shipping_which_then_goes_on_there(
    proxy: Proxy, through: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "log", [event(model, i) for i in range(8000)])

    def pull_the_plug(report: ShipReport, _: int) -> None:
        if report.events >= 2000:
            proxy.down, proxy.cut_after = True, 0

    report = send(through, file, progress=pull_the_plug, patience=Patience(tries=3, first=0.01))
    assert report.failure
    assert "given up" in report.failure
    assert not report.complete
    assert 2000 <= report.created < 8000

    proxy.down, proxy.cut_after = False, None
    rest = send(through, file)
    assert rest.complete
    assert rest.resumed == {str(file): report.created}
    assert rest.events == 8000 - report.created
    assert count(admin_client, model) == 8000
    assert list((tmp_path / "state").iterdir()) == []


def test_without_a_place_for_checkpoints_everything_is_sent_all_the_same(
    shipper: Elasticsearch, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    report = send(shipper, write(tmp_path / "log", [event(model, i) for i in range(10)]))
    assert report.complete
    assert len(report.notes) == 1
    assert count(admin_client, model) == 10


def environment(settings: ElasticsearchSettings, state: Path) -> dict[str, str]:
    assert settings.username
    assert settings.password
    return {
        **os.environ,
        "MPM_ES_URL": settings.hosts[0],
        "MPM_ES_USERNAME": settings.username,
        "MPM_ES_PASSWORD": settings.password.get_secret_value(),
        "MPM_ES_CA_CERTS": str(settings.ca_certs or ""),
        "XDG_STATE_HOME": str(state),
    }


def test_a_killed_ship_goes_on_where_it_was(
    settings_for: SettingsFor, admin_client: Elasticsearch, model: str, tmp_path: Path
) -> None:
    total = 60_000
    file = tmp_path / "log"
    with file.open("w") as stream:
        for i in range(total):
            stream.write(json.dumps(event(model, i, at=NOW - timedelta(seconds=i))) + "\n")
    variables = environment(settings_for("shipper"), tmp_path)
    call = [sys.executable, "-c", "from mpm_elk.cli import main; main()", "ship", "--json", str(file)]
    state = tmp_path / "mpm-elk" / "ship"
    with subprocess.Popen(call, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as first:
        deadline = time.monotonic() + 60
        while not list(state.glob("*.json")) and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert first.poll() is None, "it was done before it could be killed"
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = count(admin_client, model)
    assert 0 < before < total

    second = subprocess.run(call, env=variables, capture_output=True, check=True, cwd=tmp_path)
    report = json.loads(second.stdout)
    assert report["complete"]
    resumed = report["resumed"][str(file)]
    assert 0 < resumed <= before
    assert report["events"] == total - resumed
    assert count(admin_client, model) == total
    assert list(state.iterdir()) == []


def test_errors_that_waiting_does_not_mend(
    settings_for: SettingsFor, client_for: ClientFor, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "log", [event(model, 1)])
    settings = settings_for("shipper")
    wrong = ElasticsearchSettings.model_validate({**dict(settings), "password": "wrong"})
    with connect(wrong) as client, pytest.raises(AuthenticationError):
        send(client, file)
    with pytest.raises(PermissionDeniedError):
        send(client_for("reader"), file)
    if settings.ca_certs:
        with connect(settings.model_copy(update={"ca_certs": None})) as client, pytest.raises(CertificateError):
            send(client, file)


def test_the_command(settings_for: SettingsFor, model: str, tmp_path: Path) -> None:
    run = CliRunner(env=environment(settings_for("shipper"), tmp_path))
    old = event(model, 2, at=datetime(2001, 1, 1, tzinfo=UTC))
    file = write(tmp_path / "log", [event(model, 1), old])
    result = run.invoke(cli, ["ship", str(file)])
    assert result.exit_code == 0, result.output
    assert "2 events: 1 stored, 0 were stored already, 1 in quarantine" in result.stdout
    assert "timestamp_too_old" in result.stderr
    assert f"at {file}:2" in result.stderr
    assert run.invoke(cli, ["ship", "--fail-on-quarantine", str(file)]).exit_code == 1
    result = run.invoke(cli, ["ship", "--backfill", "--json", "-"], input=json.dumps(old))
    assert result.exit_code == 0
    assert (json.loads(result.stdout)["created"], json.loads(result.stdout)["quarantined"]) == (1, 0)
    assert run.invoke(cli, ["ship", str(tmp_path / "none")]).exit_code == 2
    assert run.invoke(cli, ["ship", "-", "-"]).exit_code == 2


def test_the_command_says_that_nobody_answers(tmp_path: Path, model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = CliRunner(
        env={"MPM_ES_URL": f"http://127.0.0.1:{port}", "MPM_ES_USERNAME": "", "XDG_STATE_HOME": str(tmp_path)}
    )
    result = run.invoke(cli, ["ship", str(write(tmp_path / "log", [event(model, 1)]))])
    assert isinstance(result.exception, ClusterUnreachableError)
