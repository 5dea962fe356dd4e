"""Compare our metrics with the peers' own functions on the same cells: how large is the difference, and why.

    python -m benchmarks.agreement [--peers PYTHON]

Asks the peers (`peers/agreement.py`, in an environment of their own), keeps their answers in
`tests/benchmarks/peers.json`, and writes `docs/agreement.md`. Tests compare with the kept answers everywhere, and ask
the peers again where `MPM_PEERS_PYTHON` names their environment's Python.
"""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from benchmarks.peers.host import ROOT, environment
from benchmarks.tables import markdown
from mpm_elk.metrics import Counts, Floats, divergence, homogeneity, ordered, proportions

KEPT = ROOT / "tests" / "benchmarks" / "peers.json"
PAGE = ROOT / "docs" / "agreement.md"
ALIKE = 1e-12
_SINGLE = 1e-6
"""alibi-detect gives its results in single precision."""
_MANY = 10**9
_EXPECTED_MIN = 5
_NANNYML_BINS_FROM = 10_000


@dataclass(frozen=True)
class Case:
    """Counts of the same cells in window and reference."""

    window: Counts
    reference: Counts

    @property
    def sizes(self) -> tuple[int, int]:
        """The rows of both sides."""
        return int(self.window.sum()), int(self.reference.sum())

    @property
    def full(self) -> bool:
        """Whether every cell holds, and expects, enough rows on both sides: nothing is smoothed much, or pooled."""
        return bool(min(self.window.min(), self.reference.min()) >= _EXPECTED_MIN)

    @property
    def shares(self) -> tuple[int, int, int, int]:
        """The rows in the second of two cells, and all, of both sides."""
        n, m = self.sizes
        return int(self.window[1]), n, int(self.reference[1]), m


def cases() -> dict[str, Case]:
    """Make the cases; the chance in them is seeded."""
    rng = np.random.default_rng(11)

    def drawn(rows: tuple[int, int], cells: int, tilt: float) -> Case:
        flat = np.linspace(1, 2, cells)
        sides = flat * np.exp(tilt * np.linspace(-1, 1, cells)), flat
        window, reference = (rng.multinomial(n, p / p.sum()) for n, p in zip(rows, sides, strict=True))
        return Case(window, reference)

    owners = rng.permutation(np.repeat([0, 1], [40, 60]))[np.argsort(rng.normal(np.linspace(0, 2, 100), 1))]
    return {
        "small drift": drawn((800, 4_000), 12, 0.3),
        "no drift": drawn((5_000, 5_000), 20, 0.0),
        "many rows": drawn((20_000, 30_000), 20, 0.1),
        "large drift": drawn((2_000, 9_000), 16, 1.0),
        "empty cells": Case(np.array([0, 30, 50, 9, 0, 70]), np.array([20, 200, 300, 0, 1, 400])),
        "two cells": Case(np.array([880, 120]), np.array([3_700, 300])),
        "two cells, few": Case(np.array([97, 3]), np.array([395, 5])),
        "no ties": Case((owners == 0).astype(np.int64), (owners == 1).astype(np.int64)),
    }


Number = Callable[[Case], Any]


@dataclass(frozen=True)
class Agreement:
    """One metric of ours beside a peer's `answer`, where it `fits`; `why` says where a difference comes from.

    `theirs` makes their number one of ours (another base, another unit). The difference is relative for what is
    larger than 1.
    """

    metric: str
    answer: str
    ours: Number
    tolerance: float = ALIKE
    why: str = ""
    fits: Callable[[Case], bool] = lambda _: True
    theirs: Callable[[float, Case], float] = lambda found, _: found

    def differences(self, answers: Mapping[str, Mapping[str, float | str]]) -> Iterator[tuple[str, float]]:
        """Give the difference for each case that fits."""
        for name, case in cases().items():
            if self.fits(case):
                found = answers[name][self.answer]
                if isinstance(found, str):
                    raise ValueError(f"{self.answer} of {name}: {found}")
                theirs, ours = self.theirs(found, case), float(self.ours(case))
                yield name, abs(ours - theirs) / max(1.0, abs(theirs))


def _two(case: Case) -> bool:
    return len(case.window) == 2


def _several(case: Case) -> bool:
    return case.full and not _two(case)


def _untied(case: Case) -> bool:
    return int((case.window + case.reference).max()) == 1


def _many(case: Case) -> tuple[Counts, Counts]:
    return case.window * _MANY, case.reference * _MANY


def _axis(case: Case) -> tuple[Counts, Counts, Floats]:
    """Put cells around the whole numbers, with empty ones beyond the fences."""
    window, reference = (np.pad(side, 1) for side in (case.window, case.reference))
    return window, reference, np.arange(-0.5, len(case.window))


def _wasserstein(case: Case) -> Any:
    return ordered.wasserstein(*_axis(case)).value


def _sd(case: Case) -> float:
    at = np.arange(len(case.reference))
    mean = (at * case.reference).sum() / case.reference.sum()
    return float(np.sqrt((case.reference * (at - mean) ** 2).sum() / case.reference.sum()))


def _ks(case: Case) -> Any:
    return homogeneity.ks(case.window, case.reference, single=np.ones(len(case.window), dtype=np.bool_)).lower


def _chi2(case: Case) -> Any:
    return homogeneity.chi2(case.window, case.reference).statistic


def _chi2_p(case: Case) -> Any:
    found = homogeneity.chi2(case.window, case.reference)
    return homogeneity.chi2_p(found.statistic, found.df)


def _yates(case: Case) -> float:
    k, n, k0, m = case.shares
    gap = max(0.0, abs(k * (m - k0) - k0 * (n - k)) - (n + m) / 2)
    return (n + m) * gap**2 / ((k + k0) * (n + m - k - k0) * n * m)


def _one_sample_p(case: Case) -> Any:
    n, m = case.sizes
    expected = case.reference * (n / m)
    return special.chdtrc(len(expected) - 1, (np.square(case.window - expected) / expected).sum())


def _one_sample_g_p(case: Case) -> Any:
    return special.chdtrc(len(case.window) - 1, 2 * special.xlogy(case.window, case.window / case.reference).sum())


def _truncated(case: Case) -> Any:
    n, m = case.sizes
    expected = np.array([int(share * n) for share in case.reference / m])
    return (np.square(case.window - expected) / expected).sum()


def _cramer_von_mises(case: Case) -> Any:
    single = np.ones(len(case.window), dtype=np.bool_)
    return ordered.cramer_von_mises(case.window, case.reference, single=single).value


_SMOOTHED = "ours has +½ a cell; theirs 0.0001 where a cell is empty, else nothing"
_SIX_DIGITS = "theirs in single precision"
_YATES = "two cells: theirs has Yates' correction; this is ours with it"
_ASYMPTOTIC = "ours by the Kolmogorov law, theirs exact up to 10,000 rows"
_TIES = "rows without ties; with ties theirs ranks them by their middle, and alarms without drift"

AGREEMENTS = (
    Agreement("PSI", "evidently.psi", lambda c: divergence.psi(*_many(c)), 1e-8,
              "every count times 10⁹, so that +½ has no weight", lambda c: c.full),
    Agreement("PSI", "evidently.psi", lambda c: divergence.psi(c.window, c.reference), 0.005, _SMOOTHED,
              lambda c: c.full),
    Agreement("KL", "evidently.kl", lambda c: divergence.kl(*_many(c)[::-1]), 1e-8,
              "every count times 10⁹; theirs is of the reference from the window", lambda c: c.full),
    Agreement("JS distance", "evidently.js", lambda c: divergence.jensen_shannon(c.window, c.reference),
              why="theirs divided by √ln 2: base e, ours 2", theirs=lambda found, _: found / np.sqrt(np.log(2))),
    Agreement("JS distance", "nannyml.js", lambda c: divergence.jensen_shannon(c.window, c.reference)),
    Agreement("Hellinger", "evidently.hellinger", lambda c: divergence.hellinger(c.window, c.reference), 1e-7,
              "theirs is √(1 − Σ√(pq)), which cancels where both sides are alike"),
    Agreement("Hellinger", "nannyml.hellinger", lambda c: divergence.hellinger(c.window, c.reference)),
    Agreement("Hellinger", "whylogs.hellinger", lambda c: divergence.hellinger(c.window, c.reference),
              why="their formula on our cells; theirs are up to 30 of equal width"),
    Agreement("total variation", "evidently.total_variation",
              lambda c: divergence.total_variation(c.window, c.reference)),
    Agreement("L∞", "nannyml.l_infinity", lambda c: divergence.l_infinity(c.window, c.reference).value),
    Agreement("χ²", "nannyml.chi2", _chi2, fits=_several),
    Agreement("χ²", "alibi-detect.chi2", _chi2, _SINGLE, _SIX_DIGITS, _several),
    Agreement("χ²", "nannyml.chi2", _yates, why=_YATES, fits=_two),
    Agreement("χ²", "alibi-detect.chi2", _yates, _SINGLE, f"{_YATES}; {_SIX_DIGITS}", _two),
    Agreement("χ², p", "alibi-detect.chi2_p", _chi2_p, _SINGLE, _SIX_DIGITS, _several),
    Agreement("χ², p", "evidently.chi2_p", _one_sample_p,
              why="theirs takes the reference for the truth: that formula, not ours, which allows for its noise",
              fits=lambda c: c.full),
    Agreement("χ²", "whylogs.chi2", _truncated,
              why="theirs takes the reference for the truth and cuts expected counts to whole numbers: that formula",
              fits=_several),
    Agreement("G, p", "evidently.g_p", _one_sample_g_p,
              why="theirs takes the reference for the truth, and refuses sides of unlike sizes: that formula",
              fits=lambda c: c.full and c.sizes[0] == c.sizes[1]),
    Agreement("KS", "nannyml.ks", _ks, fits=lambda c: c.sizes[1] < _NANNYML_BINS_FROM),
    Agreement("KS", "nannyml.ks", _ks,
              why="from 10,000 rows on theirs has 10,000 cells of equal width; here one value each",
              fits=lambda c: c.sizes[1] >= _NANNYML_BINS_FROM),
    Agreement("KS", "alibi-detect.ks", _ks, _SINGLE, _SIX_DIGITS),
    Agreement("KS", "whylogs.ks", _ks, 0.05, "theirs from a sketch that draws by chance, at 100 quantiles"),
    Agreement("KS, p", "evidently.ks_p", lambda c: homogeneity.ks_p(_ks(c), *c.sizes), 0.06, _ASYMPTOTIC),
    Agreement("KS, p", "alibi-detect.ks_p", lambda c: homogeneity.ks_p(_ks(c), *c.sizes), 0.06, _ASYMPTOTIC),
    Agreement("Wasserstein-1", "nannyml.wasserstein", _wasserstein, fits=lambda c: c.sizes[1] < _NANNYML_BINS_FROM),
    Agreement("Wasserstein-1", "nannyml.wasserstein", _wasserstein, 0.01,
              "from 10,000 rows on theirs has 10,000 cells of equal width",
              fits=lambda c: c.sizes[1] >= _NANNYML_BINS_FROM),
    Agreement("Wasserstein-1", "evidently.wasserstein", lambda c: _wasserstein(c) / _sd(c),
              why="both in the reference's sd: theirs Σ/m, ours Σ/(m − 1), here theirs"),
    Agreement("Cramér–von Mises, T", "alibi-detect.cramer_von_mises", _cramer_von_mises, _SINGLE,
              f"{_TIES}; {_SIX_DIGITS}", _untied),
    Agreement("Cramér–von Mises, p", "evidently.cramer_von_mises_p",
              lambda c: ordered.cramer_von_mises_p(_cramer_von_mises(c), *c.sizes), why=_TIES, fits=_untied),
    Agreement("Cramér–von Mises, p", "alibi-detect.cramer_von_mises_p",
              lambda c: ordered.cramer_von_mises_p(_cramer_von_mises(c), *c.sizes), _SINGLE, f"{_TIES}; {_SIX_DIGITS}",
              _untied),
    Agreement("two shares, p", "evidently.z_p", lambda c: proportions.difference(*c.shares).p,
              fits=lambda c: _two(c) and c.full),
    Agreement("two shares, p", "alibi-detect.fisher_p", lambda c: proportions.difference(*c.shares).p, _SINGLE,
              f"Fisher, where a count is below 5; {_SIX_DIGITS}", lambda c: _two(c) and not c.full),
)  # fmt: skip


def ask(python: Path) -> dict[str, Any]:
    """Ask the peers whose environment `python` belongs to: versions, and answers by case."""
    given = {
        name: {"window": case.window.tolist(), "reference": case.reference.tolist()} for name, case in cases().items()
    }
    command = [str(python), "-m", "benchmarks.peers.agreement"]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(given), capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return {"versions": found["versions"], "cases": given, "answers": found["answers"]}


def table(kept: Mapping[str, Any]) -> str:
    """Write the table."""
    rows = []
    for one in AGREEMENTS:
        largest = max(difference for _, difference in one.differences(kept["answers"]))
        shown = next(f"≤ {limit:g}" for limit in (1e-12, 1e-8, 1e-7, 1e-6, 1e-4, 0.001, 0.01, 0.1) if largest <= limit)
        peer, _, function = one.answer.partition(".")
        rows.append((one.metric, f"{peer} `{function}`", shown, one.why))
    return markdown(("Metric", "Reference implementation", "Largest difference", "Why, and how compared"), rows)


def page(kept: Mapping[str, Any]) -> str:
    """Write the page."""
    versions = ", ".join(f"{package} {version}" for package, version in kept["versions"].items())
    return f"""# Agreement with other libraries

Written by `python -m benchmarks.agreement`: do not edit. Every number here is that of a library's own function, called
with the rows of {len(kept["cases"])} cases (100 to 50,000 rows in 2 to 100 cells: with and without drift, empty cells,
ties), beside ours from the counts of the same cells. Differences of what is larger than one are relative.
Tests hold all of them (`tests/benchmarks/test_agreement.py`); the tests of the other metrics, against scipy and on
arbitrary counts, are in `tests/metrics/`.

Versions: {versions}.

{table(kept)}

What the libraries do with rows is another matter: which cells they cut, and from what, decides their number more than
any formula. Evidently and whylogs cut cells from window and reference together, NannyML from the reference by Doane's
rule; ours are cut once, with equal frequency.
"""


def main() -> None:
    """Ask, keep, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="the Python of the peers' environment; made where it is not there")
    kept = ask(parser.parse_args().peers or environment())
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
