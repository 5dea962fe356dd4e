"""What the intake accepts: the contract's limits, as the configuration changes them."""

from dataclasses import dataclass, replace
from typing import Self

from mpm_elk.config.model import IntakeSettings
from mpm_elk.contract.limits import LINE_MAX_BYTES, MAX_AGE_DAYS, MAX_AHEAD_SECONDS
from mpm_elk.timespan import DAY_MS, milliseconds


@dataclass(frozen=True, slots=True)
class Limits:
    """How old and how far ahead `@timestamp` may be (ms; no age limit is None), bytes of a line, and the index pool."""

    max_age_ms: int | None = MAX_AGE_DAYS * DAY_MS
    max_ahead_ms: int = MAX_AHEAD_SECONDS * 1000
    max_line_bytes: int = LINE_MAX_BYTES
    pool: str | None = None

    @classmethod
    def from_config(cls, settings: IntakeSettings) -> Self:
        """Take the limits from the `intake` part of the configuration."""
        return cls(
            max_age_ms=milliseconds(settings.max_age),
            max_ahead_ms=milliseconds(settings.max_ahead),
            max_line_bytes=settings.max_line_bytes,
            pool=settings.pool,
        )

    def for_backfill(self) -> Self:
        """Lift the age limit; the limit ahead stays."""
        return replace(self, max_age_ms=None)
