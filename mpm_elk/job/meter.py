"""How far a long step of a run is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Meter:
    """One step on one model: so many of so many hours or windows are done, and so many events were read."""

    model: str
    step: str
    unit: str
    done: int
    total: int
    events: int = 0


Metered = Callable[[Meter], None]
