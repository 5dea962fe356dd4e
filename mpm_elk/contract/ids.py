"""Deterministic document ids and the sample bucket, the same to the byte in every language.

The canonical form of a list of texts is each text as a netstring: its length in UTF-8 bytes, `:`, the text, `,`.
Two different lists never share a form, and no language's JSON writer can disturb it. The id is the SHA-256 of the
form's bytes in base64url without padding: 43 characters, which Elasticsearch stores as 32 bytes.
`tests/contract/vectors.json` holds the test vectors for other languages.
"""

import hashlib
from base64 import urlsafe_b64encode

BUCKETS = 1000


def canonical(*texts: str) -> bytes:
    """Write `texts` in the canonical form."""
    return b"".join(b"%d:%b," % (len(raw), raw) for raw in (text.encode() for text in texts))


def digest(*texts: str) -> str:
    """Hash `texts` to a document id of 43 characters."""
    return urlsafe_b64encode(hashlib.sha256(canonical(*texts)).digest()).rstrip(b"=").decode()


def prediction_id(environment: str, model: str, version: str, prediction: str, timestamp_ms: int) -> str:
    """Give the `_id` of a prediction event: sent twice it is stored once, and two events never hide one another."""
    return digest(environment, model, version, prediction, str(timestamp_ms))


def bucket(prediction: str) -> int:
    """Put a prediction into one of 1000 sample buckets: the first 8 bytes of its id's SHA-256, big-endian, mod 1000."""
    return int.from_bytes(hashlib.sha256(prediction.encode()).digest()[:8], "big") % BUCKETS
