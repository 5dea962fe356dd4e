"""An index that others fill, monitored where it is: the `sources` part of `mpm.yml`."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mpm_elk.config.parts import Strict
from mpm_elk.contract.limits import CATEGORY_MAX, ENVIRONMENT_MAX, FEATURE_NAME_MAX, MODEL_NAME_MAX, VERSION_MAX

_REMOTE = re.compile(r"[:<]")


FieldName = Annotated[str, Field(min_length=1, max_length=1000)]


class KeySettings(Strict):
    """The model, version or environment of events: a `field` that holds it, or one `text` for all of them."""

    field: FieldName | None = None
    text: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.field is None) == (self.text is None):
            msg = "give a text that holds for all events, or `{field: …}` for a field that holds it"
            raise ValueError(msg)
        return self


def _key(value: object) -> object:
    """Read a text as what holds for all events; a whole number may be a version."""
    return {"text": str(value)} if isinstance(value, str | int) and not isinstance(value, bool) else value


def _field(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class FeatureSettings(Strict):
    """The field of a feature, and whether it is numeric or categorical; without, as the field's type says."""

    field: FieldName
    as_: Literal["numeric", "categorical"] | None = Field(default=None, alias="as")


class FailureSettings(Strict):
    """Which events are failed inferences: the field `is` one of some values, is `at_least` a number, or is there."""

    field: FieldName
    is_: tuple[str | int | bool, ...] = Field(default=(), alias="is")
    at_least: float | None = None

    @field_validator("is_", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return value if isinstance(value, list | tuple) else (value,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.is_ and self.at_least is not None:
            msg = "give `is` or `at_least`, not both"
            raise ValueError(msg)
        return self


class DurationSettings(Strict):
    """The field of how long an inference took, and its unit."""

    field: FieldName
    unit: Literal["ns", "us", "ms", "s"] = "ns"

    @property
    def nanoseconds(self) -> int:
        """How many nanoseconds one of the field is."""
        return {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}[self.unit]


Key = Annotated[KeySettings, BeforeValidator(_key)]
Feature = Annotated[FeatureSettings, BeforeValidator(_field)]
Duration = Annotated[DurationSettings, BeforeValidator(_field)]
Failure = Annotated[FailureSettings, BeforeValidator(_field)]


def _by_name(value: object) -> object:
    """Read a list of fields as names that are the fields' own."""
    return {str(name): name for name in value} if isinstance(value, list | tuple) else value


class SourceSettings(Strict):
    """Which index holds predictions, and which of its fields holds what."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    index: tuple[str, ...] = Field(min_length=1)
    time: FieldName = "@timestamp"
    model: Key
    version: Key
    environment: Key = KeySettings(text="production")
    id: FieldName | None = None
    score: FieldName | None = None
    label: FieldName | None = None
    value: FieldName | None = None
    failure: Failure | None = None
    duration: Duration | None = None
    segments: Annotated[dict[str, FieldName], BeforeValidator(_by_name)] = Field(default_factory=dict)
    features: Annotated[dict[str, Feature], BeforeValidator(_by_name)] = Field(default_factory=dict)
    feature_prefix: FieldName | None = None

    @field_validator("index", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("index")
    @classmethod
    def _foreign(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not pattern or "," in pattern or _REMOTE.search(pattern):
                msg = f"{pattern!r} is no index, data stream or pattern of this cluster; several are a list"
                raise ValueError(msg)
            if pattern.startswith(("mpm-", "*", "_all")):
                msg = f"{pattern!r} would match indices of mpm-elk: name those of the source"
                raise ValueError(msg)
        return patterns

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.features or self.feature_prefix or self.outputs):
            msg = "name what to look at: `features`, `feature_prefix`, `score`, `label` or `value`"
            raise ValueError(msg)
        limits = {"model": MODEL_NAME_MAX, "version": VERSION_MAX, "environment": ENVIRONMENT_MAX}
        keys = {"model": self.model, "version": self.version, "environment": self.environment}
        for what, key in keys.items():
            if key.text is not None and len(key.text) > limits[what]:
                msg = f"`{what}` has more than {limits[what]} characters"
                raise ValueError(msg)
        if any(not 0 < len(name) <= FEATURE_NAME_MAX for name in self.features):
            msg = f"a feature's name has 1 to {FEATURE_NAME_MAX} characters"
            raise ValueError(msg)
        if any(not 0 < len(name) <= CATEGORY_MAX for name in self.segments):
            msg = "`segments` holds a name that is empty or too long"
            raise ValueError(msg)
        if with_comma := [name for name in self.segments if "," in name]:
            msg = (
                f"`segments` holds {with_comma[0]!r}: a name with a comma is a combination, which is named in `models:`"
            )
            raise ValueError(msg)
        return self

    @property
    def outputs(self) -> dict[str, str]:
        """The fields of what the model said: score, label, value."""
        named = {"score": self.score, "label": self.label, "value": self.value}
        return {name: field for name, field in named.items() if field is not None}

    @property
    def pattern(self) -> str:
        """All indices and data streams, as Elasticsearch takes them."""
        return ",".join(self.index)

    def named_fields(self) -> dict[str, str]:
        """Give the fields that are named one by one: their place in the configuration → field."""
        fields: dict[str, Any] = {"time": self.time, "id": self.id, **self.outputs}
        fields |= {"model": self.model.field, "version": self.version.field, "environment": self.environment.field}
        fields |= {"failure": self.failure and self.failure.field, "duration": self.duration and self.duration.field}
        fields |= {f"segments.{name}": field for name, field in self.segments.items()}
        fields |= {f"features.{name}": feature.field for name, feature in self.features.items()}
        return {place: field for place, field in fields.items() if field is not None}
