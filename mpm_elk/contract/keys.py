"""The key of everything: environment, model, version; and the segment within."""

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


@dataclass(frozen=True, order=True)
class Segment:
    """The events whose `mpm.segment.<name>` is `value`; without a name, all events."""

    name: str = ""
    value: str = ""

    @property
    def key(self) -> str:
        """One word for the segment: `region=EU`, or `all`."""
        return f"{self.name}={self.value}" if self.name else ALL

    def fields(self) -> dict[str, str]:
        """Give the content of `mpm.segment` in a document."""
        return {self.name: self.value} if self.name else {}


EVERYTHING = Segment()
"""All events, whatever their segments."""
