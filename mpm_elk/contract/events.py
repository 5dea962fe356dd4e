"""The events that services send, as models: what they hold, and what is required (design §3.1, §3.2).

They define the JSON Schemas in `index_templates/schemas/`. An event may be one line of a service's ordinary ECS log, so
unknown fields are let through. Inside `mpm` too: a field of a later version must not turn an event away. Loggers that
write dotted names (`"mpm.model": …`) are understood by the intake, which nests them first; the models show the nested
form.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mpm_elk.contract.event_types import (
    NAMED,
    Environment,
    Features,
    FieldName,
    Group,
    Id,
    Label,
    Name,
    Nanoseconds,
    Number,
    NumbersByName,
    Rank,
    Timestamp,
    Version,
)

OUTPUTS = ("score", "label", "probabilities", "value")
"""What a prediction may say; a successful one says at least one of them."""


class _Part(BaseModel):
    """A part of an event; unknown fields pass."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


class Model(_Part):
    """The model that predicted."""

    name: Name
    version: Version


class AnyVersion(_Part):
    """A model; which version does not matter."""

    name: Name
    version: Version | None = None


class Prediction(_Part):
    """What the model said."""

    id: Id = Field(description="Unique for this model version and time: sent twice it is stored once")
    score: Number | None = Field(None, description="Probability of the positive class, or the score of a ranking")
    label: Label | None = Field(None, description="The class that was decided for")
    probabilities: dict[FieldName, Number] | None = Field(
        None, description="Probability of each class", json_schema_extra=NAMED
    )
    value: Number | None = Field(None, description="The number that a regression predicts")
    threshold: Number | None = Field(None, description="The score from which on the label is positive")
    weight: Number | None = Field(None, description="How many cases this one stands for")
    propensity: Number | None = Field(None, description="Probability with which this action was chosen")


class PredictionReference(_Part):
    """The prediction that an outcome belongs to."""

    id: Id


class Identified(_Part):
    """Something with an id: a request, a batch."""

    id: Id | None = None


class Query(_Part):
    """The query of a ranking, and the place of this item in its answer."""

    id: Id | None = None
    rank: Rank | None = None


class Experiment(_Part):
    """The arm of an experiment that this prediction belongs to."""

    id: Id | None = None
    arm: Id | None = None


class Attributions(_Part):
    """How much each feature moved the prediction away from the base value."""

    base_value: Number | None = None
    values: NumbersByName | None = None


class MpmPrediction(_Part):
    """Our part of a prediction event."""

    model: Model
    prediction: Prediction
    features: Features | None = Field(
        None,
        description="The model's inputs. Numbers become numeric features, texts and booleans categorical ones; "
        "nested names are joined with dots; null means missing",
    )
    segment: dict[FieldName, Group] | None = Field(
        None,
        description="Groups that are no model inputs, protected attributes among them",
        json_schema_extra=NAMED,
    )
    request: Identified | None = None
    batch: Identified | None = None
    query: Query | None = None
    experiment: Experiment | None = None
    attributions: Attributions | None = None


class GroundTruth(_Part):
    """What really happened."""

    value: Number | Label
    source: Id | None = Field(None, description="The system that knows it")


class MpmGroundTruth(_Part):
    """Our part of a ground truth event: it names the prediction, or the request that it answered."""

    model: AnyVersion
    prediction: PredictionReference | None = None
    request: Identified | None = None
    ground_truth: GroundTruth

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.prediction is None and (self.request is None or self.request.id is None):
            msg = "name `prediction.id` or `request.id`"
            raise ValueError(msg)
        return self


class Event(_Part):
    """ECS `event.*`."""

    outcome: Literal["success", "failure", "unknown"] | None = None
    duration: Nanoseconds | None = Field(None, description="Nanoseconds that the inference took")


class Service(_Part):
    """ECS `service.*`."""

    name: Id | None = None
    version: Id | None = None
    environment: Environment | None = Field(None, description="`production` where it is not named")


_SAYS_SOMETHING: dict[str, Any] = {
    "anyOf": [{"required": [output], "properties": {output: {"not": {"enum": [None, {}]}}}} for output in OUTPUTS]
}
_FAILED: dict[str, Any] = {
    "required": ["event"],
    "properties": {
        "event": {"type": "object", "required": ["outcome"], "properties": {"outcome": {"const": "failure"}}}
    },
}
_HAS_ID: dict[str, Any] = {"type": "object", "required": ["id"], "properties": {"id": {"not": {"type": "null"}}}}


def _inside_mpm(rule: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"mpm": rule}}


class PredictionEvent(_Part):
    """One prediction of one model: one JSON object, one line."""

    model_config = ConfigDict(
        title="mpm-elk prediction event",
        json_schema_extra={"if": _FAILED, "else": _inside_mpm({"properties": {"prediction": _SAYS_SOMETHING}})},
    )

    timestamp: Timestamp = Field(alias="@timestamp")
    mpm: MpmPrediction
    event: Event | None = None
    service: Service | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        failed = self.event is not None and self.event.outcome == "failure"
        if not failed and all(getattr(self.mpm.prediction, output) in (None, {}) for output in OUTPUTS):
            wanted = ", ".join(OUTPUTS)
            msg = f"mpm.prediction says nothing: one of {wanted} is required unless event.outcome is failure"
            raise ValueError(msg)
        return self


class GroundTruthEvent(_Part):
    """What really happened after one prediction, and when it became known."""

    model_config = ConfigDict(
        title="mpm-elk ground truth event",
        json_schema_extra={
            "allOf": [
                _inside_mpm(
                    {
                        "anyOf": [
                            {"required": [name], "properties": {name: _HAS_ID}} for name in ("prediction", "request")
                        ]
                    }
                )
            ]
        },
    )

    timestamp: Timestamp = Field(alias="@timestamp")
    mpm: MpmGroundTruth
    event: Event | None = None
    service: Service | None = None
