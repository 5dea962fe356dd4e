"""Whether a classifier tells a window from its reference: what that is, the verdict, and a sentence. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.config.references import Reference
from mpm_elk.metrics.catalogue import BY_HAND_METRICS
from mpm_elk.metrics.classifier import MIN_ROWS, tell_apart
from mpm_elk.metrics.told_apart import HISTORY, HISTORY_MIN, ToldApart
from mpm_elk.profiles.rows import Rows
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import DAY_MS, iso

Stretch = tuple[int, int]
LEVEL = 0.001
"""The p that a warning needs."""
[AUC] = BY_HAND_METRICS
_CULPRITS_MAX = 3
_WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True)
class Past:
    """A past window, and what it is told apart from: stretches of its own, or without any the rest of the `pool`."""

    window: Stretch
    reference: tuple[Stretch, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to read: the reference's stretches (none: a file), past windows, and the pool that these are a part of.

    `exchangeable` tells whether window and reference share their hours, so that rows can be compared one by one.
    """

    reference: tuple[Stretch, ...]
    past: tuple[Past, ...] = ()
    pool: tuple[Stretch, ...] = ()
    exchangeable: bool = False


def plan(reference: Reference | None, start: int, end: int) -> Plan:
    """Say what a window [start, end) is compared with; without a reference it is a file's rows."""
    length = end - start
    before = [(start - at * length, end - at * length) for at in range(1, HISTORY + 1)]
    if reference is None or reference.fixed is not None:
        fixed = () if reference is None or reference.fixed is None else (reference.fixed,)
        return Plan(fixed, tuple(map(Past, before)), ((before[-1][0], start),))
    if reference.kind == "version":
        return Plan(((start, end),), exchangeable=True)
    if reference.span is not None:
        whole = (start - int(reference.span.total_seconds() * 1000), start)
        return Plan((whole,), tuple(Past(one) for one in before if one[0] >= whole[0]), (whole,))
    lags = [length] if reference.kind == "previous" else [_WEEK_MS * at for at in range(1, (reference.weeks or 1) + 1)]
    return Plan(
        tuple((start - lag, end - lag) for lag in lags),
        tuple(Past(one, tuple((one[0] - lag, one[1] - lag) for lag in lags)) for one in before),
    )


@dataclass(frozen=True)
class Classified:
    """What came out. `events` and `rows` are of window and reference; `past` the AUC of past windows by start (ms).

    `about` says what was compared, as it stands in the document.
    """

    apart: ToldApart | None
    events: tuple[int, int]
    rows: tuple[int, int]
    against: str
    past: Mapping[int, float] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def values(self) -> dict[str, float]:
        """The metric and the numbers beside it, by their whole names."""
        return AUC.numbers(self.apart) if self.apart else {}

    @property
    def auc(self) -> float | None:
        """The AUC, None where there are too few rows."""
        return self.values.get(AUC.name)

    @property
    def status(self) -> Severity:
        """The verdict: a warning needs an AUC worth a look, and a p that is beyond chance and beyond what is usual."""
        if self.apart is None or self.apart.p is None:
            return Severity.INSUFFICIENT
        found = self.apart.told.found.value >= (AUC.gate or 0.5) and self.apart.p <= LEVEL
        return Severity.WARNING if found else Severity.OK

    @property
    def culprits(self) -> list[str]:
        """The features without which surely less is told apart, the most important first."""
        return [one.feature for one in self.apart.told.importance if one.sure] if self.apart else []

    @property
    def finding(self) -> str:
        """Say in one English sentence what it means."""
        return f"features, compared with {self.against}: {self._says()}."

    def _says(self) -> str:
        if self.apart is None:
            sides = [f"{rows} rows of {what}" for rows, what in zip(self.rows, _SIDES, strict=True) if rows < MIN_ROWS]
            return f"too few rows to train a classifier: {' and '.join(sides)}, {MIN_ROWS} are needed"
        values = self.values
        limits = f"{values[f'{AUC.name}_lower']:.3f} to {values[f'{AUC.name}_upper']:.3f}"
        auc = f"AUC {self.auc:.3f}, {limits}"
        if self.apart.p is None:
            text = f"how well windows can usually be told apart is not known ({len(self.past)} of {HISTORY_MIN} past "
            text += f"windows); {auc}, p {self.apart.p_rows:.2g} if all rows were drawn at random"
            return text + self._by()
        usual = self.apart.usual
        beside = f"; usual windows have {usual.value:.3f}, up to {usual.upper:.3f}" if usual else ""
        told = "can tell" if self.status is Severity.WARNING else "cannot tell"
        more = "" if usual is None else " better than usual windows"
        text = (
            f"a classifier {told} the window's events from the reference's{more} ({auc}{beside}; p {self.apart.p:.2g})"
        )
        return text + (self._by() if self.status is Severity.WARNING else "")

    def _by(self) -> str:
        names = self.culprits
        if not names:
            return ""
        shown, more = ", ".join(names[:_CULPRITS_MAX]), len(names) - _CULPRITS_MAX
        return f", by {shown}" + (f" and {more} more" if more > 0 else "")

    def to_document(self) -> dict[str, Any]:
        """Write all as JSON."""
        told = self.apart.told if self.apart else None
        return {
            **self.about,
            "against": self.against,
            "events": dict(zip(_SIDES, self.events, strict=True)),
            "sample": dict(zip(_SIDES, self.rows, strict=True)),
            "status": self.status.value,
            "finding": self.finding,
            **self.values,
            "folds": None if told is None else "hours" if told.by_hour else "rows",
            "culprits": self.culprits,
            "importance": [
                {"feature": one.feature, "loss": one.loss, "lower": one.lower}
                for one in (told.importance if told else ())
            ],
            "past": [{"start": iso(start), "auc": value} for start, value in sorted(self.past.items())],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return self.finding


_SIDES = ("window", "reference")

Read = Callable[[Sequence[Stretch]], Rows]
"""Gives a sample of the rows of some stretches of time."""


def tell_past(past: Sequence[Past], pool: Rows, read: Read, say: Callable[[str], None]) -> dict[int, float]:
    """Tell past windows apart as a window is (start → AUC); what has too few rows is left out."""
    found = {}
    for at, one in enumerate(past, start=1):
        say(f"past window {at} of {len(past)}")
        rows = read([one.window])
        if rows.size < MIN_ROWS:
            continue
        told = tell_apart(rows, read(one.reference) if one.reference else without(pool, one.window), explain=False)
        if told is not None:
            found[one.window[0]] = told.found.value
    return found


def without(pool: Rows, window: Stretch) -> Rows:
    """Leave the rows of a window out."""
    if pool.hours is None:
        return Rows(0)
    return pool.take((pool.hours < window[0]) | (pool.hours >= window[1]))
