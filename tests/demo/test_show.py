from datetime import UTC, date, datetime, timedelta

import pytest

from mpm_elk.demo.findings import Finding
from mpm_elk.demo.incidents import INCIDENTS
from mpm_elk.demo.run import QUARTER_END, Outcome
from mpm_elk.demo.show import Screen
from mpm_elk.demo.table import discoveries, rows
from mpm_elk.timespan import DAY_MS, to_ms

START = to_ms(datetime(2013, 5, 23, tzinfo=UTC))
FINDING = Finding(
    rule="feature-drift",
    subject="features.engine",
    segment="all",
    start=START,
    end=START + DAY_MS,
    active=False,
    severity="warning",
    metric="drift.psi_adjusted",
    value=0.2,
    p_adjusted=0.001,
    opened=START + DAY_MS,
    numbers={"drift": {"culprit": "[unseen]"}},
)


def test_the_plan_names_what_is_planted_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().plan(QUARTER_END, named=False, keep=False)
    text = capsys.readouterr().out
    assert "replay Mon 1 Apr – Sun 30 Jun (91 days)" in text
    assert "it is removed at the end" in text
    for incident in INCIDENTS:
        assert incident.what in text
    assert "Tue 21 May – Wed 22 May:" in text


def test_on_a_pipe_there_is_a_line_every_ten_days_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    with screen.replaying(12):
        for number in range(1, 13):
            screen.day(number, date(2013, 3, 31) + timedelta(days=number), number * 950, 0)
    assert capsys.readouterr().out.splitlines() == [
        "    day 10 of 12, Wed 10 Apr: 9,500 events, 0 alerts so far",
        "    day 12 of 12, Fri 12 Apr: 11,400 events, 0 alerts so far",
    ]


def test_the_table_shows_names_as_they_are_and_what_was_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(rows([FINDING]))
    text = capsys.readouterr().out
    assert "Thu 23 May" in text
    assert "most in [unseen]" in text
    assert "What caused it was not checked" in text


def test_totals_say_how_much_was_done_and_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(to_ms(QUARTER_END), [FINDING], days=91, events=86_573, quarantined=2, metrics=4700)
    outcome.notices.append("something [odd]")
    screen = Screen(stderr=True)
    screen.incidents(discoveries(outcome.findings, outcome.end))
    screen.totals(outcome, {"ship": 9.6, "run the job": 61.2}, 101.4)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("NOT FOUND") == len(INCIDENTS)
    assert "86,573 events shipped (2 in quarantine), 91 runs, 4,700 metric documents, 1 alerts" in captured.err
    assert "101 s in all: ship 10 s, run the job 61 s" in captured.err
    assert "note: something [odd]" in captured.err
