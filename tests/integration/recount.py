"""Metrics computed once more, from raw rows, with numpy and scipy and nothing of the engine but the stored cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

Row = Mapping[str, Any]
"""An event as it was sent."""


@dataclass(frozen=True)
class Counted:
    """One subject in some rows: values in coarse cells, and what was no such value."""

    coarse: npt.NDArray[np.int64]
    fine: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float64]
    rows: int
    missing: int
    wrong: int

    @property
    def present(self) -> int:
        return int(self.coarse.sum())


def raw_value(row: Row, subject: str) -> Any:
    """Find a subject's value in an event."""
    kind, name = subject.split(".", 1)
    part: Mapping[str, Any] = row["mpm"]["features" if kind == "features" else "prediction"]
    return part.get(name)


def count(cells: Mapping[str, Any], rows: Sequence[Row], subject: str) -> Counted:
    """Count the rows that did not fail in cells as the registry holds them."""
    values = [raw_value(row, subject) for row in rows if row["event"]["outcome"] != "failure"]
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    texts = [str(v).lower() if isinstance(v, bool) else v for v in values if isinstance(v, str | bool)]
    missing = sum(v is None for v in values)
    if cells["kind"] == "numeric":
        edges = np.array(cells["edges"])
        coarse = np.bincount(np.digitize(numbers, edges[cells["coarse"]]), minlength=len(cells["coarse"]) + 1)
        fine = np.digitize(numbers, edges)
        return Counted(coarse, fine, np.array(numbers), len(values), missing, len(texts))
    known = {value: at for at, value in enumerate(cells["values"])} | dict.fromkeys(cells["rest"], len(cells["values"]))
    unknown = len(cells["values"]) + (1 if cells["closed"] else 0)
    places = np.array([known.get(text, unknown) for text in texts], dtype=np.int64)
    coarse = np.bincount(places, minlength=len(cells["values"]) + 2)
    return Counted(coarse, places, np.array([]), len(values), missing, len(numbers))


def psi(b: npt.NDArray[np.int64], a: npt.NDArray[np.int64]) -> float:
    """Compute the population stability index of two rows of counts, half a row added to every cell in use."""
    used = (a + b) > 0
    q = (b[used] + 0.5) / (b.sum() + 0.5 * used.sum())
    p = (a[used] + 0.5) / (a.sum() + 0.5 * used.sum())
    return float(sum((x - y) * (np.log(x) - np.log(y)) for x, y in zip(q, p, strict=True)))


def chi2(b: npt.NDArray[np.int64], a: npt.NDArray[np.int64]) -> tuple[float, int]:
    """Compute the χ² of homogeneity, cells that expect fewer than five rows on a side pooled; statistic and df."""
    pairs = [(int(x), int(y)) for x, y in zip(b, a, strict=True) if x + y]
    n, m = int(b.sum()), int(a.sum())

    def small(pair: tuple[int, int]) -> bool:
        return sum(pair) * min(n, m) / (n + m) < 5

    kept, rare = [p for p in pairs if not small(p)], [p for p in pairs if small(p)]
    if rare:
        pooled = sum(p[0] for p in rare), sum(p[1] for p in rare)
        if small(pooled) and kept:
            least = min(range(len(kept)), key=lambda i: sum(kept[i]))
            kept[least] = kept[least][0] + pooled[0], kept[least][1] + pooled[1]
        else:
            kept.append(pooled)
    found = chi2_contingency(np.array(kept).T, correction=False)
    return float(found.statistic), int(found.dof)


def expected_metrics(
    cells: Mapping[str, Any], window: Counted, reference: Counted, phi: float = 1.0
) -> dict[str, float]:
    """Compute what a metric document says of a subject; `phi` is the dispersion, 1 where it is not known yet."""
    n, m = window.present, reference.present
    found = _drift(cells, window, reference, phi) if n and m else {}
    b, a = window.coarse, reference.coarse
    shares = {
        "missing": (window.missing, window.rows, reference.missing, reference.rows),
        "type_violation": (window.wrong, window.rows, reference.wrong, reference.rows),
    }
    if cells["kind"] == "numeric":
        shares["out_of_range"] = int(b[0] + b[-1]), n, int(a[0] + a[-1]), m
    else:
        shares["unseen"] = int(b[-1]), n, int(a[-1]), m
    for name, (k, rows, k0, rows0) in shares.items():
        if rows:
            found[f"quality.{name}_rate"] = k / rows
        if rows0:
            found[f"quality.{name}_rate_reference"] = k0 / rows0
        if rows and rows0:
            found[f"quality.{name}_increase"] = k / rows - k0 / rows0
    return found


def _drift(cells: Mapping[str, Any], window: Counted, reference: Counted, phi: float) -> dict[str, float]:
    b, a = window.coarse, reference.coarse
    n, m = window.present, reference.present
    statistic, df = chi2(b, a)
    used = int(((a + b) > 0).sum())
    found = {
        "drift.psi": psi(b, a),
        "drift.psi_adjusted": max(0.0, psi(b, a) - (used - 1) * (1 / n + 1 / m) * phi),
        "drift.js": float(jensenshannon(b / n, a / m, base=2)),
        "drift.total_variation": float(np.abs(b / n - a / m).sum() / 2),
        "drift.chi2_df": df,
    }
    if df:
        found["drift.chi2"] = statistic
    if cells["kind"] == "numeric":
        found["drift.ks"] = float(ks_2samp(window.fine, reference.fine, method="asymp").statistic)
        found["drift.mean"] = float(window.numbers.mean())
        found["drift.mean_reference"] = float(reference.numbers.mean())
        difference = found["drift.mean"] - found["drift.mean_reference"]
        if spread := float(reference.numbers.std(ddof=1)):
            found["drift.mean_shift"] = difference / spread
    return found
