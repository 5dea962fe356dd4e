"""Roles: what each may never do. That they suffice is shown on a real cluster."""

from fnmatch import fnmatchcase

import pytest

from mpm_elk.contract.names import Index, dated, from_captures, monthly
from mpm_elk.contract.roles import ROLES

AT = 1_795_428_000_000
CHANGES = {"write", "index", "create", "delete", "all", "manage", "delete_index"}


def privileges(role: str, name: str) -> set[str]:
    return {
        privilege
        for grant in ROLES[role]["indices"]
        if any(fnmatchcase(name, pattern) for pattern in grant["names"])
        for privilege in grant["privileges"]
    }


def names(index: Index) -> list[str]:
    return [index.value, dated(index, AT), monthly(index, "m", "production", AT)]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("index", [Index.PREDICTIONS, Index.GROUND_TRUTH, Index.AUDIT, Index.ALERT_EVENTS])
def test_nobody_changes_what_is_append_only(role: str, index: Index) -> None:
    for name in names(index):
        assert privileges(role, name).isdisjoint(CHANGES)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_deletes_a_capture_and_only_the_job_notes_what_became_of_it(role: str) -> None:
    for name in names(Index.CAPTURES):
        assert privileges(role, name) & CHANGES == ({"index"} if role == "mpm_job" else set())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("index", [Index.PREDICTIONS, Index.GROUND_TRUTH])
def test_only_the_job_changes_what_it_made_from_captures(role: str, index: Index) -> None:
    made = from_captures(monthly(index, "m", "production", AT))
    assert privileges(role, made) & CHANGES == ({"write"} if role == "mpm_job" else set())


def test_the_shipper_only_adds() -> None:
    for index in Index:
        for name in names(index):
            assert privileges("mpm_shipper", name) <= {"create_doc", "auto_configure"}
    assert privileges("mpm_shipper", Index.METRICS.value) == set()


def test_the_reader_only_reads() -> None:
    for index in Index:
        for name in names(index):
            assert privileges("mpm_reader", name) <= {"read", "view_index_metadata"}
    assert privileges("mpm_reader", Index.STATE.value) == set()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_beyond_our_indices_or_manages_the_cluster(role: str) -> None:
    for name in (".kibana", "logs-app-default", "mpm", "mpm-other", "mpm-predictions-v2-x"):
        assert privileges(role, name) == set()
    assert set(ROLES[role]["cluster"]) <= {"monitor", "manage_index_templates", "manage_ilm"}
    assert role == "mpm_admin" or ROLES[role]["cluster"] == ["monitor"]
