"""Which Elasticsearch versions the development cluster knows, and what they need of Java."""

import re

from mpm_elk.errors import DevClusterError

# SHA-256 of the artifact `org.elasticsearch.distribution.integ-test-zip:elasticsearch:<version>:zip`.
PINNED = {
    "9.5.3": "bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
    "8.19.21": "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
}
DEFAULT_VERSION = "9.5.3"
_OLDEST = (8, 19)


def resolve(wanted: str | None) -> str:
    """Turn `9`, `8.19` or `9.5.3` into a full version.

    A part of a version means the newest pinned version that begins with it. A full version is taken as it is,
    pinned or not. Raises DevClusterError for what is no version, too old, or a part without a pinned version.
    """
    if wanted is None:
        return DEFAULT_VERSION
    known = f"the pinned versions are {', '.join(PINNED)}; any other full version works too, from 8.19.0"
    if not re.fullmatch(r"\d+(\.\d+){0,2}", wanted):
        raise DevClusterError(f"{wanted!r} is no version of Elasticsearch", remedy=known)
    parts = _numbers(wanted)
    if parts[: len(_OLDEST)] < _OLDEST[: len(parts)]:
        raise DevClusterError(f"Elasticsearch {wanted} is older than what mpm-elk supports", remedy=known)
    if len(parts) == 3:
        return wanted
    fitting = [version for version in PINNED if _numbers(version)[: len(parts)] == parts]
    if not fitting:
        raise DevClusterError(f"which version of Elasticsearch {wanted} is not known", remedy=known)
    return max(fitting, key=_numbers)


def oldest_java(version: str) -> int:
    """Tell the first major version of Java that runs this version of Elasticsearch."""
    return 21 if _numbers(version) >= (9,) else 17


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
