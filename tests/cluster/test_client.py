from pathlib import Path
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, ConnectionTimeout, HttpHeaders, NodeConfig, TlsError
from elastic_transport import ConnectionError as TransportConnectionError
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    BadRequestError,
    ConflictError,
    NotFoundError,
)

from mpm_elk.cluster.client import connect, reason, translate, translated
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.errors import (
    AuthenticationError,
    CertificateError,
    ClusterError,
    ClusterUnreachableError,
    MpmError,
    PermissionDeniedError,
)

NODE = NodeConfig("https", "localhost", 9200)


def answer(kind: type[ApiError], status: int, body: Any) -> ApiError:
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, NODE)
    return kind("message", meta, body)


@pytest.mark.parametrize(
    ("error", "ours", "words"),
    [
        (answer(AuthenticationException, 401, {}), AuthenticationError, "refuses the credentials"),
        (answer(AuthorizationException, 403, {"error": {"reason": "no write"}}), PermissionDeniedError, "no write"),
        (TlsError("certificate verify failed: self-signed"), CertificateError, "self-signed"),
        (TlsError("Fingerprints did not match"), CertificateError, "did not match"),
        (TlsError("EOF occurred in violation of protocol"), ClusterUnreachableError, "EOF"),
        (ConnectionTimeout("10 s"), ClusterUnreachableError, "in time"),
        (TransportConnectionError("refused"), ClusterUnreachableError, "no Elasticsearch answers"),
        (answer(BadRequestError, 400, {"error": {"reason": "bad agg"}}), ClusterError, "400: bad agg"),
        (answer(ApiError, 503, "busy"), ClusterError, "503: busy"),
        (
            answer(
                BadRequestError, 400, {"error": {"type": "media_type_header_exception", "reason": "Invalid media_type"}}
            ),
            ClusterError,
            "older than the Elasticsearch client",
        ),
    ],
)
def test_errors_are_translated(error: Any, ours: type[MpmError], words: str) -> None:
    found = translate(error)
    assert type(found) is ours
    assert words in found.message
    with pytest.raises(ours), translated():
        raise error


def test_what_a_user_can_do_is_said() -> None:
    for error in (TlsError("certificate"), TransportConnectionError("x"), answer(AuthenticationException, 401, {})):
        assert translate(error).remedy


def test_a_conflict_is_an_answer_and_other_errors_are_not_ours() -> None:
    with pytest.raises(ConflictError), translated():
        raise answer(ConflictError, 409, {})
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"reason": "r", "type": "t"}}, "r"),
        ({"error": {"root_cause": [{"reason": "root"}], "type": "t"}}, "root"),
        ({"error": {"root_cause": [], "type": "t"}}, "t"),
        ({"error": {"type": "t"}}, "t"),
        ({"error": "text"}, "text"),
        ("text", "text"),
        (None, "None"),
        ({}, "{}"),
    ],
)
def test_the_reason_is_found(body: Any, expected: str) -> None:
    assert reason(answer(NotFoundError, 404, body)) == expected


def test_connections(tmp_path: Path) -> None:
    with connect(ElasticsearchSettings(hosts=("http://localhost:1",))) as client:
        assert client.transport is not None
    missing = ElasticsearchSettings(hosts=("https://localhost:1",), ca_certs=tmp_path / "no.crt")
    with pytest.raises(CertificateError, match="does not exist"):
        connect(missing)
    with pytest.raises(ClusterError, match="refused"):
        connect(ElasticsearchSettings(hosts=("no scheme",)))


def test_nobody_at_the_door() -> None:
    with (
        connect(ElasticsearchSettings(hosts=("http://127.0.0.1:9",))) as client,
        pytest.raises(ClusterUnreachableError),
        translated(),
    ):
        client.options(max_retries=0).cluster.health()
