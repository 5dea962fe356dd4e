from pathlib import Path

import pytest

from mpm_elk.demo import run as subject
from mpm_elk.demo.flights import SEGMENTS
from mpm_elk.demo.model import MODEL
from mpm_elk.demo.stopwatch import Stopwatch
from mpm_elk.errors import InputError
from mpm_elk.rules.defaults import DEFAULT_RULES


def test_the_demos_rules_are_the_default_ones_and_one_by_origin() -> None:
    config = subject.load_config()
    assert config.rules is not None
    assert config.rules[:-1] == DEFAULT_RULES
    assert config.rules[-1].on.segments == ("origin",)
    assert config.segments(MODEL) == SEGMENTS
    assert config.elasticsearch is None


def test_outside_a_clone_the_demo_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subject, "__file__", str(tmp_path / "site-packages" / "mpm_elk" / "demo" / "run.py"))
    with pytest.raises(InputError, match=r"examples/flights/mpm\.yml"):
        subject.load_config()


def test_a_stopwatch_adds_up_and_counts_a_part_that_fails() -> None:
    clock = Stopwatch()
    with clock.time("ship"):
        pass
    first = clock.seconds["ship"]
    with pytest.raises(ZeroDivisionError), clock.time("ship"):
        1 / 0  # noqa: B018
    assert clock.seconds["ship"] > first > 0
