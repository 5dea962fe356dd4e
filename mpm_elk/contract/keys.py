"""The key of everything: environment, model, version; and the segment within."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ALL = "all"


@dataclass(frozen=True, order=True)
class ModelKey:
    """One model in one environment."""

    environment: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.environment})"

    def version(self, version: str) -> "VersionKey":
        """Name a version of this model."""
        return VersionKey(self.environment, self.name, version)

    def filters(self) -> list[dict[str, Any]]:
        """Give the query clauses that choose this model's documents."""
        return [{"term": {"service.environment": self.environment}}, {"term": {"mpm.model.name": self.name}}]

    def fields(self) -> dict[str, Any]:
        """Give the fields that name this model in a document."""
        return {"service": {"environment": self.environment}, "mpm": {"model": {"name": self.name}}}


@dataclass(frozen=True, order=True)
class VersionKey:
    """One version of one model in one environment."""

    environment: str
    name: str
    version: str

    @property
    def model(self) -> ModelKey:
        """The model of this version."""
        return ModelKey(self.environment, self.name)

    def filters(self) -> list[dict[str, Any]]:
        """Give the query clauses that choose this version's documents."""
        return [*self.model.filters(), {"term": {"mpm.model.version": self.version}}]


OTHER, MISSING = "(other)", "(missing)"
"""The values of a segment that hold the events of no value of their own, and those without a value."""

_BETWEEN = ", "


@dataclass(frozen=True, order=True)
class Segment:
    """The events whose `mpm.segment.<name>` is `value`; without a name, all events.

    A combination of several names has them in alphabetical order, joined by `, `, and its values likewise. Make it with
    `Segment.of`, which marks commas that are part of a value.
    """

    name: str = ""
    value: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Segment":
        """Make the segment of events that have all these values (name → value); of no value, that of all events."""
        if len(values) < 2:
            return next((cls(name, value) for name, value in values.items()), cls())
        names = sorted(values)
        return cls(_BETWEEN.join(names), _BETWEEN.join(_marked(values[name]) for name in names))

    @property
    def key(self) -> str:
        """One word for the segment: `region=EU`, `age_band=30-39, region=EU`, or `all`."""
        return _BETWEEN.join(f"{name}={value}" for name, value in self.fields().items()) or ALL

    def fields(self) -> dict[str, str]:
        """Give the content of `mpm.segment` in a document."""
        if not self.name:
            return {}
        names = names_in(self.name)
        if len(names) == 1:
            return {self.name: self.value}
        return dict(zip(names, _unmarked(self.value), strict=True))


def combination(names: Iterable[str]) -> str:
    """Name the combination of several segments; in whatever order they are given, it is the same."""
    return _BETWEEN.join(sorted(names))


def names_in(name: str) -> list[str]:
    """List the segments that a combination is made of; a plain segment is one."""
    return name.split(_BETWEEN)


def _marked(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,")


def _unmarked(text: str) -> list[str]:
    """Split values that `_marked` wrote."""
    values: list[str] = []
    part, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            part, at = part + text[at + 1], at + 2
        elif text[at] == ",":
            values, part, at = [*values, part], "", at + len(_BETWEEN)
        else:
            part, at = part + text[at], at + 1
    return [*values, part]


EVERYTHING = Segment()
"""All events, whatever their segments."""
