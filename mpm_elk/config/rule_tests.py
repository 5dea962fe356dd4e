"""Tests of rules, as a file holds them: a model's distributions, what happens to them, and what the rules shall say.

Times are spans from the begin of the test (`36h`, `2d`); before it lies ordinary traffic, as long as `baseline` says.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mpm_elk.config.parts import Strict
from mpm_elk.timespan import Span, parse_span

NUMERIC = {"normal": 2, "lognormal": 2, "uniform": 2, "beta": 2, "gamma": 2, "exponential": 1, "poisson": 1}
"""The laws of numbers, and how many parameters each has."""

OUTPUTS = ("score", "label", "value")
_SD = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*sd")
_HOUR = timedelta(hours=1)


def _share(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip())):
        return float(match[1]) / 100
    return value


def _since(value: object) -> object:
    """Read a time from the begin on: a span, or 0."""
    if value == 0 or (isinstance(value, str) and re.fullmatch(r"0\s*[smhdw]?", value.strip())):
        return timedelta(0)
    return parse_span(value)


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
"""A share, as 0.05 or 5%."""

Since = Annotated[timedelta, BeforeValidator(_since)]


class Distribution(Strict):
    """The law that values are drawn from: a numeric one with its parameters, or the weights of categories."""

    law: str
    parameters: tuple[float, ...] = ()
    weights: dict[str, float] = Field(default_factory=dict)

    @property
    def numeric(self) -> bool:
        """Tell whether it is one of numbers."""
        return self.law in NUMERIC


def _distribution(value: object) -> object:
    """Read `{normal: [50, 10]}` or `{EU: 0.6, US: 0.4}`."""
    if isinstance(value, Distribution):
        return value
    if not isinstance(value, dict) or not value:
        msg = f"{value!r} is no distribution: write {{normal: [50, 10]}}, or weights such as {{EU: 0.6, US: 0.4}}"
        raise ValueError(msg)
    name, given = next(iter(value.items()))
    if len(value) == 1 and name in NUMERIC:
        parameters = given if isinstance(given, list) else [given]
        if len(parameters) != NUMERIC[name] or not all(isinstance(number, int | float) for number in parameters):
            msg = f"{name} has {NUMERIC[name]} parameter{'s' if NUMERIC[name] > 1 else ''}, numbers"
            raise ValueError(msg)
        _check_parameters(name, parameters)
        return {"law": name, "parameters": tuple(map(float, parameters))}
    if not all(isinstance(weight, int | float) and weight >= 0 for weight in value.values()) or not sum(value.values()):
        laws = ", ".join(NUMERIC)
        msg = f"weights of categories must be numbers from 0 on, some above it; laws of numbers are {laws}"
        raise ValueError(msg)
    return {"law": "categories", "weights": {str(name): float(weight) for name, weight in value.items()}}


def _check_parameters(law: str, parameters: list[float]) -> None:
    if law == "uniform":
        if not parameters[0] < parameters[1]:
            msg = "uniform goes from a smaller to a larger number"
            raise ValueError(msg)
    elif any(number <= 0 for number in (parameters[1:] if law in ("normal", "lognormal") else parameters)):
        msg = f"the parameters of {law}{' but the first' if 'normal' in law else ''} must be above 0"
        raise ValueError(msg)


Law = Annotated[Distribution, BeforeValidator(_distribution)]


class ModelOfTests(Strict):
    """The model that the tests are about, as it ordinarily is. `duration` is in milliseconds."""

    name: str = Field(min_length=1)
    environment: str = "production"
    version: str = "1"
    features: dict[str, Law] = Field(default_factory=dict)
    score: Law | None = None
    label: Law | None = None
    value: Law | None = None
    missing: dict[str, Share] = Field(default_factory=dict)
    failures: Share = 0.0
    duration: Law = Distribution(law="lognormal", parameters=(3.0, 0.5))

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("score", "value", "duration"):
            law = getattr(self, name)
            if law is not None and not law.numeric:
                msg = f"`{name}` is a number: give it one of the laws {', '.join(NUMERIC)}"
                raise ValueError(msg)
        if self.label is not None and self.label.numeric:
            msg = "`label` is a category: give weights, such as {deny: 0.3, grant: 0.7}"
            raise ValueError(msg)
        if unknown := [name for name in self.missing if name not in self.features]:
            msg = f"`missing` names {unknown[0]!r}, which is no feature; features are {', '.join(self.features)}"
            raise ValueError(msg)
        return self

    @property
    def subjects(self) -> dict[str, Distribution]:
        """The law of each subject, by its whole name."""
        found = {f"features.{name}": law for name, law in self.features.items()}
        return found | {f"prediction.{name}": law for name in OUTPUTS if (law := getattr(self, name)) is not None}

    def subject(self, name: str) -> str | None:
        """Find a subject by its whole name, or by a feature's or an output's; None where there is none."""
        known = [name, f"features.{name}", f"prediction.{name}"]
        return next((one for one in known if one in self.subjects), None)


class Late(Strict):
    """A share of events that comes so long after it happened."""

    share: Share
    by: Span


class Change(Strict):
    """What is other than ordinary in [from, to), whole hours: of a feature or output, or of the traffic."""

    from_: Since = Field(default=timedelta(0), alias="from")
    to: Since | None = None
    feature: str | None = Field(default=None, description="A feature, or score, label, value")
    share: Share = Field(default=1.0, description="The part of the events to which it happens")
    shift: float | str | None = Field(default=None, description="Added to values: a number, or `0.3 sd`")
    scale: float | None = Field(default=None, gt=0, description="How much wider values spread about their mean")
    unit: float | None = Field(default=None, description="What values are multiplied by, as by a change of unit")
    becomes: Law | None = Field(default=None, description="Another law, such as other weights")
    missing: Share | None = None
    unseen: Share | None = Field(default=None, description="The share of categories that were never seen before")
    wrong_type: Share | None = None
    volume: float | None = Field(default=None, ge=0, description="How much traffic there is, 1 being ordinary")
    silence: bool = False
    failures: Share | None = None
    slower: float | None = Field(default=None, gt=0, description="How much longer inference takes")
    late: Late | None = None
    version: str | None = Field(default=None, description="Events are of this version")

    @model_validator(mode="after")
    def _check(self) -> Self:
        about = [name for name in OF_A_FEATURE if getattr(self, name) is not None]
        others = [name for name in OF_TRAFFIC if getattr(self, name) not in (None, False)]
        if self.to is not None and self.to <= self.from_:
            msg = "`to` must be after `from`"
            raise ValueError(msg)
        if self.from_ % _HOUR or (self.to is not None and self.to % _HOUR):
            msg = "`from` and `to` are whole hours"
            raise ValueError(msg)
        if isinstance(self.shift, str) and not _SD.fullmatch(self.shift.strip()):
            msg = f"{self.shift!r} is no shift: write a number, or standard deviations such as `0.3 sd`"
            raise ValueError(msg)
        if self.feature is None and about:
            msg = f"`{about[0]}` needs `feature`"
            raise ValueError(msg)
        if self.feature is not None and not about:
            msg = f"say what happens to {self.feature}: {', '.join(OF_A_FEATURE)}"
            raise ValueError(msg)
        if not about and not others:
            msg = f"say what changes: a feature, or {', '.join(OF_TRAFFIC)}"
            raise ValueError(msg)
        return self

    @property
    def in_sd(self) -> float | None:
        """The shift in standard deviations, where it is given so."""
        match = _SD.fullmatch(self.shift.strip()) if isinstance(self.shift, str) else None
        return float(match[1]) if match else None


OF_A_FEATURE = ("shift", "scale", "unit", "becomes", "missing", "unseen", "wrong_type")
OF_TRAFFIC = ("volume", "silence", "failures", "slower", "late", "version")

State = Literal["inactive", "pending", "active", "recovering", "recovered"]


class Expected(Strict):
    """What a rule shall say, of one subject or of any.

    Without `at`: `inactive` is no alert in the whole time; `active` an alert that opened, `recovered` one that ended,
    at the latest `by`, and not before `after`. With `at` it is how things stand then.
    """

    rule: str
    subject: str | None = None
    state: State
    at: Since | None = None
    by: Since | None = None
    after: Since | None = None
    severity: Literal["warning", "critical"] | None = Field(default=None, description="The worst of the alert")
    reason: str | None = Field(default=None, description="The reason, or `~` and what it holds")
    start: Since | None = Field(default=None, description="The begin of the alert's first window")
    alerts: int | None = Field(default=None, ge=0, description="How many alerts there are")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at is not None and (self.by is not None or self.after is not None):
            msg = "give `at`, or `by` and `after`"
            raise ValueError(msg)
        if self.at is None and self.state in ("pending", "recovering"):
            msg = f"{self.state} is how things stand at a time: give `at`"
            raise ValueError(msg)
        if self.state == "inactive" and (set(self.model_fields_set) & {"by", "after", "severity", "reason", "start"}):
            msg = "what is inactive has no severity, reason or start, and needs no `by`"
            raise ValueError(msg)
        return self


class ExpectedNotification(Strict):
    """What shall become of what happened to a rule's alerts: `sent`, `held`, `suppressed`, `delayed`, or `none`."""

    rule: str
    channel: str | None = None
    subject: str | None = None
    action: str = "opened"
    is_: Literal["sent", "held", "suppressed", "delayed", "none"] = Field(default="sent", alias="is")
    by: Since | None = None
    after: Since | None = None
    why: str | None = Field(default=None, description="Why it is held or suppressed, or `~` and what that holds")


class RuleTest(Strict):
    """One test."""

    name: str = Field(min_length=1)
    events_per_hour: float | tuple[float, ...] = Field(default=500.0, description="One number, or one an hour of day")
    start: Annotated[datetime, Field(description="When it begins, a full hour in UTC")] = datetime(
        2026, 1, 5, tzinfo=UTC
    )
    baseline: Span = Field(default=timedelta(days=42), description="How long ordinary traffic was there before")
    span: Span
    changes: tuple[Change, ...] = ()
    expect: tuple[Expected, ...] = ()
    notifications: tuple[ExpectedNotification, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _utc(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("start"), datetime) and data["start"].tzinfo is None:
            return {**data, "start": data["start"].replace(tzinfo=UTC)}
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        numbers = self.events_per_hour if isinstance(self.events_per_hour, tuple) else (self.events_per_hour,)
        if len(numbers) not in (1, 24) or any(number < 0 for number in numbers) or max(numbers) > 1e7:
            msg = "`events_per_hour` is one number from 0 on, or 24, one an hour of the day; 10 million at most"
            raise ValueError(msg)
        if self.span % _HOUR or self.baseline % _HOUR or self.start.timestamp() % 3600:
            msg = "`start`, `span` and `baseline` are whole hours"
            raise ValueError(msg)
        if not self.expect and not self.notifications:
            msg = "a test without `expect` or `notifications` cannot fail"
            raise ValueError(msg)
        return self


class RuleTests(Strict):
    """A file of tests of one model's rules."""

    model: ModelOfTests
    tests: tuple[RuleTest, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [test.name for test in self.tests]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"two tests are called {twice[0]!r}: a test's name seeds its numbers, and must be its own"
            raise ValueError(msg)
        return self
