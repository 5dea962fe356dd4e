"""The certificates of a development node: an authority of its own, and a certificate for the loopback names."""

from pathlib import Path

from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError
from mpm_elk.cluster.dev.users import write_private

_NAMES = ("localhost", "127.0.0.1", "::1")


def make(*, ca: Path, certificate: Path, key: Path) -> None:
    """Write the authority's certificate, and the node's certificate and private key, as PEM.

    The authority's own key is not kept: nothing else can be signed with it.
    """
    try:
        import trustme  # noqa: PLC0415 — heavy, and an optional dependency
    except ImportError as error:
        raise EmbeddedUnavailableError(
            "the library trustme is needed to make certificates", remedy="pip install 'mpm-elk[dev-cluster]'"
        ) from error
    authority = trustme.CA(organization_name="mpm-elk development cluster")
    issued = authority.issue_cert(*_NAMES)
    ca.write_bytes(authority.cert_pem.bytes())
    ca.chmod(0o644)
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    write_private(key, issued.private_key_pem.bytes().decode())
