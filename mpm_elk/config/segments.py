"""Names of segments, as the configuration writes them: one, or two or three together."""

from typing import Annotated

from pydantic import BeforeValidator

from mpm_elk.contract.keys import combination
from mpm_elk.contract.limits import COMBINED_MAX


def _segments(value: object) -> object:
    """Read names, and combinations of names: a list in the list, or one text with commas."""
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return items
    return tuple(_segment(item) for item in items)


def _segment(item: object) -> object:
    names = [name.strip() for name in item.split(",")] if isinstance(item, str) else item
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        return item
    if not 1 <= len(set(names)) == len(names) <= COMBINED_MAX:
        msg = f"{', '.join(names)} is no combination of segments: name two to {COMBINED_MAX} different ones"
        raise ValueError(msg)
    return combination(names)


SegmentNames = Annotated[tuple[str, ...], BeforeValidator(_segments)]
