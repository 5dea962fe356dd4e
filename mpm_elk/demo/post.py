"""Send the demo's flights to Logstash, as a prediction service would: `python -m mpm_elk.demo.post --to URL`.

The flights of 2013 are moved by whole weeks to the time before today, so that days of the week stay what they were and
Logstash takes the events for recent ones. Predictions, and outcomes that are known by now, go as NDJSON, day by day.
"""

import base64
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import click
import pandas as pd

from mpm_elk.cluster.dev import from_environment
from mpm_elk.demo.cluster import clients, refuse_used
from mpm_elk.demo.flights import load_flights
from mpm_elk.demo.incidents import apply
from mpm_elk.demo.model import TRAINED_UNTIL, train, training_rows
from mpm_elk.demo.run import NOT_FEATURES
from mpm_elk.demo.traffic import (
    KEY,
    SERVICE_VERSIONS,
    ground_truth_lines,
    prediction_lines,
    replay,
    training_history,
    write_training_file,
)
from mpm_elk.errors import AuthenticationError, CertificateError, MpmError, UsageError
from mpm_elk.registry.baseline import from_file
from mpm_elk.registry.rows import Columns
from mpm_elk.registry.store import save_version
from mpm_elk.timespan import to_ms

BATCH_BYTES = 1 << 20
DAYS = 91
"""April to June, as `mpm-elk demo` replays them."""

_BUSY = (429, 502, 503, 504)
_PAUSES = (0.5, 1, 2, 4, 8, 15, *[30] * 18)
"""Seconds between tries: after nine minutes or so nobody is there."""

_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True)
class Target:
    """Logstash's http input: `url`, user and password, and the file of the CA that signed its certificate."""

    url: str
    user: str = ""
    password: str = ""
    ca: Path | None = None

    def connect(self) -> HTTPConnection:
        """Make a connection; nothing is sent yet. Certificates are always checked."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise UsageError(f"{self.url!r} is no address", remedy="write it as https://logstash:8080, without a user")
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise CertificateError(f"the CA file {self.ca} cannot be used: {error}", remedy="check --ca") from None
        return HTTPSConnection(parts.hostname, parts.port, timeout=60, context=context)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        made = {"content-type": "application/x-ndjson"}
        if self.user:
            token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            made["authorization"] = f"Basic {token}"
        return made


class Sender:
    """Sends lines to Logstash, and tries again while it is busy or away.

    An answer of 200 means that Logstash's queue has the lines. Whatever else happens they are sent again: an event that
    came twice is stored once.
    """

    def __init__(self, target: Target, pause: Callable[[float], None] = time.sleep) -> None:
        self._target = target
        self._connection = target.connect()
        self._pause = pause

    def send(self, lines: Sequence[bytes]) -> None:
        """Send lines, each with its line feed, in bodies of at most about 1 MiB. Raises MpmError where that fails."""
        for body in bodies(lines):
            self._post(body)

    def _post(self, body: bytes) -> None:
        problem = ""
        for pause in (*_PAUSES, None):
            try:
                status = self._try(body)
            except ssl.SSLCertVerificationError as error:
                raise CertificateError(
                    f"the certificate of {self._target.url} is not trusted: {error.verify_message}",
                    remedy="name the CA that signed it with --ca",
                ) from None
            except (OSError, HTTPException) as error:
                self._connection.close()
                problem = f"it does not answer: {error}"
            else:
                if status == 200:
                    return
                if status in (401, 403):
                    raise AuthenticationError(
                        f"{self._target.url} refuses user and password", remedy="check MPM_HTTP_USER, MPM_HTTP_PASSWORD"
                    )
                problem = f"it answers {status}"
                if status not in _BUSY:
                    break
            if pause is not None:
                self._pause(pause)
        raise MpmError(f"{self._target.url} took no more: {problem}", remedy="look at Logstash's log; then send again")

    def _try(self, body: bytes) -> int:
        self._connection.request("POST", "/", body, self._target.headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def bodies(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Join lines to bodies of at most BATCH_BYTES; a longer line is a body of its own."""
    begin = size = 0
    for at, line in enumerate(lines):
        if size and size + len(line) > BATCH_BYTES:
            yield b"".join(lines[begin:at])
            begin, size = at, 0
        size += len(line)
    if size:
        yield b"".join(lines[begin:])


def until_today(scored: pd.DataFrame, by: timedelta, now: datetime) -> pd.DataFrame:
    """Move flights `by` so much, and leave out what lies after the last midnight (UTC), or is not known by `now`."""
    later = moved(scored, by)
    past = later[later["timestamp"] < _midnight(now)]
    return past.assign(late=past["late"].where(past["known_at"] <= now))


def weeks_to(end: datetime, now: datetime) -> timedelta:
    """Tell by how many whole weeks to move what ends at `end`, so that it reaches the last midnight before `now`."""
    return -((end - _midnight(now)) // _WEEK) * _WEEK


def moved(frame: pd.DataFrame, by: timedelta) -> pd.DataFrame:
    """Move flights in time: when each was predicted, and when its outcome became known."""
    columns = [name for name in ("timestamp", "known_at") if name in frame]
    return frame.assign(**{name: frame[name] + by for name in columns})


def _midnight(now: datetime) -> datetime:
    return now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % _DAY


def by_day(scored: pd.DataFrame) -> Iterator[tuple[date, list[bytes]]]:
    """Yield each day and its lines: its predictions, then the outcomes that became known in it."""
    outcomes = dict(ground_truth_lines(scored))
    for day, predictions in prediction_lines(scored):
        yield day, [*predictions, *outcomes.pop(day, [])]
    yield from sorted(outcomes.items())


def _flights(days: int, now: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the training data, and up to `days` of flights as the service scored them, moved to before today."""
    flights = load_flights()
    end = TRAINED_UNTIL + timedelta(days=days)
    during = flights[(flights["timestamp"] >= TRAINED_UNTIL) & (flights["timestamp"] < end)]
    models = {version: train(training_rows(flights), version) for version in apply(during)["version"].unique()}
    by = weeks_to(end, now)
    return moved(training_history(flights), by), until_today(replay(flights, models, TRAINED_UNTIL, end), by, now)


def _register(history: pd.DataFrame, now: datetime) -> None:
    """Register the model in the Elasticsearch that MPM_ES_URL names, with the training data as its baseline."""
    node = from_environment()
    if node is None:
        click.echo("MPM_ES_URL is not set: the model is not registered, its first events will stand for a baseline")
        return
    version = KEY.version("1")
    facts = {
        "type": "binary",
        "description": "a demo: how probable it is that a flight arrives 15 minutes late or more",
    }
    with clients(node) as known, tempfile.TemporaryDirectory(prefix="mpm-elk-demo-") as folder:
        refuse_used(known.setup, KEY)
        for name in SERVICE_VERSIONS:
            save_version(known.setup, KEY.version(name), facts, to_ms(now))
        path = Path(folder) / "flights.parquet"
        write_training_file(history, path)
        made = from_file(known.setup, version, path, Columns(exclude=NOT_FEATURES), now_ms=to_ms(now))
    click.echo(f"{KEY} registered; baseline of {made.baseline.counts.count:,} flights stored")


@click.command()
@click.option("--to", "url", required=True, help="Logstash's http input, as https://logstash:8080.")
@click.option("--user", envvar="MPM_HTTP_USER", default="", help="[env: MPM_HTTP_USER]")
@click.option("--password", envvar="MPM_HTTP_PASSWORD", default="", help="Better from the environment.")
@click.option("--ca", envvar="MPM_TLS_CA", type=click.Path(path_type=Path), help="The CA's file. [env: MPM_TLS_CA]")
@click.option("--days", type=click.IntRange(1, 275), default=DAYS, show_default=True, help="So many, less up to six.")
def command(*, url: str, user: str, password: str, ca: Path | None, days: int) -> None:
    """Send the demo's flights to Logstash, as a prediction service would, moved to the weeks before today.

    Registers the model first, where MPM_ES_URL names an Elasticsearch.
    """
    now = datetime.now(tz=UTC)
    sender = Sender(Target(url, user, password, ca))
    history, scored = _flights(days, now)
    _register(history, now)
    sent = 0
    for number, (day, lines) in enumerate(by_day(scored), start=1):
        sender.send(lines)
        sent += len(lines)
        if number % 10 == 0:
            click.echo(f"{day}: {sent:,} events sent")
    click.echo(f"{sent:,} events sent; the next run of the job reads them")


def main() -> None:
    """Run the command; an MpmError is shown as one message."""
    try:
        command.main(prog_name="python -m mpm_elk.demo.post")
    except MpmError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
