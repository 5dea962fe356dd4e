"""What a terminal shows of a long run, and that a pipe shows nothing."""

import io

import pytest
from rich.console import Console

from mpm_elk.cli.progress import far, progress
from mpm_elk.job.meter import Meter


def at(done: int, total: int = 8760, events: int = 0) -> Meter:
    return Meter("production/credit", "reading", "hours", done, total, events)


def test_how_far_it_is() -> None:
    assert far(at(168), None) == "168 of 8,760 hours"
    assert far(at(168, events=33_600), 2.0) == "168 of 8,760 hours, 33,600 events, 16,800 a second"
    assert far(at(168, events=33_600), 0.0) == "168 of 8,760 hours, 33,600 events"


def test_a_terminal_shows_the_step_and_a_bar() -> None:
    shown = io.StringIO()
    with progress(Console(file=shown, force_terminal=True, width=160)) as (say, meter):
        say("production/credit: reading 168 hours of version 1")
        meter(at(168, events=33_600))
        meter(at(4380, events=876_000))
    assert "reading 168 hours of version 1" in shown.getvalue()
    assert "4,380 of 8,760 hours, 876,000 events" in shown.getvalue()


def test_a_short_step_shows_no_bar() -> None:
    shown = io.StringIO()
    with progress(Console(file=shown, force_terminal=True, width=160)) as (_, meter):
        meter(at(1, total=2))
    assert "of 2 hours" not in shown.getvalue()


def test_a_pipe_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as (say, meter):
        say("reading")
        meter(at(168))
    assert capsys.readouterr() == ("", "")
