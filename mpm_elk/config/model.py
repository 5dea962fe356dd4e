"""What `mpm.yml` may hold."""

import difflib
import fnmatch
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from mpm_elk.config.captures import CaptureMapping, mapping_for
from mpm_elk.config.kibana import KibanaSettings
from mpm_elk.config.notifications import Notifications
from mpm_elk.config.references import Reference, ReferenceField, short
from mpm_elk.config.sources import SourceSettings
from mpm_elk.contract.keys import combination
from mpm_elk.contract.limits import COMBINED_MAX
from mpm_elk.contract.metric_names import METRIC_NAMES, WITHOUT_EVIDENCE
from mpm_elk.timespan import Span, format_span, iso, milliseconds

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class _Strict(BaseModel):
    """A part of the configuration: unknown keys are errors."""

    # What was given is never in an error: it may be a password.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class ElasticsearchSettings(_Strict):
    """Where the cluster is, and as whom to speak to it."""

    hosts: tuple[str, ...] = ()
    cloud_id: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None
    ca_certs: Path | None = None
    ca_fingerprint: str | None = None
    request_timeout: Span = timedelta(seconds=60)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any("@" in host for host in self.hosts):
            msg = "write user and password as `username` and `password`, not into the host, where logs would show them"
            raise ValueError(msg)
        if self.hosts and self.cloud_id:
            msg = "give `hosts` or `cloud_id`, not both"
            raise ValueError(msg)
        if self.api_key and (self.username or self.password):
            msg = "give `api_key` or `username` and `password`, not both"
            raise ValueError(msg)
        if (self.username is None) != (self.password is None):
            msg = "`username` and `password` go together"
            raise ValueError(msg)
        if not self.hosts and self.cloud_id is None:
            msg = "give `hosts` or `cloud_id`"
            raise ValueError(msg)
        return self


class IntakeSettings(_Strict):
    """What is accepted as a prediction event."""

    max_age: Span = timedelta(days=400)
    max_ahead: Span = timedelta(hours=1)
    max_line_bytes: int = Field(default=1 << 20, ge=1024, le=32 << 20)
    pool: str | None = Field(default=None, description="A word that stands for the model in index names")


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


class ModelSettings(_Strict):
    """What the job is told about models whose name matches."""

    name: str
    segments: SegmentNames = ()


class JobSettings(_Strict):
    """How `mpm-elk run` works."""

    settle: Span = Field(default=timedelta(minutes=5), description="How long after its end a window is judged")
    lease: Span = Field(default=timedelta(minutes=5), description="How long a silent run keeps its models")
    keep_hours: Span = Field(
        default=timedelta(days=90),
        ge=timedelta(days=2),
        description="How long hourly profiles are kept, or as long as a rule looks back; daily ones stay",
    )
    false_alarms_per_month: float = Field(default=0.1, gt=0, le=30)


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


class Config(_Strict):
    """The whole configuration."""

    elasticsearch: ElasticsearchSettings | None = None
    kibana: KibanaSettings | None = None
    intake: IntakeSettings = IntakeSettings()
    job: JobSettings = JobSettings()
    notifications: Notifications = Notifications()
    models: tuple[ModelSettings, ...] = ()
    rules: tuple[Rule, ...] | None = None
    captures: tuple[CaptureMapping, ...] = ()
    sources: tuple[SourceSettings, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [source.name for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"two sources are called {twice[0]!r}: a source's name must be its own"
            raise ValueError(msg)
        seen: set[str] = set()
        for rule in self.rules or ():
            if rule.id in seen:
                msg = f"two rules are called {rule.id!r}: a rule's id must be its own"
                raise ValueError(msg)
            seen.add(rule.id)
        return self

    def mapping(self, platform: str, endpoint: str) -> CaptureMapping | None:
        """Give the first mapping that is for an endpoint's captures."""
        return mapping_for(self.captures, platform, endpoint)

    def segments(self, model: str) -> tuple[str, ...]:
        """List the declared segments of `model`, in order, each once."""
        names = [name for m in self.models if fnmatch.fnmatchcase(model, m.name) for name in m.segments]
        return tuple(dict.fromkeys(names))
