"""Importing into Kibana and exporting from it, against a server that speaks the API as documented."""

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from mpm_elk.config.kibana import KibanaSettings
from mpm_elk.errors import KibanaError
from mpm_elk.views.dashboards.kibana import Kibana
from mpm_elk.views.dashboards.saved import Bundle, shipped_text
from tests.views.dashboards.kibana_api import State, serving


@pytest.fixture
def server() -> Iterator[State]:
    with serving() as state:
        yield state


def kibana(state: State, **more: Any) -> Kibana:
    """Speak to the server."""
    return Kibana(KibanaSettings.model_validate({"url": state.url, **more}))


def test_everything_that_is_shipped_is_imported_and_again_over_itself(server: State) -> None:
    for _ in range(2):
        done = kibana(server).install(shipped_text())
        assert (done.url, done.space, done.objects) == (server.url, "default", len(Bundle.shipped().objects))
    assert set(server.objects) == {(saved["type"], saved["id"]) for saved in Bundle.shipped().objects}
    [first, _] = server.requests
    assert (first["path"], first["query"]) == ("/api/saved_objects/_import", "overwrite=true")


def test_what_was_imported_can_be_exported(server: State) -> None:
    kibana(server).install(shipped_text())
    text = kibana(server).export([("dashboard", dashboard.id) for dashboard in Bundle.shipped().dashboards])
    found = {(saved["type"], saved["id"]): saved for saved in Bundle.read(text).objects}
    for saved in Bundle.shipped().objects:
        # A data view that only controls or Vega panels read is not referred to.
        assert found.get((saved["type"], saved["id"]), saved) == saved
    assert {saved["id"] for saved in Bundle.read(text).of_type("search")} == set(Bundle.shipped().searches)


def test_a_space_has_its_own_path(server: State) -> None:
    server.space = "/s/credit"
    assert kibana(server, space="credit").install(shipped_text()).space == "credit"
    with pytest.raises(KibanaError, match="the space other or the API is not there"):
        kibana(server, space="other").install(shipped_text())


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"api_key": "a2V5"}, "ApiKey a2V5"),
        ({"username": "mpm", "password": "p:w"}, f"Basic {b64encode(b'mpm:p:w').decode()}"),
    ],
)
def test_credentials(server: State, given: dict[str, str], sent: str) -> None:
    server.authorization = sent
    kibana(server, **given).install(shipped_text())
    with pytest.raises(KibanaError, match="refuses the credentials"):
        kibana(server).install(shipped_text())


def test_objects_that_are_refused_are_named_each(server: State) -> None:
    lines = shipped_text().splitlines(keepends=True)
    without = "".join(line for line in lines if json.loads(line)["id"] != "mpm-runs")
    with pytest.raises(KibanaError) as raised:
        kibana(server).install(without)
    assert "search mpm-elk-runs-newest: it refers to index-pattern mpm-runs, which is not there" in str(raised.value)
    assert "dashboard mpm-elk-pipeline: it refers to" in str(raised.value)
    assert server.objects == {}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"success": False, "successCount": 0}, "did not take some of the objects"),
        (
            200,
            {"success": False, "errors": [{"type": "tag", "id": "t", "error": {"type": "unsupported_type"}}]},
            "tag t: this Kibana knows no such type",
        ),
        (
            200,
            {"success": False, "errors": [{"type": "tag", "id": "t", "error": {"type": "ambiguous_conflict"}}]},
            "tag t: another object has its id",
        ),
        (
            200,
            {
                "success": False,
                "errors": [
                    {
                        "type": "dashboard",
                        "id": "d",
                        "error": {"type": "unknown", "message": "belongs to a more recent version of Kibana [10.2.0]"},
                    }
                ],
            },
            "older than 8.19",
        ),
        (200, b"<html>", "this is no Kibana"),
        (403, {"message": "Unable to bulk_create dashboard"}, "Saved Objects Management: All"),
        (413, {"message": "too large"}, "maxImportPayloadBytes"),
        (422, {"message": "Document is newer"}, "Kibana answered 422: Document is newer"),
        (400, b"<html>bad</html>", "Kibana answered 400: <html>bad"),
    ],
)
def test_other_answers_are_said_in_words(server: State, status: int, body: Any, said: str) -> None:
    server.answers = [(status, body)]
    with pytest.raises(KibanaError) as raised:
        kibana(server).install(shipped_text())
    assert said in str(raised.value)


def test_a_kibana_that_is_not_ready_yet_is_asked_again(server: State) -> None:
    server.answers = [(503, {"message": "Kibana server is not ready yet"})] * 2
    assert kibana(server).install(shipped_text()).objects
    assert len(server.requests) == 3


def test_no_kibana_there() -> None:
    with serving() as state:
        url = state.url
    with pytest.raises(KibanaError, match=f"no Kibana answers at {url}"):
        Kibana(KibanaSettings(url=url)).install(shipped_text())


def test_certificates_are_checked(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    authority.cert_pem.write_to_path(str(ours))
    other.cert_pem.write_to_path(str(theirs))
    with serving(context) as state:
        assert kibana(state, ca_certs=ours).install(shipped_text()).objects
        with pytest.raises(KibanaError, match="certificate is not trusted"):
            kibana(state, ca_certs=theirs).install(shipped_text())
    with pytest.raises(KibanaError, match="does not exist"):
        Kibana(KibanaSettings(url="https://k", ca_certs=tmp_path / "none.pem"))
