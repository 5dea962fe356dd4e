"""Made features that hang together, counted as profiles count them."""

import numpy as np

from mpm_elk.metrics import Floats
from mpm_elk.profiles.cells import NumericCells
from mpm_elk.profiles.cut import cut_numeric
from mpm_elk.profiles.joint import WHOLE, Joint
from mpm_elk.profiles.joint import scores as ranks

NAMES = ("a", "b", "c", "d", "e")


def draw(rng: np.random.Generator, rows: int, correlation: float = 0.6, gone: float = 0.0) -> dict[str, Floats]:
    """Draw five features; b hangs on a by `correlation`, d on c by 0.8; of b and c a share is missing."""
    a, b, c, d, e = rng.normal(size=(5, rows))
    b = correlation * a + np.sqrt(1 - correlation**2) * b
    d = 0.8 * c + 0.6 * d
    found = {"a": a, "b": np.exp(2 * b), "c": c, "d": d, "e": e}
    for name in ("b", "c"):
        found[name] = np.where(rng.random(rows) < gone, np.nan, found[name])
    return {f"features.{name}": values for name, values in found.items()}


CELLS: dict[str, NumericCells] = {
    name: cut_numeric(values, name) for name, values in draw(np.random.default_rng(0), 20_000).items()
}
HASHES = {name: cells.hash for name, cells in CELLS.items()}


def joint(rows: dict[str, Floats], share: int = WHOLE) -> Joint:
    """Add the rows up."""
    return Joint.of(CELLS, rows, len(rows["features.a"]), share)


def scores(rows: dict[str, Floats]) -> Floats:
    """Give the rows' scores, (N, 5)."""
    return np.stack([ranks(CELLS[name], values) for name, values in rows.items()], axis=1)
