"""What rules look at: which subjects, in which segments. Pure."""

from collections.abc import Iterable, Sequence

from mpm_elk.config.rules import Rule
from mpm_elk.metrics.catalogue import JOINT_SUBJECT, REGISTRY
from mpm_elk.metrics.metric import JOINT
from mpm_elk.profiles.cells import OUTPUTS, Cells, CellSet
from mpm_elk.rules.evaluate import subjects_of


def looks_at(rule: Rule, name: str, segment: str, cells: Cells | None) -> bool:
    """Tell whether a rule looks at a subject in a segment (empty: in all events), and it has what the rule is about."""
    there = segment in rule.on.segments if segment else not rule.on.segments
    kind = JOINT if name == JOINT_SUBJECT else cells.kind if cells else None
    there &= rule.on.kind in (None, kind)
    return there and REGISTRY[rule.metric].fits(kind) and bool(subjects_of(rule, [name]))


def in_segments(rules: Sequence[Rule], segments: Iterable[str], cells: CellSet) -> dict[str, tuple[str, ...]]:
    """Say which subjects are counted in each segment: the outputs, and the features that a rule looks at there.

    Features × values × hours is the largest of all that is stored, so nothing is counted that nobody looks at.
    """
    return {
        segment: tuple(
            name
            for name, known in cells.subjects.items()
            if name in OUTPUTS or any(looks_at(rule, name, segment, known) for rule in rules)
        )
        for segment in segments
    }
