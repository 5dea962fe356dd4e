"""The configuration, `mpm.yml`: its model, and how it is read."""

from mpm_elk.config.captures import CaptureMapping, OutputMapping
from mpm_elk.config.load import load
from mpm_elk.config.model import Config, ElasticsearchSettings, IntakeSettings, JobSettings, ModelSettings
from mpm_elk.config.references import Reference
from mpm_elk.config.rules import Rule
from mpm_elk.config.sources import SourceSettings

__all__ = [
    "CaptureMapping",
    "Config",
    "ElasticsearchSettings",
    "IntakeSettings",
    "JobSettings",
    "ModelSettings",
    "OutputMapping",
    "Reference",
    "Rule",
    "SourceSettings",
    "load",
]
