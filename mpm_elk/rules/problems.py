"""What can be wrong with a rule. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from mpm_elk.config.rules import Rule


class Weight(StrEnum):
    """Whether a rule cannot do what it says, or does what few would want."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one rule, and what would be right."""

    rule: str
    weight: Weight
    text: str
    remedy: str


def error(rule: Rule, text: str, remedy: str) -> Problem:
    """Say that a rule cannot do what it says."""
    return Problem(rule.id, Weight.ERROR, text, remedy)


def warning(rule: Rule, text: str, remedy: str) -> Problem:
    """Say that a rule does what few would want."""
    return Problem(rule.id, Weight.WARNING, text, remedy)
