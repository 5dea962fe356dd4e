"""How much a model's past windows vary, and how far the hour of the week explains it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpm_elk.metrics.measured import HISTORY_MIN
from mpm_elk.metrics.seasonality import Explained, of_cells, of_numbers, overdispersion
from mpm_elk.profiles.cells import CellSet, Ints
from mpm_elk.profiles.profile import Profile
from mpm_elk.timespan import DAY_MS, HOUR_MS

_WEEK_HOURS = 168
_SEASONAL = 0.2
"""From this share on the hour of the week is worth a word."""
_SURE = 0.001
_CLUSTERED = 1.5


@dataclass(frozen=True)
class Variation:
    """How windows of one subject vary: φ of days and of hours, and what the hour of the week explains."""

    subject: str
    phi_days: float | None
    phi_hours: float | None
    season: Explained | None

    @property
    def seasonal(self) -> bool:
        """Tell whether it depends on the hour of the week, beyond chance and by a share worth telling."""
        return is_seasonal(self.season)

    @property
    def words(self) -> list[str]:
        """Say what that means for rules."""
        said = []
        if self.seasonal and self.season:
            said.append(
                f"{self.subject} depends on the hour of the week ({self.season.share:.0%} of how hours differ): "
                "compare hourly windows with same-time-last-week"
            )
        if self.phi_days is not None and self.phi_days > _CLUSTERED:
            said.append(
                f"{self.subject} differs {self.phi_days:.1f} times as much between days as chance alone explains "
                "(events of a day share something, or the week shows): only larger drifts can be told from it"
            )
        return said

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {
            "subject": self.subject,
            "phi_days": rounded(self.phi_days),
            "phi_hours": rounded(self.phi_hours),
            "hour_of_week": rounded(self.season.share) if self.season else None,
            "hour_of_week_p": rounded(self.season.p) if self.season else None,
            "seasonal": self.seasonal,
        }


def is_seasonal(season: Explained | None) -> bool:
    """Tell whether an explained share is beyond chance and worth telling."""
    return season is not None and season.share >= _SEASONAL and season.p <= _SURE


def rounded(value: float | None) -> float | None:
    """Keep six digits."""
    return None if value is None else float(f"{value:.6g}")


@dataclass
class HourCounts:
    """The events of each hour, and each subject's coarse cells in it, all versions together."""

    cells: CellSet
    events: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    counts: dict[str, dict[int, Ints]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, hourly: Mapping[int, Profile]) -> None:
        """Add hourly profiles (start in ms) of one version."""
        for hour, profile in hourly.items():
            self.events[hour] += profile.count
            for name, entry in profile.subjects.items():
                coarse = self.cells.subjects[name].to_coarse(entry.cells)
                known = self.counts[name].get(hour)
                self.counts[name][hour] = coarse if known is None else known + coarse

    def volume(self, start: int, end: int) -> Explained | None:
        """Tell how far the hour of the week explains the events of an hour in [start, end); silent hours count."""
        hours = np.arange(start, end, HOUR_MS)
        return of_numbers([self.events.get(hour, 0) for hour in hours.tolist()], _hour_of_week(hours))

    def variations(self) -> Iterable[Variation]:
        """Give the variation of each subject."""
        for name in self.cells.subjects:
            found = self.counts.get(name)
            if not found:
                continue
            hours = np.array(sorted(found))
            counts = np.stack([found[hour] for hour in hours.tolist()])
            days, at = np.unique(hours - hours % DAY_MS, return_inverse=True)
            daily = np.zeros((len(days), counts.shape[1]), dtype=np.int64)
            np.add.at(daily, at, counts)
            yield Variation(
                name,
                overdispersion(daily, HISTORY_MIN),
                overdispersion(counts, HISTORY_MIN),
                of_cells(counts, _hour_of_week(hours)),
            )


def _hour_of_week(hours: Ints) -> Ints:
    return np.asarray(hours // HOUR_MS % _WEEK_HOURS, dtype=np.int64)
