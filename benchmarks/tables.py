"""Shares with their exact intervals, and tables in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int = 0
    of: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.hits + other.hits, self.of + other.of)

    @property
    def value(self) -> float:
        """The share; nan of nothing."""
        return self.hits / self.of if self.of else float("nan")

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Give Clopper and Pearson's exact interval."""
        if not self.of:
            return 0.0, 1.0
        # Only here: benchmarks that make no interval measure the memory of a run, which does without it.
        from scipy import stats  # noqa: PLC0415

        limits = stats.binomtest(self.hits, self.of).proportion_ci(level, method="exact")
        return float(limits.low), float(limits.high)

    def text(self) -> str:
        """Write the share in percent, with its interval and what it is a share of."""
        low, high = self.interval()
        return f"{100 * self.value:.1f} % ({100 * low:.1f}–{100 * high:.1f}; {self.of:,})" if self.of else "–"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
