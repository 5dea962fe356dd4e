"""What comes out of a comparison: documents, and how they are shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from mpm_elk.alerts.episodes import Episode
from mpm_elk.rules.evaluate import Severity, worst
from mpm_elk.timespan import iso
from mpm_elk.views.lines import Line, in_order, line

_NO_METRICS = ("subject", "segment", "window", "reference", "sample", "model")
"""Parts of a metric document that hold no metrics."""


@dataclass(frozen=True)
class Alert:
    """An alert that the windows raise: one rule's view of one subject, from its first bad window to its last.

    `start` and `end` (open while it is active) are left out where windows have no times. `reason` is that of the worst
    window.
    """

    rule: str
    subject: str
    segment: str | None
    severity: str
    reason: str
    windows: int
    active: bool
    start: str | None = None
    end: str | None = None

    @classmethod
    def of(cls, episode: Episode, *, timed: bool) -> "Alert":
        """Read an episode."""
        series, bad = episode.series, episode.worst
        end = iso(episode.end) if timed and episode.end is not None else None
        return cls(
            rule=series.rule,
            subject=series.subject,
            segment=series.segment.key if series.segment.name else None,
            severity=bad.severity.value,
            reason=bad.evaluation.reason,
            windows=episode.windows,
            active=episode.active,
            start=iso(episode.start) if timed else None,
            end=end,
        )

    def __str__(self) -> str:
        where = f" in {self.segment}" if self.segment else ""
        when = f", since {self.start[:16]}Z" if self.start else ""
        return f"{self.severity}: {self.rule}: {self.subject}{where}: {self.reason}{when}"


@dataclass(frozen=True)
class Comparison:
    """The result of `mpm_elk.compare`.

    `documents` are what the job would write into `mpm-metrics-v1-*`: one subject in one window each. `alerts` are
    those that it would raise. `notes` say what was not compared or not decided. `reference_rows` and `current_rows`
    count the rows. `timed` tells whether windows are windows in time.
    """

    documents: Sequence[Mapping[str, Any]] = field(repr=False)
    alerts: Sequence[Alert]
    notes: Sequence[str]
    reference_rows: int
    current_rows: int
    timed: bool

    @cached_property
    def windows(self) -> list[str]:
        """The starts of the windows, in order; one comparison without times has one window."""
        return sorted({document["mpm"]["window"]["start"] for document in self.documents})

    @cached_property
    def lines(self) -> list[Line]:
        """One line for each subject in the last window that has it, the worst first."""
        newest: dict[tuple[str, str, str, str], Mapping[str, Any]] = {}
        for document in self.documents:
            mpm = document["mpm"]
            key = mpm["subject"]["name"], mpm["segment_key"], mpm["window"]["length"], mpm["reference"]["kind"]
            if key not in newest or mpm["window"]["start"] > newest[key]["window"]["start"]:
                newest[key] = mpm
        return in_order(line(mpm) for mpm in newest.values())

    @property
    def status(self) -> Severity:
        """The worst that any rule says of any window."""
        return worst([Severity(document["mpm"]["status"]) for document in self.documents])

    def records(self) -> list[dict[str, Any]]:
        """Give one flat mapping for each subject in each window: its metrics by name, status, and sentence."""
        return [_record(document["mpm"], timed=self.timed) for document in self.documents]

    def to_frame(self) -> Any:
        """Give the records as a pandas frame; where pandas is not installed, as a list of mappings."""
        try:
            import pandas as pd  # noqa: PLC0415 — not a dependency
        except ImportError:
            return self.records()
        return pd.DataFrame(self.records())

    def to_json(self, *, indent: int | None = 2) -> str:
        """Write everything as one JSON document."""
        content = {
            "status": self.status.value,
            "rows": {"reference": self.reference_rows, "current": self.current_rows},
            "windows": self.windows if self.timed else [],
            "notes": list(self.notes),
            "alerts": [asdict(alert) for alert in self.alerts],
            "documents": [self._document(document) for document in self.documents],
        }
        return json.dumps(content, indent=indent, ensure_ascii=False)

    def _document(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave out the times of a window that has none."""
        if self.timed:
            return document
        mpm = {name: part for name, part in document["mpm"].items() if name not in ("window", "hash")}
        return {**{name: part for name, part in document.items() if name != "@timestamp"}, "mpm": mpm}

    def __str__(self) -> str:
        from mpm_elk.views.terminal import as_text, comparison  # noqa: PLC0415 — rich is needed for printing only

        return as_text(comparison(self.heading, self.lines, self.notes))

    def _repr_html_(self) -> str:
        from mpm_elk.notebook.html import page  # noqa: PLC0415 — needed in a notebook only

        return page(self.heading, self.lines, self.notes, self.alerts)

    @property
    def heading(self) -> str:
        """Say what was compared, and what came out."""
        found = f"{len(self.alerts)} {'alert' if len(self.alerts) == 1 else 'alerts'}"
        if self.status is Severity.INSUFFICIENT:
            found = "no decision"
        rows = f"{self.current_rows:,} rows against {self.reference_rows:,}"
        if not self.timed or not self.windows:
            return f"{rows}: {found}"
        return f"{rows}, {len(self.windows)} windows: {found}; the last window begins {self.windows[-1][:16]}Z"


def _record(mpm: Mapping[str, Any], *, timed: bool) -> dict[str, Any]:
    entry = line(mpm)
    record: dict[str, Any] = {"subject": entry.subject, "segment": entry.segment or None}
    if timed:
        record |= {"start": mpm["window"]["start"], "end": mpm["window"]["end"]}
    record |= {
        "against": mpm["reference"]["kind"],
        "status": entry.status.value,
        "effect": entry.effect.metric if entry.effect else None,
        "value": entry.effect.value if entry.effect else None,
        "lower": entry.effect.lower if entry.effect else None,
        "upper": entry.effect.upper if entry.effect else None,
        "p_adjusted": entry.p_adjusted,
        "window_count": entry.window,
        "reference_count": entry.reference,
        "finding": entry.finding,
    }
    values = {
        f"{family}.{name}": value
        for family, part in mpm.items()
        if isinstance(part, dict) and family not in _NO_METRICS
        for name, value in part.items()
        if isinstance(value, int | float | str) and name != "p_adjusted"
    }
    return record | values
