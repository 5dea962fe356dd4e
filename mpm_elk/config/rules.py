"""A rule: when a metric is worth an alert, and how that alert lives."""

import difflib
import fnmatch
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mpm_elk.config.absences import Absent, expand
from mpm_elk.config.parts import Strict, Texts
from mpm_elk.config.references import Reference, ReferenceField, short
from mpm_elk.config.schedules import DAYS, Clock, Days, Hours, Mute, Zone, last_shown
from mpm_elk.config.segments import SegmentNames
from mpm_elk.contract.metric_names import BY_HAND, METRIC_NAMES, WITHOUT_EVIDENCE
from mpm_elk.timespan import Span, format_span, iso, milliseconds

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MOST_WINDOWS = 100


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class On(Strict):
    """Which subjects a rule looks at, of which kind, and in which segments."""

    subject: Texts = ()
    kind: Literal["numeric", "categorical"] | None = None
    segments: SegmentNames = ()


class Flapping(Strict):
    """When an alert that comes and goes is told of once: so many changes in the last so many windows."""

    changes: int = Field(default=6, ge=2, le=100)
    windows: int = Field(default=20, ge=2, le=200)


def _flapping(value: object) -> object:
    return None if value is False or value == "off" else value


class Rule(Strict):
    """When a metric is worth an alert."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    models: Texts = ("*",)
    metric: str
    absent: Absent | None = Field(default=None, description="What is not there, in place of a metric")
    by: Clock | None = Field(default=None, description="The time of day by which a batch is complete")
    days: Days = Field(default=DAYS, description="The days on which a batch is due")
    timezone: Zone = Field(default="UTC", description="Whose clock `by` is read from")
    within: Span = Field(default=_DAY, le=_DAY, description="How long before `by` a batch may begin")
    on: On = On()
    window: Span = _DAY
    against: ReferenceField = Reference(kind="baseline")
    warning: float | None = None
    critical: float | None = None
    when: Literal["above", "below"] | None = None
    min_samples: int = Field(default=200, ge=1)
    for_: int = Field(default=1, alias="for", ge=1, le=100, description="Windows in a row that open an alert")
    m_of_n: tuple[int, int] | None = Field(default=None, description="So many of the last so many open an alert")
    recover_at: float | None = Field(default=None, description="How far the metric must come back for an alert to end")
    recover_for: int = Field(default=1, ge=1, le=100, description="Windows in a row that are calm before an alert ends")
    keep_firing_for: Span | None = Field(default=None, description="How long it must be calm before an alert ends")
    flapping: Annotated[Flapping | None, BeforeValidator(_flapping)] = Flapping()
    active: Hours | None = Field(default=None, description="When windows are judged; others say nothing")
    mute: Annotated[tuple[Mute, ...], BeforeValidator(_as_list)] = Field(default=(), description="When nobody is told")
    inhibited_by: Texts = Field(default=(), description="Rules whose alerts on the same make that nobody is told")
    evidence: Literal["required", "none"] = "required"
    owner: str | None = None
    notify: Texts | None = None
    runbook: str | None = None
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _absence(cls, data: Any) -> Any:
        return expand(data) if isinstance(data, dict) and data.get("absent") is not None else data

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        if metric in BY_HAND:
            msg = (
                f"`mpm-elk {BY_HAND[metric]}` computes {metric} when it is asked to; the job does not, so a rule "
                "cannot judge it: drift.correlation_shift and drift.pca_error_ratio judge features together"
            )
            raise ValueError(msg)
        known = (*METRIC_NAMES, *WITHOUT_EVIDENCE)
        if metric not in known:
            [alike] = difflib.get_close_matches(metric, known, n=1, cutoff=0) or METRIC_NAMES[:1]
            msg = f"there is no metric {metric!r}: did you mean {alike}? All are: {', '.join(METRIC_NAMES)}"
            raise ValueError(msg)
        return metric

    @field_validator("m_of_n")
    @classmethod
    def _some_of_more(cls, of: tuple[int, int] | None) -> tuple[int, int] | None:
        if of is not None and not 1 <= of[0] <= of[1] <= _MOST_WINDOWS:
            msg = f"write `[3, 5]` for 3 of the last 5 windows; the second may be {_MOST_WINDOWS} at most"
            raise ValueError(msg)
        return of

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.warning is None and self.critical is None:
            msg = "give `warning`, `critical`, or both"
            raise ValueError(msg)
        self._check_batch()
        if self.m_of_n is not None and self.for_ > 1:
            msg = f"give `for` or `m_of_n`, not both: `for: {self.for_}` is `m_of_n: [{self.for_}, {self.for_}]`"
            raise ValueError(msg)
        if self.metric in WITHOUT_EVIDENCE and self.evidence != "none":
            msg = (
                f"no test stands behind {self.metric}: write `evidence: none`, and every crossing of the threshold "
                f"alerts; metrics with evidence are {', '.join(METRIC_NAMES)}"
            )
            raise ValueError(msg)
        if self.window % _HOUR or (_DAY % self.window and self.window % _DAY):
            msg = "`window` must be whole hours that divide a day (1h, 2h, 3h, 4h, 6h, 8h, 12h) or whole days"
            raise ValueError(msg)
        span = self.against.span
        if span is not None and (span % self.window or span <= self.window):
            msg = "the rolling reference must be several whole windows long"
            raise ValueError(msg)
        if self.against.kind.startswith("same-time-last-week") and timedelta(weeks=1) % self.window:
            msg = f"`{self.against.kind}` needs a window that divides a week"
            raise ValueError(msg)
        self._check_fixed()
        return self

    def _check_fixed(self) -> None:
        length = milliseconds(self.window)
        for time in self.against.fixed or ():
            if time % length:
                before, after = (iso(time - time % length + more) for more in (0, length))
                msg = (
                    f"the fixed window is whole windows of {format_span(self.window)} (counted from 1970 on, UTC): "
                    f"{short(time)} lies between {before} and {after}"
                )
                raise ValueError(msg)
        if self.against.kind == "training" and self.window % _DAY:
            msg = "`training` compares the same days: it needs a `window` of whole days"
            raise ValueError(msg)
        if self.against.kind in ("training", "window") and self.metric.startswith("traffic."):
            msg = (
                f"{self.metric} is compared with earlier traffic, not with `{self.against.kind}`: "
                "write `against: rolling 28d`"
            )
            raise ValueError(msg)
        if self.against.kind == "training" and self.on.segments:
            msg = "training data is not counted by segment: leave `on.segments` out, or compare with `rolling 28d`"
            raise ValueError(msg)

    def _check_batch(self) -> None:
        if self.absent == "batch" and self.by is None:
            msg = '`absent: batch` needs the time of day by which it is complete: write `by: "06:00"`'
            raise ValueError(msg)
        if self.absent is not None and self.window != _HOUR:
            msg = "what is absent is looked for every hour: leave `window` out"
            raise ValueError(msg)
        fields = type(self).model_fields
        given = [name for name in ("by", "days", "timezone", "within") if getattr(self, name) != fields[name].default]
        if self.absent != "batch" and given:
            msg = f"`{given[0]}` is of rules with `absent: batch`: leave it out, or write `active: {{…}}` for hours"
            raise ValueError(msg)

    def due(self, at: int) -> int | None:
        """Give when (ms) the batch was due that was due last at an instant (ms)."""
        return None if self.by is None else last_shown(at, self.days, self.by, self.timezone)

    @property
    def opens(self) -> tuple[int, int]:
        """Give m and n: an alert opens when m of the last n windows with enough data are alarming."""
        return self.m_of_n or (self.for_, self.for_)

    def judges(self, start: int, end: int) -> bool:
        """Tell whether the window [start, end) (ms) is one of the rule's hours: whether its middle is."""
        return self.active is None or self.active.until((start + end) // 2) is not None

    def matches(self, model: str) -> bool:
        """Tell whether this rule looks at `model`."""
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in self.models)
