"""Made traffic: hours of events as profiles, drawn as counts from the populations that hold at the time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from mpm_elk.alerts.trial.population import InCells, Population, cut_all
from mpm_elk.config.rule_tests import Change, ModelOfTests, RuleTest
from mpm_elk.contract.keys import EVERYTHING, ModelKey
from mpm_elk.profiles.cells import CellSet, NumericCells
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.store import HOUR, ProfileKey
from mpm_elk.timespan import HOUR_MS, milliseconds, to_ms

_NS = 1_000_000
_HOURS_A_DAY = 24
_FEW = 1000
"""So many durations are drawn one by one; the sums of more are nearly normal."""

_ANYTHING = NumericCells("", np.array([1e300]), np.array([0]))


@dataclass(frozen=True)
class Arrival:
    """The events of one hour that arrive together, at `at` (ms)."""

    at: int
    key: ProfileKey
    profile: Profile


@dataclass
class Traffic:
    """The traffic of one test. The test's name seeds its numbers.

    Time 0 is `begin` (ms), ordinary traffic goes from `first` on.
    """

    model: ModelOfTests
    test: RuleTest
    ordinary: dict[str, Population] = field(init=False)
    cells: CellSet = field(init=False)
    _usual_durations: Population = field(init=False)
    _durations_in_cells: InCells | None = None
    _known: dict[tuple[str, tuple[int, ...]], InCells] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = {f"features.{name}": share for name, share in self.model.missing.items()}
        self.ordinary = {name: Population.of(law, missing.get(name, 0.0)) for name, law in self.model.subjects.items()}
        self.cells = cut_all(self.ordinary)
        self._usual_durations = Population.of(self.model.duration)

    @property
    def key(self) -> ModelKey:
        """The model."""
        return ModelKey(self.model.environment, self.model.name)

    @property
    def begin(self) -> int:
        """When the test begins (ms)."""
        return to_ms(self.test.start)

    @property
    def first(self) -> int:
        """When ordinary traffic begins (ms)."""
        return self.begin - milliseconds(self.test.baseline)

    @property
    def end(self) -> int:
        """When the test ends (ms)."""
        return self.begin + milliseconds(self.test.span)

    def arrivals(self) -> Iterator[Arrival]:
        """Give all hours, those that come late too, in order of the hours."""
        for hour in range(self.first, self.end, HOUR_MS):
            yield from self._hour(hour)

    def _changes(self, hour: int) -> list[tuple[int, Change]]:
        """List the changes that hold in an hour, with their numbers."""
        since = hour - self.begin
        return [
            (at, change)
            for at, change in enumerate(self.test.changes)
            if milliseconds(change.from_) <= since
            and (change.to is None or since < milliseconds(change.to))
            and hour >= self.begin
        ]

    def _hour(self, hour: int) -> Iterator[Arrival]:
        changes = self._changes(hour)
        some = [change for _, change in changes]
        # Each hour has a seed of its own: what changes in one leaves the numbers of the others alone.
        seed = hashlib.sha256(f"{self.test.name}\0{(hour - self.begin) // HOUR_MS}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(seed[:16], "big"))
        count = int(rng.poisson(self._expected(hour, some)))
        if any(change.silence for change in some):
            count = 0
        version = next((c.version for c in reversed(some) if c.version is not None), self.model.version)
        key = ProfileKey(self.key.version(version), EVERYTHING, HOUR, hour)
        late = next((change.late for change in reversed(some) if change.late is not None), None)
        after = int(rng.binomial(count, late.share)) if late else 0
        if count - after:
            yield Arrival(hour + HOUR_MS, key, self._profile(rng, count - after, hour, changes))
        if after and late:
            yield Arrival(hour + HOUR_MS + milliseconds(late.by), key, self._profile(rng, after, hour, changes))

    def _expected(self, hour: int, changes: list[Change]) -> float:
        rates = self.test.events_per_hour
        rate = rates[hour // HOUR_MS % _HOURS_A_DAY % len(rates)] if isinstance(rates, tuple) else rates
        for change in changes:
            rate *= 1.0 if change.volume is None else change.volume
        return rate

    def _profile(self, rng: np.random.Generator, count: int, hour: int, changes: list[tuple[int, Change]]) -> Profile:
        failing = next((c.failures for _, c in reversed(changes) if c.failures is not None), self.model.failures)
        failures = int(rng.binomial(count, failing))
        subjects = {name: self._subject(rng, name, count - failures, changes) for name in self.ordinary}
        return Profile(count, failures, self._durations(rng, count, changes), subjects, _last(rng, count, hour))

    def _durations(self, rng: np.random.Generator, count: int, changes: list[tuple[int, Change]]) -> Moments:
        factor = float(np.prod([change.slower or 1.0 for _, change in changes])) * _NS
        if count <= _FEW:
            points = np.maximum(self._usual_durations.points, 0.0)
            return Moments.of(points[rng.integers(0, len(points), count)] * factor)
        if self._durations_in_cells is None:
            self._durations_in_cells = self._usual_durations.in_cells(_ANYTHING)
        found = _moments(rng, np.array([count, 0], dtype=np.int64), self._durations_in_cells)
        return Moments(count, found.sum * factor, found.sum_sq * factor**2, found.min * factor, found.max * factor)

    def _subject(
        self, rng: np.random.Generator, name: str, count: int, changes: list[tuple[int, Change]]
    ) -> SubjectProfile:
        mine = [(at, c) for at, c in changes if c.feature is not None and self.model.subject(c.feature) == name]
        place = name, tuple(at for at, _ in mine)
        if place not in self._known:
            population = self.ordinary[name]
            for _, change in mine:
                population = population.changed(change, self.ordinary[name])
            self._known[place] = population.in_cells(self.cells.subjects[name])
        found = self._known[place]
        missing = int(rng.binomial(count, found.population.missing))
        wrong = int(rng.binomial(count - missing, found.population.wrong_type))
        counts = rng.multinomial(count - missing - wrong, found.chances)
        return SubjectProfile(self.cells.subjects[name].hash, counts, missing, wrong, _moments(rng, counts, found))

    def baseline(self) -> tuple[Profile, dict[int, Profile]]:
        """Give the counts of the ordinary traffic, and of its whole days, as a baseline."""
        days: dict[int, Profile] = {}
        for arrival in self.arrivals():
            if arrival.key.start >= self.begin:
                break
            day = arrival.key.start - arrival.key.start % (_HOURS_A_DAY * HOUR_MS)
            bare = replace(arrival.profile, duration=Moments(), last=None)
            days[day] = days[day] + bare if day in days else bare
        return sum(days.values(), Profile()), days


def _last(rng: np.random.Generator, count: int, hour: int) -> int:
    """Draw the time (ms) of the last of so many events of an hour: the largest of uniform times."""
    return hour + int(rng.random() ** (1 / count) * (HOUR_MS - 1))


def _moments(rng: np.random.Generator, counts: "np.typing.NDArray[np.int64]", found: InCells) -> Moments:
    """Draw sum and sum of squares of the values in cells: their means, and a normal error with their covariance."""
    moments, number = found.moments, int(counts.sum())
    if moments is None or not number:
        return Moments()
    variance, covariance, of_squares = (float(counts @ part) for part in moments.spread)
    luck = rng.normal(size=2)
    first = np.sqrt(max(variance, 0.0))
    slope = covariance / first if first > 0 else 0.0
    second = np.sqrt(max(of_squares - slope**2, 0.0))
    total = float(counts @ moments.mean) + first * luck[0]
    squares = float(counts @ moments.square) + slope * luck[0] + second * luck[1]
    low, high = moments.ends[:, counts > 0]
    # No numbers have a smaller sum of squares than those that are all alike.
    return Moments(number, float(total), float(max(squares, total**2 / number)), float(low.min()), float(high.max()))
