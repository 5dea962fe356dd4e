"""Say in one English sentence what the metrics of a window mean."""

from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.metrics.measure import DISTRIBUTION, Measured


def describe(subject: str, against: str, measured: Measured, p_adjusted: float | None) -> str:
    """Say what one subject did in one window, compared with `against` (words such as `rolling 28d`)."""
    if subject == TRAFFIC_SUBJECT:
        return _traffic(measured, against)
    values, name = measured.values, subject.removeprefix("features.")
    if measured.window == 0:
        return f"{name} had no events."
    if measured.reference == 0:
        return f"{name} has nothing to be compared with ({against})."
    parts = [_movement(measured), *_quality(measured)]
    if DISTRIBUTION in measured.learning:
        sure = f"; how much it usually varies is still being learnt ({measured.learning[DISTRIBUTION]} past windows)"
    elif p_adjusted is None:
        sure = ""
    else:
        sure = f"; adjusted p {p_adjusted:.2g}"
    scale = (
        f", usual windows vary {values['dispersion.phi']:.3g} times more than chance alone" if _varied(values) else ""
    )
    return f"{name} against {against}: {', '.join(part for part in parts if part)}{sure}{scale}."


def _movement(measured: Measured) -> str:
    values = measured.values
    if "drift.psi" not in values:
        return "no values to compare"
    text = f"PSI {values['drift.psi']:.3g} ({values['drift.psi_adjusted']:.3g} without noise)"
    if "drift.mean_shift" in values:
        text += (
            f", mean {values['drift.mean']:.4g} instead of {values['drift.mean_reference']:.4g} "
            f"({values['drift.mean_shift']:+.2g} sd)"
        )
    if measured.culprit is not None:
        text += f", most in {measured.culprit}"
    return text


def _quality(measured: Measured) -> list[str]:
    words = {
        "quality.missing": "missing",
        "quality.type_violation": "of the wrong type",
        "quality.unseen": "unseen before",
        "quality.out_of_range": "out of range",
    }
    found = []
    for name, word in words.items():
        rate, usual = measured.values.get(f"{name}_rate"), measured.values.get(f"{name}_rate_reference", 0.0)
        if rate is not None and abs(rate - usual) >= 0.001:
            found.append(f"{rate:.1%} {word} (was {usual:.1%})")
    return found


def _varied(values: object) -> bool:
    return isinstance(values, dict) and values.get("dispersion.phi", 1.0) > 1.5


def _traffic(measured: Measured, against: str) -> str:
    values = measured.values
    text = f"{measured.window:,} predictions"
    if "traffic.count_ratio" in values:
        text += f", {values['traffic.count_ratio']:.0%} of what is usual ({against})"
    if "traffic.failure_rate" in values:
        text += f", {values['traffic.failure_rate']:.2%} failed"
    return text + "."
