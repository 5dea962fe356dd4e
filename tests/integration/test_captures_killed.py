"""A conversion that dies at any of its writes, and a job that runs meanwhile, come to the same end as without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.timespan import DAY_MS, HOUR_MS
from tests.integration.sent import START, Endpoint, request, response
from tests.integration.traffic import Monitored

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("installed")]

ClientFor = Callable[[str], Elasticsearch]
Counts = dict[tuple[str, ...], int]

CALLS = 6
NOW = START + 2 * DAY_MS
_WRITES = ("/_bulk", "/_doc/", "/_create/")


class Killed(BaseException):
    """The process has died."""


@contextmanager
def killed_at(client: Elasticsearch, number: int) -> Iterator[list[str]]:
    """Let the write number `number` (from 0) and all after it never be sent, until the block ends; lists the writes."""
    original = client.transport.perform_request
    sent: list[str] = []

    def perform(method: str, target: str, **how: Any) -> Any:
        if method != "GET" and any(word in target for word in _WRITES) and "lease" not in target:
            sent.append(target)
            if len(sent) > number:
                raise Killed
        return original(method, target, **how)

    client.transport.perform_request = perform  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        client.transport.perform_request = original  # type: ignore[method-assign]


def fill(endpoint: Endpoint) -> None:
    """Send calls of three hours: two complete ones an hour, of two rows each."""
    for call in range(CALLS):
        at = START + call % 3 * HOUR_MS + call * 1000
        rows = [40 + call, call % 2, 310.5], [29, call % 3, 87.0]
        endpoint.send([endpoint.half(f"c{call}", "request", request(*rows), at)])
        endpoint.send([endpoint.half(f"c{call}", "response", response(0.8, 0.1), at)])


def config_of(endpoint: Endpoint, **changes: Any) -> Config:
    """Make a configuration whose segment `group` is the first column, or as `changes` say."""
    mapping = endpoint.mapping(**({"segment": {"group": 1}} | changes))
    return mapping.model_copy(update={"models": Config.model_validate(
        {"models": [{"name": endpoint.word, "segments": ["group"]}]}).models})  # fmt: skip


def run(endpoint: Endpoint, config: Config) -> None:
    """Run the job, conversion and all, as of the end."""
    report = Monitored(endpoint.client_for, config, endpoint.word).run(NOW)
    assert [entry.error for entry in report.models] == [None] * len(report.models)
    assert report.captures is None or report.captures.error is None


def counts(endpoint: Endpoint) -> Counts:
    """Give the counts of all profiles that hold anything."""
    found = Monitored(endpoint.client_for, Config(), endpoint.word).documents(Index.PROFILES)
    sources = [hit["_source"]["mpm"] for hit in found.values()]
    return {
        (mpm["model"]["version"], mpm["segment_key"], mpm["profile"]["granularity"], mpm["profile"]["start"]): n
        for mpm in sources
        if (n := mpm["profile"]["count"])
    }


def comparable(endpoint: Endpoint) -> list[str]:
    return [str(one).replace(endpoint.word, "model") for _, one in sorted(endpoint.said().items())]


@pytest.fixture(scope="module")
def undisturbed(client_for: ClientFor) -> tuple[list[str], Counts]:
    """What the right mapping gives at once."""
    endpoint = Endpoint(client_for)
    fill(endpoint)
    run(endpoint, config_of(endpoint))
    found = counts(endpoint)
    # Two calls of two rows an hour: per hour, per day, and the same by segment.
    assert sum(n for key, n in found.items() if key[1] == "all") == 2 * 2 * CALLS
    return comparable(endpoint), found


@pytest.mark.parametrize("change", [{"version": "2"}, {"segment": {"group": 0}}, {"prediction_id": 0}], ids=str)
def test_after_a_mapping_is_mended_the_job_counts_each_hour_right(
    client_for: ClientFor, undisturbed: tuple[list[str], Counts], change: dict[str, Any]
) -> None:
    endpoint = Endpoint(client_for)
    fill(endpoint)
    run(endpoint, config_of(endpoint, **change))
    assert counts(endpoint)
    run(endpoint, config_of(endpoint))
    assert (comparable(endpoint), counts(endpoint)) == undisturbed


def test_a_model_by_a_wrong_name_is_emptied(client_for: ClientFor, undisturbed: tuple[list[str], Counts]) -> None:
    endpoint = Endpoint(client_for)
    fill(endpoint)
    wrong = f"{endpoint.word}-wrong"
    config = config_of(endpoint, model=wrong)
    report = Monitored(client_for, config, wrong).run(NOW)
    assert [entry.error for entry in report.models] == [None]
    named = Endpoint(client_for, wrong)
    assert sum(counts(named).values()) > 0
    right = config_of(endpoint)
    for name in (wrong, endpoint.word):
        Monitored(client_for, right, name).run(NOW)
    assert counts(named) == {}
    assert (comparable(endpoint), counts(endpoint)) == undisturbed


@pytest.mark.parametrize("meanwhile", [False, True], ids=["", "the job runs meanwhile"])
def test_killed_at_any_write_of_a_second_conversion(
    client_for: ClientFor, undisturbed: tuple[list[str], Counts], *, meanwhile: bool
) -> None:
    number, finished = 0, False
    while not finished:
        endpoint = Endpoint(client_for)
        fill(endpoint)
        run(endpoint, config_of(endpoint, version="2"))
        with killed_at(client_for("job"), number) as sent:
            try:
                endpoint.convert(config_of(endpoint), NOW)
                finished = True
            except Killed:
                pass
        if meanwhile:
            run(endpoint, Config())
        # A third mapping, so that what the dead one made is wrong too; then the right one.
        run(endpoint, config_of(endpoint, version="4"))
        run(endpoint, config_of(endpoint))
        assert (comparable(endpoint), counts(endpoint)) == undisturbed, f"killed at write {number}: {sent[-1]}"
        number += 1
    assert number > 5


def test_killed_at_any_write_of_the_first_conversion(
    client_for: ClientFor, undisturbed: tuple[list[str], Counts]
) -> None:
    number, finished = 0, False
    while not finished:
        endpoint = Endpoint(client_for)
        fill(endpoint)
        with killed_at(client_for("job"), number):
            try:
                endpoint.convert(config_of(endpoint, version="2", prediction_id=0), NOW)
                finished = True
            except Killed:
                pass
        run(endpoint, config_of(endpoint))
        assert (comparable(endpoint), counts(endpoint)) == undisturbed, f"killed at write {number}"
        number += 1
    assert number > 3


def test_a_job_between_the_note_and_the_deletion_reads_those_hours_again(
    client_for: ClientFor, undisturbed: tuple[list[str], Counts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: hours are noted, another run reads them and forgets the note, then the documents go."""
    from mpm_elk.intake.converted import Writer  # noqa: PLC0415

    endpoint = Endpoint(client_for)
    fill(endpoint)
    run(endpoint, config_of(endpoint, version="2"))
    original = Writer._remove

    def remove(self: Writer, made: Any) -> None:
        run(endpoint, Config())
        original(self, made)

    monkeypatch.setattr(Writer, "_remove", remove)
    endpoint.convert(config_of(endpoint), NOW)
    monkeypatch.undo()
    run(endpoint, config_of(endpoint))
    assert (comparable(endpoint), counts(endpoint)) == undisturbed
