"""Say in one English sentence what the metrics of a window mean."""

from collections.abc import Mapping

import numpy as np

from mpm_elk.metrics.dispersion import MIN_WINDOWS
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.metric import CORRELATION, DISTRIBUTION, JOINT_SUBJECT, RECONSTRUCTION, TRAFFIC_SUBJECT
from mpm_elk.timespan import in_words

_EXPONENT_FROM = 1e15
_USUAL_SILENCE = "traffic.freshness_usual"

_REFERENCES = {
    "baseline": "the baseline",
    "previous": "the window before",
    "same-time-last-week": "the same time last week",
    "training": "the training data of the same days",
}


def figure(value: float, digits: int = 4) -> str:
    """Write a number for people: so many digits, and whole thousands as `37,073` rather than with an exponent."""
    return f"{value:,.0f}" if 10**digits <= abs(value) < _EXPONENT_FROM else f"{value:.{digits}g}"


def describe(subject: str, against: str, measured: Measured, p_adjusted: float | None) -> str:
    """Say what one subject did in one window, compared with `against` (as in a rule: `baseline`, `rolling 28d`)."""
    reference = _REFERENCES.get(against) or _several(against)
    if subject == TRAFFIC_SUBJECT:
        return _traffic(measured, reference)
    values, name = measured.values, subject.removeprefix("features.")
    if measured.window == 0:
        return f"{name}: no events in this window."
    if measured.reference == 0:
        return f"{name}: no events in {reference} to compare with."
    together = subject == JOINT_SUBJECT
    text = _together(measured) if together else ", ".join([_movement(measured), *_quality(measured)])
    test = CORRELATION if together else DISTRIBUTION
    if test in measured.learning:
        known = measured.learning[test]
        text += f"; still learning how much it usually varies ({known} of {MIN_WINDOWS} past windows)"
    elif p_adjusted is not None:
        text += f"; adjusted p {p_adjusted:.2g}{_smallest(values)}"
    phi = values.get("dispersion.phi", 1.0)
    if phi > 1.5:
        text += f"; usual windows vary {phi:.3g} times as much as by chance alone"
    how = "serving against" if against == "training" else "compared with"
    return f"{name}, {how} {reference}: {text}."


def _several(against: str) -> str:
    """Say a reference that has a span: `rolling 28d`, `same-time-last-weeks 4`, `window 2026-01-01 2026-02-01`."""
    kind, *rest = against.split()
    if kind == "same-time-last-weeks":
        return f"the same time in the last {rest[0]} weeks"
    if kind == "window":
        return f"the time from {rest[0]} until {rest[1]}"
    return against.replace("rolling ", "the last ")


def _movement(measured: Measured) -> str:
    values = measured.values
    if "drift.psi" not in values:
        return "no values to compare"
    text = f"PSI {values['drift.psi']:.3g} ({values['drift.psi_adjusted']:.3g} after noise is removed)"
    if "drift.mean" in values and "drift.mean_reference" in values:
        text += f", mean {figure(values['drift.mean'])} (was {figure(values['drift.mean_reference'])}"
        text += f", {values['drift.mean_shift']:+.2g} sd)" if "drift.mean_shift" in values else ")"
    if measured.culprit is not None:
        text += f", largest change in {measured.culprit}"
    return text


def _together(measured: Measured) -> str:
    """Say which correlation has moved, or that none has surely, and that components no longer fit where they do not."""
    values = measured.values
    if "drift.correlation_shift" not in values:
        return "no two features to compare"
    now, before = (round(values[f"drift.correlation{side}"], 2) + 0.0 for side in ("", "_reference"))
    shift = f"{now:.2f} instead of {before:.2f}"
    if _apart_from_zero(values, "drift.correlation_shift"):
        text = f"the correlation of {measured.culprit} is {shift}"
        others = int(values.get("drift.correlations_moved", 0)) - 1
        if others > 0:
            text += f", and {others} of {values['drift.correlations_moved_pairs'] - 1:.0f} others have moved"
    else:
        pairs = values["drift.correlations_moved_pairs"]
        text = f"of {pairs:.0f} correlations none has surely moved (that of {measured.culprit} is {shift})"
    if measured.p.get(RECONSTRUCTION, 1.0) <= 0.001 and abs(values["drift.pca_error_ratio"] - 1) >= 0.1:
        ratio = values["drift.pca_error_ratio"]
        text += f", the reference's principal components leave {ratio:.2g} times as much unexplained"
    return text


def _apart_from_zero(values: Mapping[str, float], name: str) -> bool:
    return values[f"{name}_lower"] > 0 or values[f"{name}_upper"] < 0


def _smallest(values: Mapping[str, float]) -> str:
    """Say what the window could have shown: that nothing was found means nothing larger was there."""
    if "drift.smallest_mean_shift" in values:
        return f"; the smallest shift it could show is {values['drift.smallest_mean_shift']:.2g} sd"
    if "drift.smallest_correlation_shift" in values:
        return f"; the smallest shift it could show is {values['drift.smallest_correlation_shift']:.2g}"
    if "drift.smallest_psi" in values:
        return f"; the smallest PSI it could show is {values['drift.smallest_psi']:.2g}"
    return ""


def _quality(measured: Measured) -> list[str]:
    words = {
        "quality.missing": "missing",
        "quality.type_violation": "of the wrong type",
        "quality.unseen": "unseen before",
        "quality.out_of_range": "out of range",
    }
    found = []
    for name, word in words.items():
        rate, usual = (measured.values.get(f"{name}_{kind}") for kind in ("rate", "rate_reference"))
        if rate is not None and abs(rate - (usual or 0.0)) >= 0.001:
            found.append(_share(rate, usual, word, ".1%"))
    return found


def _traffic(measured: Measured, reference: str) -> str:
    values: Mapping[str, float] = measured.values
    text = f"{measured.window:,} {'prediction' if measured.window == 1 else 'predictions'}"
    if "traffic.count_ratio" in values:
        text += f", {values['traffic.count_ratio']:.0%} of the usual number ({reference})"
    if _silent(measured):
        text += f", no event for {in_words(values['traffic.freshness'])}"
    if "traffic.failure_rate" in values:
        failed = values["traffic.failure_rate"], values.get("traffic.failure_rate_reference")
        text += ", " + _share(*failed, "failed", ".2%")
    return text + "."


def _silent(measured: Measured) -> bool:
    """Tell whether the time since the last event is worth a word: by chance it is ten times the usual once in 1,000."""
    quiet = measured.values.get("traffic.freshness", 0.0)
    return quiet > 0 if measured.window == 0 else quiet >= max(60.0, 10 * measured.values.get(_USUAL_SILENCE, np.inf))


def _share(now: float, usual: float | None, word: str, form: str) -> str:
    return f"{now:{form}} {word}" + ("" if usual is None else f" (was {usual:{form}})")
