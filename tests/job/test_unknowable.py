"""What a backtest says that it cannot know."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from mpm_elk.config import Rule
from mpm_elk.contract.keys import EVERYTHING
from mpm_elk.job.unknowable import Seen, said
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.cut import cut_numeric
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.store import DAY, ProfileKey
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.registry.store import Baseline, Learning, ModelCells, ModelEntry
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from tests.rules.timelines import CELLS, EU, MODEL, T0, V1, drift_rule, profile

ENTRY = ModelEntry(MODEL, ModelCells(CELLS))
END = T0 + 90 * DAY_MS


def rule(**more: Any) -> Rule:
    return drift_rule(**more)


def seen(first_hour: int | None = T0 + 9 * HOUR_MS, entry: ModelEntry = ENTRY, first_day: int = T0) -> Seen:
    return Seen(first_day, first_hour, entry)


def pass_by(found: Seen, *profiles: tuple[int, Profile], segment: Any = EVERYTHING) -> Seen:
    line = Timeline(T0, DAY_MS, 90)
    line.add((ProfileKey(V1, segment, DAY, T0 + day * DAY_MS), one) for day, one in profiles)
    found.note(line, 0)
    return found


def test_all_can_be_known_of_a_plain_rule() -> None:
    found = pass_by(seen(), (0, profile(np.random.default_rng(1))))
    assert said(found, T0, END, [rule()]) == []


def test_hours_that_are_dropped() -> None:
    hourly = rule(id="hourly", metric="traffic.count_ratio", window="1h", against="rolling 7d")
    found = seen(first_hour=T0 + 30 * DAY_MS)
    found.hours_from[timedelta(hours=1)] = T0 + 39 * DAY_MS
    [sentence] = said(found, T0, END, [hourly, rule()])
    assert sentence == (
        f"hourly: hours before {iso(T0 + 30 * DAY_MS)[:10]} are dropped: windows of 1h are known from "
        f"{iso(T0 + 39 * DAY_MS)[:10]} on; `job.keep_hours` says how long hours are kept"
    )
    assert "none is kept" in said(seen(first_hour=None), T0, END, [hourly])[0]
    assert not seen().hours_dropped


def test_cells_that_changed_since() -> None:
    old = profile(np.random.default_rng(1))
    again = CellSet({**CELLS.subjects, "features.age": cut_numeric(np.arange(500.0), "age")})
    found = pass_by(seen(entry=ModelEntry(MODEL, ModelCells(again))), (3, old), (1, old))
    [sentence] = said(found, T0, END, [rule()])
    assert sentence.startswith("the cells of features.age changed")
    assert iso(T0 + 3 * DAY_MS)[:10] in sentence


def test_rules_that_find_nothing_to_look_at() -> None:
    unknown = rule(id="typo", on={"subject": "features.agee"})
    parts = rule(id="parts", on={"segments": ["region"], "subject": ["prediction.label", "features.colour"]})
    together = rule(id="together", metric="drift.correlation_shift")
    found = pass_by(seen(), (20, profile(np.random.default_rng(1))), segment=EU)
    assert said(found, T0, END, [unknown]) == ["typo: the model has no subject for it to look at"]
    day = iso(T0 + 20 * DAY_MS)[:10]
    since = f"parts: features.colour, prediction.label in segment region is counted from {day} on"
    assert said(found, T0, END, [parts]) == [since]
    never = "parts: no profile counts features.colour, prediction.label in segment region"
    assert said(seen(), T0, END, [parts]) == [never]
    assert said(found, T0, END, [together]) == ["together: no profile holds features together"]


def test_what_is_of_today() -> None:
    against = rule(id="b", against="baseline")
    assert said(seen(), T0, END, [against]) == ["there is no baseline to compare with"]
    made = Baseline("x", V1, Profile(), {}, "file", "", iso(T0 + 50 * DAY_MS))
    found = seen(entry=replace(ENTRY, baselines=(made,), learning=Learning(T0, T0 + 28 * DAY_MS)))
    first, second = said(found, T0, END, [against])
    assert first.startswith(f"the baseline is today's, made {made.created[:10]}")
    assert second.startswith(f"the model was learning until {iso(T0 + 28 * DAY_MS)[:10]}")
    assert said(found, T0 + 60 * DAY_MS, END, [against]) == []


def test_a_past_that_is_judged_from_its_middle_on() -> None:
    found = seen()
    found.judged_from = T0 + 20 * DAY_MS
    [sentence] = said(found, T0 + 60 * DAY_MS, END, [rule()])
    assert (
        sentence
        == f"rules are taken to hold from {iso(found.judged_from)[:10]} on: alarms before that excluded no window"
    )
    assert said(found, END, END, [rule()])[0] == "no window of this time is over and read"
