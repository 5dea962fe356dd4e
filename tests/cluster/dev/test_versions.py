import pytest

from mpm_elk.cluster.dev import versions
from mpm_elk.errors import DevClusterError


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        (None, "9.5.3"),
        ("9", "9.5.3"),
        ("9.5", "9.5.3"),
        ("8", "8.19.21"),
        ("8.19", "8.19.21"),
        ("8.19.7", "8.19.7"),
        ("9.1.0", "9.1.0"),
    ],
)
def test_a_part_is_the_newest_pinned_version_and_a_full_version_is_itself(wanted: str | None, version: str) -> None:
    assert versions.resolve(wanted) == version


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ("latest", "no version"),
        ("9.5.3-SNAPSHOT", "no version"),
        ("../9", "no version"),
        ("7", "older"),
        ("8.18.8", "older"),
        ("8.17", "older"),
        ("9.4", "not known"),
        ("10", "not known"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_versions_that_can(wanted: str, what: str) -> None:
    with pytest.raises(DevClusterError, match=what) as raised:
        versions.resolve(wanted)
    assert raised.value.remedy is not None
    assert all(version in raised.value.remedy for version in versions.PINNED)


def test_the_default_is_pinned() -> None:
    assert versions.DEFAULT_VERSION in versions.PINNED


def test_java_of_each_series() -> None:
    assert [versions.oldest_java(version) for version in ("8.19.21", "9.0.0", "9.5.3", "10.0.0")] == [17, 21, 21, 21]
