"""The rules that hold where `mpm.yml` gives none."""

from mpm_elk.config.rules import Rule

_ROLLING = "rolling 28d"

DEFAULT_RULES = tuple(
    Rule.model_validate(rule)
    for rule in (
        {"id": "feature-drift", "metric": "drift.psi_adjusted", "on": {"subject": "features.*"}, "against": _ROLLING,
         "warning": 0.004, "critical": 0.1},
        {"id": "prediction-drift", "metric": "drift.psi_adjusted", "on": {"subject": "prediction.*"},
         "against": _ROLLING, "warning": 0.004, "critical": 0.1},
        {"id": "missing-values", "metric": "quality.missing_increase", "against": _ROLLING,
         "warning": 0.01, "critical": 0.1},
        {"id": "type-violations", "metric": "quality.type_violation_increase", "against": _ROLLING,
         "warning": 0.001, "critical": 0.05},
        {"id": "unseen-categories", "metric": "quality.unseen_increase", "against": _ROLLING,
         "warning": 0.002, "critical": 0.1},
        {"id": "out-of-range", "metric": "quality.out_of_range_increase", "against": _ROLLING,
         "warning": 0.01, "critical": 0.1},
        {"id": "correlation-shift", "metric": "drift.correlation_shift", "against": _ROLLING,
         "warning": 0.1, "critical": 0.3},
        {"id": "low-traffic", "metric": "traffic.count_ratio", "against": _ROLLING, "warning": 0.5, "critical": 0.1},
        {"id": "failures", "metric": "traffic.failure_increase", "window": "1h", "against": "rolling 7d",
         "warning": 0.01, "critical": 0.1, "min_samples": 30},
        # Days, for hours would alarm more often than promised where storms last (metrics/latency.py).
        {"id": "slow-inference", "metric": "traffic.duration_ratio", "against": _ROLLING, "warning": 1.5,
         "critical": 3},
    )
)  # fmt: skip
