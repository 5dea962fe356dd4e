"""A long catch-up is saved as it goes: a run that died is gone on with, and ends in the same documents."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.cluster.state import ModelState, load
from mpm_elk.config import Config
from mpm_elk.config import load as load_config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.job import Options, judge, run
from mpm_elk.job.meter import Meter
from mpm_elk.timespan import from_ms, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
DAYS = 70
NOW = midnight(DAYS) + SETTLED
CONFIGURATION = """
job: {lease: 1s}
models: [{name: "job-*", segments: [region]}]
rules:
  - {id: drift, metric: drift.psi, against: rolling 5d, warning: 0.2, critical: 0.5, min_samples: 40, evidence: none}
  - {id: failures, metric: traffic.failure_rate, window: 6h, against: rolling 1d, warning: 0.02, min_samples: 40,
     evidence: none}
"""


class DiedError(BaseException):
    """Stands for a kill between two requests."""


@pytest.fixture
def job(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of the job, and leases of one second."""
    return Command(settings_for("job"), tmp_path).write(CONFIGURATION)


@pytest.fixture
def config(job: Command) -> Config:
    return load_config(job.folder / "mpm.yml")


def events(name: str) -> list[Event]:
    """Make ten weeks with two incidents: alerts that open and recover."""
    return [one for day in range(DAYS) for one in day_of(name, day, events=80, shift=3 if day in (30, 31, 60) else 0)]


def hours_of(made: list[Event]) -> set[str]:
    return {one["@timestamp"][:13] for one in made}


def remembered(model: Monitored) -> ModelState:
    return load(model.admin, model.key)


def die_at(step: str, done: int) -> Callable[[Meter], None]:
    def meter(at: Meter) -> None:
        if at.step.startswith(step) and at.done >= done:
            raise DiedError

    return meter


def test_a_kill_in_the_middle_leaves_only_the_rest_to_read(job: Command, config: Config, client_for: ClientFor) -> None:
    calm, killed = Monitored(client_for, config), Monitored(client_for, config)
    for model in (calm, killed):
        model.send(events(model.name))
    process = job.start("run", "--model", killed.name, "--at", iso(NOW))
    until = time.monotonic() + 120
    while (far := remembered(killed).catch_up) is None or far.until < midnight(15):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(config.job.lease.total_seconds())
    before = remembered(killed)
    assert before.read == {}
    assert before.catch_up is not None
    # What came since is read too, though its time is over; and only that.
    late = days_of(killed.name, [5], events=6, seed=9)
    calm.send(days_of(calm.name, [5], events=6, seed=9))
    killed.send(late)
    report = killed.ran(NOW)
    left = {hour for hour in hours_of(events(killed.name)) if hour >= iso(before.catch_up.until)[:13]} | hours_of(late)
    assert report.hours == len(left) < len(hours_of(events(killed.name)))
    after = remembered(killed)
    assert (after.catch_up, after.unkept) == (None, {})

    calm.take_cells(killed)
    calm.ran(NOW)
    assert killed.results().unlike(calm.results()) == []
    assert killed.results().same(calm.results())
    assert any('"action": "recovered"' in text for text, _ in killed.results(Index.ALERT_EVENTS).documents)
    again = killed.ran(NOW)
    assert again.counts == dict.fromkeys(again.counts, 0)


@pytest.mark.parametrize(("step", "done"), [("judging 1d", 40), ("judging 6h", 120)])
def test_a_kill_while_judging_leaves_only_the_rest_to_judge(
    config: Config, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch, step: str, done: int
) -> None:
    monkeypatch.setattr(judge, "_PART", 10)
    monkeypatch.setattr(judge, "_PART_OF_TRAFFIC", 40)
    calm, killed = Monitored(client_for, config), Monitored(client_for, config)
    for model in (calm, killed):
        model.send(events(model.name))
    with pytest.raises(DiedError):
        run(client_for("job"), config, Options(from_ms(NOW), (killed.name,), meter=die_at(step, done)))
    assert len(remembered(killed).unkept) == 1
    report = killed.ran(NOW)
    whole = calm.ran(NOW)
    assert report.hours == 0
    assert 0 < report.windows <= whole.windows - done
    assert killed.results().unlike(calm.results()) == []
    assert killed.results().same(calm.results())
    assert remembered(killed).judged == remembered(calm).judged


def test_what_an_unfinished_run_read_counts_only_while_it_is_there(config: Config, client_for: ClientFor) -> None:
    model = Monitored(client_for, config)
    model.send(events(model.name))
    with pytest.raises(DiedError):
        run(client_for("job"), config, Options(from_ms(NOW), (model.name,), meter=die_at("reading", 200)))
    assert remembered(model).catch_up is not None
    model.delete(Index.PROFILES)
    assert model.ran(NOW).hours == len(hours_of(events(model.name)))
