"""A rule: when a metric is worth an alert, and how that alert lives."""

import difflib
import fnmatch
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from mpm_elk.config.references import Reference, ReferenceField, short
from mpm_elk.config.segments import SegmentNames
from mpm_elk.contract.metric_names import METRIC_NAMES, WITHOUT_EVIDENCE
from mpm_elk.timespan import Span, format_span, iso, milliseconds

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class _Strict(BaseModel):
    """A part of the configuration: unknown keys are errors."""

    # What was given is never in an error: it may be a password.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class On(_Strict):
    """Which subjects a rule looks at, and in which segments."""

    subject: Texts = ()
    segments: SegmentNames = ()


class Rule(_Strict):
    """When a metric is worth an alert."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    models: Texts = ("*",)
    metric: str
    on: On = On()
    window: Span = _DAY
    against: ReferenceField = Reference(kind="baseline")
    warning: float | None = None
    critical: float | None = None
    when: Literal["above", "below"] | None = None
    min_samples: int = Field(default=200, ge=1)
    for_: int = Field(default=1, alias="for", ge=1, le=100)
    evidence: Literal["required", "none"] = "required"
    owner: str | None = None
    notify: Texts | None = None
    runbook: str | None = None
    description: str | None = None

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        known = (*METRIC_NAMES, *WITHOUT_EVIDENCE)
        if metric not in known:
            [alike] = difflib.get_close_matches(metric, known, n=1, cutoff=0) or METRIC_NAMES[:1]
            msg = f"there is no metric {metric!r}: did you mean {alike}? All are: {', '.join(METRIC_NAMES)}"
            raise ValueError(msg)
        return metric

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.warning is None and self.critical is None:
            msg = "give `warning`, `critical`, or both"
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

    def matches(self, model: str) -> bool:
        """Tell whether this rule looks at `model`."""
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in self.models)
