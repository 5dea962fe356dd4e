"""One line for each subject: what a metric document says, as a person reads it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.metrics.finding import figure
from mpm_elk.rules.documents import segment_of
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import in_words

_USUAL = ("drift.psi_adjusted", "traffic.count_ratio")
"""What stands for a subject that no rule finds remarkable."""

_SHARES = ("_rate", "_increase", "count_ratio", "total_variation")


@dataclass(frozen=True)
class Effect:
    """How large something is: a metric's value, with limits where it has them, and the threshold that it crossed."""

    metric: str
    value: float
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None

    @property
    def name(self) -> str:
        """The metric without its family, in words: `psi adjusted`."""
        return self.metric.split(".", 1)[-1].replace("_", " ")

    def text(self, number: float | None = None) -> str:
        """Write the value, or another number of this metric: shares in percent, the rest in three digits."""
        shown = self.value if number is None else number
        if self.metric == "traffic.freshness":
            return in_words(shown)
        if not self.metric.endswith(_SHARES):
            return figure(shown, 3)
        return f"{100 * shown:+.3g} pp" if self.metric.endswith("_increase") else f"{100 * shown:.3g} %"

    @property
    def limits(self) -> str:
        """Write the limits: `0.21 … 0.34`; empty where there are none."""
        if self.lower is None or self.upper is None:
            return ""
        return f"{self.text(self.lower)} … {self.text(self.upper)}"


@dataclass(frozen=True)
class Cell:
    """One cell of the two distributions: shares of each side's values, and whether it moved most."""

    label: str
    reference: float
    window: float
    culprit: bool = False

    @property
    def change(self) -> float:
        """The difference of the shares."""
        return self.window - self.reference


@dataclass(frozen=True)
class Line:
    """One subject in one window: `window` and `reference` count the events of both sides."""

    subject: str
    segment: str
    status: Severity
    finding: str
    effect: Effect | None
    p_adjusted: float | None
    evaluations: tuple[Evaluation, ...]
    cells: tuple[Cell, ...]
    window: int
    reference: int
    length: str

    @property
    def name(self) -> str:
        """The subject without `features.`, and its segment."""
        name = self.subject.removeprefix("features.")
        return f"{name} ({self.segment})" if self.segment else name

    @property
    def traffic(self) -> bool:
        """Tell whether this is the model's traffic."""
        return self.subject == TRAFFIC_SUBJECT

    @property
    def lack(self) -> str | None:
        """Say what was lacking, where there was no decision."""
        lacking = [e.reason for e in self.evaluations if e.severity is Severity.INSUFFICIENT]
        return lacking[0] if self.status is Severity.INSUFFICIENT and lacking else None

    @property
    def sentence(self) -> str:
        """Give the finding without what a table around it says already: the subject, and what it is compared with."""
        start, colon, rest = self.finding.partition(": ")
        short = rest if colon and start.startswith(self.subject.removeprefix("features.")) else self.finding
        return short[:1].upper() + short[1:]


def line(mpm: Mapping[str, Any]) -> Line:
    """Read what a metric document holds under `mpm`; which metrics it has does not matter."""
    evaluations = tuple(Evaluation.from_document(entry) for entry in mpm["evaluations"])
    families = {f"{family}.{name}": value for family, values in mpm.items() if isinstance(values, dict)
                for name, value in values.items() if isinstance(value, int | float)}  # fmt: skip
    segment = segment_of(mpm)
    return Line(
        subject=mpm["subject"]["name"],
        segment=segment.key if segment.name else "",
        status=Severity(mpm["status"]),
        finding=mpm["finding"],
        effect=_effect(evaluations, families),
        p_adjusted=families.get("traffic.p_adjusted", families.get("drift.p_adjusted")),
        evaluations=evaluations,
        cells=cells(mpm.get("distributions") or {}, _culprit(mpm)),
        window=mpm["sample"]["window"],
        reference=mpm["sample"]["reference"],
        length=mpm["window"]["length"],
    )


def _effect(evaluations: Sequence[Evaluation], families: Mapping[str, float]) -> Effect | None:
    """Choose the number that a reader needs: that of the worst rule, else the usual one, else any that was judged."""
    alarming = [e for e in evaluations if e.severity.alarming and e.value is not None]
    names = [e.metric for e in sorted(alarming, key=lambda e: -e.severity.rank)]
    names += [*_USUAL, *(e.metric for e in evaluations)]
    found = next((name for name in names if name in families), None)
    if found is None:
        return None
    crossed = [e.threshold for e in alarming if e.metric == found and e.threshold is not None]
    limits = families.get(f"{found}_lower"), families.get(f"{found}_upper")
    return Effect(found, families[found], *limits, threshold=max(crossed, default=None))


def _culprit(mpm: Mapping[str, Any]) -> str | None:
    return next(
        (family["culprit"] for family in mpm.values() if isinstance(family, dict) and "culprit" in family), None
    )


def cells(distributions: Mapping[str, Sequence[Any]], culprit: str | None) -> tuple[Cell, ...]:
    """Make shares of the two distributions' counts; cells that are empty on both sides are left out."""
    labels, window, reference = (distributions.get(name, ()) for name in ("cells", "window", "reference"))
    n, m = max(sum(window), 1), max(sum(reference), 1)
    return tuple(
        Cell(str(label), before / m, now / n, label == culprit)
        for label, now, before in zip(labels, window, reference, strict=True)
        if now or before
    )


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Put the worst first: by status, then by the size of the effect, then by name; traffic before all."""
    return sorted(lines, key=lambda entry: (not entry.traffic, -entry.status.rank, -_size(entry), entry.name))


def _size(entry: Line) -> float:
    return abs(entry.effect.value) if entry.effect else 0.0


def shown(some: Sequence[Cell], most: int) -> tuple[list[Cell], Cell | None]:
    """Choose at most `most` cells to draw, the largest and the culprit, in order; the others become one cell."""
    if len(some) <= most:
        return list(some), None
    ranked = sorted(some, key=lambda cell: (not cell.culprit, -max(cell.reference, cell.window)))
    kept = set(map(id, ranked[: most - 1]))
    rest = [cell for cell in some if id(cell) not in kept]
    other = Cell(f"({len(rest)} more)", sum(c.reference for c in rest), sum(c.window for c in rest))
    return [cell for cell in some if id(cell) in kept], other
