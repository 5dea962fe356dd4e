"""What one run read, wrote, and could not do."""

from dataclasses import dataclass, field
from typing import Any

from mpm_elk.alerts.episodes import Episode, Transition
from mpm_elk.contract.keys import ModelKey
from mpm_elk.errors import LeaseHeldError, MpmError
from mpm_elk.intake.conversion_report import ConversionReport
from mpm_elk.timespan import iso


@dataclass
class ModelReport:
    """What came of one model. `notices` are things that a person should know, `error` is why the model was given up.

    While a model learns (until `learning_until`, ms), `quiet` counts the findings that would have raised an alert.
    `behind` (ms) is how long ago the oldest hour began of those that were read.
    """

    model: ModelKey
    hours: int = 0
    profiles: int = 0
    windows: int = 0
    metrics: int = 0
    alerts: int = 0
    notifications: dict[str, int] = field(default_factory=dict)
    happened: list[tuple[Episode, Transition]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    error: MpmError | None = None
    learning_until: int | None = None
    quiet: int = 0
    behind: int = 0

    def notice(self, text: str) -> None:
        """Add a notice, once."""
        if text not in self.notices:
            self.notices.append(text)

    @property
    def counts(self) -> dict[str, int]:
        """How much was read and written."""
        return {
            "hours": self.hours,
            "profiles": self.profiles,
            "windows": self.windows,
            "metrics": self.metrics,
            "alerts": self.alerts,
            "notifications": self.notifications.get("sent", 0),
        }

    def to_document(self) -> dict[str, Any]:
        """Write the report as JSON."""
        return {
            "model": self.model.name,
            "environment": self.model.environment,
            **self.counts,
            "happened": [_happening(episode, transition) for episode, transition in self.happened],
            "learning_until": iso(self.learning_until) if self.learning_until else None,
            "quiet": self.quiet,
            "notices": self.notices,
            "error": str(self.error) if self.error else None,
        }


def _happening(episode: Episode, transition: Transition) -> dict[str, Any]:
    series, point = episode.series, transition.point
    return {
        "action": transition.action,
        "rule": series.rule,
        "subject": series.subject,
        "segment": series.segment.key,
        "window": {"start": iso(point.start), "end": iso(point.end)},
        "severity": point.severity.value,
        "reason": point.evaluation.reason,
    }


@dataclass(frozen=True)
class SourceProblem:
    """Why a source, or a model in it, could not be used."""

    source: str
    error: MpmError


@dataclass
class RunReport:
    """What came of a whole run; `captures` is None where no capture is mapped."""

    id: str
    started_ms: int
    now_ms: int
    dry_run: bool
    ended_ms: int = 0
    models: list[ModelReport] = field(default_factory=list)
    captures: ConversionReport | None = None
    sources: list[SourceProblem] = field(default_factory=list)
    cpu_ms: int = 0

    @property
    def exit_code(self) -> int:
        """0 where all went well, 75 where nothing worse happened than a lease of another run, else 1."""
        errors = [report.error for report in self.models if report.error]
        errors += [problem.error for problem in self.sources]
        if self.captures and self.captures.error:
            errors.append(self.captures.error)
        if not errors:
            return 0
        return LeaseHeldError.exit_code if all(isinstance(error, LeaseHeldError) for error in errors) else 1

    @property
    def totals(self) -> dict[str, int]:
        """How much was read and written, over all models."""
        totals = dict.fromkeys(ModelReport(ModelKey("", "")).counts, 0)
        for report in self.models:
            for name, number in report.counts.items():
                totals[name] += number
        return totals

    @property
    def costs(self) -> dict[str, int]:
        """What it took, and what failed: models given up, CPU of this process, and how far back it had to read (ms)."""
        return {
            "failed_models": sum(report.error is not None for report in self.models),
            "cpu_ms": self.cpu_ms,
            "behind_ms": max((report.behind for report in self.models), default=0),
        }

    def to_document(self) -> dict[str, Any]:
        """Write the report as JSON."""
        return {
            "run": self.id,
            "at": iso(self.now_ms),
            "started": iso(self.started_ms),
            "ended": iso(self.ended_ms),
            "dry_run": self.dry_run,
            **self.totals,
            **self.costs,
            "captures": self.captures.to_document() if self.captures else None,
            "sources": [{"source": problem.source, "error": str(problem.error)} for problem in self.sources],
            "models": [report.to_document() for report in self.models],
        }
