"""Killed, stopped and overtaken: whatever happens to a run, the next one ends where an undisturbed one would have."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config, load
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.timespan import HOUR_MS, iso
from tests.integration.command import Command
from tests.integration.traffic import SETTLED, Event, Monitored, day_of, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
KILLS = 10
LEASE = 1.0
CONFIGURATION = """
job: {lease: 1s}
models: [{name: "job-*", segments: [region]}]
rules:
  - {id: drift, metric: drift.psi, against: rolling 5d, warning: 0.2, critical: 0.5, min_samples: 50, evidence: none}
  - {id: together, metric: drift.correlation_shift, against: rolling 5d, warning: 0.3, min_samples: 50, evidence: none}
  - {id: failures, metric: traffic.failure_rate, window: 6h, against: rolling 1d, warning: 0.02, min_samples: 50,
     evidence: none}
"""


@pytest.fixture
def job(settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path) -> Command:
    """The command line with the rights of the job, and leases of one second."""
    return Command(settings_for("job"), tmp_path).write(CONFIGURATION)


@pytest.fixture
def config(job: Command) -> Config:
    """The same configuration for runs in this process."""
    return load(job.folder / "mpm.yml")


def first_events(name: str) -> list[Event]:
    """Make ten days, one of them shifted: an alert that opens and recovers."""
    return [one for day in range(10) for one in day_of(name, day, events=160, shift=3 if day == 7 else 0)]


def later_events(name: str) -> list[Event]:
    """Make four more days, a new version, and late events that change the past."""
    late = days_of(name, [5, 7], events=300, seed=9)
    return days_of(name, range(10, 14), events=160) + days_of(name, [12, 13], events=160, version="2", seed=3) + late


def arguments(model: Monitored, day: int) -> tuple[str, ...]:
    return "run", "--model", model.name, "--at", iso(midnight(day) + SETTLED)


def test_killed_at_ten_moments_and_run_again_gives_the_undisturbed_result(
    job: Command, config: Config, client_for: ClientFor
) -> None:
    calm, killed = Monitored(client_for, config), Monitored(client_for, config)
    chance = random.Random(20)  # noqa: S311 — moments, no secrets
    died = 0
    for day, events in ((10, first_events), (14, later_events)):
        for model in (calm, killed):
            model.send(events(model.name))
        process = job.start(*arguments(calm, day))
        assert seen_lease(process, calm)
        began = time.monotonic()
        process.communicate()
        assert process.returncode == 0
        work = time.monotonic() - began
        for _ in range(KILLS // 2):
            process = job.start(*arguments(killed, day))
            if seen_lease(process, killed):
                time.sleep(work * chance.uniform(0, 0.2))  # a run goes on from where the last died
            process.send_signal(signal.SIGKILL)
            process.communicate()
            died += process.returncode == -signal.SIGKILL
            time.sleep(LEASE)  # a dead run keeps its lease for so long
        finished = job.run(*arguments(killed, day))
        assert finished.returncode == 0, finished.stderr
        assert "reading all hours again" not in finished.stderr
    assert died >= KILLS // 2
    assert killed.results().unlike(calm.results()) == []
    assert killed.results().same(calm.results())
    before = killed.written()
    assert job.run(*arguments(killed, 14)).returncode == 0
    assert killed.written() == before


def holds_lease(model: Monitored) -> bool:
    found = model.admin.options(ignore_status=404).get(index=Index.STATE, id=f"lease:production:{model.name}")
    return bool(found.get("found")) and found["_source"]["mpm"]["state"]["lease"]["expires"] > time.time() * 1000


def seen_lease(process: subprocess.Popen[str], model: Monitored) -> bool:
    """Wait until a run has its lease; false where it ended before that was seen."""
    while not holds_lease(model):
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("delay", [0.0, 0.35, 0.7])
def test_a_stopped_run_that_was_overtaken_changes_nothing_when_it_wakes(
    job: Command, config: Config, client_for: ClientFor, delay: float
) -> None:
    model = Monitored(client_for, config)
    model.send(first_events(model.name))
    stopped = job.start(*arguments(model, 10))
    try:
        assert seen_lease(stopped, model)
        time.sleep(delay)
        stopped.send_signal(signal.SIGSTOP)
        assert holds_lease(model), "the run had ended before it was stopped"
        time.sleep(LEASE + 0.1)
        model.send(later_events(model.name))
        overtaking = job.run(*arguments(model, 14))
        assert overtaking.returncode == 0, overtaking.stderr
        before = model.written()
    finally:
        stopped.send_signal(signal.SIGCONT)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 1
    assert "overtaken" in err
    assert "Traceback" not in err
    assert model.written() == before

    calm = Monitored(client_for, config)
    calm.send(first_events(calm.name) + later_events(calm.name))
    calm.take_cells(model)
    calm.ran(midnight(14) + SETTLED)
    assert calm.results(Index.PROFILES).same(model.results(Index.PROFILES))
    assert calm.results(Index.METRICS).same(model.results(Index.METRICS))


def test_a_run_that_stalls_without_a_rival_goes_on(job: Command, config: Config, client_for: ClientFor) -> None:
    model = Monitored(client_for, config)
    model.send(first_events(model.name))
    process = job.start(*arguments(model, 10))
    assert seen_lease(process, model)
    process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE + 0.2)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert model.ran(midnight(10) + SETTLED).counts == dict.fromkeys(model.ran(midnight(10) + SETTLED).counts, 0)


def test_while_another_run_holds_the_lease_this_one_exits_75(
    job: Command, config: Config, client_for: ClientFor
) -> None:
    model = Monitored(client_for, config)
    model.send(day_of(model.name, 0))
    job.write(CONFIGURATION.replace("lease: 1s", "lease: 5m"))
    holder = job.start(*arguments(model, 1))
    assert seen_lease(holder, model)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    before = model.written()
    refused = job.run(*arguments(model, 1))
    assert refused.returncode == 75
    assert "another run works on" in refused.stderr
    assert model.written() == before
    model.admin.delete(index=Index.STATE, id=f"lease:production:{model.name}")
    assert job.run("run", "--model", model.name, "--at", iso(midnight(1) + HOUR_MS)).returncode == 0
