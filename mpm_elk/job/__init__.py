"""`mpm-elk run`: what is new → profiles → metrics → rules → alerts, for every model."""

from mpm_elk.job.report import ModelReport, RunReport
from mpm_elk.job.run import Options, run

__all__ = ["ModelReport", "Options", "RunReport", "run"]
