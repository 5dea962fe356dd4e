"""Draw the pictures of the documentation: the dashboards, of the demo's data and of what people did about its alerts.

    python -m benchmarks.pictures [--days 91] [--chromium chromium] [--out docs/dashboards] [--draw-only]

Uses the cluster that MPM_ES_URL names, or starts a node of its own. It replays the demo with two channels for
notifications, of which one refuses now and then; each day somebody deals with the alerts, always in the same way. Some
lines that cannot be accepted are sent, and captured calls of which halves are missing. Then each dashboard is drawn as
`mpm-elk dashboards preview` draws it, and photographed by a Chromium without a window, which must be installed.
"""

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.act import act
from mpm_elk.alerts.people import Action, Deed, Verdict
from mpm_elk.cluster import dev
from mpm_elk.cluster.bulk import Action as Sent
from mpm_elk.cluster.bulk import send
from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.setup import install
from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.contract.roles import ROLES
from mpm_elk.demo.cluster import Clients, clients
from mpm_elk.demo.incidents import INCIDENTS
from mpm_elk.demo.model import MODEL, TRAINED_UNTIL
from mpm_elk.demo.run import load_config
from mpm_elk.demo.run import run as replay
from mpm_elk.demo.stopwatch import Stopwatch
from mpm_elk.intake.capture import capture_of_request
from mpm_elk.intake.convert import convert
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.ship import Source, ship
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso, parse_instant, to_ms
from mpm_elk.views.alerts import Alert, Wanted, listed
from mpm_elk.views.dashboards.preview.draw import draw
from mpm_elk.views.dashboards.preview.page import THEMES
from mpm_elk.views.dashboards.requests import Scope
from mpm_elk.views.dashboards.saved import Bundle, Dashboard

_REFUSES_EVERY = 9
_OWNERS = {"feature-drift": "flights-ml", "prediction-drift": "flights-ml", "prediction-drift-by-origin": "flights-ml"}
_WIDTH, _SCALE = 1486, 1.25
_ALSO_DARK = ("drift",)


class Receiver(BaseHTTPRequestHandler):
    """Takes notifications, but not every one at the first attempt."""

    number = 0

    def do_POST(self) -> None:
        """Read, and answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Receiver.number += 1
        self.send_response(503 if Receiver.number % _REFUSES_EVERY == 0 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[str]:
    """Give the address of a receiver of notifications."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def configured(address: str) -> Config:
    """Give the demo's configuration, with owners and channels."""
    config = load_config().model_dump(mode="python", by_alias=True, exclude_unset=True)
    channels = [{"id": "on-call", "url": address}, {"id": "managers", "url": address, "at_least": "critical"}]
    rules = [{**rule, "owner": _OWNERS.get(rule["id"], "platform")} for rule in config["rules"]]
    return Config.model_validate(
        {**config, "rules": rules, "notifications": {"channels": channels, "default": ["on-call", "managers"]}}
    )


class People:
    """Somebody who deals with alerts on the morning after each day; told by the demo that a day was replayed."""

    def __init__(self, given: Clients) -> None:
        self.clients = given
        self.known: set[str] = set()

    def step(self, text: str) -> None:
        """Say how far the demo is."""
        print(text, flush=True)

    def day(self, number: int, day: date, events: int, alerts: int) -> None:
        """Look at the alerts of the day."""
        if number % 10 == 0:
            print(f"day {number}: {events:,} events, {alerts} alerts", flush=True)
        morning = to_ms(datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(days=1))
        refresh(self.clients.admin, [Index.ALERTS])
        for at, alert in enumerate(listed(self.clients.reader, Wanted(models=(MODEL,), status=None))):
            self._deal(alert, morning + (at % 7) * 23 * 60_000)

    def _deal(self, alert: Alert, at: int) -> None:
        about, lot = alert.about, lot_of(alert)
        if about["workflow_status"] == "open" and alert.uuid not in self.known:
            self.known.add(alert.uuid)
            if lot % 4:
                self._do(alert, Action(Deed.ACKNOWLEDGED, "dana", at + (lot % 5) * HOUR_MS))
            if lot % 5 == 0:
                self._do(alert, Action(Deed.ASSIGNED, "dana", at, assignee="ming"))
            if lot % 7 == 0:
                self._do(alert, Action(Deed.MUTED, "dana", at, until=at + 3 * DAY_MS))
        elif about["status"] == "recovered" and about["workflow_status"] != "closed" and lot % 3:
            self._do(alert, Action(Deed.CLOSED, "ming", at, verdict=verdict_of(alert)))

    def _do(self, alert: Alert, action: Action) -> None:
        act(self.clients.admin, [alert.uuid], action)


def lot_of(alert: Alert) -> int:
    """Draw a lot for an alert, always the same."""
    return int.from_bytes(hashlib.sha256(alert.uuid.encode()).digest()[:4])


def verdict_of(alert: Alert) -> Verdict:
    """Say what an alert was: real in a planted incident; else a storm, or, of a few, nothing."""
    start = parse_instant(alert.about["start"])
    for incident in INCIDENTS:
        if incident.start <= start and (incident.end is None or start < incident.end):
            return Verdict.REAL
    return Verdict.FALSE if lot_of(alert) % 11 < 3 else Verdict.EXPECTED


def event(version: str | None, identity: str) -> dict[str, Any]:
    """Give the `mpm` object of a prediction."""
    about = {"name": MODEL} | ({"version": version} if version else {})
    return {"model": about, "prediction": {"id": identity, "score": 0.4}}


def bad_lines(until: datetime) -> Iterator[tuple[int, bytes]]:
    """Give lines that cannot be accepted, each with its time (ms): a service's new release, and a bad clock."""
    for day in range(30):
        at = until - timedelta(days=30 - day)
        new = [f"2036-01-01T00:{day:02d}:{number:02d}Z" for number in range(1 + day % 3)]
        lines = [{"@timestamp": time, "mpm": event("1", f"q{time}")} for time in new]
        if 9 <= day < 12:  # a release that logs no version, mended after three days
            lines += [{"@timestamp": at.isoformat(), "mpm": event(None, f"r{day}-{number}")} for number in range(14)]
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        yield to_ms(at + timedelta(hours=9)), text + b"{%d\n" % day


def captured(until: datetime) -> Iterator[Sent]:
    """Give captured calls: most whole, some without their answer, some of an endpoint that nobody mapped."""
    for number in range(120):
        at = to_ms(until) - 5 * DAY_MS + number * HOUR_MS
        service = "fares" if number % 15 == 0 else "delays"
        for part, body in (("request", {"instances": [[1, 2]]}), ("response", {"predictions": [0.4]})):
            if part == "response" and number % 6 == 0:
                continue
            headers = {
                "Ce-Specversion": "1.0", "Ce-Id": f"call-{number}", "Ce-Time": iso(at), "Ce-Namespace": "airport",
                "Ce-Type": f"org.kubeflow.serving.inference.{part}", "Ce-Inferenceservicename": service,
                "Ce-Component": "predictor", "Ce-Endpoint": "default", "Content-Type": "application/json",
            }  # fmt: skip
            raw = json.dumps(body).encode()
            one = capture_of_request(headers, raw, source="/", now_ms=at, limits=Limits(max_age_ms=None))
            yield Sent(one.index, one.id, one.source)


def intake(given: Clients, until: datetime) -> None:
    """Send what cannot be accepted, and captures; convert what can be."""
    for at, lines in bad_lines(until):
        source = Source(f"delays-{iso(at)[:10]}.ndjson", io.BytesIO(lines))
        ship(given.shipper, [source], limits=Limits(), now_ms=partial(int, at), resume=False)
    for _ in send(given.shipper, captured(until)):
        pass
    entry = {
        "platform": "kserve", "endpoint": "airport/delays/predictor/default", "model": "captured-delays",
        "version": "1", "features": ["origin", "hour"], "output": {"score": 0},
    }  # fmt: skip
    refresh(given.admin, [Index.CAPTURES.pattern])
    convert(given.job, Config.model_validate({"captures": [entry]}), run_id="pictures", now_ms=to_ms(until))


def date_runs(client: Elasticsearch) -> None:
    """Put each run at the time that it stood for: the demo's clock was ahead of, or behind, that of its runs."""
    refresh(client, [Index.RUNS.pattern])
    found: Any = client.search(index=Index.RUNS.pattern, size=1000, sort=[{"mpm.run.started": "asc"}])["hits"]["hits"]
    for day, hit in enumerate(found):
        stood_for = to_ms(TRAINED_UNTIL) + (day + 1) * DAY_MS + HOUR_MS // 6
        source = {**hit["_source"], "@timestamp": iso(stood_for)}
        client.index(index=hit["_index"], id=hit["_id"], document=source)


def scope_of(dashboard: Dashboard, start: datetime, end: datetime) -> Scope:
    """Give the time to show: that of the demo, and for the pipeline its last month."""
    if dashboard.id == "mpm-elk-pipeline":
        return Scope(to_ms(end - timedelta(days=30)), to_ms(end + timedelta(hours=1)))
    return Scope(to_ms(start), to_ms(end))


def photograph(page: str, chromium: str, target: Path) -> None:
    """Draw a page as an image, as high as it is."""
    with tempfile.TemporaryDirectory(prefix="mpm-elk-pictures-") as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        shot = Path(folder) / "shot.png"
        subprocess.run(  # noqa: S603 — the browser that the user named
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--force-device-scale-factor={_SCALE}", f"--window-size={_WIDTH},{height_of(page)}",
             f"--screenshot={shot}", file.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        shutil.copy(shot, target)


def height_of(page: str) -> int:
    """Give the height of a page in pixels, from the places of its panels."""
    rows = [part.split(";")[0].split('"')[0] for part in page.split("grid-area:")[1:]]
    bottom = max(int(y) - 1 + int(span.removeprefix("span ")) for y, _, span, _ in (row.split("/") for row in rows))
    return bottom * 28 + 140


def main() -> None:
    """Fill, draw, photograph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=91)
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--out", type=Path, default=Path("docs/dashboards"))
    parser.add_argument("--draw-only", action="store_true", help="the data are there already")
    parser.add_argument("--all-dark", action="store_true")
    arguments = parser.parse_args()
    end = TRAINED_UNTIL + timedelta(days=arguments.days)
    with dev.elasticsearch(roles=ROLES) as node, clients(node) as given:
        if not arguments.draw_only:
            install(given.admin)
            with receiver() as address:
                replay(given, configured(address), end, People(given), Stopwatch())
            intake(given, end)
            date_runs(given.admin)
        arguments.out.mkdir(parents=True, exist_ok=True)
        refresh(given.admin, [index.pattern for index in Index] + [Index.ALERTS.value])
        bundle = Bundle.shipped()
        for dashboard in bundle.dashboards:
            scope = scope_of(dashboard, TRAINED_UNTIL, end)
            name = dashboard.id.removeprefix("mpm-elk-")
            for theme in THEMES if arguments.all_dark or name in _ALSO_DARK else ("light",):
                page = draw(given.reader, dashboard, bundle, scope, [THEMES[theme]])
                file = arguments.out / f"{name}{'-dark' if theme == 'dark' else ''}.png"
                photograph(page, arguments.chromium, file)
                print(file, flush=True)


if __name__ == "__main__":
    main()
