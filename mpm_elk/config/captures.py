"""How the captures of an endpoint become predictions: the `captures` part of `mpm.yml`."""

import fnmatch
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mpm_elk.config.parts import Strict, Texts, as_tuple
from mpm_elk.contract.limits import CATEGORY_MAX, ENVIRONMENT_MAX, FEATURE_NAME_MAX, MODEL_NAME_MAX, VERSION_MAX
from mpm_elk.timespan import Span

SKIPPED = "_"
"""Stands for a column that is no feature; so does null."""

_RULES = 1
"""Counts up when the conversion itself changes, so that everything is converted again."""


def _column(value: object) -> object:
    """Refuse what is neither a position nor a name; `true` is no position."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value in ("", SKIPPED):
        msg = "name a column, or give its position, counted from 0"
        raise ValueError(msg)
    if isinstance(value, int) and value < 0:
        msg = "positions are counted from 0"
        raise ValueError(msg)
    return value


Globs = Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
Column = Annotated[int | str, BeforeValidator(_column)]
"""A column by its position, counted from 0, or by its name."""

FeatureName = Annotated[str, Field(min_length=1, max_length=FEATURE_NAME_MAX)]


class OutputMapping(Strict):
    """What the columns of a response mean."""

    score: Column | None = None
    label: Column | None = None
    value: Column | None = None
    probabilities: tuple[str, ...] | dict[str, Column] | None = Field(
        default=None, description="Class names in the order of all columns, or the column of each class"
    )
    threshold: float | None = None

    @field_validator("probabilities", mode="before")
    @classmethod
    def _names_or_columns(cls, value: object) -> object:
        if _is_names(value) or (isinstance(value, dict) and value):
            return value
        msg = "list the classes in the order of the columns, or give the column of each class"
        raise ValueError(msg)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.score is None and self.label is None and self.value is None and not self.probabilities:
            msg = "say what the output means: `score`, `label`, `value` or `probabilities`"
            raise ValueError(msg)
        names = list(self.probabilities or ())
        if len(set(names)) < len(names):
            msg = "`probabilities` names a class twice"
            raise ValueError(msg)
        return self

    @property
    def single(self) -> bool:
        """Tell whether one column, the first, says everything."""
        return not self.probabilities and [self.score, self.label, self.value].count(None) == 2 and self.columns == {0}

    @property
    def columns(self) -> set[int | str]:
        """The columns that are named one by one."""
        named = self.probabilities.values() if isinstance(self.probabilities, dict) else ()
        return {column for column in (self.score, self.label, self.value, *named) if column is not None}

    @property
    def classifies(self) -> bool:
        """Tell whether what really happens is a class, not a number."""
        return self.label is not None or bool(self.probabilities)


class CaptureMapping(Strict):
    """Which captures become predictions of which model, and what their columns are."""

    platform: str = "*"
    endpoint: Globs
    model: str = Field(min_length=1, max_length=MODEL_NAME_MAX)
    version: str | None = Field(default=None, min_length=1, max_length=VERSION_MAX)
    environment: str = Field(default="production", min_length=1, max_length=ENVIRONMENT_MAX)
    features: tuple[FeatureName | None, ...] | dict[str, FeatureName | None] | None = None
    texts: Texts = Field(default=(), description="Features that are texts, though they look like numbers")
    output: OutputMapping
    prediction_id: Column | None = None
    segment: dict[str, Column] = Field(default_factory=dict)
    failed_after: Span = Field(default=timedelta(hours=1), description="When a lone request is a failed inference")

    @field_validator("version", mode="before")
    @classmethod
    def _number_as_text(cls, value: object) -> object:
        """Take a whole number for a version."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("features", mode="before")
    @classmethod
    def _in_order_or_by_name(cls, value: object) -> object:
        names = list(value.values()) if isinstance(value, dict) else value
        if value is None or _is_names([name or SKIPPED for name in names] if isinstance(names, list) else None):
            return value
        msg = "list the names of the columns in order, or map the input's names to ours; null skips a column"
        raise ValueError(msg)

    @field_validator("segment", mode="before")
    @classmethod
    def _same_names(cls, value: object) -> object:
        """Read a list of names as columns that keep their names."""
        return {str(name): name for name in value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = self.feature_names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"`features` names {', '.join(twice)} twice"
            raise ValueError(msg)
        unknown = sorted(set(self.texts) - set(names)) if names else []
        if unknown:
            msg = f"`texts` names what is no feature: {', '.join(unknown)}"
            raise ValueError(msg)
        long = [name for name in self.segment if not 0 < len(name) <= CATEGORY_MAX]
        if long:
            msg = "`segment` holds a name that is empty or too long"
            raise ValueError(msg)
        return self

    @property
    def feature_names(self) -> list[str]:
        """The features by our names, without the columns that are skipped."""
        named = self.features.values() if isinstance(self.features, dict) else self.features or ()
        return [name for name in named if name is not None and not is_skipped(name)]

    def takes(self, platform: str) -> bool:
        """Tell whether this mapping is for captures of a platform."""
        return fnmatch.fnmatchcase(platform, self.platform)

    def matches(self, platform: str, endpoint: str) -> bool:
        """Tell whether this mapping is for an endpoint's captures; the case of letters counts."""
        return self.takes(platform) and any(fnmatch.fnmatchcase(endpoint, pattern) for pattern in self.endpoint)

    @property
    def hash(self) -> str:
        """Hash what a prediction depends on: which endpoints it is for, and patience, are none of it."""
        content: dict[str, Any] = self.model_dump(mode="json", exclude={"platform", "endpoint", "failed_after"})
        text = json.dumps([_RULES, content], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_names(value: object) -> bool:
    """Tell whether a value is a list of texts, and not empty."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(name, str) and name for name in value)


def is_skipped(name: str | None) -> bool:
    """Tell whether a column is no feature."""
    return name is None or name == SKIPPED


def mapping_for(mappings: tuple[CaptureMapping, ...], platform: str, endpoint: str) -> CaptureMapping | None:
    """Give the first mapping that is for an endpoint's captures."""
    return next((mapping for mapping in mappings if mapping.matches(platform, endpoint)), None)


def renamed(features: Mapping[str, str | None]) -> dict[str, str]:
    """Give the features of a mapping from the input's names to ours, without those that are skipped."""
    return {theirs: ours for theirs, ours in features.items() if ours is not None and not is_skipped(ours)}
