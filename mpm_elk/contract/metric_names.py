"""The names of the metrics that a rule may judge; `metrics/catalogue.py` says what each means."""

METRIC_NAMES = (
    "drift.psi",
    "drift.psi_adjusted",
    "drift.js",
    "drift.js_adjusted",
    "drift.total_variation",
    "drift.ks",
    "drift.mean_shift",
    "quality.missing_rate",
    "quality.missing_increase",
    "quality.type_violation_rate",
    "quality.type_violation_increase",
    "quality.unseen_rate",
    "quality.unseen_increase",
    "quality.out_of_range_rate",
    "quality.out_of_range_increase",
    "traffic.count",
    "traffic.count_ratio",
    "traffic.failure_rate",
    "traffic.failure_increase",
)
