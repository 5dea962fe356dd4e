"""The configuration, `mpm.yml`: its model, and how it is read."""

from mpm_elk.config.load import load
from mpm_elk.config.model import (
    Config,
    ElasticsearchSettings,
    IntakeSettings,
    JobSettings,
    ModelSettings,
    Reference,
    Rule,
)

__all__ = [
    "Config",
    "ElasticsearchSettings",
    "IntakeSettings",
    "JobSettings",
    "ModelSettings",
    "Reference",
    "Rule",
    "load",
]
