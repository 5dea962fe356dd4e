"""Connect to Elasticsearch, and say its errors in words that help."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elastic_transport import ConnectionError as TransportConnectionError
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, ConflictError, Elasticsearch

from mpm_elk import __version__
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.errors import (
    AuthenticationError,
    CertificateError,
    ClusterError,
    ClusterUnreachableError,
    MpmError,
    PermissionDeniedError,
)

BUSY = 429
RETRY_ON_BROKEN = (502, 503, 504)


def connect(settings: ElasticsearchSettings) -> Elasticsearch:
    """Make a client; nothing is sent yet. Certificates are always checked."""
    options: dict[str, Any] = {
        "request_timeout": settings.request_timeout.total_seconds(),
        "retry_on_status": (BUSY, *RETRY_ON_BROKEN),
        "retry_on_timeout": True,
        "max_retries": 5,
        "http_compress": False,
        "headers": {"user-agent": f"mpm-elk/{__version__}"},
    }
    if settings.cloud_id:
        options["cloud_id"] = settings.cloud_id
    else:
        options["hosts"] = list(settings.hosts)
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.username and settings.password:
        options["basic_auth"] = (settings.username, settings.password.get_secret_value())
    if settings.ca_certs:
        if not settings.ca_certs.is_file():
            raise CertificateError(f"the CA file {settings.ca_certs} does not exist", remedy="check `ca_certs`")
        options["ca_certs"] = str(settings.ca_certs)
    if settings.ca_fingerprint:
        options["ssl_assert_fingerprint"] = settings.ca_fingerprint
    try:
        return Elasticsearch(**options)
    except ValueError as error:
        raise ClusterError(f"the connection settings are refused: {error}", remedy="check `elasticsearch:`") from None


def check(client: Elasticsearch) -> None:
    """Make sure that the cluster answers and accepts us. Raises the fitting ClusterError."""
    with translated():
        client.options(max_retries=1).cluster.health()


@contextmanager
def translated(*, but_busy: bool = False) -> Iterator[None]:
    """Turn the client's errors inside the block into ours; a version conflict is an answer and passes.

    With `but_busy` that the cluster has too much to do passes too.
    """
    try:
        yield
    except ConflictError:
        raise
    except (ApiError, TransportError) as error:
        if but_busy and isinstance(error, ApiError) and error.meta.status == BUSY:
            raise
        raise translate(error) from error


def translate(error: ApiError | TransportError) -> MpmError:
    """Say an error of the client as one of ours, with a remedy."""
    if isinstance(error, AuthenticationException):
        return AuthenticationError(
            "Elasticsearch refuses the credentials", remedy="check user and password, or the API key"
        )
    if isinstance(error, AuthorizationException):
        return PermissionDeniedError(
            f"the user may not do this: {reason(error)}", remedy="give the user the role that `mpm-elk setup` installs"
        )
    if isinstance(error, TlsError) and _distrusts(error):
        return CertificateError(
            f"the cluster's certificate is not trusted: {error.message}",
            remedy="set `ca_certs` to the cluster's CA, or `ca_fingerprint`",
        )
    if isinstance(error, ConnectionTimeout):
        return ClusterUnreachableError(
            f"Elasticsearch did not answer in time: {error.message}", remedy="try again later"
        )
    if isinstance(error, TransportConnectionError):
        return ClusterUnreachableError(
            f"no Elasticsearch answers: {error.message}", remedy="check `hosts`, and that the cluster runs"
        )
    if isinstance(error, ApiError) and "media_type" in reason(error) + str(error):
        return ClusterError(
            "this cluster is older than the Elasticsearch client",
            remedy="pip install 'elasticsearch<9' for clusters of version 8",
        )
    if isinstance(error, ApiError):
        return ClusterError(f"Elasticsearch answered {error.meta.status}: {reason(error)}")
    return ClusterError(f"Elasticsearch could not be used: {error}")


def _distrusts(error: TlsError) -> bool:
    """Tell a certificate that is not trusted from a TLS connection that was cut."""
    text = f"{error.message} {error}".lower()
    return "certificate" in text or "fingerprint" in text


def reason(error: ApiError) -> str:
    """Find the sentence in an error answer that says most."""
    body = error.body
    cause = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(cause, dict):
        roots = cause.get("root_cause") or [{}]
        return str(cause.get("reason") or roots[0].get("reason") or cause.get("type") or cause)
    return str(cause)
