"""JSON Schemas (draft 2020-12) of the events, so that services in any language can check what they send."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema

from mpm_elk.contract.events import GroundTruthEvent, PredictionEvent

EVENTS: dict[str, type[BaseModel]] = {"prediction": PredictionEvent, "ground_truth": GroundTruthEvent}


class _Schema(GenerateJsonSchema):
    """Leaves out the titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 — pydantic's signature
        return False

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> dict[str, Any]:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}


def schema(event: type[BaseModel]) -> dict[str, Any]:
    """Make the JSON Schema of what a service may send as `event`."""
    return event.model_json_schema(by_alias=True, mode="validation", schema_generator=_Schema)
