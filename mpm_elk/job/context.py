"""What every step of a run knows about the model that it works on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from elasticsearch import Elasticsearch

from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.pace import Pace
from mpm_elk.config import Config
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey, names_in
from mpm_elk.contract.source import EVENTS, Source
from mpm_elk.job.meter import Metered
from mpm_elk.job.report import ModelReport
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import held
from mpm_elk.profiles.slices import Slice
from mpm_elk.profiles.store import ProfileKey
from mpm_elk.rules.defaults import rules_of
from mpm_elk.rules.judgement import Monitor, monitors
from mpm_elk.rules.looking import in_segments


def lease_name(model: ModelKey) -> str:
    """Name the lease that a run on a model holds."""
    return f"{model.environment}:{model.name}"


@dataclass
class Context:
    """One model in one run. Without a lease (a dry run) nothing is written.

    `fresh` holds the profiles that a dry run made: what is written is read back from the index. Hours before
    `hours_from` (ms) are dropped: only their days are stored. `judged_from` (ms) is where this run's judgements begin.
    `backfill` asks for the windows that end in [start, end).
    `slices` are counted beside all events.
    """

    client: Elasticsearch
    config: Config
    model: ModelKey
    now_ms: int
    run_id: str
    report: ModelReport
    lease: Lease | None = None
    progress: Callable[[str], None] = lambda _: None
    meter: Metered = lambda _: None
    backfill: tuple[int, int] | None = None
    hours_from: int = 0
    judged_from: int | None = None
    pace: Pace = field(default_factory=Pace)
    source: Source = EVENTS
    cells: CellSet = field(default_factory=lambda: CellSet({}))
    slices: Sequence[Slice] = ()
    fresh: dict[ProfileKey, Profile] = field(default_factory=dict)

    def note(self, starts: Sequence[int]) -> None:
        """Note that windows from these times (ms) on were judged, or their alerts kept."""
        self.judged_from = min([*starts, *([] if self.judged_from is None else [self.judged_from])], default=None)

    def wait(self, seconds: float) -> None:
        """Wait, and keep the lease."""
        if self.lease is not None:
            self.lease.keep()
        time.sleep(seconds)

    def use(self, cells: CellSet) -> None:
        """Count in these cells: those of the subjects that the model's events can hold."""
        self.cells = held(cells, self.source)

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments that are counted apart, each once: the declared ones, and those of the source."""
        declared = [
            name
            for name in self.config.segments(self.model.name)
            if self.source.segments is None or all(part in self.source.segments for part in names_in(name))
        ]
        return tuple(dict.fromkeys([*declared, *(self.source.segments or ())]))

    @property
    def plan(self) -> dict[str, tuple[str, ...]]:
        """The subjects that are counted in each segment."""
        return in_segments(self.rules, self.segments, self.cells)

    @property
    def rules(self) -> list[Rule]:
        """The rules that look at this model."""
        return [rule for rule in rules_of(self.config) if rule.matches(self.model.name)]

    @cached_property
    def monitors(self) -> list[Monitor]:
        """What the rules look at: windows of one length against one reference each."""
        return monitors(self.rules)
