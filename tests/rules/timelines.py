"""Made traffic for the judge: daily windows of a few subjects, without Elasticsearch."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import numpy as np

from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import EVERYTHING, ModelKey, Segment, VersionKey
from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.store import DAY, ProfileKey
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Judgement, Known, monitors
from mpm_elk.timespan import DAY_MS

MODEL = ModelKey("production", "m")
V1, V2, V3 = (MODEL.version(v) for v in ("1", "2", "3"))
EU, US = Segment("region", "EU"), Segment("region", "US")
T0 = 20_000 * DAY_MS
LABELS = ("deny", "grant", "refer")

CELLS = CellSet(
    {
        "features.age": cut_numeric(np.random.default_rng(0).normal(40, 10, 20_000), "age"),
        "features.colour": cut_categorical({"red": 5, "green": 3, "blue": 2}, "colour"),
        "prediction.label": cut_categorical(dict.fromkeys(LABELS, 1), "label"),
    }
)


def profile(
    rng: np.random.Generator,
    rows: int = 1_000,
    *,
    shift: float = 0.0,
    missing: int = 5,
    colours: Floats | None = None,
    labels: Floats | None = None,
) -> Profile:
    """Make the counts of `rows` events: ages moved by `shift` sd, colours and labels with the given shares."""
    ages = rng.normal(40 + 10 * shift, 10, rows - missing)
    colour = rng.choice(["red", "green", "blue"], rows, p=[0.5, 0.3, 0.2] if colours is None else colours).tolist()
    label = rng.choice(LABELS, rows, p=[0.2, 0.7, 0.1] if labels is None else labels).tolist()
    age_cells, colour_cells, label_cells = (CELLS.subjects[name] for name in CELLS.subjects)
    return Profile(
        rows,
        0,
        Moments(),
        {
            "features.age": SubjectProfile(age_cells.hash, age_cells.count(ages), missing, 0, Moments.of(ages)),
            "features.colour": SubjectProfile(colour_cells.hash, colour_cells.count(colour), 0, 0),
            "prediction.label": SubjectProfile(label_cells.hash, label_cells.count(label), 0, 0),
        },
    )


def drift_rule(**more: Any) -> Rule:
    """Make a drift rule against the rolling 28 days."""
    rule = {"id": "drift", "metric": "drift.psi_adjusted", "against": "rolling 28d", "warning": 0.1, "critical": 0.25}
    return Rule.model_validate(rule | more)


Entry = tuple[VersionKey, int, Profile]


def timeline(
    size: int, entries: Iterable[Entry], segment: Segment = EVERYTHING, line: Timeline | None = None
) -> Timeline:
    """Fill daily windows, or fill `line` further."""
    line = line or Timeline(T0, DAY_MS, size)
    line.add((ProfileKey(v, segment, DAY, T0 + day * DAY_MS), p) for v, day, p in entries)
    return line


def judge_of(
    line: Timeline,
    *rules: Rule,
    baselines: dict[str, BaselineCounts] | None = None,
    cells: CellSet = CELLS,
    per_month: float = 0.1,
) -> Judge:
    """Make the judge of rules that share one monitor."""
    [monitor] = monitors(rules)
    return Judge(monitor, Known(MODEL, cells, baselines or {}), line, Alarms(), per_month)


def run(judge: Judge, begin: int = 0) -> list[list[Judgement]]:
    """Judge the windows from `begin` on in order, as the job does."""
    found = []
    for at in range(begin, judge.timeline.size):
        judgements = judge.judge(at)
        judge.alarms.note(judge.timeline.time(at)[0], judgements)
        found.append(judgements)
    return found


def steady(size: int, seed: int, version: VersionKey = V1, make: Callable[..., Profile] = profile) -> list[Entry]:
    """Make days without drift."""
    rng = np.random.default_rng(seed)
    return [(version, day, make(rng)) for day in range(size)]


def one(
    judgements: list[Judgement], subject: str, version: VersionKey = V1, segment: Segment = EVERYTHING
) -> Judgement:
    """Pick the judgement of one subject."""
    [found] = [j for j in judgements if (j.key.subject, j.key.version, j.key.segment) == (subject, version, segment)]
    return found


DAYS = timedelta(days=1)
