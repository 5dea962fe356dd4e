"""The platforms whose captures are understood: one file each. To add one, write its file and name it here."""

from mpm_elk.intake.platforms import kserve, sagemaker, seldon
from mpm_elk.intake.platforms.shape import Platform

PLATFORMS: tuple[Platform, ...] = (seldon.PLATFORM, kserve.PLATFORM, sagemaker.PLATFORM)
"""In the order in which they are asked: the first that knows a capture has it."""
