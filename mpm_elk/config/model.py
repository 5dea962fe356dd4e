"""What `mpm.yml` may hold."""

import fnmatch
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mpm_elk.config.captures import CaptureMapping, mapping_for
from mpm_elk.config.extensions import Extensions
from mpm_elk.config.kibana import KibanaSettings
from mpm_elk.config.notifications import Notifications
from mpm_elk.config.parts import Credentials, Strict, Texts
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import Maintenance
from mpm_elk.config.segments import SegmentNames
from mpm_elk.config.sources import SourceSettings
from mpm_elk.timespan import Span


class ElasticsearchSettings(Credentials):
    """Where the cluster is, and as whom to speak to it."""

    hosts: tuple[str, ...] = ()
    cloud_id: str | None = None
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
        if not self.hosts and self.cloud_id is None:
            msg = "give `hosts` or `cloud_id`"
            raise ValueError(msg)
        return self


class IntakeSettings(Strict):
    """What is accepted as a prediction event."""

    max_age: Span = timedelta(days=400)
    max_ahead: Span = timedelta(hours=1)
    max_line_bytes: int = Field(default=1 << 20, ge=1024, le=32 << 20)
    pool: str | None = Field(default=None, description="A word that stands for the model in index names")


class ModelSettings(Strict):
    """What the job is told about models whose name matches."""

    name: str
    segments: SegmentNames = ()
    upstream: dict[str, Texts] = Field(
        default_factory=dict, description="Where features come from: a name, and the features that come from there"
    )


class JobSettings(Strict):
    """How `mpm-elk run` works."""

    settle: Span = Field(default=timedelta(minutes=5), description="How long after its end a window is judged")
    lease: Span = Field(default=timedelta(minutes=5), description="How long a silent run keeps its models")
    keep_hours: Span = Field(
        default=timedelta(days=90),
        ge=timedelta(days=2),
        description="How long hourly profiles are kept, or as long as a rule looks back; daily ones stay",
    )
    false_alarms_per_month: float = Field(default=0.1, gt=0, le=30)


class Config(Strict):
    """The whole configuration."""

    elasticsearch: ElasticsearchSettings | None = None
    kibana: KibanaSettings | None = None
    intake: IntakeSettings = IntakeSettings()
    job: JobSettings = JobSettings()
    notifications: Notifications = Notifications()
    extends: Extensions = ()
    models: tuple[ModelSettings, ...] = ()
    rules: tuple[Rule, ...] | None = None
    mute: tuple[Maintenance, ...] = ()
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
        brought = [rule.id for extension in self.extends for rule in extension.rules]
        if twice := [name for name in brought if brought.count(name) > 1]:
            msg = f"two packs bring a rule that is called {twice[0]!r}: take it out of one with `without`"
            raise ValueError(msg)
        return self

    def mapping(self, platform: str, endpoint: str) -> CaptureMapping | None:
        """Give the first mapping that is for an endpoint's captures."""
        return mapping_for(self.captures, platform, endpoint)

    def upstream(self, model: str, subject: str) -> list[str]:
        """Name what a feature of `model` comes from."""
        name = subject.removeprefix("features.")
        sources = [s for m in self.models if fnmatch.fnmatchcase(model, m.name) for s in m.upstream.items()]
        some = [at for at, patterns in sources if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
        return list(dict.fromkeys(some))

    def segments(self, model: str) -> tuple[str, ...]:
        """List the declared segments of `model`, in order, each once."""
        names = [name for m in self.models if fnmatch.fnmatchcase(model, m.name) for name in m.segments]
        return tuple(dict.fromkeys(names))
