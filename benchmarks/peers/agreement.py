"""Ask the peers' own functions for their metrics of given cells, one JSON object in and one out.

Runs in the peers' environment, without mpm-elk: `python -m benchmarks.peers.agreement < cases.json`. A case is
`{"window": [counts], "reference": [counts]}`; cell number i becomes rows of the category `i`, and of the number i for
what needs an order. Answers are numbers by peer and function, and a text where a peer refuses.
"""

# ruff: noqa: PLC0415, SLF001 — each peer is imported when it is asked; what a report calls is private in all of them

import importlib.metadata
import json
import math
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

os.environ |= {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}

import numpy as np
import pandas as pd

PACKAGES = ("alibi-detect", "evidently", "nannyml", "scipy", "whylogs")
Answer = float | str
Functions = dict[str, Callable[[], Any]]


def evidently(window: list[int], reference: list[int]) -> Functions:
    """Evidently's statistical tests, as its reports call them: the cells are categories."""
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    def call(module: str, function: str, kind: Any, make: Callable[[list[int]], Any]) -> Callable[[], Any]:
        found = getattr(getattr(stattests, module), function)
        return lambda: found(make(reference), make(window), kind, 0.1)[0]

    some = {
        "psi": ("psi", "_psi"),
        "kl": ("kl_div", "_kl_div"),
        "js": ("jensenshannon", "_jensenshannon"),
        "hellinger": ("hellinger_distance", "_hellinger_distance"),
        "chi2_p": ("chisquare_stattest", "_chi_stat_test"),
        "g_p": ("g_stattest", "_g_stat_test"),
        "z_p": ("z_stattest", "_z_stat_test"),
    }
    numeric = {
        "ks_p": ("ks_stattest", "_ks_stat_test"),
        "wasserstein": ("wasserstein_distance_norm", "_wasserstein_distance_norm"),
        "cramer_von_mises_p": ("cramer_von_mises_stattest", "_cramer_von_mises"),
    }
    total_variation = stattests.tvd_stattest._total_variation_distance
    return {
        **{name: call(*where, ColumnType.Categorical, categories) for name, where in some.items()},
        **{name: call(*where, ColumnType.Numerical, numbers) for name, where in numeric.items()},
        "total_variation": lambda: total_variation(categories(reference), categories(window)),
    }


def nannyml(window: list[int], reference: list[int]) -> Functions:
    """NannyML's methods, fitted to the reference as its calculator does."""
    from nannyml.drift.univariate import methods
    from nannyml.thresholds import ConstantThreshold

    def call(name: str, make: Callable[[list[int]], Any], chosen: str = "auto") -> Callable[[], Any]:
        def run() -> Any:
            method = getattr(methods, name)(
                chunker=None, threshold=ConstantThreshold(lower=None, upper=1),
                computation_params={"calculation_method": chosen},
            )  # fmt: skip
            method._fit(make(reference))
            return method._calculate(make(window))

        return run

    return {
        "js": call("CategoricalJensenShannonDistance", categories),
        "hellinger": call("CategoricalHellingerDistance", categories),
        "l_infinity": call("LInfinityDistance", categories),
        "chi2": call("Chi2Statistic", categories),
        "ks": call("KolmogorovSmirnovStatistic", numbers),
        "wasserstein": call("WassersteinDistance", numbers),
    }


def alibi(window: list[int], reference: list[int]) -> Functions:
    """Give the drift detectors of alibi-detect: distance and p-value of one feature."""
    from alibi_detect.cd import ChiSquareDrift, CVMDrift, FETDrift, KSDrift

    def call(detector: Any, at: int, **more: Any) -> Callable[[], Any]:
        def run() -> Any:
            before, now = (numbers(side).to_numpy()[:, None] for side in (reference, window))
            return detector(before, **more).feature_score(before, now)[at][0]

        return run

    return {
        "chi2": call(ChiSquareDrift, 1),
        "chi2_p": call(ChiSquareDrift, 0),
        "ks": call(KSDrift, 1),
        "ks_p": call(KSDrift, 0),
        "cramer_von_mises": call(CVMDrift, 1),
        "cramer_von_mises_p": call(CVMDrift, 0),
        **({"fisher_p": call(FETDrift, 0, alternative="two-sided")} if len(window) == 2 else {}),
    }


def whylogs(window: list[int], reference: list[int]) -> Functions:
    """Give whylogs' drift scores of two profiles; Hellinger by its formula, for its cells cannot be set."""
    import whylogs as why
    from whylogs.viz.drift import column_drift_algorithms as scores

    def view(values: Any) -> Any:
        return why.log(pd.DataFrame({"x": values})).view().get_column("x")

    def call(algorithm: Any, make: Callable[[list[int]], Any], what: str) -> Callable[[], Any]:
        return lambda: getattr(algorithm().calculate(view(make(window)), view(make(reference))), what)

    def hellinger() -> Any:
        shares = (np.array(side) / sum(side) for side in (window, reference))
        return scores.Hellinger()._calculate_hellinger_score(*shares)

    return {
        "hellinger": hellinger,
        "chi2": call(scores.ChiSquare, categories, "statistic"),
        "ks": call(scores.KS, numbers, "statistic"),
    }


def categories(counts: list[int]) -> Any:
    """Make rows of categories."""
    return pd.Series(np.repeat([f"{at:03}" for at in range(len(counts))], counts))


def numbers(counts: list[int]) -> Any:
    """Make rows of numbers."""
    return pd.Series(np.repeat(np.arange(len(counts), dtype=np.float64), counts))


def _answer(function: Callable[[], Any]) -> Answer:
    try:
        found = float(function())
        return found if math.isfinite(found) else str(found)
    except Exception as error:  # a peer that refuses is an answer too
        return f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"


def main() -> None:
    """Answer."""
    warnings.simplefilter("ignore")
    answers_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not get into the answer
    peers = {"evidently": evidently, "nannyml": nannyml, "alibi-detect": alibi, "whylogs": whylogs}
    answers = {
        name: {
            f"{peer}.{function}": _answer(call)
            for peer, functions in peers.items()
            for function, call in functions(case["window"], case["reference"]).items()
        }
        for name, case in json.load(sys.stdin).items()
    }
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    json.dump({"versions": versions, "answers": answers}, answers_to)
    answers_to.close()


if __name__ == "__main__":
    main()
