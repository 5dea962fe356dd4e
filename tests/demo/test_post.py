import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pandas as pd
import pytest

from mpm_elk.demo.model import TRAINED_UNTIL, DelayModel
from mpm_elk.demo.post import BATCH_BYTES, Sender, Target, bodies, by_day, until_today, weeks_to
from mpm_elk.demo.traffic import replay
from mpm_elk.errors import AuthenticationError, MpmError, UsageError


class Server(ThreadingHTTPServer):
    """Answers as Logstash's http input does: what `answers` says first, then 200; keeps what it took."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[tuple[str | None, str | None]] = []
        self.taken: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.headers["content-type"], self.headers["authorization"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 0:
            # The connection breaks before there is an answer.
            self.close_connection = True
            return
        if status == 200:
            self.server.taken.append(body)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(list(getattr(request, "param", [])))
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_lines_arrive_with_type_and_password(server: Server) -> None:
    Sender(Target(server.url, "mpm", "se:cret")).send([b'{"a":1}\n', b'{"b":2}\n'])
    assert server.taken == [b'{"a":1}\n{"b":2}\n']
    token = base64.b64encode(b"mpm:se:cret").decode()
    assert server.asked == [("application/x-ndjson", f"Basic {token}")]


@pytest.mark.parametrize("server", [[429, 429, 503, 0]], indirect=True)
def test_what_was_not_taken_is_sent_again_after_a_growing_pause(server: Server) -> None:
    pauses: list[float] = []
    Sender(Target(server.url), pauses.append).send([b"1\n"])
    assert server.taken == [b"1\n"]
    assert len(server.asked) == 5
    assert pauses == sorted(pauses) == [0.5, 1, 2, 4]


@pytest.mark.parametrize("server", [[429] * 1000], indirect=True)
def test_a_logstash_that_stays_busy_is_given_up(server: Server) -> None:
    pauses: list[float] = []
    with pytest.raises(MpmError, match="took no more: it answers 429"):
        Sender(Target(server.url), pauses.append).send([b"1\n"])
    assert 300 < sum(pauses) < 1200


@pytest.mark.parametrize("server", [[401], [500]], indirect=True)
def test_what_will_not_heal_is_not_tried_again(server: Server) -> None:
    pauses: list[float] = []
    with pytest.raises(MpmError) as caught:
        Sender(Target(server.url, "mpm", "hidden"), pauses.append).send([b"1\n"])
    assert pauses == []
    assert isinstance(caught.value, AuthenticationError) or "500" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_nobody_there_is_said(server: Server) -> None:
    url = server.url
    server.server_close()
    with pytest.raises(MpmError, match="does not answer"):
        Sender(Target(url), lambda _: None).send([b"1\n"])


@pytest.mark.parametrize("url", ["logstash:8080", "ftp://logstash", "https://mpm:secret@logstash:8080"])
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Sender(Target(url))


def test_bodies_are_whole_lines_of_at_most_the_limit() -> None:
    lines = [b"x" * size + b"\n" for size in (10, BATCH_BYTES // 2, BATCH_BYTES // 2, 3 * BATCH_BYTES, 5)]
    made = list(bodies(lines))
    assert b"".join(made) == b"".join(lines)
    assert [body.count(b"\n") for body in made] == [2, 1, 1, 1]
    assert list(bodies([])) == []


@pytest.mark.parametrize("day", range(23, 31))
def test_flights_move_by_whole_weeks_to_the_last_midnight_or_beyond(day: int) -> None:
    end, now = datetime(2013, 7, 1, tzinfo=UTC), datetime(2026, 11, day, 12, 34, tzinfo=UTC)
    by = weeks_to(end, now)
    assert by % timedelta(weeks=1) == timedelta(0)
    assert timedelta(0) <= end + by - datetime(2026, 11, day, tzinfo=UTC) < timedelta(weeks=1)


def test_each_prediction_and_each_known_outcome_is_sent_once_and_lies_in_the_past(
    year: pd.DataFrame, models: dict[str, DelayModel]
) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    end = TRAINED_UNTIL + timedelta(days=8)
    scored = replay(year, models, TRAINED_UNTIL, end)
    events = [json.loads(line) for _, lines in by_day(until_today(scored, weeks_to(end, now), now)) for line in lines]
    outcomes = [event for event in events if "ground_truth" in event["mpm"]]
    predictions = [event for event in events if "ground_truth" not in event["mpm"]]
    days = {event["@timestamp"][:10] for event in predictions}
    # 8 April 2013 was a Monday, so the flights end with Sunday and Monday is still to come.
    assert days == {f"2026-11-{day}" for day in range(16, 24)}
    assert len({event["mpm"]["prediction"]["id"] for event in predictions}) == len(predictions) == len(scored)
    assert len(outcomes) == scored["late"].notna().sum()
    times = [datetime.fromisoformat(event["@timestamp"]) for event in events]
    assert max(times) < now
    first = min(predictions, key=lambda event: event["@timestamp"])
    assert datetime.fromisoformat(first["@timestamp"]).weekday() == TRAINED_UNTIL.weekday()


def test_what_is_not_known_yet_is_not_sent(year: pd.DataFrame, models: dict[str, DelayModel]) -> None:
    now = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    end = TRAINED_UNTIL + timedelta(days=1)
    scored = replay(year, models, TRAINED_UNTIL, end)
    sent = until_today(scored, weeks_to(end, now), now)
    assert len(sent) == len(scored)
    assert sent["known_at"].where(sent["late"].notna()).max() <= now
    assert 0 < sent["late"].notna().sum() < scored["late"].notna().sum()
