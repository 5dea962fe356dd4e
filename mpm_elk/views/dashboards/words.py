"""How metrics are called and shown in Kibana: their labels, and the formats of numbers. Pure."""

from mpm_elk.views.dashboards.saved import Object

PERCENT: Object = {"id": "percent", "params": {"pattern": "0.0%"}}
WHOLE_PERCENT: Object = {"id": "percent", "params": {"pattern": "0%"}}
TWO: Object = {"id": "number", "params": {"pattern": "0.00"}}
THREE: Object = {"id": "number", "params": {"pattern": "0.000"}}
COUNT: Object = {"id": "number", "params": {"pattern": "0,0"}}


def duration(unit: str) -> Object:
    """Format a time span given in `unit`s."""
    return {"id": "duration", "params": {"inputFormat": unit, "outputFormat": "humanizePrecise", "outputPrecision": 1}}


METRIC_LABELS = {
    "@timestamp": "Window's end",
    "mpm.status": "Status",
    "mpm.finding": "Finding",
    "mpm.subject.type": "Kind of subject",
    "mpm.reference.kind": "Compared with",
    "mpm.window.start": "Window's start",
    "mpm.window.end": "Window's end",
    "mpm.window.length": "Window",
    "mpm.sample.window": "Events",
    "mpm.drift.psi": "PSI",
    "mpm.drift.psi_adjusted": "Adjusted PSI",
    "mpm.drift.psi_adjusted_lower": "Adjusted PSI, at least",
    "mpm.drift.psi_adjusted_upper": "Adjusted PSI, at most",
    "mpm.drift.p_adjusted": "Adjusted p",
    "mpm.drift.culprit": "Cell or pair that moved most",
    "mpm.drift.mean": "Mean",
    "mpm.drift.mean_shift": "Shift of the mean, sd",
    "mpm.drift.smallest_mean_shift": "Smallest shift that shows, sd",
    "mpm.drift.correlation": "Correlation",
    "mpm.drift.correlation_reference": "Correlation before",
    "mpm.drift.correlation_shift": "Change of the correlation",
    "mpm.drift.pca_error_ratio": "Error of reconstruction, against the reference's",
    "mpm.drift.mahalanobis": "Distance of all means, sd",
    "mpm.drift.mahalanobis_adjusted": "Distance of all means without noise, sd",
    "mpm.quality.missing_rate": "Missing",
    "mpm.quality.missing_increase": "More missing than usual",
    "mpm.quality.type_violation_rate": "Wrong type",
    "mpm.quality.unseen_rate": "Unseen categories",
    "mpm.quality.out_of_range_rate": "Out of range",
    "mpm.quality.cardinality_ratio": "Categories there, of those expected",
    "mpm.quality.became_constant": "Became constant",
    "mpm.traffic.count": "Predictions",
    "mpm.traffic.count_expected": "Predictions expected",
    "mpm.traffic.failure_rate": "Failed, share",
    "mpm.traffic.failure_rate_reference": "Failed before, share",
    "mpm.traffic.duration_mean": "Mean duration",
    "mpm.traffic.duration_mean_reference": "Mean duration before",
    "mpm.traffic.freshness": "Silent for",
    "mpm.traffic.freshness_usual": "Usually silent for",
}
"""By field: what a metrics document's fields are called; those that all documents have are in `data_views.py`."""

METRIC_FORMATS: dict[str, Object] = {
    **dict.fromkeys(
        (
            *("mpm.drift.psi", "mpm.drift.psi_adjusted", "mpm.drift.psi_adjusted_lower"),
            *("mpm.drift.psi_adjusted_upper", "mpm.drift.js", "mpm.drift.mean"),
        ),
        THREE,
    ),
    **dict.fromkeys(
        (
            *("mpm.drift.mean_shift", "mpm.drift.smallest_mean_shift", "mpm.drift.pca_error_ratio"),
            *("mpm.drift.correlation", "mpm.drift.correlation_reference", "mpm.drift.correlation_shift"),
            *("mpm.drift.mahalanobis", "mpm.drift.mahalanobis_adjusted"),
        ),
        TWO,
    ),
    "mpm.drift.p_adjusted": {"id": "number", "params": {"pattern": "0.0e+0"}},
    **dict.fromkeys(
        (
            *("mpm.quality.missing_rate", "mpm.quality.missing_increase", "mpm.quality.type_violation_rate"),
            *("mpm.quality.unseen_rate", "mpm.quality.out_of_range_rate"),
            *("mpm.traffic.failure_rate", "mpm.traffic.failure_rate_reference"),
        ),
        PERCENT,
    ),
    "mpm.quality.cardinality_ratio": WHOLE_PERCENT,
    "mpm.quality.became_constant": COUNT,
    "mpm.traffic.count": COUNT,
    "mpm.traffic.count_expected": COUNT,
    "mpm.traffic.duration_mean": duration("nanoseconds"),
    "mpm.traffic.duration_mean_reference": duration("nanoseconds"),
    "mpm.traffic.freshness": duration("seconds"),
    "mpm.traffic.freshness_usual": duration("seconds"),
    "mpm.sample.window": COUNT,
}
"""By field: how its numbers are shown where a panel does not say otherwise."""
