"""Hours that must be read again: noted once, forgotten only as they were read."""

import secrets
from collections.abc import Callable

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.state import Noted, forget_hours, note_hours, noted_hours
from mpm_elk.contract.keys import ModelKey

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]


@pytest.fixture
def job(client_for: Callable[[str], Elasticsearch]) -> Elasticsearch:
    return client_for("job")


@pytest.fixture
def model() -> ModelKey:
    return ModelKey("production", f"m-{secrets.token_hex(5)}")


def test_hours_are_added_up_and_forgotten(job: Elasticsearch, model: ModelKey) -> None:
    assert noted_hours(job, model) == Noted()
    note_hours(job, model, {"1": [0, 3_600_000]}, 0)
    note_hours(job, model, {"1": [0, 7_200_000], "2": [0]}, 0)
    found = noted_hours(job, model)
    assert found.hours == {"1": {0, 3_600_000, 7_200_000}, "2": {0}}
    forget_hours(job, model, found)
    assert noted_hours(job, model) == Noted()
    forget_hours(job, model, found)
    note_hours(job, model, {"1": [0]}, 0)
    assert noted_hours(job, model).hours == {"1": {0}}


def test_what_was_noted_meanwhile_is_not_forgotten(job: Elasticsearch, model: ModelKey) -> None:
    note_hours(job, model, {"1": [0]}, 0)
    read = noted_hours(job, model)
    note_hours(job, model, {"1": [3_600_000]}, 0)
    forget_hours(job, model, read)
    assert noted_hours(job, model).hours == {"1": {0, 3_600_000}}


def test_what_is_noted_already_is_not_written_again(job: Elasticsearch, model: ModelKey) -> None:
    note_hours(job, model, {"1": [0]}, 0)
    before = noted_hours(job, model)
    note_hours(job, model, {"1": [0]}, 1)
    assert noted_hours(job, model) == before
