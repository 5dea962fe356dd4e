"""Traffic of a made model with 30 features, 20 of them numeric, and drifts planted in it. Seeded by the caller.

A value is a function of a normal number. In *clustered* traffic that number is 90 % the hour's and 10 % the row's own
for `CLUSTERED` features, as weather is to flights; the hours' part is AR(1), 0.9 from hour to hour.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import Ints
from mpm_elk.registry.rows import Chunk, Value

HOURS = 24
MISSING = 0.01
"""The usual share of missing values in every third feature."""
_HOURS_PART, _FROM_HOUR_TO_HOUR, _CORRELATION = 0.9, 0.9, 0.6

_SHAPES: tuple[tuple[int, Callable[[Floats], Floats]], ...] = (
    (8, lambda u: u),
    (1, lambda u: np.exp(0.5 * u)),
    (2, np.exp),
    (1, lambda u: np.exp(2 * u)),
    (2, np.square),
    (2, lambda u: np.maximum(0.0, u + 0.25)),
    (2, lambda u: np.floor(np.exp(1 + 0.5 * u))),
    (1, special.ndtr),
    (1, lambda u: u + 4 * np.sign(u)),
)
"""How many features have which shape: normal, skewed, heavy-tailed, zero-inflated, counts, even, in two humps."""
_CATEGORIES = (2, 2, 3, 4, 5, 8, 12, 20, 50, 200)

NUMERIC = {f"x{at}": shape for at, shape in enumerate(shape for number, shape in _SHAPES for _ in range(number))}
CATEGORICAL = {f"k{at}": size for at, size in enumerate(_CATEGORIES)}
FEATURES = (*NUMERIC, *CATEGORICAL)
CLUSTERED = (*(f"x{at}" for at in range(2, 12)), "k3", "k5")


@dataclass(frozen=True)
class Table:
    """Some rows: numbers (nan is missing) and the numbers of categories (−1 is missing), feature by feature."""

    numeric: dict[str, Floats]
    categorical: dict[str, Ints]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.numeric.values())))

    def with_numbers(self, name: str, values: Floats) -> "Table":
        """Put other values in place of a feature's."""
        return replace(self, numeric={**self.numeric, name: values})

    def with_categories(self, name: str, codes: Ints) -> "Table":
        """Put other categories in place of a feature's."""
        return replace(self, categorical={**self.categorical, name: codes})

    def texts(self, name: str, rows: slice = slice(None)) -> list[str | None]:
        """Give a feature's categories as texts."""
        codes = self.categorical[name][rows]
        names = [*(f"c{code}" for code in range(int(codes.max()) + 1)), None]
        return [names[code] for code in codes.tolist()]

    def to_chunk(self) -> Chunk:
        """Make the rows what the registry counts."""
        subjects: dict[str, list[Value]] = {}
        for name, values in self.numeric.items():
            subjects[f"features.{name}"] = [None if x != x else x for x in values.tolist()]  # noqa: PLR0124 — nan
        for name in self.categorical:
            subjects[f"features.{name}"] = [*self.texts(name)]
        return Chunk(self.rows, subjects, None)

    def write(self, file: Path, times: Ints | None = None) -> None:
        """Write the rows as Parquet, with `times` (ms) as the column `time`; what is missing is null."""
        import pyarrow as pa  # noqa: PLC0415 — an extra
        from pyarrow import parquet  # noqa: PLC0415 — an extra

        columns = {name: pa.array(values, from_pandas=True) for name, values in self.numeric.items()}
        columns |= {name: pa.array(self.texts(name), pa.string()) for name in self.categorical}
        if times is not None:
            columns["time"] = pa.array(times)
        parquet.write_table(pa.table(columns), file)


@dataclass
class Traffic:
    """Rows in the order of time; `clustered` ones hang together by the hour. `rng` decides everything."""

    rng: np.random.Generator
    clustered: bool = False
    _state: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._state = self.rng.standard_normal(len(CLUSTERED))

    def draw(self, rows: int, hours: int = HOURS) -> Table:
        """Make the rows of the next `hours`."""
        of_hour = np.stack([self._next_hour() for _ in range(hours)]) if self.clustered else None
        when = np.sort(self.rng.integers(0, hours, rows))
        normal = {}
        for name in FEATURES:
            own = self.rng.standard_normal(rows)
            if of_hour is not None and name in CLUSTERED:
                shared = of_hour[when, CLUSTERED.index(name)]
                own = np.sqrt(_HOURS_PART) * shared + np.sqrt(1 - _HOURS_PART) * own
            normal[name] = own
        normal["x1"] = _CORRELATION * normal["x0"] + np.sqrt(1 - _CORRELATION**2) * normal["x1"]
        numeric = {name: shape(normal[name]) for name, shape in NUMERIC.items()}
        categorical = {name: _categories(normal[name], size) for name, size in CATEGORICAL.items()}
        for at, name in enumerate(FEATURES):
            if at % 3 == 0:
                gone = self.rng.random(rows) < MISSING
                if name in numeric:
                    numeric[name] = np.where(gone, np.nan, numeric[name])
                else:
                    categorical[name] = np.where(gone, -1, categorical[name])
        return Table(numeric, categorical)

    def windows(self, rows: int, hours: int = HOURS) -> Iterator[Table]:
        """Make window after window."""
        while True:
            yield self.draw(rows, hours)

    def _next_hour(self) -> Floats:
        now = self._state
        fresh = self.rng.standard_normal(len(now))
        self._state = _FROM_HOUR_TO_HOUR * now + np.sqrt(1 - _FROM_HOUR_TO_HOUR**2) * fresh
        return now


def _categories(normal: Floats, size: int) -> Ints:
    """Cut normal numbers into categories of which number k has a share in proportion to 1/(k+1)."""
    shares = 1 / np.arange(1, size + 1)
    return np.searchsorted(special.ndtri(np.cumsum(shares)[:-1] / shares.sum()), normal)


Change = Callable[[Table, np.random.Generator], Table]


@dataclass(frozen=True)
class Drift:
    """A drift that is planted in a window: where, and how the rows are changed."""

    name: str
    features: tuple[str, ...]
    change: Change


def _some(rows: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    return rng.random(rows) < share


def _moved(name: str, by: float = 0.0, times: float = 1.0, share: float = 1.0) -> Change:
    """Move, and stretch, the values of a share of the rows."""

    def change(table: Table, rng: np.random.Generator) -> Table:
        values = table.numeric[name]
        return table.with_numbers(name, np.where(_some(table.rows, share, rng), values * times + by, values))

    return change


def _lost(name: str, share: float) -> Change:
    """Lose the values of a share of the rows."""

    def change(table: Table, rng: np.random.Generator) -> Table:
        gone = _some(table.rows, share, rng)
        if name in NUMERIC:
            return table.with_numbers(name, np.where(gone, np.nan, table.numeric[name]))
        return table.with_categories(name, np.where(gone, -1, table.categorical[name]))

    return change


def _recoded(name: str, share: float, code: int, of: int | None = None) -> Change:
    """Give a share of all rows another category: rows of category `of` (its share must suffice), else of any."""

    def change(table: Table, rng: np.random.Generator) -> Table:
        codes = table.categorical[name]
        able = codes == of if of is not None else codes >= 0
        chosen = able & _some(table.rows, share / float(able.mean()), rng)
        return table.with_categories(name, np.where(chosen, code, codes))

    return change


def _zeroed(name: str, share: float) -> Change:
    """Make a share of all rows zero that are not."""

    def change(table: Table, rng: np.random.Generator) -> Table:
        values = table.numeric[name]
        other = values > 0
        chosen = other & _some(table.rows, share / float(other.mean()), rng)
        return table.with_numbers(name, np.where(chosen, 0.0, values))

    return change


def _shuffled(table: Table, rng: np.random.Generator) -> Table:
    """Take the correlation of x0 and x1 away, and leave each as it is."""
    return table.with_numbers("x1", rng.permutation(table.numeric["x1"]))


DRIFTS = (
    *(Drift(f"mean +{by:g} sd", ("x2",), _moved("x2", by=by)) for by in (0.05, 0.1, 0.2, 0.3, 0.5)),
    *(Drift(f"spread × {times:g}", ("x3",), _moved("x3", times=times)) for times in (1.1, 1.25)),
    Drift("skewed values +10 %", ("x9",), _moved("x9", times=1.1)),
    Drift("zeros +5 % of rows", ("x14",), _zeroed("x14", 0.05)),
    *(Drift(f"mix: {share:.0%} of rows", ("k5",), _recoded("k5", share, 1, of=0)) for share in (0.03, 0.1)),
    Drift("missing +2 % of rows", ("x4",), _lost("x4", 0.02)),
    Drift("missing +5 % of rows", ("k4",), _lost("k4", 0.05)),
    *(Drift(f"new category {share:.1%}", ("k6",), _recoded("k6", share, CATEGORICAL["k6"])) for share in (0.005, 0.02)),
    Drift("unit × 100", ("x10",), _moved("x10", times=100)),
    Drift("unit × 100 in 5 % of rows", ("x8",), _moved("x8", times=100, share=0.05)),
    Drift("correlation 0.6 → 0", ("x0", "x1"), _shuffled),
)
