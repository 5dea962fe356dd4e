"""What a conversion of captures did, and could not do."""

from dataclasses import dataclass, field
from typing import Any

from mpm_elk.errors import MpmError


@dataclass
class Problem:
    """Calls of one endpoint that failed for one reason: how many, the first sentence, and the first call."""

    platform: str
    endpoint: str
    reason_code: str
    reason: str
    call: str
    count: int = 0


@dataclass
class ConversionReport:
    """What came of the captures that were looked at.

    `converted`, `expired`, `waiting` and `failed` count calls; `written` and `removed` count predictions and ground
    truth; `unmapped` are captures of endpoints that no mapping is for. `error` is why it was given up.
    """

    dry_run: bool = False
    converted: int = 0
    expired: int = 0
    waiting: int = 0
    failed: int = 0
    written: int = 0
    removed: int = 0
    unmapped: int = 0
    problems: dict[tuple[str, str, str], Problem] = field(default_factory=dict)
    error: MpmError | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How much was done."""
        names = ("converted", "expired", "waiting", "failed", "written", "removed", "unmapped")
        return {name: getattr(self, name) for name in names}

    def count_problem(self, found: Problem) -> None:
        """Count a call that failed."""
        self.failed += 1
        key = (found.platform, found.endpoint, found.reason_code)
        self.problems.setdefault(key, found).count += 1

    @property
    def notices(self) -> list[str]:
        """What a person should know, a sentence a reason."""
        return [
            f"{p.count} calls of {p.endpoint} ({p.platform}) were not converted: {p.reason} (call {p.call})"
            for _, p in sorted(self.problems.items())
        ]

    def to_document(self) -> dict[str, Any]:
        """Write the report as JSON."""
        return {
            "dry_run": self.dry_run,
            **self.counts,
            "problems": [vars(problem) for _, problem in sorted(self.problems.items())],
            "error": str(self.error) if self.error else None,
        }
